"""The risks of parcels on their way."""

import numpy as np
import pytest
from tests.rooms.forecast.watching import KNOWN, steps, watch

from waypost.forecast.risks import find_risks
from waypost.forecast.steps import Steps


def test_each_parcel_on_its_way_has_its_risks() -> None:
    known = steps().known_at(KNOWN)
    risks = find_risks(watch(), known, KNOWN)
    assert risks.rows.tolist() == known.on_their_way().tolist()
    assert ((risks.wrong >= 0) & (risks.wrong <= 1)).all()
    assert (risks.late >= risks.wrong).all()
    assert (risks.due > known.at[risks.rows]).all()
    # who is silent beyond what is usual is at risk, who was just scanned is not
    assert risks.wrong[risks.silent < 0.005].mean() > 10 * risks.wrong[risks.silent > 0.5].mean()


def test_promises_break_as_often_as_told() -> None:
    """Of parcels that were not lost, in tenths of the risk."""
    now = KNOWN + 4
    known = steps().known_at(now)
    risks = find_risks(watch(), known, now)
    broken = {
        number: late
        for number, late, arrived in zip(
            steps().table.column("number").to_pylist(),
            (steps().delivered > steps().promised).tolist(),
            np.isfinite(steps().delivered).tolist(),
            strict=True,
        )
        if arrived
    }
    numbers = [known.table.column("number")[row].as_py() for row in risks.rows]
    rows = np.array([number in broken for number in numbers])
    late = np.array([broken.get(number, False) for number in numbers])[rows]
    told = (risks.late - risks.wrong) / (1 - risks.wrong)  # if it is not lost
    told = told[rows]
    assert late.mean() == pytest.approx(told.mean(), abs=0.06)
    assert late[told > 0.8].mean() > 0.7
    assert late[told < 0.1].mean() < 0.1


def test_without_a_promise_none_breaks() -> None:
    known = steps().known_at(KNOWN)
    place = known.table.schema.get_field_index("promised_at")
    bare = known.table.set_column(place, "promised_at", [[None] * len(known)])
    risks = find_risks(watch(), Steps(bare), KNOWN)
    assert np.isnan(risks.late).all()
    assert np.isfinite(risks.wrong).all()
