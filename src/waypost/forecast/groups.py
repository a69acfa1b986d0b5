"""Where parcels fall silent together: the hub, the way to the next one, or the one departure that explains it.

Of all parcels that were scanned somewhere in the last days and should long have been scanned again, those that were
not stand beside how many that usually is; `explaining.py` names the groups that are the least likely to be chance.
"""

from itertools import islice

import msgspec
import numpy as np

from waypost.forecast.candidates import GroupKind, Places, hubs_legs_departures
from waypost.forecast.explaining import Explained, View, explain
from waypost.forecast.silence import SilenceModel
from waypost.forecast.steps import Steps
from waypost.forecast.trips import NEVER, Flags, Floats, Ints

__all__ = ["Group", "GroupKind", "find_groups", "find_since"]

#: Steps of so many days are looked at.
WATCHED_DAYS = 4.0

#: Who would have been scanned again with this chance but was not is overdue. One truck that is late makes all on it
#: late together, so it has to be rather late.
OVERDUE = 0.02
#: A group is told if chance is less than e to the minus this.
_LEAST_SCORE = 10.0


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
    rows, share = rows[share < OVERDUE], share[share < OVERDUE]
    if not len(rows):
        return []
    silent = steps.following[rows] == NEVER
    places = Places(steps, rows)
    views = [View(each, silent, share) for each in hubs_legs_departures(places)]
    found = explain(views, _LEAST_SCORE, fair=False)
    return [_tell(steps, places, each) for each in islice(found, most)]


def _tell(steps: Steps, places: Places, found: Explained) -> Group:
    kind = found.causes[0].of.kind
    late = np.flatnonzero(found.late)
    one, rows = int(late[0]), places.rows[late]
    is_departure = kind is GroupKind.DEPARTURE
    vehicle = places.vehicles[places.vehicle[one]]
    return Group(
        kind=kind,
        facility=places.facilities[places.here[one]],
        towards=None if kind is GroupKind.HUB else places.facilities[places.towards[one]],
        departed=float(steps.at[rows].min()) if is_departure else None,
        vehicle=(vehicle or None) if is_departure else None,
        since=find_since(steps.at[places.rows[found.inside]], found.late[found.inside]),
        silent=len(rows),
        expected=found.expected,
        score=found.score,
        rows=rows,
    )


def find_since(at: Floats, late: Flags) -> float:
    """From when on more of them are late than of all (E. S. Page, 1954): a parcel lost long before begins nothing."""
    order = np.argsort(-at, kind="stable")
    above = np.cumsum(late[order] - late.mean())
    above[~late[order]] = -np.inf
    newest = above >= above.max() - 1e-9
    return float(at[order][newest].min())
