"""Scorecards held against a recount in plain Python, one timeline after the other."""

import random
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.rooms.track.random_worlds import CODES

from waypost.engines.reference import open_reference
from waypost.model.instants import DAY_MS, Instant, OffsetSource, parse_instant
from waypost.model.scans import VOID, ScanEvent, surviving
from waypost.store.protocols import Memory
from waypost.testing import World, scan
from waypost.track import scorecards
from waypost.track.fold import StatusFold
from waypost.track.scorecards import DAYS_BEFORE, EARLY_S, SILENT_DAYS, Scorecard, read_scorecards
from waypost.track.statuses import get_status
from waypost.track.tables import bundled_tables
from waypost.track.timeline import judge_timeline

NOW = parse_instant("2026-11-22T12:00:00Z").at_ms
SINCE, UNTIL = NOW - 9 * DAY_MS, NOW - DAY_MS


def mixed_world(memory: Memory, seed: int) -> World:
    """Two carriers, eighty parcels, scans over three months of which half are live, and some corrected."""
    rng = random.Random(seed)
    codes = [*CODES, "picked_up", "out_for_delivery", "delivered", "order_created", "transferred_to_carrier"]
    scans = []
    for _ in range(300):
        at_ms = NOW - rng.choice([rng.randrange(12), rng.randrange(80)]) * DAY_MS - rng.randrange(9) * 600_000
        recorded = rng.choice(
            [
                None,
                at_ms
                + rng.choice(
                    [
                        -300_000,
                        0,
                        1500,
                        700_000,
                        3_600_000,
                        3_600_001,
                        -120_000,
                        -120_001,
                        4_000_000,
                        DAY_MS,
                        3 * DAY_MS + 5,
                    ]
                ),
            ]
        )
        instant = Instant(at_ms, 0, OffsetSource.REPORTED)
        carrier, number = rng.choice(["yto", "sto"]), f"N{rng.randrange(40)}"
        scans.append(
            ScanEvent(carrier=carrier, number=number, code=rng.choice(codes), at=instant, recorded_at_ms=recorded)
        )
    for wrong in rng.sample(scans, 20):
        scans.append(ScanEvent(carrier=wrong.carrier, number=wrong.number, code=VOID, at=wrong.at, corrects=wrong.id))
    rng.shuffle(scans)
    return World(memory, scans)


