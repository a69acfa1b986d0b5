"""A what-if of the twin: the same days twice, once with changes, and what that does, parcel by parcel.

Both runs have one seed, and chance is counted (`chance`): what differs comes from the changes. Figures are plain
numbers that a page can show.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waypost.model.instants import DAY_MS
from waypost.twin.changes import Change
from waypost.twin.run import WARM_UP_DAYS, Run
from waypost.twin.state import Flag
from waypost.twin.world import World

HOUR_MS = 3_600_000
#: What one parcel costs in fen (a hundredth of a yuan), by guesses of ours: room of a truck or plane for a kilometre,
#: whether it is used or not, one sorting, one try at a door.
TRUCK_KM_FEN, FLIGHT_KM_FEN, SORTING_FEN, TRY_FEN = 0.035, 0.35, 12.0, 90.0
#: Parcels are held to be hit if they arrive so much later or earlier, or not at all in one of the runs.
_HIT_MS = 30 * 60_000
_MOST_BACKLOGS = 20
_TRUCK, _FLIGHT = 0, 1


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What the days cost, in fen: room that drove and flew, sorting, tries at doors."""

    linehaul_fen: int
    sorting_fen: int
    delivery_fen: int

    @property
    def all_fen(self) -> int:
        """All of it."""
        return self.linehaul_fen + self.sorting_fen + self.delivery_fen


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How one run went.

    Attributes:
        parcels: handed over in the days that are looked at.
        arrived: of these, by the end of the run.
        lost: of these.
        kept_share: of those whose promise fell due in the run, the share that was there by then.
        p50_h, p90_h: from handover to arrival, of those that arrived.
        worst_backlog: the most parcels that waited in all hubs together in any hour.
    """

    parcels: int
    arrived: int
    lost: int
    kept_share: float
    p50_h: float
    p90_h: float
    worst_backlog: int
    costs: Costs
    cost_fen: int


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """The parcels that waited in one hub at each hour, in both runs."""

    hub: str
    name: str
    base: list[int]
    changed: list[int]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What changes do.

    Attributes:
        hours_ms: the hours of `backlogs`.
        backlogs: of the hubs where the runs differ most.
        hit: parcels of both runs that arrive at another time (by more than half an hour), or in one of them alone.
        later, earlier: of these.
        added, gone: parcels of one run alone, as more or less is handed over.
    """

    from_ms: int
    until_ms: int
    base: Figures
    changed: Figures
    hit: int
    later: int
    earlier: int
    added: int
    gone: int
    hours_ms: list[int]
    backlogs: list[Backlog]


class _Outcome(msgspec.Struct, frozen=True):
    """A run, and its parcels by number."""

    figures: Figures
    parcels: pa.Table
    backlog: npt.NDArray[np.float32]
    hours: list[int]


def compare(
    world: World,
    changes: Sequence[Change],
    *,
    from_ms: int,
    days: float,
    warm_up_days: float = WARM_UP_DAYS,
    tell: Callable[[float], None] = lambda share: None,
) -> Comparison:
    """Run some days with and without changes; parcels that are handed over in them have twice as long to arrive.

    Args:
        world: of both runs.
        changes: of one of them.
        from_ms: where the days begin.
        days: how many.
        warm_up_days: that pass before, so that parcels are on their way.
        tell: told the share that is done.
    """
    base = _go(world, (), from_ms, days, warm_up_days, lambda done: tell(done / 2))
    changed = _go(world, changes, from_ms, days, warm_up_days, lambda done: tell(0.5 + done / 2))
    joined = base.parcels.join(changed.parcels, ["carrier", "number"], right_suffix="_changed", join_type="inner")
    before, after = (_arrivals(joined.column(name)) for name in ("arrived_at", "arrived_at_changed"))
    later, earlier = int((after > before + _HIT_MS).sum()), int((after < before - _HIT_MS).sum())
    return Comparison(
        from_ms=from_ms,
        until_ms=from_ms + round(days * DAY_MS),
        base=base.figures,
        changed=changed.figures,
        hit=later + earlier,
        later=later,
        earlier=earlier,
        added=len(changed.parcels) - len(joined),
        gone=len(base.parcels) - len(joined),
        hours_ms=[minute * 60_000 for minute in base.hours],
        backlogs=_backlogs(world, base, changed),
    )


