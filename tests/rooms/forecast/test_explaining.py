"""Which group explains that things are late."""

import numpy as np
import pytest

from waypost.forecast.candidates import Candidates, GroupKind, dense
from waypost.forecast.explaining import Explained, View, explain, score

ROWS = 400
HUB = np.repeat(np.arange(8), 50)
LEG = np.arange(ROWS) // 20


def late_where(inside: np.ndarray, share: float = 1.0) -> np.ndarray:
    chance = np.random.default_rng(3)
    return (inside & (chance.random(ROWS) < share)) | (chance.random(ROWS) < 0.01)


def candidates() -> list[Candidates]:
    return [
        Candidates(GroupKind.HUB, (HUB,)),
        Candidates(GroupKind.LEG, (LEG,)),
        Candidates(GroupKind.CARRIER, (np.zeros(ROWS, np.int64),)),
    ]


def told(
    of: list[Candidates], late: np.ndarray, chance: np.ndarray, least: float = 12.0, **more: bool
) -> list[Explained]:
    return list(explain([View(each, late, chance) for each in of], least, **more))


@pytest.mark.parametrize(
    ("inside", "kind", "which"),
    [(HUB == 3, GroupKind.HUB, 3), (LEG == 8, GroupKind.LEG, 8), (HUB >= 0, GroupKind.CARRIER, 0)],
)
def test_the_narrowest_that_has_them_all_is_named(inside: np.ndarray, kind: GroupKind, which: int) -> None:
    late = late_where(inside, 0.7)
    first, *rest = told(candidates(), late, np.full(ROWS, 0.02))
    assert (first.causes[0].of.kind, first.causes[0].which) == (kind, which)
    assert (first.inside == inside).all()
    assert (first.late == (inside & late)).all()
    assert first.expected == pytest.approx(0.02 * inside.sum())
    assert rest == []


def test_weights_are_those_of_all_that_may_be_why() -> None:
    [found] = told(candidates(), late_where(HUB == 3), np.full(ROWS, 0.02))
    weights = [each.weight for each in found.causes]
    assert sum(weights) == pytest.approx(1, abs=0.02)
    assert weights == sorted(weights, reverse=True)
    # a leg of which some are late, and hardly anything else usually is at its hub: either may be why
    [unsure] = told(candidates()[:2], LEG == 8, np.where(LEG == 8, 0.02, 0.001))
    assert {each.of.kind for each in unsure.causes} == {GroupKind.HUB, GroupKind.LEG}
    assert min(each.weight for each in unsure.causes) > 0.1


def test_what_was_explained_is_not_told_again() -> None:
    late = late_where((HUB == 3) | (LEG == 3))
    kinds = [found.causes[0].of.kind for found in told(candidates(), late, np.full(ROWS, 0.02))]
    assert kinds == [GroupKind.HUB, GroupKind.LEG]


def test_chance_is_not_told_and_many_groups_pay_for_being_many() -> None:
    chance = np.full(ROWS, 0.02)
    late = np.random.default_rng(1).random(ROWS) < 0.02
    assert told(candidates(), late, chance) == []
    three = np.isin(np.arange(ROWS), [0, 1, 2, 3])
    others = late_where(three)
    least = float(score(View(candidates()[1], others, chance)).max()) - 0.1
    assert len(told(candidates()[1:2], others, chance, least, fair=False)) >= 1
    assert told(candidates()[1:2], others, chance, least) == []


def test_groups_by_one_key_or_another_and_circles() -> None:
    either = Candidates(GroupKind.HUB, (np.array([0, 1, -1]), np.array([1, -1, -1])))
    assert either.sums(np.ones(3)).tolist() == [1, 2]
    assert either.inside(1).tolist() == [True, True, False]
    members = np.array([[True, True, False], [False, True, True]])
    circles = Candidates(GroupKind.CARRIER, (np.array([0, 1, 2, -1]),), members, 300.0, np.array([0, 1]))
    assert circles.sums(np.array([1.0, 2.0, 4.0, 8.0])).tolist() == [3, 6]
    assert circles.inside(1).tolist() == [False, True, True, False]


def test_the_same_group_looked_at_in_two_ways_is_one_cause() -> None:
    late, chance = late_where(HUB == 3), np.full(ROWS, 0.02)
    hubs = candidates()[0]
    views = [View(hubs, late, chance), View(Candidates(GroupKind.HUB, (HUB, np.full(ROWS, -1))), late, chance * 2)]
    [found] = explain(views, 12.0)
    assert [(each.which, each.weight) for each in found.causes] == [(3, 1.0)]


def test_numbers_without_gaps() -> None:
    assert dense(np.array([70, -1, 5, 70])).tolist() == [1, -1, 0, 1]
