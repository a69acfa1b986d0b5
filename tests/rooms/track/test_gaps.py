"""What is learned from scans of how long the next one takes."""

import numpy as np
import pyarrow as pa
import pytest

from waypost.model.instants import DAY_MS, Instant, OffsetSource
from waypost.model.scans import ScanEvent
from waypost.store.protocols import Memory
from waypost.testing import Clock
from waypost.testing.world import World
from waypost.track.gaps import NO_SCAN, Gaps, learn_gaps, read_gaps
from waypost.track.rhythm import HOUR_MS, Ints, Rhythm
from waypost.track.statuses import get_status
from waypost.track.tables import bundled_tables

START_MS = 1_791_763_200_000  # Monday, 00:00 UTC
NOW_MS = START_MS + 28 * DAY_MS
AT_HUB = get_status("arrived_at_hub").number
OUT = get_status("out_for_delivery").number


def learn(at_ms: Ints, gap_ms: Ints, carrier: str = "east", code: str = "arrived_at_hub") -> Gaps:
    next_ms = at_ms + gap_ms
    table = {
        "carrier": pa.array([carrier] * len(at_ms), pa.string()),
        "code": pa.array([code] * len(at_ms), pa.string()),
        "at_ms": at_ms,
        "next_ms": pa.array(next_ms, pa.int64(), mask=next_ms > NOW_MS),
    }
    return learn_gaps(pa.table(table), bundled_tables(), NOW_MS)


def draw(median_h: float, spread: float, count: int = 50_000) -> tuple[Ints, Ints]:
    rng = np.random.default_rng(1)
    at_ms = rng.integers(START_MS, NOW_MS, count)
    return at_ms, (median_h * np.exp(spread * rng.standard_normal(count)) * HOUR_MS).astype(np.int64)


def chance(rhythm: Rhythm, hours: float, status: int = AT_HUB, last_ms: int | None = None) -> float:
    """Of a scan within some hours; if it is not said behind which, on average over those of a week."""
    last = np.array([last_ms]) if last_ms is not None else NOW_MS + np.arange(168) * HOUR_MS
    return float(rhythm.chance(np.full(len(last), status), last, last, last + int(hours * HOUR_MS)).mean())


def test_chances_are_those_of_the_gaps() -> None:
    at_ms, gap_ms = draw(6.0, 0.7)
    rhythm = learn(at_ms, gap_ms).of("east")
    for hours in (1, 3, 6, 12, 24):
        assert chance(rhythm, hours) == pytest.approx((gap_ms < hours * HOUR_MS).mean(), abs=0.02)


def test_what_did_not_come_yet_counts_as_waiting() -> None:
    """Of the gaps of the last hours only the short ones have ended: they are no shorter than others for that."""
    at_ms, gap_ms = draw(20.0, 0.5)
    late = at_ms > NOW_MS - 2 * DAY_MS
    rhythm = learn(at_ms[late], gap_ms[late]).of("east")
    assert chance(rhythm, 20) == pytest.approx(0.5, abs=0.04)


def test_the_hour_of_the_day_is_learned_for_each_status() -> None:
    """What arrives at any hour and leaves at 7 is likely to leave at 7, however long it has been there."""
    rng = np.random.default_rng(2)
    at_ms = rng.integers(START_MS, NOW_MS - DAY_MS, 50_000)
    leaves_ms = (at_ms // DAY_MS + (at_ms % DAY_MS >= 7 * HOUR_MS)) * DAY_MS + 7 * HOUR_MS
    rhythm = learn(at_ms, leaves_ms + rng.integers(0, HOUR_MS, len(at_ms)) - at_ms).of("east")
    evening = NOW_MS + 20 * HOUR_MS
    assert chance(rhythm, 10, last_ms=evening) < 0.2  # until 6
    assert chance(rhythm, 12, last_ms=evening) > 0.9  # until 8


def test_a_carrier_that_nobody_knows_has_the_rhythm_of_all() -> None:
    gaps = learn(*draw(6.0, 0.7))
    assert chance(gaps.of("unheard"), 6) == pytest.approx(chance(gaps.of("east"), 6), abs=0.03)
    assert chance(gaps.of("east"), 12, status=OUT) == pytest.approx(1 - np.exp(-1), abs=0.02)  # never seen: half a day


def test_without_any_scan_the_next_is_half_a_day_away() -> None:
    nothing: Ints = np.empty(0, np.int64)
    assert chance(learn(nothing, nothing).of("east"), 12, status=NO_SCAN) == pytest.approx(1 - np.exp(-1), abs=0.01)


def test_history_gives_each_scan_its_next_one(memory: Memory) -> None:
    """Read from scans of parcels, with the last of each still waiting."""
    clock, world = Clock(), World(memory)
    start = clock.now_ms - 20 * DAY_MS
    scans: list[ScanEvent] = []
    for parcel in range(336):
        at = start + parcel * HOUR_MS
        for code, hours in (("GOT", 0), ("ARRIVAL", 4), ("DEPARTURE", 6)):
            instant = Instant(at + hours * HOUR_MS, 480, OffsetSource.CARRIER)
            scans.append(ScanEvent(carrier="yto", number=f"YT{parcel:05}", code=code, at=instant))
    world.keep(scans)
    gaps = read_gaps(world.memory.history, world.tables, clock.now_ms)
    picked_up = get_status("picked_up").number
    assert chance(gaps.of("yto"), 3.5, status=picked_up) < 0.4
    assert chance(gaps.of("yto"), 4.5, status=picked_up) > 0.6
    few = read_gaps(world.memory.history, world.tables, clock.now_ms, most=100)  # a share of the numbers says the same
    assert chance(few.of("yto"), 4.5, status=picked_up) > 0.3