def recount(world: World) -> dict[str, Counter[str]]:
    """The same figures from the timelines as the index gives them."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for carrier in ("yto", "sto"):
        for place in range(40):
            timeline = world.memory.index.timelines([f"N{place}"], carrier)
            timeline = timeline.filter(pa.array(surviving(timeline)))
            at_ms = np.asarray(timeline.column("at").cast(pa.int64()))
            timeline = timeline.filter(pa.array((at_ms >= SINCE - DAYS_BEFORE * DAY_MS) & (at_ms < UNTIL)))
            if timeline.num_rows:
                count_one(found[carrier], timeline, world)
    return found


def count_one(told: Counter[str], timeline: pa.Table, world: World) -> None:
    judged = judge_timeline(timeline, world.tables)
    at_ms = np.asarray(judged.scans.column("at").cast(pa.int64())).tolist()
    recorded = judged.scans.column("recorded_at").cast(pa.int64()).to_pylist()
    statuses = [get_status(int(number)) for number in judged.statuses]
    rows = [row for row, at in enumerate(at_ms) if at >= SINCE]
    if not rows:
        return
    late = [recorded[row] - at_ms[row] for row in rows if recorded[row] is not None]
    stones = {each.milestone for each in statuses} - {None}
    delivered = any(statuses[row].milestone == "delivered" for row in rows)
    is_silent = at_ms[-1] < UNTIL - SILENT_DAYS * DAY_MS
    ended = bool(stones & {"delivered", "returned", "cancelled"}) or any(each.code == "lost" for each in statuses)
    begun = any(each.code == "unknown" for each in statuses) or bool(stones - {"created"})
    went_out = is_silent and bool(stones & {"out_for_delivery", "ready_to_collect"})
    told["parcels"] += 1
    told["scans"] += len(rows)
    told["live"] += len(late)
    told["over_hour"] += sum(each >= 3_600_000 for each in late)
    told["over_day"] += sum(each >= DAY_MS for each in late)
    told["early"] += sum(each < -EARLY_S * 1000 for each in late)
    told["unknown"] += sum(statuses[row].code == "unknown" for row in rows)
    told["delivered"] += delivered
    told["accepted"] += delivered and "accepted" in stones
    told["moved"] += delivered and bool(stones & {"departed", "arrived"})
    told["out"] += delivered and bool(stones & {"out_for_delivery", "ready_to_collect"})
    told["went_out"] += went_out
    told["ended"] += went_out and (ended or "returning" in stones)
    told["begun"] += begun
    handed = any(each.code == "transferred_to_carrier" for each in statuses)
    told["silent"] += begun and is_silent and not ended and not handed
    told["judged"] += sum(each.phase >= 0 for each in statuses) > 1
    told["impossible"] += bool(judged.odd["impossible"].any())
    told["timed"] += sum(each is not None for each in recorded) > 1
    told["out_of_order"] += bool(judged.odd["out_of_order"].any())


def flatten(card: Scorecard) -> dict[str, Any]:
    fresh, told = card.freshness, card.completeness
    return {
        "parcels": card.parcels,
        "scans": card.scans,
        "live": fresh.scans,
        "over_hour": fresh.over_hour.count,
        "over_day": fresh.over_day.count,
        "early": card.early.count,
        "unknown": card.unknown.count,
        "delivered": told.accepted.of,
        "accepted": told.accepted.count,
        "moved": told.moved.count,
        "out": told.out_for_delivery.count,
        "went_out": told.ended.of,
        "ended": told.ended.count,
        "begun": told.silent.of,
        "silent": told.silent.count,
        "judged": card.impossible.of,
        "impossible": card.impossible.count,
        "timed": card.out_of_order.of,
        "out_of_order": card.out_of_order.count,
    }


@pytest.mark.parametrize("seed", range(8))
def test_every_figure_is_that_of_a_recount(memory: Memory, seed: int) -> None:
    world = mixed_world(memory, seed)
    read = {"since_ms": SINCE, "until_ms": UNTIL, "now_ms": NOW}
    cards = read_scorecards(memory.history, world.tables, **read)
    assert {card.carrier: flatten(card) for card in cards.carriers} == recount(world)


def test_the_random_worlds_have_every_trouble() -> None:
    told: Counter[str] = Counter()
    for seed in range(8):
        memory = open_reference(StatusFold(bundled_tables()))
        for counted in recount(mixed_world(memory, seed)).values():
            told += counted
        memory.close()
    trouble = ["impossible", "out_of_order", "silent", "ended", "early", "over_day", "unknown", "accepted", "out"]
    assert [name for name in trouble if not told[name]] == []


def test_of_very_many_parcels_the_order_is_looked_at_on_some(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorecards, "MOST_SAMPLED", 100)
    scans = [scan(f"M{n}", code, "2026-11-20 10:00") for n in range(400) for code in ("GOT", "SIGNED")]
    scans += [scan("F1", code, "2026-11-20 10:00", carrier="sto") for code in ("GOT", "SIGNED")]
    world = World(memory, scans)
    read = {"since_ms": NOW - 9 * DAY_MS, "until_ms": NOW, "now_ms": NOW}
    many, few = read_scorecards(memory.history, world.tables, **read).carriers
    assert (many.parcels, many.sampled, few.sampled) == (400, 0.25, 1.0)
    assert 60 < many.impossible.of < 140
    assert few.parcels == 1
    again = read_scorecards(memory.history, world.tables, **read).carriers[0]
    assert again.impossible == many.impossible
