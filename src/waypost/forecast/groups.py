"""Where parcels fall silent together: the hub, the way to the next one, or the one departure that explains it.

Of all parcels that were scanned somewhere in the last days and should long have been scanned again, those that were
not stand beside how many that usually is. The group that is the least likely to be chance (Kulldorff: A spatial scan
statistic, Communications in Statistics 26, 1997) is named, its parcels are taken out, and so on. A narrow group that
has all the silent parcels of a wider one is the less likely, so the narrowest that explains them is named.
"""

from enum import StrEnum

import msgspec
import numpy as np

from waypost.forecast.silence import SilenceModel
from waypost.forecast.steps import Steps
from waypost.forecast.trips import NEVER, Flags, Floats, Ints
from waypost.track.statuses import MILESTONES

#: Steps of so many days are looked at.
WATCHED_DAYS = 4.0

#: Who would have been scanned again with this chance but was not is overdue. One truck that is late makes all on it
#: late together, so it has to be rather late.
_OVERDUE = 0.02
#: Departures follow one another by at least so much: fifteen minutes.
_APART_DAYS = 15 / 1440
#: A group is told from so many parcels on, and if chance is less than e to the minus this; so many silent ones are
#: always to be expected.
_LEAST_SILENT, _LEAST_SCORE, _ALWAYS = 3, 10.0, 0.3


class GroupKind(StrEnum):
    """What parcels that fell silent have in common."""

    HUB = "hub"  #: where they were scanned last
    LEG = "leg"  #: and the facility where such parcels go next
    DEPARTURE = "departure"  #: and the vehicle, or when they left


class Group(msgspec.Struct, frozen=True):
    """Parcels that fell silent together.

    Attributes:
        kind: what they have in common.
        facility: where they were scanned last, as carrier/code.
        towards: where such parcels go next; None for a hub.
        departed: when they left; None if they did not together.
        vehicle: on which, where scans say so.
        since: from when on parcels fell silent there; in days since 1970, as all instants.
        silent: how many are overdue.
        expected: how many that would usually be.
        score: minus the logarithm of about how likely that is chance.
        rows: their last steps.
    """

    kind: GroupKind
    facility: str
    towards: str | None
    departed: float | None
    vehicle: str | None
    since: float
    silent: int
    expected: float
    score: float
    rows: Ints


def find_groups(silence: SilenceModel, steps: Steps, now: float, most: int = 20) -> list[Group]:
    """The groups of overdue parcels at an instant, the most striking first, by the steps that are known then."""
    rows = np.flatnonzero((steps.at > now - WATCHED_DAYS) & (steps.at < steps.ended))
    share = silence.silent(silence.await_scans(steps, silence.lately(steps, now), rows), now)
    rows, share = rows[share < _OVERDUE], share[share < _OVERDUE]
    if not len(rows):
        return []
    silent = steps.following[rows] == NEVER
    keys = _Keys(steps, rows)
    found: list[Group] = []
    while len(found) < most:
        scored = [(*_highest(key, silent, share), kind) for kind, key in keys.kinds.items()]
        score, which, kind = max(scored, key=lambda each: each[0])
        if score < _LEAST_SCORE:
            break
        inside = keys.kinds[kind] == which
        found.append(keys.tell(kind, inside, silent, float(share[inside].sum()), score))
        share, silent = np.where(inside & silent, 0.0, share), silent & ~inside
    return found


def _highest(key: Ints, silent: Flags, share: Floats) -> tuple[float, int]:
    """The group that is the least likely to be chance: minus the logarithm of how likely, and its number."""
    inside = key >= 0
    if not inside.any():
        return 0.0, -1
    many = np.bincount(key[inside], silent[inside])
    usual = np.bincount(key[inside], share[inside]) + _ALWAYS
    scores = np.where(
        (many >= _LEAST_SILENT) & (many > usual), many * np.log(np.maximum(many, 1) / usual) - (many - usual), 0.0
    )
    return float(scores.max()), int(scores.argmax())


