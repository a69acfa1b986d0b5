"""Sums that agree, over trees of any shape."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.forecast.coherence import reconcile


@st.composite
def trees(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[int]]:
    many = draw(st.integers(1, 12))
    parents = [-1, *(draw(st.integers(0, node - 1)) for node in range(1, many))]
    size = st.floats(0, 1e6)
    values = [[draw(size), draw(size)] for _ in range(many)]
    doubts = [[draw(size), draw(size)] for _ in range(many)]
    return np.array(values), np.array(doubts), parents


@given(trees())
def test_children_add_up_to_their_parent_and_nothing_is_below_zero(
    tree: tuple[np.ndarray, np.ndarray, list[int]],
) -> None:
    means, variances, parents = tree
    found = reconcile(means, variances, parents)
    assert (found >= 0).all()
    for node in range(len(parents)):
        below = [child for child, parent in enumerate(parents) if parent == node]
        if below:
            assert found[below].sum(axis=0) == pytest.approx(found[node])


def test_what_adds_up_already_stays() -> None:
    means = np.array([[10.0], [4.0], [6.0]])
    assert reconcile(means, np.ones((3, 1)), [-1, 0, 0]) == pytest.approx(means)


def test_it_is_the_least_squares_solution() -> None:
    """Against the formula of minimum-trace reconciliation with a diagonal, written out with matrices."""
    chance = np.random.default_rng(4)
    parents = [-1, 0, 0, 1, 1, 2, 2, 2]
    means, variances = chance.uniform(50, 90, 8), chance.uniform(1, 9, 8)
    means[:3] += [400, 100, 200]  # so that nothing falls below zero
    leaves = [3, 4, 5, 6, 7]
    sums = np.array([[1.0] * 5, [1, 1, 0, 0, 0], [0, 0, 1, 1, 1], *np.eye(5)])
    weights = np.diag(1 / variances)
    bottom = np.linalg.solve(sums.T @ weights @ sums, sums.T @ weights @ means)
    found = reconcile(means[:, None], variances[:, None], parents)[:, 0]
    assert found[leaves] == pytest.approx(bottom)
    assert found == pytest.approx(sums @ bottom)


def test_who_is_sure_gives_way_least() -> None:
    found = reconcile(np.array([[20.0], [5.0], [5.0]]), np.array([[1e-6], [1.0], [9.0]]), [-1, 0, 0])
    assert found[:, 0] == pytest.approx([20.0, 6.0, 14.0], abs=1e-3)
