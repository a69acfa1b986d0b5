"""The ETA of parcels on their way."""

import functools
import json

import numpy as np
import pytest
from tests.rooms.forecast.watching import DAYS, KNOWN, eta, steps

from waypost.forecast.ahead import AHEAD_FORMAT, AheadModel, Expected
from waypost.forecast.eta import learn_eta
from waypost.forecast.steps import Steps, make_steps
from waypost.forecast.trips import Floats, Ints
from waypost.model.errors import BadInput, WrongFormat
from waypost.model.instants import DAY_MS
from waypost.testing.trips import FIRST_DAY, imagine_trips


@functools.cache
def foreseen() -> tuple[Ints, Expected]:
    """What was expected at each scan after day 40 of parcels that arrived, with what was known in each morning."""
    told, asked = [], []
    for day in np.arange(KNOWN, FIRST_DAY + DAYS - 8):
        lately = eta().lately(steps().known_at(day), day)
        coming = (steps().at >= day) & (steps().at < day + 1) & (steps().at < steps().ended)
        rows = np.flatnonzero(coming & np.isfinite(steps().delivered))
        asked.append(rows)
        told.append(eta().expect(steps(), lately, rows))
    names = Expected.__struct_fields__
    return np.concatenate(asked), Expected(*(np.concatenate([getattr(one, name) for one in told]) for name in names))


def off_hours(rows: Ints, expected: Expected, now: Floats) -> Floats:
    return np.abs(steps().delivered[rows] - eta().instants(expected, now, (0.5,))[:, 0]) * 24


