"""Scorecards of carriers: remembered for a server, and `waypost carriers score`."""

from pathlib import Path

from rich.table import Table

from waypost.app.console import aside, line, out, results
from waypost.app.remembering import Remembered
from waypost.app.tracking import open_to_read
from waypost.app.wiring import House
from waypost.model.instants import DAY_MS
from waypost.track.scorecards import Part, Scorecard, Scorecards, read_scorecards

#: Of the scans from an instant to before another, or to the end.
Scores = Remembered[[int, int | None], Scorecards]


def scores_of(house: House) -> Scores:
    """The scorecards of a house."""

    def read(since_ms: int, until_ms: int | None) -> Scorecards:
        history = house.memory.history
        return read_scorecards(history, house.tables, since_ms=since_ms, until_ms=until_ms, now_ms=house.clock())

    return Scores(read, house.settings.track.scorecards_age_s)


def run_score(days: int, *, home: Path | None, as_json: bool) -> None:
    """Print how well each carrier tells what happens."""
    with open_to_read(home) as house:
        cards = scores_of(house)(house.clock() - days * DAY_MS, None)
        lag = house.tracker.freshness().lag
    if as_json:
        out(cards)
        return
    if not cards.carriers:
        aside.print(f"No carrier sent a scan in the last {days} days.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("carrier")
    for heading in ("parcels", "scans", "median", "90 %", "99 %", "> 1 h", "accepted", "moved", "out", "end told"):
        table.add_column(heading, justify="right")
    for heading in ("silent", "early", "shift", "unknown", "impossible", "disordered"):
        table.add_column(heading, justify="right")
    for card in cards.carriers:
        table.add_row(line(card.carrier), *_cells(card))
    results().print(table)
    aside.print("Shares with few cases behind them say little; --json has how many. See docs/reference/scorecards.md.")
    if lag:
        aside.print(f"[yellow]{lag} newer scans are not indexed yet.[/]")


def _cells(card: Scorecard) -> list[str]:
    fresh, told, shift = card.freshness, card.completeness, card.shift
    minutes = shift.minutes
    return [
        f"{card.parcels:,}",
        f"{card.scans:,}",
        *(_lapse(each) for each in (fresh.p50_s, fresh.p90_s, fresh.p99_s)),
        *(_share(each) for each in (fresh.over_hour, told.accepted, told.moved, told.out_for_delivery, told.ended)),
        *(_share(each) for each in (told.silent, card.early)),
        shift.verdict.replace("_", " ") if minutes is None else f"{minutes / 60:+g} h",
        *(_share(each) for each in (card.unknown, card.impossible, card.out_of_order)),
    ]


def _share(part: Part) -> str:
    return "-" if part.share is None else f"{part.share:.1%}"


def _lapse(seconds: int | None) -> str:
    if seconds is None:
        return "-"
    for unit, length in (("d", 172_800), ("h", 7200), ("min", 120)):
        if abs(seconds) >= length:
            return f"{seconds / {'d': 86_400, 'h': 3600, 'min': 60}[unit]:.1f} {unit}"
    return f"{seconds} s"
