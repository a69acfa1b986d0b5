"""How much sooner scans are seen if parcels are asked after when a scan is due, at the same number of calls.

Imagined parcels of ten carriers, each with an account and a budget of its own. Their next scans come after gaps of
their own kind (log-normal, put off to the hours in which such a place works), which polling is not told: it learns from
other parcels of the weeks before. Beside it the fixed round that karrio makes: each parcel every two hours, ten in a
call, and if the budget does not reach, those next that were asked longest ago. Nothing is pushed, and nothing is
called: what is measured is which parcels are chosen, by the same code that a server runs.
"""

import argparse
import json
import sys
import time
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rich.console import Console
from rich.progress import Progress

from waypost.model.instants import DAY_MS, MINUTE_MS
from waypost.track.gaps import NO_SCAN, Gaps, learn_gaps
from waypost.track.polling import LONGEST_MS
from waypost.track.rhythm import Rhythm
from waypost.track.statuses import get_status
from waypost.track.tables import bundled_tables
from waypost.track.turns import Turns

Ints = npt.NDArray[np.int64]

_HOUR_MS = 60 * MINUTE_MS
_START_MS = 1_791_763_200_000  # Monday, 12 October 2026, 00:00 UTC
_WARM_H, _MEASURED_H, _AFTER_H = 24, 72, 48
_LEARNED_DAYS = 28
_AT_ONCE = 10
_ROUND_MS = 2 * _HOUR_MS
#: Of the calls that a round of all parcels in two hours takes.
_BUDGETS = (0.05, 0.10, 0.15, 0.20, 0.30, 0.40, 0.50, 0.65, 0.80, 1.00)
_CANDIDATES = 4


class Stage(msgspec.Struct, frozen=True):
    """What happens next to a parcel: after how many hours (median, spread of the logarithm), and when it is worked on.

    `opens` and `closes` are local hours; a place that closes before it opens works at night.
    """

    status: str
    median_h: float
    spread: float
    opens: int = 0
    closes: int = 24
    is_open_on_sunday: bool = True


class Network(msgspec.Struct, frozen=True):
    """How the parcels of a carrier go."""

    name: str
    offset_h: int
    stages: tuple[Stage, ...]


def _express(name: str, offset_h: int, pace: float) -> Network:
    return Network(
        name,
        offset_h,
        (
            Stage("picked_up", 6 * pace, 0.8, 9, 20),
            Stage("arrived_at_hub", 4 * pace, 0.5, 17, 7),
            Stage("departed_from_hub", 2 * pace, 0.6, 17, 7),
            Stage("arrived_at_hub", 14 * pace, 0.6),
            Stage("departed_from_hub", 3 * pace, 0.6),
            Stage("arrived_at_destination", 5 * pace, 0.5, 4, 14),
            Stage("out_for_delivery", 2, 0.6, 7, 16),
            Stage("delivered", 3, 0.6, 8, 21),
        ),
    )


def _post(name: str, offset_h: int, pace: float) -> Network:
    return Network(
        name,
        offset_h,
        (
            Stage("picked_up", 12, 0.9, 9, 18, False),
            Stage("arrived_at_hub", 8 * pace, 0.5, 18, 8),
            Stage("in_transit", 20 * pace, 0.8),
            Stage("arrived_at_hub", 16 * pace, 0.7),
            Stage("arrived_at_destination", 12 * pace, 0.5, 3, 10, False),
            Stage("out_for_delivery", 3, 0.5, 7, 12, False),
            Stage("delivered", 4, 0.5, 9, 18, False),
        ),
    )


def _border(name: str, offset_h: int, pace: float) -> Network:
    return Network(
        name,
        offset_h,
        (
            Stage("picked_up", 12, 0.8, 9, 20),
            Stage("departed_from_hub", 20 * pace, 0.6),
            Stage("customs_declared", 30 * pace, 0.7),
            Stage("customs_released", 24 * pace, 1.2, 8, 18, False),
            Stage("arrived_at_hub", 18 * pace, 0.6),
            Stage("departed_from_hub", 6 * pace, 0.6),
            Stage("arrived_at_destination", 12 * pace, 0.5, 3, 12),
            Stage("out_for_delivery", 3, 0.5, 7, 14, False),
            Stage("delivered", 4, 0.5, 8, 20, False),
        ),
    )