@pytest.mark.parametrize("scans", [6, 8])
def test_the_error_shrinks_scan_by_scan(scans: int) -> None:
    """Of parcels that go straight, and of those that change at a hub between."""
    rows, expected = foreseen()
    begins = np.searchsorted(steps().parcel, steps().parcel[rows])
    whole = np.searchsorted(steps().parcel, steps().parcel[rows], "right") - begins == scans
    hours = off_hours(rows, expected, expected.at)
    errors = [hours[whole & (rows - begins == nth)].mean() for nth in range(scans - 1)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.6 * errors[0]


def test_windows_hold_as_often_as_they_say() -> None:
    rows, expected = foreseen()
    held = (steps().delivered[rows, None] <= eta().instants(expected, expected.at)).mean(0)
    assert held == pytest.approx([0.5, 0.8, 0.9], abs=0.05)


@pytest.mark.parametrize("hours", [6, 18])
def test_windows_hold_when_time_has_passed(hours: float) -> None:
    rows, expected = foreseen()
    silent = (steps().following[rows] - expected.at) * 24 > hours
    some = Expected(*(getattr(expected, name)[silent] for name in Expected.__struct_fields__))
    told = eta().instants(some, some.at + hours / 24)
    held = (steps().delivered[rows[silent], None] <= told).mean(0)
    assert held[1:] == pytest.approx([0.8, 0.9], abs=0.07)


def test_the_eta_moves_on_when_nothing_happens() -> None:
    _, expected = foreseen()
    etas = np.stack([eta().instants(expected, expected.at + days)[:, 1] for days in (0, 1, 2, 4, 8)])
    assert (np.diff(etas, axis=0) >= -1e-9).all()
    # who was silent beyond the first P80 is expected later than that
    late = expected.at + 8 > etas[0]
    assert (etas[-1][late] > expected.at[late] + 8).all()
    assert late.mean() > 0.9


def test_instants_are_those_in_days() -> None:
    _, expected = foreseen()
    now_ms = round((FIRST_DAY + DAYS) * DAY_MS)
    told = eta().instants_ms(expected, now_ms)
    assert (told >= now_ms).all()
    assert told / DAY_MS == pytest.approx(eta().instants(expected, now_ms / DAY_MS))


def test_what_came_later_is_not_known() -> None:
    """Parcels on their way are expected the same whether or not the rest of their way is in the table."""
    now = KNOWN + 5
    then = steps().known_at(now)
    rows = then.on_their_way()
    lately = eta().lately(then, now)
    keys = list(zip(then.table.column("number").to_pylist(), then.at.tolist(), strict=True))
    everywhere = {
        key: row for row, key in enumerate(zip(steps().table.column("number").to_pylist(), steps().at, strict=True))
    }
    same = np.array([everywhere[keys[row]] for row in rows])
    one, other = eta().expect(then, lately, rows), eta().expect(steps(), lately, same)
    assert one.middle == pytest.approx(other.middle)
    assert one.spread == pytest.approx(other.spread)


def test_parcels_on_their_way_teach_too() -> None:
    """Ten days after everything began to take longer, who leaves out what is on its way has seen quick ones only."""
    fast = imagine_trips(4000, 30, hubs=4, lost=0, stuck=0)
    columns = dict(fast.columns)
    at = columns["at"].astype(np.int64) / DAY_MS
    firsts = np.full(fast.parcel.max() + 1, np.inf)
    np.minimum.at(firsts, fast.parcel, at)
    begun = firsts[fast.parcel]
    slow = begun > FIRST_DAY + 18
    columns["at"] = (np.where(slow, begun + 3 * (at - begun), at) * DAY_MS).astype("datetime64[ms]")
    del columns["promised_at"]
    every, known = make_steps(columns), FIRST_DAY + 24.0
    now = every.known_at(known)
    finished = now.take(np.isfinite(now.delivered))
    asked = np.flatnonzero((every.at > known - 2) & (every.at < known) & (every.first > FIRST_DAY + 18))
    asked = asked[every.at[asked] < every.ended[asked]]
    biases = []
    for model in (learn_eta(every, known), learn_eta(Steps(finished), known)):
        expected = model.expect(every, model.lately(now, known), asked)
        left = np.log(every.delivered[asked] - every.at[asked])
        biases.append(float(np.median(left - expected.middle)))
    assert biases[0] < biases[1] - 0.05


def test_a_model_is_kept_and_read_back() -> None:
    rows, expected = foreseen()
    kept = eta().to_bytes()
    again = AheadModel.from_bytes(kept)
    lately = again.lately(steps().known_at(KNOWN), KNOWN)
    for name in Expected.__struct_fields__:
        mine, other = (getattr(each.expect(steps(), lately, rows[:500]), name) for each in (eta(), again))
        assert mine == pytest.approx(other)
    assert eta().instants(expected, KNOWN) == pytest.approx(again.instants(expected, KNOWN))
    strange = json.loads(kept) | {"format": AHEAD_FORMAT + 1}
    with pytest.raises(WrongFormat, match=r"has format 2, not 1\. Train it anew"):
        AheadModel.from_bytes(json.dumps(strange).encode())


def test_the_same_seed_learns_the_same() -> None:
    some = imagine_trips(2500, 20, hubs=4, seed=2).steps()
    one, other = (learn_eta(some, FIRST_DAY + 20.0, seed=5) for _ in range(2))
    assert one.to_bytes() == other.to_bytes()


def test_what_no_one_has_seen_before_is_expected_too() -> None:
    columns = {
        "carrier": ["nobody"],
        "number": ["1"],
        "status": ["customs_held"],
        "facility": ["nobody/X"],
        "at": np.array([round(KNOWN * DAY_MS)], "datetime64[ms]"),
        "offset_min": np.zeros(1, np.int16),
    }
    strange = make_steps(columns)
    expected = eta().expect(strange, eta().lately(steps().known_at(KNOWN), KNOWN))
    [[p50, p80, p90]] = eta().instants(expected, KNOWN)
    assert KNOWN < p50 < p80 < p90 < KNOWN + 60
    assert np.isnan(eta().chance_of_later(expected, KNOWN, strange.promised)).all()


def test_from_too_little_nothing_is_learnt() -> None:
    with pytest.raises(BadInput, match="it takes 500 to learn from"):
        learn_eta(imagine_trips(60, 10, hubs=3).steps(), FIRST_DAY + 10.0)
