"""Scorecards of a small world that was counted by hand, the same on every engine."""

import datetime as dt
from collections.abc import Iterator

import msgspec
import pytest
from tests.conformance.engines import Opened

from waypost.model.instants import format_utc, parse_instant
from waypost.model.scans import VOID, ScanEvent
from waypost.testing import World, scan
from waypost.track.scorecards import Part, Scorecard, Scorecards, UnheardCode, read_scorecards
from waypost.track.shifts import Shift

NOW = parse_instant("2026-11-22T12:00:00Z").at_ms
SINCE = parse_instant("2026-11-01T00:00:00Z").at_ms
WAY = ("picked_up", "departed_from_hub", "out_for_delivery", "delivered")


def step(carrier: str, number: str, code: str, when: str, took_min: float | None = None, **more: object) -> ScanEvent:
    """A scan at `day hour:minute` of November in UTC, which the network got so many minutes later."""
    happened = dt.datetime.strptime(f"2026-11-{when} +0000", "%Y-%m-%d %H:%M %z")
    recorded = None if took_min is None else format_utc(round((happened.timestamp() + took_min * 60) * 1000))
    return scan(number, code, happened.isoformat(), carrier=carrier, recorded=recorded, **more)  # type: ignore[arg-type]


def whole_ways(carrier: str, parcels: int, took_min: list[float]) -> Iterator[ScanEvent]:
    for number in range(parcels):
        for day, code in enumerate(WAY, start=10):
            yield step(carrier, f"{carrier}{number}", code, f"{day} {8 + number}:00", took_min[number % len(took_min)])


def small_world() -> Iterator[ScanEvent]:
    yield from whole_ways("prompt", 10, [1])
    yield from whole_ways("ahead", 6, [-178])  # stamped three hours ahead, sent two minutes after
    yield from whole_ways("late", 6, [90, 300, 1800])

    yield step("strange", "S1", "picked_up", "10 08:00")
    for minute, code in enumerate(["X1", "X1", "X2"]):
        yield step("strange", "S1", code, f"11 08:0{minute}")
    yield step("strange", "S2", "X1", "12 08:00")

    for number in range(3):
        yield step("shy", f"N{number}", "picked_up", "10 08:00")
        yield step("shy", f"N{number}", "delivered", "12 08:00")
    yield step("shy", "N0", "arrived_at_hub", "11 08:00")
    yield scan("N3", "picked_up", "2026-10-20T08:00:00Z", carrier="shy")  # before the stretch, yet of its parcel
    yield step("shy", "N3", "delivered", "02 08:00")
    yield scan("N4", "delivered", "2026-10-20T08:00:00Z", carrier="shy")  # nothing of it in the stretch
    yield scan("N5", "delivered", "2026-10-20T08:00:00Z", carrier="shy")  # delivered before, scanned in it
    yield step("shy", "N5", "notice", "02 08:00")

    for code, when in (("picked_up", "20 08:00"), ("delivered", "21 08:00"), ("arrived_at_hub", "21 09:00")):
        yield step("odd", "IMPOSSIBLE", code, when)
    yield step("odd", "SWAPPED", "picked_up", "20 08:00", 300)
    yield step("odd", "SWAPPED", "departed_from_hub", "20 09:00", 1)
    yield step("odd", "TIED", "picked_up", "20 08:00", 300)
    yield step("odd", "TIED", "departed_from_hub", "20 08:00", 1)  # nobody knows the order within one instant
    yield step("odd", "SILENT", "picked_up", "10 08:00")
    yield step("odd", "SILENT", "out_for_delivery", "12 08:00")
    yield step("odd", "HANDED", "picked_up", "10 08:00")
    yield step("odd", "HANDED", "transferred_to_carrier", "11 08:00")
    yield step("odd", "ANNOUNCED", "order_created", "10 08:00")
    for code, when in (("delivered", "20 08:00"), ("lost", "21 08:00"), ("arrived_at_hub", "21 09:00")):
        yield step("odd", "MISHAP", code, when)
    wrong = step("odd", "MENDED", "delivered", "20 08:00")
    yield from (wrong, step("odd", "MENDED", VOID, "20 09:00", corrects=wrong))
    yield step("odd", "MENDED", "picked_up", "20 10:00")


@pytest.fixture
def cards(opened: Opened) -> Scorecards:
    world = World(opened.memory, small_world())
    return read_scorecards(world.memory.history, world.tables, since_ms=SINCE, until_ms=None, now_ms=NOW)


def card_of(cards: Scorecards, carrier: str) -> Scorecard:
    [found] = [each for each in cards.carriers if each.carrier == carrier]
    return found


