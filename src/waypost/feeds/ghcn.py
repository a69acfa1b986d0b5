"""Daily weather of NOAA's GHCN-Daily, in the layout of its CSV files by station (`access/USW00094728.csv`).

A row is a day at a station, which is a day of the clocks there: files do not say which, so the zone has to be given.
Units are those of GHCN-Daily: tenths of millimetres, of degrees and of metres a second, snow in millimetres. What
failed a check of NOAA (the second of its `_ATTRIBUTES`) counts as not measured.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.feeds.choosing import choose_tables
from waypost.feeds.readings import MOST_NAME, Readings, check_readings, join_found, read_numbers
from waypost.feeds.stream import Meter
from waypost.feeds.tables import Part, read_table
from waypost.forecast.trips import Flags
from waypost.forecast.weather import WEATHER_SCHEMA, WeatherFound
from waypost.model.instants import DAY_MS, get_zone, read_in_zone, read_stamps
from waypost.track.feed import FileRefusal

_NEEDED = ("STATION", "DATE", "LATITUDE", "LONGITUDE")

#: By our names their elements, the first that a file has, and how many of its units are one of ours.
_ELEMENTS: Mapping[str, tuple[tuple[str, ...], float]] = MappingProxyType(
    {
        "rain_mm": (("PRCP",), 10),
        "snow_mm": (("SNOW",), 1),
        "temperature_c": (("TAVG",), 10),
        "temperature_max_c": (("TMAX",), 10),
        "temperature_min_c": (("TMIN",), 10),
        "wind_mps": (("AWND",), 10),
        "gust_mps": (("WSFG", "WSF5"), 10),  # the peak of a gust, or of five seconds
        "humidity_pct": (("RHAV",), 1),
    }
)


class GhcnFiles:
    """A `WeatherSource` of one file, plain or packed, or of those of a folder.

    Args:
        path: what is read.
        zone: the IANA zone of all stations in it.

    Raises:
        BadInput: nothing there, or no such zone.
    """

    def __init__(self, path: Path, zone: str) -> None:
        get_zone(zone)
        self._paths, self._zone = choose_tables(path, _NEEDED), zone

    def read(self) -> WeatherFound:
        """See `WeatherSource.read`."""
        meter = Meter(self._paths)
        return join_found(
            [self._take(part, path.name) for path in self._paths for part in read_table(path, meter, _NEEDED)]
        )

    def _take(self, part: Part, source: str) -> WeatherFound:
        lines = np.asarray(part.lines, np.int64)
        refused = list(part.refusals)
        good: Flags = np.ones(len(lines), np.bool_)

        def refuse(field: str, bad: Flags, reason: str) -> None:
            for row in np.flatnonzero(bad & good).tolist():
                refused.append(FileRefusal(source, part.lines[row], field, reason, part.columns[field][row][:60]))
            good[bad] = False

        stations = np.asarray(part.columns["STATION"], np.str_)
        refuse("STATION", (stations == "") | (np.char.str_len(stations) > MOST_NAME - 5), "is no name of a station")
        where = {name: read_numbers(part.columns[name])[0] for name in ("LATITUDE", "LONGITUDE")}
        for name, most in (("LATITUDE", 90), ("LONGITUDE", 180)):
            refuse(name, ~(np.abs(where[name]) <= most), "is no position on the globe")
        days = read_stamps(pc.binary_join_element_wise(pa.array(part.columns["DATE"], pa.string()), "00:00", " "))
        refuse("DATE", days.verdict != 0, "is no day: write it as 2018-02-25")
        values, fields = {}, {}
        for name, (elements, units) in _ELEMENTS.items():
            element = next((each for each in elements if each in part.columns), None)
            if element is not None:
                read, bad = read_numbers(part.columns[element])
                refuse(element, bad, "is no number")
                values[name] = np.where(_failed(part, element), np.nan, read / units)
                fields[name] = element
        found = [WeatherFound(WEATHER_SCHEMA.empty_table(), refused)]
        if values:
            for station in np.unique(stations[good]).tolist():
                rows = np.flatnonzero(good & (stations == station))
                begins, ends = (read_in_zone(days.at_ms[rows] + later, self._zone).at_ms for later in (0, DAY_MS))
                found.append(
                    check_readings(
                        Readings(
                            source=source,
                            place=f"ghcn/{station}",
                            latitude=float(where["LATITUDE"][rows[0]]),
                            longitude=float(where["LONGITUDE"][rows[0]]),
                            is_forecast=False,
                            lines=lines[rows],
                            begins_ms=begins,
                            ends_ms=ends,
                            known_ms=ends,
                            values={name: each[rows] for name, each in values.items()},
                            fields=fields,
                        )
                    )
                )
        return join_found(found)


def _failed(part: Part, element: str) -> Flags:
    """Which values failed a check: flags of measurement, quality and source, divided by commas."""
    attributes: Sequence[str] = part.columns.get(f"{element}_ATTRIBUTES", ())
    if not attributes:
        return np.zeros(len(part.lines), np.bool_)
    flag = pc.extract_regex(pa.array(attributes, pa.string()), r"^[^,]*,(?P<quality>[^,]*)")
    return np.asarray(pc.not_equal(pc.fill_null(pc.struct_field(flag, "quality"), ""), ""))
