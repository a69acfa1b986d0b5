"""How things go lately."""

import numpy as np
import pytest
from tests.rooms.forecast.watching import KNOWN, eta, steps

from waypost.forecast.neighbours import Lately, lately_then


def test_now_and_then_say_the_same() -> None:
    """What is looked up now is what the trees learnt from: of scans just after, what was known then."""
    known, vocabulary = steps(), eta().vocabulary
    rows = np.flatnonzero(known.at >= KNOWN)[:3000:500]
    then = lately_then(known, vocabulary.where(known, np.arange(len(known))))
    for row in rows:
        now = eta().lately(known, float(known.at[row]))
        told = now.of(vocabulary.where(known, np.array([row])))
        assert [each[0] for each in told] == pytest.approx([each[row] for each in then], nan_ok=True)


def test_later_scans_are_not_known() -> None:
    now: Lately = eta().lately(steps(), KNOWN)
    then = eta().lately(steps().known_at(KNOWN), KNOWN)
    assert now.gaps == pytest.approx(then.gaps, nan_ok=True)
    assert now.left == pytest.approx(then.left, nan_ok=True)


def test_a_hub_that_is_slow_lately_says_so() -> None:
    known = steps()
    words = eta().vocabulary
    where = words.where(known, np.arange(len(known)))
    at_hub = where.facility == words.facilities.index("imagined/H3")
    rows = np.flatnonzero(at_hub & (known.status == 7) & (known.at < KNOWN))  # arrived there
    usual = eta().lately(known.known_at(KNOWN), KNOWN).gaps[where.here[rows[0]]]
    logs = np.log(np.maximum(known.following[rows] - known.at[rows], 1 / 720))
    assert usual == pytest.approx(float(np.median(logs[np.isfinite(logs)])), abs=0.4)
    # the hub halted from day 51 to 53; what left it then had waited for long
    assert eta().lately(known, KNOWN + 13.4).gaps[where.here[rows[0]]] > usual + 0.3
