"""How long parcels take on lanes: remembered for a server, and `waypost lanes`."""

import datetime as dt
from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
from rich.table import Table

from waypost.app.console import aside, line, out, results
from waypost.app.remembering import Remembered
from waypost.app.tracking import open_to_read
from waypost.app.wiring import House, now_ms
from waypost.booking.lane_costs import list_costs
from waypost.booking.rating.amounts import write_minor
from waypost.forecast.lane_costs import Cost
from waypost.forecast.lane_trips import TripReader
from waypost.forecast.lanes import LaneDetail, Lanes, Times, Wanted, page_lanes, read_lane, read_lanes
from waypost.model.errors import NotFound
from waypost.model.instants import DAY_MS, parse_instant
from waypost.network.areas import plain_area
from waypost.track.records import list_all_links, list_told

#: To people so many lanes are shown; --json has all.
_MOST_LINES = 30

#: Scans that ended so long ago are said to have.
OLD_DAYS = 3


def lanes_of(house: House) -> Remembered[[int | None, int | None], Lanes]:
    """The lanes of a house, of parcels handed over from an instant to before another."""

    def read(since_ms: int | None, until_ms: int | None) -> Lanes:
        return read_lanes(_reader(house, since_ms, until_ms), _read_prices(house))

    return Remembered(read, house.settings.track.lanes_age_s)


def lane_of(house: House) -> Remembered[[str, str, tuple[str, ...], int | None, int | None], LaneDetail]:
    """One lane from an area to another, of some carriers or of all, in a stretch of time."""

    def read(
        origin: str, destination: str, carriers: tuple[str, ...], since_ms: int | None, until_ms: int | None
    ) -> LaneDetail:
        return read_lane(_reader(house, since_ms, until_ms), origin, destination, carriers, _read_prices(house))

    return Remembered(read, house.settings.track.lanes_age_s)


def _read_prices(house: House) -> pa.Table:
    with house.memory.records.read() as connection:
        return list_costs(connection)


def _reader(house: House, since_ms: int | None, until_ms: int | None) -> TripReader:
    with house.memory.records.read() as connection:
        told, links = list_told(connection), list_all_links(connection)
    return TripReader(
        house.memory.history,
        house.tables,
        house.facilities,
        told,
        links,
        since_ms=since_ms,
        until_ms=until_ms,
        now_ms=house.clock(),
    )


def run_lanes(
    origin: str | None,
    destination: str | None,
    carriers: Collection[str],
    days: int,
    *,
    home: Path | None,
    as_json: bool,
) -> None:
    """Print how long parcels take on the lanes that are wanted; of a single one, by week and where they wait."""
    with open_to_read(home) as house:
        newest = _reader(house, None, None).stretch.as_of_ms
        since_ms = max(newest // DAY_MS - days, 0) * DAY_MS
        found = lanes_of(house)(since_ms, None)
        wanted = Wanted(carriers=frozenset(carriers) or None, origin=origin, destination=destination)
        rows, _ = page_lanes(found, wanted, None, len(found.lanes) + 1)
        detail = (
            lane_of(house)(origin, destination, tuple(sorted(carriers)), since_ms, None)
            if origin is not None
            and destination is not None
            and {*map(plain_area, (origin, destination))} <= _areas(found)
            else None
        )
        lag = house.tracker.freshness().lag
    if not rows:
        mend = "Lanes need facilities with country and region: `waypost import facilities`. `waypost lanes` lists all."
        raise NotFound(f"no parcel was handed over on such a lane in the {days} days before {found.as_of}", mend=mend)
    if as_json:
        told = {"since": found.since, "until": found.until, "as_of": found.as_of, "position": found.position}
        out(detail if detail is not None else told | {"undirected": found.undirected, "lanes": rows})
        return
    table = _table("carrier", "from", "to")
    table.add_column("cost", justify="right")
    for row in rows[:_MOST_LINES]:
        table.add_row(
            *(line(each) for each in (row.carrier, row.origin, row.destination)), *_cells(row.times), _cost(row.costs)
        )
    results().print(table)
    if detail is not None:
        _print_detail(detail)
    if len(rows) > _MOST_LINES:
        aside.print(f"{len(rows) - _MOST_LINES} more lanes: --json has all.")
    aside.print(
        f"Handed over from {found.since[:10]} on. What is on its way by {found.as_of} counts as slower than so far."
    )
    tell_age(found.as_of)
    if lag:
        aside.print(f"[yellow]{lag} newer scans are not indexed yet.[/]")


def tell_age(as_of: str) -> None:
    """Say so, if the newest scan is days old."""
    days = (now_ms() - parse_instant(as_of).at_ms) // DAY_MS
    if days >= OLD_DAYS:
        aside.print(f"[yellow]The scans that are kept end {days} days ago, with one of {as_of[:10]}.[/]")


def _areas(found: Lanes) -> set[str]:
    return {plain_area(area) for row in found.lanes for area in (row.origin, row.destination)}


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        table.add_column(name)
    for name in ("parcels", "delivered", "on the way", "P50 h", "P80 h", "P90 h", "on time"):
        table.add_column(name, justify="right")
    return table


def _cost(costs: Sequence[Cost]) -> str:
    """Of a parcel on average, in the currency of most."""
    return write_minor(costs[0].per_parcel_minor, costs[0].currency) if costs else "-"


def _cells(times: Times) -> list[str]:
    hours = (times.p50_h, times.p80_h, times.p90_h)
    on_time = times.on_time
    return [
        *(f"{count:,}" for count in (times.parcels, times.delivered, times.on_the_way)),
        *("-" if each is None else f"{each:,.1f}" for each in hours),
        "-" if on_time.share is None else f"{on_time.share:.1%}",
    ]


def _print_detail(detail: LaneDetail) -> None:
    table = _table("carrier", "week of")
    for each in detail.carriers:
        for week in each.weeks:
            table.add_row(line(each.carrier), dt.date.fromisoformat(week.week).isoformat(), *_cells(week.times))
    results().print(table)
    for gap in detail.gaps[:5]:
        said = (
            f"after {gap.carrier}/{gap.facility}: the next scan within {gap.p50_h:,.1f} h, 9 of 10 {gap.p90_h:,.1f} h"
        )
        results().print(line(said))
