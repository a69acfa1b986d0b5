"""Parcels in a made-up network."""

import numpy as np
import pytest

from waypost.model.instants import DAY_MS
from waypost.testing.trips import FIRST_DAY, Halt, Imagined, imagine_trips

HALT = Halt(hub=2, begins=FIRST_DAY + 20.0, ends=FIRST_DAY + 21.5)


@pytest.fixture(scope="module")
def imagined() -> Imagined:
    return imagine_trips(3000, 30, hubs=5, stuck=2, halt=HALT, lost=0.02, holidays=(FIRST_DAY + 10.0,), seed=1)


def test_the_same_seed_makes_the_same_world(imagined: Imagined) -> None:
    again = imagine_trips(3000, 30, hubs=5, stuck=2, halt=HALT, lost=0.02, holidays=(FIRST_DAY + 10.0,), seed=1)
    other = imagine_trips(3000, 30, hubs=5, stuck=2, halt=HALT, lost=0.02, holidays=(FIRST_DAY + 10.0,), seed=2)
    assert again.steps().table.equals(imagined.steps().table)
    assert not other.steps().table.equals(imagined.steps().table)


def test_the_lost_are_never_seen_again(imagined: Imagined) -> None:
    gone = np.flatnonzero(np.isfinite(imagined.lost_after))
    assert 30 < len(gone) < 90
    at = imagined.columns["at"].astype(np.int64) / DAY_MS
    for parcel in gone:
        assert (at[imagined.parcel == parcel] <= imagined.lost_after[parcel]).all()
    delivered = imagined.columns["status"] == "delivered"
    assert set(np.unique(imagined.parcel[delivered])) == set(range(3000)) - set(gone.tolist())


def test_nothing_leaves_a_hub_that_halts(imagined: Imagined) -> None:
    at = imagined.columns["at"].astype(np.int64) / DAY_MS
    here = (imagined.columns["facility"] == "imagined/H2") & (imagined.columns["status"] == "departed_from_hub")
    # what was sorted when it began still leaves by the next truck
    during = here & (at > HALT.begins + 0.75) & (at < HALT.ends)
    assert here.sum() > 300
    assert during.sum() == 0


def test_a_stuck_truck_arrives_late(imagined: Imagined) -> None:
    at = imagined.columns["at"].astype(np.int64) / DAY_MS
    for number, truck in enumerate(imagined.stuck):
        assert truck.arrived - truck.departed > 1.2
        on_it = np.isin(imagined.parcel, np.flatnonzero(imagined.stuck_parcels == number))
        there = on_it & (imagined.columns["facility"] == f"imagined/H{truck.destination}")
        assert at[there].min() > truck.arrived
        assert on_it.sum() > 10


def test_nobody_delivers_on_sundays_and_holidays(imagined: Imagined) -> None:
    local = imagined.columns["at"].astype(np.int64) / DAY_MS - 3 / 24
    out = np.floor(local[imagined.columns["status"] == "out_for_delivery"])
    assert FIRST_DAY % 7 == 4  # 1970 began on a Thursday, so this is a Monday
    assert not np.isin((out + 3) % 7, [6]).any()
    assert not np.isin(out, [FIRST_DAY + 10]).any()


def test_scans_until_an_instant(imagined: Imagined) -> None:
    known = imagined.steps(FIRST_DAY + 8.0)
    assert known.at.max() < FIRST_DAY + 8
    assert 0 < len(known) < len(imagined.steps())
