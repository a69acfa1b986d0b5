"""How much sooner scans are seen if parcels are asked after when a scan is due, at the same number of calls.

Imagined parcels of ten carriers, each with an account and a budget of its own. Their next scans come after gaps of
their own kind (log-normal, put off to the hours in which such a place works), which polling is not told: it learns from
other parcels of the weeks before. Beside it the fixed round that karrio makes: each parcel every two hours, ten in a
call, and if the budget does not reach, those next that were asked longest ago. Nothing is pushed, and nothing is
called: what is measured is which parcels are chosen, by the same code that a server runs.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from waypost.model.instants import DAY_MS, MINUTE_MS
from waypost.track.gaps import NO_SCAN, Gaps, learn_gaps
from waypost.track.polling import LONGEST_MS
from waypost.track.rhythm import HOUR_MS, Rhythm
from waypost.track.statuses import get_status
from waypost.track.tables import bundled_tables
from waypost.track.turns import Turns

Ints = npt.NDArray[np.int64]

_START_MS = 1_791_763_200_000  # Monday, 12 October 2026, 00:00 UTC
_WARM_H, _MEASURED_H, _AFTER_H = 24, 72, 48
_HOURS = _WARM_H + _MEASURED_H + _AFTER_H
_LEARNED_DAYS = 28
_AT_ONCE = 10
_ROUND_MS = 2 * HOUR_MS
#: Of the calls that a round of all parcels in two hours takes.
BUDGETS = (0.05, 0.10, 0.15, 0.20, 0.30, 0.40, 0.50, 0.65, 0.80, 1.00)
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
            at = _put_off(at + (gap_h * HOUR_MS).astype(np.int64), network.offset_h, stage, rng)
            columns.append(at)
        statuses = [NO_SCAN, *(get_status(stage.status).number for stage in network.stages)]
        return cls(np.stack(columns, axis=1), np.array(statuses, np.int64))


def _put_off(at_ms: Ints, offset_h: int, stage: Stage, rng: np.random.Generator) -> Ints:
    """To when the place works next: within its first three hours."""
    for _ in range(2):  # what is put off to a Sunday is put off once more
        local = at_ms + offset_h * HOUR_MS
        day, within = np.divmod(local, DAY_MS)
        opens, closes = stage.opens * HOUR_MS, stage.closes * HOUR_MS
        is_sunday = (day + 4) % 7 == 0
        is_open = (within >= opens) & (within < closes) if opens < closes else (within >= opens) | (within < closes)
        is_shut = ~is_open | (is_sunday & (not stage.is_open_on_sunday))
        opening = np.where(within < opens, day, day + 1) * DAY_MS + opens - offset_h * HOUR_MS
        at_ms = np.where(is_shut, opening + rng.integers(0, 3 * HOUR_MS, len(at_ms)), at_ms)
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
        is_measured = (at >= _START_MS + _WARM_H * HOUR_MS) & (at < _START_MS + (_WARM_H + _MEASURED_H) * HOUR_MS)
        self.delays.append((now_ms - at)[is_new & is_measured])
        self.seen[rows], self.asked_ms[rows] = after, now_ms
        self.calls += -(-len(rows) // _AT_ONCE)

    def finish(self, now_ms: int) -> None:
        """What nobody saw until the end has waited until then."""
        calls = self.calls
        self.see(self._rows, now_ms)
        self.calls = calls

    def active(self, now_ms: int) -> npt.NDArray[np.bool_]:
        """The parcels that are on their way as far as is known."""
        at = self._parcels.at_ms
        is_active: npt.NDArray[np.bool_] = (at[:, 0] <= now_ms) & (self.seen < at.shape[1] - 1)
        return is_active


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
    tables = []
    for place, network in enumerate(NETWORKS):
        rng = np.random.default_rng([seed, 1, place])
        drawn = Parcels.draw(network, parcels, _START_MS - _LEARNED_DAYS * DAY_MS, _START_MS, rng)
        is_known = drawn.at_ms < _START_MS
        next_ms = np.append(drawn.at_ms[:, 1:], np.full((parcels, 1), _START_MS), axis=1)[is_known]
        words = np.array(["order_created", *(stage.status for stage in network.stages)])
        codes = words[np.broadcast_to(np.arange(drawn.at_ms.shape[1]), drawn.at_ms.shape)[is_known]]
        tables.append(
            pa.table(
                {
                    "carrier": pa.array([network.name] * len(codes), pa.string()),
                    "code": pa.array(codes),
                    "at_ms": drawn.at_ms[is_known],
                    "next_ms": pa.array(next_ms, pa.int64(), mask=next_ms >= _START_MS),
                }
            )
        )
    return learn_gaps(pa.concat_tables(tables), bundled_tables(), _START_MS)


def measure(active: int, step_ms: int, seed: int, tell: Callable[[int], None]) -> list[dict[str, Any]]:
    """Both ways, account by account; `active` parcels each."""
    gaps = learn(max(active // 10, 200), seed)
    end_ms = _START_MS + _HOURS * HOUR_MS
    figures = []
    for place, (network, budget) in enumerate(zip(NETWORKS, BUDGETS, strict=True)):
        parcels = _draw_steadily(network, active, end_ms, np.random.default_rng([seed, 2, place]))
        per_hour = budget * active / _AT_ONCE / (_ROUND_MS / HOUR_MS)
        fixed = FixedRound(parcels, per_hour, _START_MS, step_ms)
        due = WhenDue(parcels, per_hour, _START_MS, step_ms, gaps.of(network.name))
        begun = int(fixed.active(_START_MS).sum())
        for now_ms in range(_START_MS, end_ms, step_ms):
            for way in (fixed, due):
                way.see(way.choose(now_ms), now_ms)
            tell(step_ms)
        before, after = _describe(fixed, end_ms), _describe(due, end_ms)
        figures.append(
            {
                "account": network.name,
                "budget": budget,
                "calls_per_hour": round(per_hour),
                "active": begun,
                "fixed": before,
                "due": after,
                "times_sooner": round(before["mean_min"] / after["mean_min"], 2),
            }
        )
    return figures


def _draw_steadily(network: Network, active: int, end_ms: int, rng: np.random.Generator) -> Parcels:
    """Parcels of which about so many are on their way at any time."""
    trial = Parcels.draw(network, 10_000, _START_MS, _START_MS + 7 * DAY_MS, rng).at_ms
    lives_ms = trial[:, -1] - trial[:, 0]
    since_ms = _START_MS - int(lives_ms.max())
    count = int(active * (end_ms - since_ms) / lives_ms.mean())
    parcels = Parcels.draw(network, count, since_ms, end_ms, rng)
    return Parcels(parcels.at_ms[parcels.at_ms[:, -1] > _START_MS], parcels.status)


def _describe(way: Way, end_ms: int) -> dict[str, Any]:
    way.finish(end_ms)
    delays = np.concatenate(way.delays) / MINUTE_MS
    p50, p90 = np.percentile(delays, [50, 90])
    return {
        "calls": way.calls,
        "scans": len(delays),
        "mean_min": round(float(delays.mean()), 1),
        "p50_min": round(float(p50), 1),
        "p90_min": round(float(p90), 1),
    }


def main() -> None:
    """Run it."""
    args = _read_arguments()
    begun = time.perf_counter()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("hours imagined", total=len(NETWORKS) * _HOURS)
        accounts = measure(
            args.parcels // len(NETWORKS),
            int(args.step * MINUTE_MS),
            args.seed,
            lambda ms: progress.advance(task, ms / HOUR_MS),
        )
    seconds = round(time.perf_counter() - begun)
    if args.json:
        told = {"parcels": args.parcels, "seed": args.seed, "seconds": seconds, "accounts": accounts}
        print(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        _print_table(accounts)


def _print_table(accounts: list[dict[str, Any]]) -> None:
    columns = ("account", "active parcels", "calls an hour", "fixed round: mean, p90 min", "when due: mean, p90 min")
    table = Table(*columns, "times sooner", title="minutes until a scan is seen")
    for each in accounts:
        fixed, due = each["fixed"], each["due"]
        table.add_row(
            each["account"],
            f"{each['active']:,}",
            f"{each['calls_per_hour']:,} ({each['budget']:.0%})",
            f"{fixed['mean_min']:,.0f}, {fixed['p90_min']:,.0f}",
            f"{due['mean_min']:,.0f}, {due['p90_min']:,.0f}",
            f"{each['times_sooner']:.2f}",
        )
    Console().print(table)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench polling", description=__doc__)
    add = parser.add_argument
    add("--parcels", type=int, default=1_000_000, help="on their way at any time (default: %(default)s)")
    add("--step", type=float, default=5.0, help="minutes between two turns (default: %(default)s)")
    add("--seed", type=int, default=1)
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
