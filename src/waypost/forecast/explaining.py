"""Which groups explain that parcels are late: the one that is the least likely to be chance, and so on.

Each group has so many late parcels where so many are usual (Kulldorff: A spatial scan statistic, Communications in
Statistics 26, 1997). The group that is the least likely to be chance is named, its late parcels are taken out, and so
on. A narrow group that has all the late parcels of a wider one is the less likely, so the narrowest that explains them
is named. Of many groups one is striking by chance, so each kind pays for how many it has.
"""

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from waypost.forecast.candidates import Candidates
from waypost.forecast.trips import Flags, Floats

#: A group is told from so many parcels on; so many late ones are always to be expected.
LEAST_LATE, ALWAYS = 3, 0.3
#: Other groups may be why if they have so much of what the one that is named has.
_LEAST_SHARED = 0.3
#: Parcels of one lorry are late together, so the evidence is that of fewer: scores are divided by so much.
_TOGETHER = 4.0
_MOST_CAUSES, _LEAST_WEIGHT = 6, 0.005


class View(msgspec.Struct, frozen=True):
    """Groups of a kind, which rows are late as they are looked at, and how likely each usually is."""

    of: Candidates
    late: Flags
    chance: Floats


class Scored(msgspec.Struct, frozen=True):
    """A group that may be why: of which candidates, its number among them, its score and how likely it is the cause."""

    of: Candidates
    which: int
    score: float
    weight: float


class Explained(msgspec.Struct, frozen=True):
    """Late rows that a group explains; `causes` has it first, then what else may be why, by how likely.

    Attributes:
        inside: all rows of the group.
        late: those that are late.
        expected: how many that would usually be.
        score: minus the logarithm of about how likely that is chance.
    """

    causes: list[Scored]
    inside: Flags
    late: Flags
    expected: float
    score: float


def explain(views: Sequence[View], least: float, *, times: float = 1.0, fair: bool = True) -> Iterator[Explained]:
    """The groups, the most striking first.

    Args:
        views: groups of all kinds; of two that are as striking the first is named.
        least: the score from which on a group is told.
        times: so many times as many as usual have to be late, however many there are.
        fair: whether kinds pay for how many groups they have.
    """
    views = list(views)
    prices = [_price(each) if fair else 0.0 for each in views]
    while True:
        scores = [score(each, times) - price for each, price in zip(views, prices, strict=True)]
        tops = [float(each.max(initial=-np.inf)) for each in scores]
        best = int(np.argmax(tops)) if tops else 0
        if not tops or tops[best] < least:
            return
        which = int(scores[best].argmax())
        named = views[best]
        inside = named.of.inside(which)
        hit = inside & named.late
        causes = _rank(views, scores, hit, Scored(named.of, which, tops[best], 0.0))
        yield Explained(causes, inside, hit, float(named.chance[inside].sum()), tops[best])
        views = [View(each.of, each.late & ~inside, np.where(each.late & inside, 0.0, each.chance)) for each in views]


def score(view: View, times: float = 1.0) -> Floats:
    """Of each group minus the logarithm of about how likely it is chance; 0 for what is not striking."""
    many = view.of.sums(view.late)
    usual = view.of.sums(view.chance) + ALWAYS
    striking = (many >= LEAST_LATE) & (many > times * usual)
    return np.where(striking, many * np.log(np.maximum(many, 1) / usual) - (many - usual), 0.0)


def _price(view: View) -> float:
    """The logarithm of how many groups of the kind have anything late."""
    return math.log(max(int(np.count_nonzero(view.of.sums(view.late))), 1))


def _rank(views: Sequence[View], scores: Sequence[Floats], hit: Flags, best: Scored) -> list[Scored]:
    """What may be why the same rows are late, with weights that add up to 1."""
    found = {_name(best): best}
    for of, own in zip((each.of for each in views), scores, strict=True):
        shared = of.sums(hit) >= _LEAST_SHARED * hit.sum()
        for which in np.argsort(-np.where(shared, own, -np.inf), kind="stable")[:_MOST_CAUSES].tolist():
            each = Scored(of, which, float(own[which]), 0.0)
            known = found.get(_name(each))
            if shared[which] and each.score > 0 and (known is None or known.score < each.score):
                found[_name(each)] = each
    listed = list(found.values())
    odds = np.exp((np.array([each.score for each in listed]) - best.score) / _TOGETHER)
    weights = odds / odds.sum()
    order = np.argsort(-weights, kind="stable")[:_MOST_CAUSES]
    return [
        Scored(listed[place].of, listed[place].which, listed[place].score, float(weights[place]))
        for place in order.tolist()
        if weights[place] >= _LEAST_WEIGHT or place == 0
    ]


def _name(scored: Scored) -> tuple[str, float | None, int]:
    """By which the same group is known, however it is looked at: a hub with or without what is on its way to it."""
    of = scored.of
    number = scored.which if of.centres is None else int(of.centres[scored.which])
    return of.kind.value, of.within_km, number