def counts(*parts: Part) -> list[tuple[int, int]]:
    return [(part.count, part.of) for part in parts]


def test_no_scans_are_no_cards(opened: Opened) -> None:
    world = World(opened.memory)
    cards = read_scorecards(world.memory.history, world.tables, since_ms=SINCE, until_ms=None, now_ms=NOW)
    assert cards.carriers == []


def test_a_card_for_each_carrier_most_scans_first(cards: Scorecards) -> None:
    assert [(each.carrier, each.parcels, each.scans) for each in cards.carriers] == [
        ("prompt", 10, 40),
        ("ahead", 6, 24),
        ("late", 6, 24),
        ("odd", 8, 17),
        ("shy", 5, 9),
        ("strange", 2, 5),
    ]
    assert (cards.since, cards.until) == ("2026-11-01T00:00:00Z", "2026-11-22T12:00:00Z")


def test_a_good_carrier(cards: Scorecards) -> None:
    card = card_of(cards, "prompt")
    fresh, told = card.freshness, card.completeness
    assert (fresh.scans, fresh.p50_s, fresh.p90_s, fresh.p99_s) == (40, 60, 60, 60)
    assert counts(fresh.over_hour, fresh.over_day, card.early) == [(0, 40)] * 3
    assert counts(told.accepted, told.moved, told.out_for_delivery, told.ended, told.silent) == [(10, 10)] * 4 + [
        (0, 10)
    ]
    assert counts(card.unknown, card.impossible, card.out_of_order) == [(0, 40), (0, 10), (0, 10)]
    assert card.shift == Shift("none", None, 40)
    assert card.unknown_codes == []
    assert told.accepted.share == 1.0


def test_one_that_stamps_three_hours_ahead(cards: Scorecards) -> None:
    card = card_of(cards, "ahead")
    assert card.shift == Shift("ahead", 180, 24)
    assert counts(card.early) == [(24, 24)]
    assert card.freshness.p50_s == -178 * 60


def test_one_that_sends_late(cards: Scorecards) -> None:
    fresh = card_of(cards, "late").freshness
    assert (fresh.p50_s, fresh.p90_s, fresh.p99_s) == (300 * 60, 1800 * 60, 1800 * 60)
    assert counts(fresh.over_hour, fresh.over_day) == [(24, 24), (8, 24)]
    assert card_of(cards, "late").shift == Shift("none", None, 24)


def test_one_with_unknown_codes_from_a_file(cards: Scorecards) -> None:
    card = card_of(cards, "strange")
    assert counts(card.unknown) == [(4, 5)]
    assert card.unknown_codes == [
        UnheardCode("X1", 3, "2026-11-11T08:00:00Z", "2026-11-12T08:00:00Z", "S2"),
        UnheardCode("X2", 1, "2026-11-11T08:02:00Z", "2026-11-11T08:02:00Z", "S1"),
    ]
    assert (card.freshness.scans, card.freshness.p50_s, card.early) == (0, None, Part(0, 0, None))
    assert card.shift == Shift("too_few", None, 0)
    assert counts(card.completeness.silent, card.impossible) == [(2, 2), (0, 0)]


def test_one_that_tells_no_delivery_run(cards: Scorecards) -> None:
    told = card_of(cards, "shy").completeness
    assert counts(told.accepted, told.moved, told.out_for_delivery) == [(4, 4), (1, 4), (0, 4)]
    assert counts(told.ended, told.silent) == [(0, 0), (0, 5)]


def test_one_whose_scans_contradict_each_other(cards: Scorecards) -> None:
    card = card_of(cards, "odd")
    assert counts(card.impossible) == [(1, 6)]  # of IMPOSSIBLE, SWAPPED, TIED, SILENT, HANDED, MISHAP
    assert counts(card.out_of_order) == [(1, 2)]
    assert counts(card.completeness.silent, card.completeness.ended) == [(1, 7), (0, 1)]
    assert counts(card.completeness.accepted) == [(1, 2)]  # what was withdrawn is no delivery


def test_a_stretch_ends_before_its_end(opened: Opened) -> None:
    world = World(opened.memory, small_world())
    until = parse_instant("2026-11-13T08:00:00Z").at_ms
    read = {"since_ms": until - 86_400_000, "until_ms": until, "now_ms": NOW}
    cards = read_scorecards(world.memory.history, world.tables, **read)
    card = card_of(cards, "prompt")
    assert (cards.until, card.scans) == ("2026-11-13T08:00:00Z", 10)
    assert counts(card.completeness.accepted, card.completeness.silent) == [(0, 0), (0, 10)]
    assert msgspec.json.decode(msgspec.json.encode(cards), type=Scorecards) == cards