def _go(
    world: World,
    changes: Sequence[Change],
    from_ms: int,
    days: float,
    warm_up_days: float,
    tell: Callable[[float], None],
) -> _Outcome:
    begun_ms = from_ms - round(warm_up_days * DAY_MS)
    until_ms, end_ms = from_ms + round(days * DAY_MS), from_ms + round((2 * days + 2) * DAY_MS)
    run = Run(world, begun_ms, changes)
    for now_ms in run.warm_up(from_ms):
        tell((now_ms - begun_ms) / (end_ms - begun_ms))
    room, sorted_ = run.moved()
    tries = run.tries
    truths = []
    for now_ms in run.pass_silently(end_ms):
        if now_ms % DAY_MS == 0:
            truths.append(_looked_at(run.truth(), from_ms, until_ms))
        tell((now_ms - begun_ms) / (end_ms - begun_ms))
    truths += [_looked_at(run.truth(), from_ms, until_ms), _looked_at(run.on_way(), from_ms, until_ms)]
    parcels = pa.concat_tables(truths)
    after, sorted_after = run.moved()
    lanes = world.lanes
    km_fen = np.where(lanes.mode == _FLIGHT, FLIGHT_KM_FEN, TRUCK_KM_FEN) * lanes.km
    costs = Costs(
        linehaul_fen=round(float(((after - room) * km_fen).sum())),
        sorting_fen=round(float((sorted_after - sorted_).sum()) * SORTING_FEN),
        delivery_fen=round((run.tries - tries) * TRY_FEN),
    )
    backlog = np.stack(run.backlog) if run.backlog else np.zeros((0, world.rates.size), np.float32)
    return _Outcome(_figures(parcels, costs, backlog, end_ms), _by_number(parcels), backlog, run.backlog_hours)


def _looked_at(parcels: pa.Table, from_ms: int, until_ms: int) -> pa.Table:
    accepted = parcels.column("accepted_at").cast(pa.int64())
    own = pc.and_(pc.greater_equal(accepted, from_ms), pc.less(accepted, until_ms))
    return parcels.select(["carrier", "number", "accepted_at", "promised_at", "arrived_at", "flags"]).filter(own)


def _by_number(parcels: pa.Table) -> pa.Table:
    found = parcels.select(["carrier", "number", "arrived_at"])
    return found.set_column(0, "carrier", found.column("carrier").cast(pa.string()))


def _figures(parcels: pa.Table, costs: Costs, backlog: npt.NDArray[np.float32], end_ms: int) -> Figures:
    arrived = _arrivals(parcels.column("arrived_at"))
    accepted, promised = (parcels.column(name).cast(pa.int64()).to_numpy() for name in ("accepted_at", "promised_at"))
    there, due = arrived < _NEVER, promised <= end_ms
    hours = (arrived - accepted)[there] / HOUR_MS
    p50, p90 = np.percentile(hours, [50, 90]) if len(hours) else (0.0, 0.0)
    lost = int(np.count_nonzero(parcels.column("flags").to_numpy() & Flag.LOST))
    return Figures(
        parcels=len(parcels),
        arrived=int(there.sum()),
        lost=lost,
        kept_share=round(float((arrived <= promised)[due].mean()), 5) if due.any() else 1.0,
        p50_h=round(float(p50), 2),
        p90_h=round(float(p90), 2),
        worst_backlog=round(float(backlog.sum(axis=1).max())) if len(backlog) else 0,
        costs=costs,
        cost_fen=costs.all_fen,
    )


_NEVER = 1 << 60


def _arrivals(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return np.asarray(pc.fill_null(column.cast(pa.int64()), _NEVER).to_numpy())


def _backlogs(world: World, base: _Outcome, changed: _Outcome) -> list[Backlog]:
    differ = np.abs(changed.backlog - base.backlog).max(axis=0, initial=0.0)
    areas = len(world.places.areas)
    worst = [int(hub) for hub in np.argsort(-differ, kind="stable")[:_MOST_BACKLOGS] if differ[hub] >= 1]
    return [
        Backlog(
            hub=f"{world.carriers[hub // areas]}/{world.codes[hub % areas]}",
            name=world.places.areas[hub % areas].name,
            base=np.rint(base.backlog[:, hub]).astype(int).tolist(),
            changed=np.rint(changed.backlog[:, hub]).astype(int).tolist(),
        )
        for hub in worst
    ]
