"""Hourly weather of INMET's automatic stations (Brazil), in the layout of its yearly CSV files.

Eight lines say which station it is, the ninth names the columns; cells are divided by semicolons, decimals by commas.
An hour is that which ends then, in UTC. Nothing measured is -9999 in older files, an empty cell in newer ones, whose
days have slashes and whose hours are written as `0100 UTC`.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.feeds.choosing import choose_files
from waypost.feeds.readings import MOST_NAME, Readings, check_readings, join_found, read_numbers, read_text
from waypost.forecast.trips import Flags, Floats
from waypost.forecast.weather import WeatherFound
from waypost.model.errors import BadInput
from waypost.model.instants import read_stamps
from waypost.model.places import Place, check_place
from waypost.track.feed import FileRefusal

_HEAD_LINES = 8
_HOUR_MS = 3_600_000
_MISSING = ("", "-9999", "-9999,0", "null")
_MEND = "Give a yearly file of a station as INMET has it: eight lines of its head, then columns divided by semicolons."

#: By our names how their columns begin, accents left out; some years have them mended, some not.
_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "rain_mm": "PRECIPITACAO TOTAL",
        "temperature_c": "TEMPERATURA DO AR",
        "temperature_max_c": "TEMPERATURA MAXIMA",
        "temperature_min_c": "TEMPERATURA MINIMA",
        "humidity_pct": "UMIDADE RELATIVA DO AR",
        "gust_mps": "VENTO, RAJADA MAXIMA",
        "wind_mps": "VENTO, VELOCIDADE",
    }
)


class InmetFiles:
    """A `WeatherSource` of one file, plain or packed, or of all CSV files of a folder."""

    def __init__(self, path: Path) -> None:
        self._paths = choose_files(path, "", (".csv",))

    def read(self) -> WeatherFound:
        """See `WeatherSource.read`."""
        return join_found([_read_file(path) for path in self._paths])


def _read_file(path: Path) -> WeatherFound:
    lines = read_text(path).removesuffix("\n").split("\n")
    head = {_plain(line.split(";")[0]).rstrip(":"): line.split(";", 1)[-1].strip() for line in lines[:_HEAD_LINES]}
    code = next((value for name, value in head.items() if name.startswith("CODIGO")), "")
    latitude, longitude = (_degrees(head.get(axis, "")) for axis in ("LATITUDE", "LONGITUDE"))
    if len(lines) <= _HEAD_LINES or not 0 < len(code) <= MOST_NAME - 6 or latitude is None or longitude is None:
        raise BadInput("does not begin with code, latitude and longitude of a station.", where=path.name, mend=_MEND)
    check_place(Place(latitude=latitude, longitude=longitude), path.name)
    header = [_plain(name) for name in lines[_HEAD_LINES].removesuffix("\r").split(";")]
    places = {name: _find(header, start, path.name) for name, start in _COLUMNS.items()}
    day, hour = _find(header, "DATA", path.name), _find(header, "HORA", path.name)

    rows: list[list[str]] = []
    numbers: list[int] = []
    refused: list[FileRefusal] = []
    for number, text in enumerate(lines[_HEAD_LINES + 1 :], _HEAD_LINES + 2):
        cells = text.removesuffix("\r").split(";")
        if len(cells) == len(header):
            rows.append(cells)
            numbers.append(number)
        elif text.strip():
            reason = f"has {len(cells)} fields where the header has {len(header)}"
            refused.append(FileRefusal(path.name, number, "", reason, text[:60]))
    columns: list[Sequence[str]] = list(zip(*rows, strict=True)) or [()] * len(header)
    stamps = read_stamps(_instants(columns[day], columns[hour]))
    values: dict[str, Floats] = {}
    good: Flags = stamps.verdict == 0
    refused += [
        FileRefusal(
            path.name, numbers[row], header[hour], "is no day and hour", f"{rows[row][day]} {rows[row][hour]}"[:60]
        )
        for row in np.flatnonzero(~good).tolist()
    ]
    for name, place in places.items():
        values[name], bad = read_numbers(columns[place], _MISSING)
        for row in np.flatnonzero(bad & good).tolist():
            refused.append(FileRefusal(path.name, numbers[row], header[place], "is no number", rows[row][place][:60]))
        good &= ~bad
    kept = np.flatnonzero(good)
    found = check_readings(
        Readings(
            source=path.name,
            place=f"inmet/{code}",
            latitude=latitude,
            longitude=longitude,
            is_forecast=False,
            lines=np.asarray(numbers, np.int64)[kept],
            begins_ms=stamps.at_ms[kept] - _HOUR_MS,
            ends_ms=stamps.at_ms[kept],
            known_ms=stamps.at_ms[kept],
            values={name: each[kept] for name, each in values.items()},
            fields={name: header[place] for name, place in places.items()},
        )
    )
    return WeatherFound(found.rows, sorted([*refused, *found.refused], key=lambda each: each.line))


def _instants(days: Sequence[str], hours: Sequence[str]) -> pa.Array:
    day = pc.replace_substring(pa.array(days, pa.string()), "/", "-")
    hour = pc.replace_substring_regex(pa.array(hours, pa.string()), r"^(\d\d)(\d\d) UTC$", r"\1:\2")
    return pc.binary_join_element_wise(day, hour, " ")


def _find(header: Sequence[str], start: str, where: str) -> int:
    place = next((place for place, name in enumerate(header) if name.startswith(start)), None)
    if place is None:
        raise BadInput(f"has no column that begins with {start!r}.", where=where, mend=_MEND)
    return place


def _plain(text: str) -> str:
    """Capital letters without accents."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().strip().upper()


def _degrees(text: str) -> float | None:
    found, bad = read_numbers([text])
    return None if bad[0] or np.isnan(found[0]) else float(found[0])