class _Keys:
    """Of some steps a number for each group that they belong to; -1 for none."""

    def __init__(self, steps: Steps, rows: Ints) -> None:
        self._steps = steps
        facility, self._facilities = steps.words("facility")
        self._vehicle, self._vehicles = steps.words("vehicle")
        self._towards = _usual_next(steps, facility, len(self._facilities))
        named = np.array([bool(word) for word in self._facilities], np.bool_)[facility[rows]]
        hub = np.where(named, facility[rows], -1)
        towards = self._towards[rows]
        known = (hub >= 0) & (towards >= 0)
        leg = np.where(known, hub * len(self._facilities) + towards, -1)
        self._rows = rows
        self.kinds: dict[GroupKind, Ints] = {
            GroupKind.HUB: hub,
            GroupKind.LEG: _dense(leg),
            GroupKind.DEPARTURE: _departures(steps, rows, leg, self._vehicle[rows], self._vehicles),
        }

    def tell(self, kind: GroupKind, inside: Flags, silent: Flags, expected: float, score: float) -> Group:
        rows = self._rows[inside & silent]
        one = rows[0]
        place, _ = self._steps.words("facility")
        towards = int(self._towards[one])
        vehicle = self._vehicles[self._vehicle[one]]
        return Group(
            kind=kind,
            facility=self._facilities[place[one]],
            towards=None if kind is GroupKind.HUB else self._facilities[towards],
            departed=float(self._steps.at[rows].min()) if kind is GroupKind.DEPARTURE else None,
            vehicle=(vehicle or None) if kind is GroupKind.DEPARTURE else None,
            since=_since(self._steps.at[self._rows[inside]], silent[inside]),
            silent=len(rows),
            expected=expected,
            score=score,
            rows=rows,
        )


def _since(at: Floats, silent: Flags) -> float:
    """From when on more of them are silent than of all (E. S. Page, 1954): a parcel lost long before begins nothing."""
    order = np.argsort(-at, kind="stable")
    above = np.cumsum(silent[order] - silent.mean())
    above[~silent[order]] = -np.inf
    newest = above >= above.max() - 1e-9
    return float(at[order][newest].min())


def _usual_next(steps: Steps, facility: Ints, size: int) -> Ints:
    """Of each step the facility to which most parcels went from there that go where it goes; -1 if none did."""
    goal, goals = steps.words("destination_area")
    following = np.r_[facility[1:], [-1] * min(len(steps), 1)]
    moved = np.isfinite(steps.following) & (following != facility)
    place = (facility * len(goals) + goal).astype(np.int64)
    ways, many = np.unique(place[moved] * size + following[moved], return_counts=True)
    usual = np.full(size * max(len(goals), 1), -1, np.int64)
    order = np.argsort(many, kind="stable")  # of several ways to one place the last written, the most frequent, stays
    usual[ways[order] // size] = ways[order] % size
    return usual[place]


def _departures(steps: Steps, rows: Ints, leg: Ints, vehicle: Ints, vehicles: list[str]) -> Ints:
    """By vehicle where scans name one; else those that left one hub for another with no quarter of an hour between."""
    left = (steps.milestone[rows] == MILESTONES.index("departed")) & (leg >= 0)
    order = np.lexsort((steps.at[rows], vehicle, leg))
    order = order[left[order]]
    named = np.array([bool(word) for word in vehicles], np.bool_)[vehicle[order]]
    apart = (np.diff(leg[order]) != 0) | (np.diff(vehicle[order]) != 0)
    apart |= ~named[1:] & (np.diff(steps.at[rows][order]) > _APART_DAYS)
    key = np.full(len(rows), -1, np.int64)
    key[order] = np.cumsum(np.r_[np.zeros(min(len(order), 1), np.int64), apart])
    return key


def _dense(key: Ints) -> Ints:
    """The same with numbers from 0 without gaps."""
    known = key >= 0
    found = np.full(len(key), -1, np.int64)
    found[known] = np.unique(key[known], return_inverse=True)[1]
    return found
