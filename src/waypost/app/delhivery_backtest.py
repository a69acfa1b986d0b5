"""`waypost backtest delhivery`: minutes of linehaul legs, by Waypost and by what others published for the very same."""

from pathlib import Path

import msgspec
import numpy as np
from rich.table import Table

from waypost.app.console import line, out, results
from waypost.feeds.delhivery_legs import DelhiveryLegs, read_delhivery_legs
from waypost.forecast.legs import LegModel
from waypost.forecast.trips import Flags, Floats
from waypost.model.errors import BadInput

#: What the columns of predictions are, for people.
_PUBLISHED = {
    "M0_osrm": "OSRM",
    "M1_lookup": "published corridor lookup",
    "M2_tabular": "published gradient boosting",
    "M3_graph": "published boosting with a graph",
    "M3_leaky": "published, with a graph of the test legs too (leaks)",
}
_NEAR = 0.15


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """How well minutes were foretold: mean absolute errors of legs, and of trips, which are sums of legs.

    `seen` are legs on corridors that were driven before, `cold` all others.
    """

    name: str
    leg_mae_min: float
    trip_mae_min: float
    seen_mae_min: float
    cold_mae_min: float
    within_15pct: float


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """What the command tells."""

    legs: int
    trips: int
    cold_legs: int
    corridors: int
    training_legs: int
    drawn_legs: float
    seed: int
    refused_rows: int
    methods: list[Method]


def run_delhivery(data: Path, *, seed: int, threads: int, as_json: bool) -> None:
    """Score each way and say so."""
    read = read_delhivery_legs(data)
    if not len(read.test):
        raise BadInput(f"no leg can be foretold: {len(read.refused)} rows were refused.", where=str(data))
    model = LegModel(read.corridors, read.counts, read.training, seed=seed, threads=threads)
    own = model.find(read.test)
    # One line of arithmetic, as a peer: the median pace of the corridor, or of all legs where nobody drove before.
    paces = read.corridors.minutes / read.corridors.road_min
    usual = _weighted_median(paces, read.counts)
    median = np.where(own >= 0, paces[own], usual) * read.test.road_min
    told = {"waypost": model.foresee(read.test), "median pace of the corridor": median}
    told |= {label: read.foretold[name] for name, label in _PUBLISHED.items()}
    scores = Scores(
        legs=len(read.test),
        trips=len(set(read.trips)),
        cold_legs=int((own < 0).sum()),
        corridors=len(read.corridors),
        training_legs=len(read.training),
        drawn_legs=round(model.drawn_legs, 3),
        seed=seed,
        refused_rows=len(read.refused),
        methods=[_score(name, read, minutes, own >= 0) for name, minutes in told.items()],
    )
    if as_json:
        out(scores)
    else:
        _show(scores)


def _score(name: str, read: DelhiveryLegs, minutes: Floats, seen: Flags) -> Method:
    missed = np.abs(minutes - read.test.minutes)
    _, trip = np.unique(np.asarray(read.trips, np.str_), return_inverse=True)
    trips = np.abs(np.bincount(trip, minutes - read.test.minutes))

    def mean(values: Floats) -> float:
        return round(float(values.mean()), 2) if len(values) else 0.0

    return Method(
        name=name,
        leg_mae_min=mean(missed),
        trip_mae_min=mean(trips),
        seen_mae_min=mean(missed[seen]),
        cold_mae_min=mean(missed[~seen]),
        within_15pct=round(float((missed <= _NEAR * read.test.minutes).mean()), 4),
    )


def _weighted_median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values)
    place = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float(values[order][place])


def _show(scores: Scores) -> None:
    console = results()
    console.print(
        line(
            f"{scores.legs} legs of {scores.trips} trips, {scores.cold_legs} on corridors that nobody drove before; "
            f"learnt from {scores.corridors} corridors"
        )
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("foretold by")
    for heading in ("leg MAE min", "trip MAE min", "driven before", "not before", "within 15 %"):
        table.add_column(heading, justify="right")
    for each in sorted(scores.methods, key=lambda method: method.leg_mae_min):
        figures = (each.leg_mae_min, each.trip_mae_min, each.seen_mae_min, each.cold_mae_min)
        table.add_row(line(each.name), *(f"{figure:.2f}" for figure in figures), f"{each.within_15pct:.1%}")
    console.print(table)
