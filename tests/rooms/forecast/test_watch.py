"""ETAs that move with scans and with time passing."""

import functools
import json

import numpy as np
import pytest
from tests.rooms.forecast.watching import DAYS, KNOWN, steps, watch

from waypost.forecast.trips import Ints
from waypost.forecast.watch import WATCH_FORMAT, Watch, Watched, learn_watch
from waypost.model.errors import WrongFormat
from waypost.model.instants import DAY_MS
from waypost.testing.trips import FIRST_DAY, imagine_trips


@functools.cache
def watched() -> tuple[Ints, Watched]:
    """The scans of a week of parcels that arrived, with what was known on day 40."""
    coming = (steps().at >= KNOWN) & (steps().at < KNOWN + 7) & (steps().at < steps().ended)
    rows = np.flatnonzero(coming & np.isfinite(steps().delivered))
    return rows, watch().watch(steps(), watch().lately(steps(), KNOWN), rows)


def test_at_the_scan_it_is_what_was_learnt() -> None:
    rows, told = watched()
    now = steps().at[rows]
    assert watch().arrivals(told, now) == pytest.approx(watch().eta.instants(told.door, now))


def test_the_eta_moves_on_and_is_never_behind() -> None:
    """At times P90 of a parcel comes nearer by hours: that there was no failed attempt yet is news too."""
    rows, told = watched()
    hours = np.arange(0, 480, 6)
    etas = np.stack([watch().arrivals(told, steps().at[rows] + hour / 24) for hour in hours])
    moves = np.diff(etas, axis=0)
    assert ((moves < -0.01).mean((0, 1)) < [0.0005, 0.001, 0.005]).all()
    assert moves.min() > -0.5
    assert (etas >= steps().at[rows][None, :, None] + hours[:, None, None] / 24).all()
    assert (np.diff(etas, axis=2) >= 0).all()


@pytest.mark.parametrize("share", [0.9, 0.95])
def test_windows_hold_when_the_next_scan_is_overdue(share: float) -> None:
    """The way to the door alone only knows that the parcel is not there yet: it holds less often and is further off."""
    rows, told = watched()
    now = watch().silence.due(told.scan, share)
    overdue = steps().following[rows] > now
    arrived = steps().delivered[rows]
    etas = {"moved": watch().arrivals(told, now), "alone": watch().eta.instants(told.door, now)}
    held = {name: (arrived[:, None] <= each)[overdue].mean(0) for name, each in etas.items()}
    off = {name: np.abs(arrived - each[:, 0])[overdue].mean() for name, each in etas.items()}
    assert overdue.sum() > 100
    assert held["moved"][1:] == pytest.approx([0.8, 0.9], abs=0.08)
    assert held["alone"][2] < held["moved"][2]
    assert off["moved"] < off["alone"]


def test_instants_are_those_in_days() -> None:
    _, told = watched()
    now_ms = round((FIRST_DAY + DAYS) * DAY_MS)
    assert watch().arrivals_ms(told, now_ms) / DAY_MS == pytest.approx(watch().arrivals(told, now_ms / DAY_MS))


def test_both_models_are_learnt_kept_and_read_back() -> None:
    some = imagine_trips(2500, 25, hubs=4, seed=2).steps()
    known = FIRST_DAY + 20.0
    learnt = learn_watch(some, known)
    assert learnt.eta.vocabulary == learnt.silence.gaps.vocabulary  # so one `lately` serves both
    again = Watch.from_bytes(learnt.to_bytes())
    told = [each.watch(some, each.lately(some, known)) for each in (learnt, again)]
    now = known + 1
    assert learnt.arrivals(told[0], now) == pytest.approx(again.arrivals(told[1], now))
    strange = json.dumps(json.loads(learnt.to_bytes()) | {"format": WATCH_FORMAT + 1}).encode()
    with pytest.raises(WrongFormat, match=r"has format 2, not 1\. Train it anew"):
        Watch.from_bytes(strange)
