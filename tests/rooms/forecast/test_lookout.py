"""Parcels on their way at an instant, as people are told of them."""

import functools

import numpy as np
import pyarrow as pa
import pytest
from tests.rooms.forecast.watching import HALT, KNOWN, parcels, steps, watch

from waypost.forecast.lookout import Lookout, Wanted, is_at
from waypost.forecast.steps import LATELY_DAYS, Steps
from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS, parse_instant
from waypost.network.areas import Areas


def days(instant: str) -> float:
    return parse_instant(instant).at_ms / DAY_MS


@functools.cache
def lookout(now: float = KNOWN) -> Lookout:
    return Lookout(watch(), steps().known_at(now), now, Areas([]), version=3, learnt_at="2025-12-20T00:00:00Z")


def test_the_most_endangered_come_first() -> None:
    found, _ = lookout().page(Wanted(), None, 40)
    assert len(found) == 40 < lookout().on_their_way
    risks = [each.risk for each in found]
    assert risks == sorted(risks, reverse=True)
    for each in found:
        assert KNOWN <= days(each.p10_at) <= days(each.p50_at) <= days(each.p80_at) <= days(each.p90_at)
        assert 0 <= each.wrong <= each.risk <= 1
        assert not each.given_up
        assert each.offset_min == -180
    lost = np.isinf(steps().delivered[steps().is_last])
    names = dict(zip(parcels(steps())[steps().is_last].tolist(), lost.tolist(), strict=True))
    gone = [names[int(each.number[1:])] for each in found if each.wrong > 0.8]
    assert np.mean(gone) > 0.7


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(facility="H3"), Wanted(carrier="imagined", least_risk=0.02)])
def test_pages_follow_one_another(wanted: Wanted) -> None:
    whole, end = lookout().page(wanted, None, 10_000)
    assert end is None
    assert len(whole) > 14
    paged, cursor = [], None
    while len(paged) < 21 and (cursor is not None or not paged):
        page, cursor = lookout().page(wanted, cursor, 7)
        assert len(page) <= 7
        paged += page
    assert paged == whole[: len(paged)]
    assert all(each.risk >= wanted.least_risk for each in whole)
    assert wanted.facility is None or {each.facility for each in whole} == {"imagined/H3"}


def test_who_is_just_as_endangered_as_wanted_is_listed() -> None:
    every = lookout().page(Wanted(), None, 10_000)[0]
    awkward = [risk for risk in sorted({each.risk for each in every}) if risk * 10_000 > round(risk * 10_000)]
    assert awkward
    for risk in awkward[-3:]:
        found = lookout().page(Wanted(least_risk=risk), None, 10_000)[0]
        assert found == [each for each in every if each.risk >= risk]


def test_who_is_not_wanted_is_not_listed() -> None:
    assert lookout().page(Wanted(carrier="another"), None, 5) == ([], None)
    assert lookout().page(Wanted(facility="3"), None, 5) == ([], None)
    assert lookout().page(Wanted(facility="imagined/H3"), None, 5) == lookout().page(Wanted(facility="H3"), None, 5)
    with pytest.raises(BadInput, match="none of ours"):
        lookout().page(Wanted(), "x", 5)


def test_a_facility_is_named_by_its_code_alone_or_with_its_carrier() -> None:
    places = pa.chunked_array([["a/01", "b/01", "b/HZ/01", None, "b/HZ"]], pa.string())
    for named, found in (("01", [0, 1]), ("b/01", [1]), ("HZ/01", [2]), ("b/HZ/01", [2]), ("b", []), ("HZ", [4])):
        assert np.flatnonzero(is_at(places, named)).tolist() == found, named


def test_one_is_told_by_its_number_with_the_reasons_of_its_own() -> None:
    listed, _ = lookout().page(Wanted(), None, 30)
    for each in (listed[0], listed[-1]):
        assert lookout().find([each.number]) == [each]
    silent = [reason.code.value for each in listed for reason in each.reasons]
    assert "silent" in silent
    assert lookout().find(["nobody"]) == []


def test_who_was_silent_for_too_long_is_told_by_number_alone() -> None:
    now = KNOWN + 15
    late = lookout(now)
    rows = [row for row in steps().on_their_way().tolist() if steps().at[row] < KNOWN]
    lost = steps().table.column("number")[rows[0]].as_py()
    [found] = late.find([lost])
    assert found.given_up
    assert lost not in {each.number for each in late.page(Wanted(), None, 10_000)[0]}


def test_newer_scans_move_the_window() -> None:
    """What comes after the lookout was made counts at once; who has arrived since is told no more."""
    later = KNOWN + 0.75
    known, then = steps().known_at(KNOWN), steps().known_at(later)
    waiting = known.table.column("number").take(known.on_their_way()).to_pylist()
    newer = [number for number, at in zip(then.table.column("number").to_pylist(), then.at, strict=True) if at > KNOWN]
    meant = sorted(set(waiting) & set(newer))[:200]
    rows = np.isin(np.asarray(then.table.column("number").to_pylist(), object), meant)
    told = {each.number: each for each in lookout().tell(Steps(then.take(rows)), later)}
    before = {each.number: each for each in lookout().find(meant)}
    ended = set(then.table.filter(rows & np.isfinite(then.ended)).column("number").to_pylist())
    assert 0 < len(ended) < len(meant)
    assert set(told) == set(meant) - ended
    assert all(days(each.scanned_at) > KNOWN for each in told.values())
    width = np.median([days(each.p90_at) - days(each.p10_at) for each in told.values()])
    assert width < np.median([days(before[number].p90_at) - days(before[number].p10_at) for number in told])


def test_the_window_from_p10_to_p90_holds_eight_of_ten() -> None:
    inside = []
    for now in (KNOWN + 3.4, KNOWN + 6.6, KNOWN + 9.7):
        known = steps().known_at(now)
        ends = dict(zip(steps().table.column("number").to_pylist(), steps().delivered.tolist(), strict=True))
        for each in lookout(now).tell(known, now):
            came = ends[each.number]
            if np.isfinite(came):  # the window is that of parcels that arrive
                inside.append(days(each.p10_at) <= came <= days(each.p90_at))
    assert len(inside) > 1200
    assert 0.75 < np.mean(inside) < 0.86


def test_how_things_go_is_told_by_the_last_weeks_alone() -> None:
    now = KNOWN + 20
    known = steps().known_at(now)
    newest = np.zeros(int(known.parcel.max()) + 1)
    np.maximum.at(newest, known.parcel, known.at)
    recent = Steps(known.take(newest[known.parcel] >= now - LATELY_DAYS))
    assert len(recent) < len(known)
    some = Lookout(watch(), recent, now, Areas([]))
    assert some.page(Wanted(), None, 50) == lookout(now).page(Wanted(), None, 50)
    assert some.groups == lookout(now).groups


def test_a_hub_that_stands_still_is_named() -> None:
    now = HALT.begins + 1.5
    worst = lookout(now).groups[0]
    assert worst.silent > 10 * worst.expected
    assert len(worst.parcels) == worst.silent
    assert HALT.begins - 0.5 < days(worst.since) < now
    assert str(HALT.hub) in worst.facility
