"""Readings of weather, whoever wrote them down: checked alike; a row that cannot be is refused with its position."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.feeds.stream import MEND_CUT, ByteStream, Meter
from waypost.forecast.trips import Flags, Floats, Ints
from waypost.forecast.weather import LIMITS, WEATHER_SCHEMA, WeatherFound
from waypost.model.errors import BadInput, TooLarge
from waypost.track.feed import FileRefusal

_NUMBER = r"^[+-]?(\d{1,9}([.,]\d{0,20})?|[.,]\d{1,20})$"
_MOST_BYTES = 1 << 28
_STAMP = pa.timestamp("ms", "UTC")

#: A place has a name of at most so many characters, as `Records` have room for.
MOST_NAME = 80


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one place as they were written down.

    Attributes:
        source: the file, as people know it.
        lines: where each row stands.
        values: by the names of `LIMITS`, in their units; NaN where nothing was measured.
        fields: by the same names what the source calls them.
    """

    source: str
    place: str
    latitude: float
    longitude: float
    is_forecast: bool
    lines: Ints
    begins_ms: Ints
    ends_ms: Ints
    known_ms: Ints
    values: Mapping[str, Floats]
    fields: Mapping[str, str]


def check_readings(readings: Readings) -> WeatherFound:
    """The rows that can be; one beyond what there is on earth is refused, one that says nothing is left out."""
    good: Flags = np.ones(len(readings.lines), np.bool_)
    refused: list[FileRefusal] = []
    for name, values in readings.values.items():
        least, most = LIMITS[name]
        bad = good & ((values < least) | (values > most) | np.isinf(values))
        good &= ~bad
        reason = f"is not between {least:g} and {most:g} ({name})"
        for row in np.flatnonzero(bad).tolist():
            line, value = int(readings.lines[row]), f"{values[row]:g}"
            refused.append(FileRefusal(readings.source, line, readings.fields[name], reason, value))
    told = np.any([np.isfinite(values) for values in readings.values.values()], axis=0)
    kept = np.flatnonzero(good & told)
    columns = {
        "place": pa.array([readings.place] * len(kept), pa.string()),
        "is_forecast": pa.array([readings.is_forecast] * len(kept), pa.bool_()),
        "latitude": np.full(len(kept), readings.latitude),
        "longitude": np.full(len(kept), readings.longitude),
        **{
            f"{name}_at": pa.array(getattr(readings, f"{name}_ms")[kept], _STAMP)
            for name in ("begins", "ends", "known")
        },
        **{name: pa.array(values[kept], from_pandas=True) for name, values in readings.values.items()},
    }
    empty = pa.nulls(len(kept), pa.float64())
    rows = pa.table([columns.get(field.name, empty) for field in WEATHER_SCHEMA], schema=WEATHER_SCHEMA)
    return WeatherFound(rows, sorted(refused, key=lambda each: each.line))


def join_found(found: Sequence[WeatherFound]) -> WeatherFound:
    """What several files have."""
    rows = pa.concat_tables([WEATHER_SCHEMA.empty_table(), *(each.rows for each in found)])
    return WeatherFound(rows, [refusal for each in found for refusal in each.refused])


def read_numbers(texts: Sequence[str], missing: Sequence[str] = ("",)) -> tuple[Floats, Flags]:
    """Numbers with a point or a comma; NaN where there is none, and which of them cannot be read."""
    column = pc.utf8_trim_whitespace(pa.array(texts, pa.string()))
    absent = pc.is_in(column, pa.array(missing, pa.string()))
    good = pc.match_substring_regex(column, _NUMBER)
    plain = pc.replace_substring(pc.if_else(pc.and_(good, pc.invert(absent)), column, None), ",", ".")
    return (
        np.asarray(plain.cast(pa.float64()).fill_null(float("nan")), np.float64),
        np.asarray(pc.invert(pc.or_(good, absent))),
    )


def read_text(path: Path) -> str:
    """A whole file of a station, in UTF-8 or, as older ones are, in Latin 1.

    Raises:
        BadInput: it cannot be read, or breaks off.
    """
    blocks, size = [], 0
    with ByteStream(path, Meter([path])) as stream:
        for block in stream.blocks():
            size += len(block)
            if size > _MOST_BYTES:
                raise TooLarge(f"has more than {_MOST_BYTES >> 20} MiB.", where=path.name)
            blocks.append(block)
        if stream.cut:
            raise BadInput(f"breaks off: {stream.cut}", where=path.name, mend=MEND_CUT)
    whole = b"".join(blocks)
    try:
        return whole.decode("utf-8-sig")
    except UnicodeDecodeError:
        return whole.decode("latin-1")
