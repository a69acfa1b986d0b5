"""Where parcels fall silent together."""

import numpy as np
import pyarrow as pa
import pytest
from tests.rooms.forecast.watching import DAYS, HALT, KNOWN, imagined, parcels, silence, steps

from waypost.forecast.groups import Group, GroupKind, find_groups
from waypost.forecast.steps import STEP_SCHEMA, Steps
from waypost.testing.trips import FIRST_DAY, Stuck


def groups(day: float) -> list[Group]:
    return find_groups(silence(), steps().known_at(day), day)


def loaded(number: int) -> np.ndarray:
    """The parcels on a truck that got stuck, but for those lost before."""
    lost = imagined().lost_after
    return np.flatnonzero((imagined().stuck_parcels == number) & ~np.isfinite(lost))


@pytest.mark.parametrize("number", range(4))
def test_a_stuck_truck_is_named(number: int) -> None:
    truck: Stuck = imagined().stuck[number]
    now = truck.arrived - 0.02
    known = steps().known_at(now)
    told = [
        group
        for group in find_groups(silence(), known, now)
        if group.kind is GroupKind.DEPARTURE
        and (group.facility, group.towards) == (f"imagined/H{truck.origin}", f"imagined/H{truck.destination}")
        and abs((group.departed or 0) - truck.departed) < 0.02
    ]
    [group] = told
    # but for those whose departure nobody scanned
    assert len(set(parcels(known)[group.rows]) & set(loaded(number).tolist())) >= 0.8 * len(loaded(number))
    assert group.silent == len(group.rows)
    assert group.expected < 1
    assert group.since == pytest.approx(truck.departed, abs=0.02)


def test_a_hub_that_halts_is_named() -> None:
    named = [group for group in groups(HALT.ends - 0.05) if group.facility == f"imagined/H{HALT.hub}"]
    assert [group.kind for group in named] == [GroupKind.HUB]
    assert named[0].towards is named[0].departed is None
    assert named[0].silent > 10 * named[0].expected
    assert named[0].since == pytest.approx(HALT.begins, abs=0.5)


def test_nothing_else_is_named() -> None:
    """Looked at every thirty hours for three weeks: each group is a truck that was stuck, or the hub that halted."""
    trucks = {(f"imagined/H{each.origin}", f"imagined/H{each.destination}") for each in imagined().stuck}
    halted = f"imagined/H{HALT.hub}"
    told = [group for day in np.arange(KNOWN + 1, FIRST_DAY + DAYS, 1.25) for group in groups(day)]
    strange = [group for group in told if (group.facility, group.towards) not in trucks and halted != group.facility]
    assert len(told) > 2
    assert strange == []


def test_a_vehicle_that_scans_name_is_told() -> None:
    truck = imagined().stuck[0]
    now = truck.arrived - 0.02
    known = steps().known_at(now)
    on_it = np.isin(parcels(known), loaded(0)) & (known.status == 8)
    column = pa.array(np.where(on_it, "TRUCK-7", ""), pa.string())
    named = Steps(known.table.set_column(STEP_SCHEMA.get_field_index("vehicle"), "vehicle", column))
    assert "TRUCK-7" in {group.vehicle for group in find_groups(silence(), named, now)}


def test_before_anything_came_there_are_no_groups() -> None:
    assert groups(FIRST_DAY + 0.01) == []