NETWORKS = (
    _express("east", 8, 1.0),
    _post("isles", 1, 1.0),
    _border("straits", 8, 1.0),
    _express("delta", 7, 1.4),
    _post("plains", -5, 0.8),
    _express("valley", 8, 0.7),
    _border("ocean", -3, 1.5),
    _post("forest", -3, 1.5),
    _express("capital", 5, 1.2),
    _border("rails", 2, 0.8),
)


class Parcels(msgspec.Struct, frozen=True):
    """Parcels of one network, by row.

    Attributes:
        at_ms: when each is ordered, and then scanned; a column more than the network has stages.
        status: number of what each column says.
    """

    at_ms: Ints
    status: Ints

    @classmethod
    def draw(cls, network: Network, count: int, since_ms: int, until_ms: int, rng: np.random.Generator) -> "Parcels":
        """Parcels ordered at random between two instants."""
        at = rng.integers(since_ms, until_ms, count)
        columns = [at]
        for stage in network.stages:
            gap_h = stage.median_h * np.exp(stage.spread * rng.standard_normal(count))
            at = _put_off(at + (gap_h * _HOUR_MS).astype(np.int64), network.offset_h, stage, rng)
            columns.append(at)
        statuses = [NO_SCAN, *(get_status(stage.status).number for stage in network.stages)]
        return cls(np.stack(columns, axis=1), np.array(statuses, np.int64))


def _put_off(at_ms: Ints, offset_h: int, stage: Stage, rng: np.random.Generator) -> Ints:
    """To when the place works next: within its first three hours."""
    for _ in range(2):  # what is put off to a Sunday is put off once more
        local = at_ms + offset_h * _HOUR_MS
        day, within = np.divmod(local, DAY_MS)
        opens, closes = stage.opens * _HOUR_MS, stage.closes * _HOUR_MS
        is_sunday = (day + 4) % 7 == 0
        is_open = (within >= opens) & (within < closes) if opens < closes else (within >= opens) | (within < closes)
        is_shut = ~is_open | (is_sunday & (not stage.is_open_on_sunday))
        opening = np.where(within < opens, day, day + 1) * DAY_MS + opens - offset_h * _HOUR_MS
        at_ms = np.where(is_shut, opening + rng.integers(0, 3 * _HOUR_MS, len(at_ms)), at_ms)
    return at_ms


