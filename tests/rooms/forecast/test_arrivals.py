"""Parcels on their way at an instant, as people are told of them."""

import numpy as np
import pytest
from tests.rooms.forecast.watching import HALT, KNOWN, parcels, steps, watch

from waypost.forecast.arrivals import look_ahead
from waypost.model.instants import DAY_MS, parse_instant


def days(instant: str) -> float:
    return parse_instant(instant).at_ms / DAY_MS


def test_the_most_endangered_come_first() -> None:
    known = steps().known_at(KNOWN)
    found = look_ahead(watch(), known, KNOWN, most=40)
    assert len(found.parcels) == 40
    assert found.on_their_way > 40
    risks = [each.risk for each in found.parcels]
    assert risks == sorted(risks, reverse=True)
    for each in found.parcels:
        assert KNOWN <= days(each.p50_at) <= days(each.p80_at) <= days(each.p90_at)
        assert 0 <= each.wrong <= each.risk <= 1
    lost = np.isinf(steps().delivered[steps().is_last])
    names = dict(zip(parcels(steps())[steps().is_last].tolist(), lost.tolist(), strict=True))
    gone = [names[int(each.number[1:])] for each in found.parcels if each.wrong > 0.8]
    assert np.mean(gone) > 0.7


def test_one_is_told_by_its_number_with_the_reasons_of_its_own() -> None:
    known = steps().known_at(KNOWN)
    listed = look_ahead(watch(), known, KNOWN, most=30)
    for each in (listed.parcels[0], listed.parcels[-1]):
        alone = look_ahead(watch(), known, KNOWN, numbers=[each.number])
        assert alone.parcels == [each]
        assert alone.groups == []
    silent = [reason.code.value for each in listed.parcels for reason in each.reasons]
    assert "silent" in silent
    assert look_ahead(watch(), known, KNOWN, numbers=["nobody"]).parcels == []


def test_a_hub_that_stands_still_is_named() -> None:
    now = HALT.begins + 1.5
    found = look_ahead(watch(), steps().known_at(now), now, most=1)
    assert found.groups
    worst = found.groups[0]
    assert worst.silent > 10 * worst.expected
    assert len(worst.parcels) == worst.silent
    assert HALT.begins - 0.5 < days(worst.since) < now
    assert str(HALT.hub) in worst.facility


@pytest.mark.parametrize("most", [1, 7])
def test_no_more_than_asked_for(most: int) -> None:
    assert len(look_ahead(watch(), steps().known_at(KNOWN), KNOWN, most=most).parcels) == most
