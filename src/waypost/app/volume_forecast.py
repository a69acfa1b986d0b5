"""`waypost forecast volume`: how many parcels come, by hub, lane or carrier."""

import datetime as dt
import secrets
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from waypost.app.console import aside, line, out, results
from waypost.app.records import records_of
from waypost.app.remembering import Remembered
from waypost.app.tracking import open_to_read
from waypost.app.wiring import House, now_ms
from waypost.feeds.capacities import read_capacities
from waypost.forecast.calendars import list_marks
from waypost.forecast.counts import OVER_MS, By, Counts, newest_ms, read_counts
from waypost.forecast.error_card import ErrorCard, draw_card
from waypost.forecast.overload import Hub, Overload, find_overloads, read_hours
from waypost.forecast.parcels import ParcelForecast, forecast_parcels, suppose
from waypost.forecast.volume_shelf import KeptForecast, VolumeShelf
from waypost.forecast.volumes_since import count_until, warn_of_age
from waypost.model.carriers import find_carrier
from waypost.model.errors import BadInput
from waypost.model.instants import format_utc

#: To people so many lines are shown; --json has all.
_MOST_LINES = 30


class Answer(msgspec.Struct, frozen=True):
    """What is to come, and of hubs whose capacity is known the hours that get too full.

    Attributes:
        scans_end: when the newest scan was made.
        warning: if that was long ago, so in words.
        kept: the id under which it is kept, if that was asked for.
        card: how far such forecasts were off on the newest days, if it is kept.
        more_pct: it is told what would be if so many percent more came than is forecast.
    """

    forecast: ParcelForecast
    overloads: list[Overload]
    scans_end: str
    warning: str | None
    kept: str | None = None
    card: ErrorCard | None = None
    more_pct: int = 0


def run_forecast(
    by: By,
    days: int,
    most: int,
    capacity: Path | None,
    until: str | None,
    *,
    seed: int,
    threads: int,
    more_pct: int = 0,
    keep: bool,
    home: Path | None,
    as_json: bool,
) -> None:
    """Forecast from what is kept in a home and say so; `keep` it for who asks a server.

    With `more_pct` it is told what would be if so many percent more came.
    """
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
        told = suppose(told, more_pct) if more_pct else told
        hours = read_hours(house.memory.history, house.tables, counts.last) if capacities else {}
        scans_end_ms = newest_ms(house.memory.history, house.clock())
        overloads = find_overloads(told, hours, capacities)
        made = None
        if keep:
            progress.update(task, description="looking how far such forecasts were off")
            made = _make(house, counts, told, overloads, scans_end_ms, seed=seed, threads=threads)
        lag = house.tracker.freshness().lag
    if made is not None:
        with records_of(home) as (_, records):
            VolumeShelf(records).keep(made)
    warning = warn_of_age(scans_end_ms, told.lines[0].days[-1].day, now_ms())
    card, id_ = (None, None) if made is None else (made.card, made.id)
    answer = Answer(told, overloads, format_utc(scans_end_ms), warning, id_, card, more_pct)
    if as_json:
        out(answer)
        return
    _print(answer)
    if lag:
        aside.print(f"[yellow]{lag} newer scans are not indexed yet.[/]")


def _make(
    house: House,
    counts: Counts,
    told: ParcelForecast,
    overloads: list[Overload],
    scans_end_ms: int,
    *,
    seed: int,
    threads: int,
) -> KeptForecast:
    days = len(told.lines[0].days)
    countries = _countries(house, counts, told.by)
    first = dt.date.fromisoformat(told.lines[0].days[0].day)
    return KeptForecast(
        id=f"fct_{secrets.token_hex(8)}",
        made_ms=now_ms(),
        scans_end_ms=scans_end_ms,
        forecast=told,
        marks=list_marks(first, days, countries.values()),
        card=draw_card(counts, told.by, days, countries=countries, seed=seed, threads=threads),
        overloads=overloads,
    )


def volumes_of(house: House) -> Callable[[By, str | None], tuple[KeptForecast, Counts]]:
    """The forecasts that are kept in a house, each with what came since; that is counted anew every few minutes."""
    shelf = VolumeShelf(house.memory.records)

    def count(by: By, names: tuple[Hub, ...], until: dt.date) -> Counts:
        # All that has no line of its own stands together, as it did in the forecast.
        return read_counts(
            house.memory.history,
            house.tables,
            house.facilities,
            by,
            until=until,
            now_ms=house.clock(),
            most=0,
            named=frozenset(names),
        )

    counted = Remembered(count, house.settings.track.scorecards_age_s)

    def read(by: By, id_: str | None) -> tuple[KeptForecast, Counts]:
        kept = shelf.get(by, id_)
        lines = [(each.carrier, each.name) for each in kept.forecast.lines if each.level == by]
        names = tuple((carrier or "", name or carrier or "") for carrier, name in lines)
        return kept, counted(by, names, count_until(kept, house.clock(), OVER_MS))

    return read


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
    counts = read_counts(
        history, house.tables, house.facilities, by, until=until, now_ms=house.clock(), most=most, named=hubs
    )
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
    if answer.more_pct:
        aside.print(f"[yellow]If {abs(answer.more_pct)} % {'more' if answer.more_pct > 0 else 'fewer'} came:[/]")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("carrier", told.by if told.by != "carrier" else ""):
        table.add_column(heading)
    for column in told.lines[0].days[:7]:
        table.add_column(column.day, justify="right")
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
    if answer.warning:
        aside.print(line((answer.warning, "yellow")), soft_wrap=True)
    if answer.kept is not None:
        aside.print(f"Kept as {answer.kept}: GET /v1/forecasts/volume?by={told.by} answers it.")
    for full in answer.overloads:
        word = "expected" if full.expected else "on one day in ten"
        said = f"{full.hour} {full.carrier}/{full.hub}: {full.parcels:,.0f} ({full.p90:,.0f}) of {full.capacity:,.0f}"
        results().print(line((f"{said}, {word} too full", "red" if full.expected else "yellow")))