class Way:
    """One way to choose, over the parcels of one account."""

    def __init__(self, parcels: Parcels, now_ms: int) -> None:
        at = parcels.at_ms
        self._parcels = parcels
        self._rows = np.arange(len(at))
        #: the last column of each that was seen; ordering is known by itself
        self.seen = np.maximum((at <= now_ms).sum(axis=1) - 1, 0)
        self.asked_ms = np.maximum(at[:, 0], now_ms)
        self.calls = 0
        self.delays: list[Ints] = []

    def choose(self, now_ms: int) -> Ints:
        """The rows to ask after now."""
        raise NotImplementedError

    def see(self, rows: Ints, now_ms: int) -> None:
        """Ask after some parcels, as many calls as that takes."""
        at = self._parcels.at_ms[rows]
        before, after = self.seen[rows], (at <= now_ms).sum(axis=1) - 1
        columns = np.arange(at.shape[1])
        is_new = (columns > before[:, None]) & (columns <= after[:, None])
        is_measured = (at >= _START_MS + _WARM_H * _HOUR_MS) & (at < _START_MS + (_WARM_H + _MEASURED_H) * _HOUR_MS)
        self.delays.append((now_ms - at)[is_new & is_measured])
        self.seen[rows], self.asked_ms[rows] = after, now_ms
        self.calls += -(-len(rows) // _AT_ONCE)

    def active(self, now_ms: int) -> npt.NDArray[np.bool_]:
        """The parcels that are on their way as far as is known."""
        return (self._parcels.at_ms[:, 0] <= now_ms) & (self.seen < self._parcels.at_ms.shape[1] - 1)


class FixedRound(Way):
    """Each parcel every two hours, or as often as the budget allows."""

    def __init__(self, parcels: Parcels, per_hour: float, now_ms: int, step_ms: int) -> None:
        super().__init__(parcels, now_ms)
        # where the round is at the start is chance
        self.asked_ms = self.asked_ms - np.random.default_rng(1).integers(0, _ROUND_MS, len(self.asked_ms))
        self._turns = Turns(per_hour, _AT_ONCE, now_ms, 2 * step_ms)

    def choose(self, now_ms: int) -> Ints:
        """See `Way.choose`."""
        calls = self._turns.calls(now_ms)
        rows = np.flatnonzero(self.active(now_ms) & (self.asked_ms <= now_ms - _ROUND_MS))
        rows = rows[np.argsort(self.asked_ms[rows], kind="stable")][: calls * _AT_ONCE]
        self._turns.spend(-(-len(rows) // _AT_ONCE))
        return rows


class WhenDue(Way):
    """What `track.polling` does, over arrays in place of records."""

    def __init__(self, parcels: Parcels, per_hour: float, now_ms: int, step_ms: int, rhythm: Rhythm) -> None:
        super().__init__(parcels, now_ms)
        self._rhythm = rhythm
        self._turns = Turns(per_hour, _AT_ONCE, now_ms, 2 * step_ms)
        self._next_ms = np.zeros(len(parcels.at_ms), np.int64)
        self._schedule(self._rows)

    def choose(self, now_ms: int) -> Ints:
        """See `Way.choose`."""
        calls = self._turns.calls(now_ms)
        rows = np.flatnonzero(self.active(now_ms))
        most = max(calls * _AT_ONCE * _CANDIDATES, 1000)
        if len(rows) > most:
            rows = rows[np.argpartition(self._next_ms[rows], most)[:most]]
        status, last_ms = self._standing(rows)
        chosen = rows[self._turns.choose(self._rhythm.worth(status, last_ms, self.asked_ms[rows], now_ms), calls)]
        self._turns.spend(-(-len(chosen) // _AT_ONCE))
        return chosen

    def see(self, rows: Ints, now_ms: int) -> None:
        """See `Way.see`."""
        super().see(rows, now_ms)
        self._schedule(rows)

    def _standing(self, rows: Ints) -> tuple[Ints, Ints]:
        seen = self.seen[rows]
        return self._parcels.status[seen], self._parcels.at_ms[rows, seen]

    def _schedule(self, rows: Ints) -> None:
        status, last_ms = self._standing(rows)
        asked_ms = self.asked_ms[rows]
        self._next_ms[rows] = self._rhythm.when(
            status, last_ms, asked_ms, np.full(len(rows), self._turns.price), LONGEST_MS
        )


def learn(parcels: int, seed: int) -> Gaps:
    """From other parcels of the weeks before."""
    names, codes, at_ms, next_ms = [], [], [], []
    for place, network in enumerate(NETWORKS):
        rng = np.random.default_rng([seed, 1, place])
        drawn = Parcels.draw(network, parcels, _START_MS - _LEARNED_DAYS * DAY_MS, _START_MS, rng)
        then = np.append(drawn.at_ms[:, 1:], np.full((parcels, 1), np.iinfo(np.int64).max), axis=1)
        is_known = drawn.at_ms < _START_MS
        at_ms.append(drawn.at_ms[is_known])
        next_ms.append(then[is_known])
        words = np.array(["order_created", *(stage.status for stage in network.stages)])
        column = np.broadcast_to(np.arange(drawn.at_ms.shape[1]), drawn.at_ms.shape)[is_known]
        codes.append(words[column])
        names.append(np.repeat(network.name, len(column)))
    after = np.concatenate(next_ms)
    table = pa.table(
        {
            "carrier": pa.array(np.concatenate(names)),
            "code": pa.array(np.concatenate(codes)),
            "at_ms": np.concatenate(at_ms),
            "next_ms": pa.array(after, pa.int64(), mask=after >= _START_MS),
        }
    )
    return learn_gaps(table, bundled_tables(), _START_MS)


def measure(active: int, step_ms: int, seed: int, tell: Any) -> list[dict[str, Any]]:
    """Both ways, account by account."""
    gaps = learn(max(active // 10, 200), seed)
    hours = _WARM_H + _MEASURED_H + _AFTER_H
    end_ms = _START_MS + hours * _HOUR_MS
    figures = []
    for place, (network, budget) in enumerate(zip(NETWORKS, _BUDGETS, strict=True)):
        rng = np.random.default_rng([seed, 2, place])
        trial = Parcels.draw(network, 10_000, _START_MS, _START_MS + 7 * DAY_MS, rng)
        life_ms = float((trial.at_ms[:, -1] - trial.at_ms[:, 0]).mean())
        longest_ms = int((trial.at_ms[:, -1] - trial.at_ms[:, 0]).max())
        since_ms = _START_MS - longest_ms
        parcels = Parcels.draw(network, int(active * (end_ms - since_ms) / life_ms), since_ms, end_ms, rng)
        keep = parcels.at_ms[:, -1] > _START_MS
        parcels = Parcels(parcels.at_ms[keep], parcels.status)
        per_hour = budget * active / _AT_ONCE / (_ROUND_MS / _HOUR_MS)
        ways = (
            FixedRound(parcels, per_hour, _START_MS, step_ms),
            WhenDue(parcels, per_hour, _START_MS, step_ms, gaps.of(network.name)),
        )
        mid = int(ways[0].active(_START_MS).sum())
        for now_ms in range(_START_MS, end_ms, step_ms):
            for way in ways:
                way.see(way.choose(now_ms), now_ms)
            tell(step_ms)
        figures.append(_compare(network, budget, per_hour, mid, *ways))
    return figures


def _compare(network: Network, budget: float, per_hour: float, active: int, fixed: Way, due: Way) -> dict[str, Any]:
    ours, theirs = np.concatenate(due.delays), np.concatenate(fixed.delays)
    return {
        "account": network.name,
        "budget": budget,
        "calls_per_hour": round(per_hour),
        "active": active,
        "scans": len(ours),
        "fixed": _describe(theirs, fixed.calls),
        "due": _describe(ours, due.calls),
        "times_sooner": round(float(theirs.mean() / ours.mean()), 2),
    }


def _describe(delays_ms: Ints, calls: int) -> dict[str, Any]:
    p50, p90 = np.percentile(delays_ms, [50, 90]) / MINUTE_MS
    mean = float(delays_ms.mean()) / MINUTE_MS
    return {
        "calls": calls,
        "scans": len(delays_ms),
        "mean_min": round(mean, 1),
        "p50_min": round(float(p50), 1),
        "p90_min": round(float(p90), 1),
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser("./scripts/bench polling", description=__doc__.split("\n\n")[0])
    parser.add_argument("--parcels", type=int, default=1_000_000, help="active ones (default: a million)")
    parser.add_argument("--step", type=float, default=5.0, help="minutes between two turns (default: 5)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    begun = time.perf_counter()
    total = len(NETWORKS) * (_WARM_H + _MEASURED_H + _AFTER_H) * _HOUR_MS
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("imagined", total=total)
        figures = measure(
            args.parcels // len(NETWORKS), int(args.step * MINUTE_MS), args.seed, lambda ms: progress.advance(task, ms)
        )
    told = {
        "parcels": args.parcels,
        "seed": args.seed,
        "seconds": round(time.perf_counter() - begun),
        "accounts": figures,
    }
    json.dump(told, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
