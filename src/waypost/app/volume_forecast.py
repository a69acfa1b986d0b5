"""`waypost forecast volume`: how many parcels come, by hub, lane or carrier."""

import datetime as dt
from collections.abc import Collection
from pathlib import Path

import msgspec
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from waypost.app.console import aside, line, out, results
from waypost.app.tracking import open_to_read
from waypost.app.wiring import House, now_ms
from waypost.feeds.capacities import read_capacities
from waypost.forecast.counts import OVER_MS, By, Counts, read_counts
from waypost.forecast.overload import Hub, Overload, find_overloads, read_hours
from waypost.forecast.parcels import ParcelForecast, forecast_parcels
from waypost.model.carriers import find_carrier
from waypost.model.errors import BadInput

#: To people so many lines are shown; --json has all.
_MOST_LINES = 30


class Answer(msgspec.Struct, frozen=True):
    """What is to come, and of hubs whose capacity is known the hours that get too full."""

    forecast: ParcelForecast
    overloads: list[Overload]


def run_forecast(
    by: By,
    days: int,
    most: int,
    capacity: Path | None,
    until: str | None,
    *,
    seed: int,
    threads: int,
    home: Path | None,
    as_json: bool,
) -> None:
    """Forecast from what is kept in a home and say so."""
    end = _last_over() if until is None else _read_date(until)
    capacities = {} if capacity is None else read_capacities(capacity)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with (
        open_to_read(home) as house,
        Progress(*columns, console=aside, transient=True, disable=not aside.is_terminal) as progress,
    ):
        task = progress.add_task("counting")
        counts = _count(house, by, most, capacities, end)
        told = forecast_parcels(
            counts,
            by,
            days,
            countries=_countries(house, counts, by),
            seed=seed,
            threads=threads,
            tell=lambda doing: progress.update(task, description=doing),
        )
        hours = read_hours(house.memory.history, house.tables, counts.last) if capacities else {}
        answer = Answer(told, find_overloads(told, hours, capacities))
        lag = house.tracker.freshness().lag
    if as_json:
        out(answer)
        return
    _print(answer)
    if lag:
        aside.print(f"[yellow]{lag} newer scans are not indexed yet.[/]")


def _last_over() -> dt.date:
    """The day behind the last one that is over."""
    return dt.datetime.fromtimestamp((now_ms() - OVER_MS) / 1000, dt.UTC).date()


def _read_date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text[:40]!r} is no date.", where="--until", mend="Write it as 2026-11-23.") from None


def _count(house: House, by: By, most: int, hubs: Collection[Hub], until: dt.date) -> Counts:
    history = house.memory.history
    counts = read_counts(history, house.tables, house.facilities, by, until=until, most=most, named=hubs)
    unknown = sorted(set(hubs) - set(counts.names))
    if unknown:
        shown = ", ".join("/".join(hub) for hub in unknown[:5])
        raise BadInput(
            f"No parcel was ever scanned at {shown}.", mend="Name hubs as scans name them.", where="--capacity"
        )
    return counts


def _countries(house: House, counts: Counts, by: By) -> dict[Hub, str]:
    """Whose calendar each row follows: the hub's own, that of where a lane ends, else that of the carrier's seat."""
    hubs = house.facilities.find_many(counts.names) if by == "hub" else {}
    found = {}
    for carrier, name in counts.names:
        seat = find_carrier(carrier)
        country = seat.country if seat else None
        if by == "lane" and " > " in name:
            country = name.rpartition(" > ")[2].partition("-")[0]
        elif (hub := hubs.get((carrier, name))) and hub.place.country:
            country = hub.place.country
        if country:
            found[carrier, name] = country
    return found


def _print(answer: Answer) -> None:
    told = answer.forecast
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("carrier", told.by if told.by != "carrier" else ""):
        table.add_column(heading)
    for column in told.lines[0].days[:7]:
        table.add_column(column.day[5:], justify="right")
    if len(told.lines[0].days) > 7:
        table.add_column(f"all {len(told.lines[0].days)} days", justify="right")
    shown = sorted(told.lines, key=lambda each: -sum(day.parcels for day in each.days))[:_MOST_LINES]
    for each in shown:
        cells = [f"{day.parcels:,.0f} ({day.p10:,.0f}-{day.p90:,.0f})" for day in each.days[:7]]
        if len(each.days) > 7:
            cells.append(f"{sum(day.parcels for day in each.days):,.0f}")
        table.add_row(line(each.carrier or "all"), line(each.name or ""), *cells)
    results().print(table)
    aside.print(
        f"Learnt from {told.learnt_from} to {told.learnt_to}. In brackets: one day in ten is below, one beyond."
    )
    if len(shown) < len(told.lines):
        aside.print(f"{len(told.lines) - len(shown)} more lines: --json has all.")
    for full in answer.overloads:
        word = "expected" if full.expected else "on one day in ten"
        said = f"{full.hour} {full.carrier}/{full.hub}: {full.parcels:,.0f} ({full.p90:,.0f}) of {full.capacity:,.0f}"
        results().print(line((f"{said}, {word} too full", "red" if full.expected else "yellow")))
