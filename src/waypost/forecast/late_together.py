"""What parcels that fell silent, or took much longer than expected, have in common, and how likely each cause is.

A parcel is late once 98 of 100 like it would have been scanned again; at a hub, in an area or of a carrier already once
90 would: of so many lorries some are late on any day, but not most. Those that were scanned since count for a day:
what went on moving long ago needs nobody. Foul weather counts where it was during the time in which a parcel was to be
scanned again, late or not, or those who wait longest would have met the most weather.
"""

from itertools import islice

import msgspec
import numpy as np

from waypost.forecast.candidates import (
    Candidates,
    GroupKind,
    Places,
    carriers,
    clusters,
    comings,
    hubs_legs_departures,
)
from waypost.forecast.explaining import Explained, Scored, View, explain
from waypost.forecast.groups import OVERDUE, WATCHED_DAYS, find_since
from waypost.forecast.neighbours import Lately
from waypost.forecast.reasons import Weather
from waypost.forecast.silence import SilenceModel
from waypost.forecast.steps import Steps
from waypost.forecast.trips import NEVER, Flags, Floats, Ints
from waypost.model.instants import DAY_MS

#: Who was late and has been scanned since counts for so long.
SLOW_DAYS = 1.0
#: In wide groups already those are late that so few are later than.
WIDELY = 0.1
#: A group is told if chance is less than e to the minus this, after what its kind pays.
LEAST_SCORE = 12.0
#: And if it has so many times as many late ones as usual: days differ by more than chance makes parcels differ.
LEAST_TIMES = 2.5
#: Weather is asked in steps of so many days, and facilities with foul weather this near to one another are one area.
_STEP_DAYS, _NEAR_KM = 0.25, 400.0


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What may be why; see `arrivals.LikelyCause`. `departed` in days since 1970, `late` so many of its parcels are."""

    kind: GroupKind
    weight: float
    carrier: str | None
    facility: str | None
    towards: str | None
    within_km: float | None
    departed: float | None
    vehicle: str | None
    weather: str | None
    late: int


class LateTogether(msgspec.Struct, frozen=True, kw_only=True):
    """Parcels that are late together.

    Attributes:
        causes: the likeliest first.
        since: from when on parcels were scanned last that became late; in days since 1970.
        silent: how many were not scanned since.
        expected: how many late ones there usually would be.
        score: minus the logarithm of about how likely that is chance.
        rows: the steps that took so long.
    """

    causes: list[Cause]
    since: float
    silent: int
    expected: float
    score: float
    rows: Ints


def find_late_together(
    silence: SilenceModel,
    steps: Steps,
    now: float,
    *,
    lately: Lately | None = None,
    weather: Weather | None = None,
    most: int = 20,
) -> list[LateTogether]:
    """The groups of late parcels at an instant, the most striking first, by the steps that are known then."""
    rows = np.flatnonzero((steps.at > now - WATCHED_DAYS) & (steps.at < steps.ended))
    awaited = silence.await_scans(steps, silence.lately(steps, now) if lately is None else lately, rows)
    share = silence.silent(awaited, now)
    levels = [(level, silence.due(awaited, 1 - level)) for level in (OVERDUE, WIDELY)]
    if not len(rows) or not (levels[-1][1] <= now).any():
        return []
    silent = steps.following[rows] == NEVER
    told = _Told(steps, rows, levels[-1][1])
    views: list[View] = []
    for level, due in levels:
        watched = due <= now
        is_fresh = due > now - SLOW_DAYS
        late = watched & (silent | (is_fresh & (steps.following[rows] > due)))
        chance = np.where(is_fresh & ~silent, level + awaited.never, share) * watched
        views += [View(each, late, chance) for each in told.list_candidates(late, weather, is_wide=level == WIDELY)]
    return [told.tell(each, silent) for each in islice(explain(views, LEAST_SCORE, times=LEAST_TIMES), most)]


class _Told:
    """The candidates of some steps, and what their groups are called."""

    def __init__(self, steps: Steps, rows: Ints, due: Floats) -> None:
        self._steps = steps
        self._due = due
        self._places = Places(steps, rows)
        self._storms: dict[int, str] = {}

    def list_candidates(self, late: Flags, weather: Weather | None, *, is_wide: bool) -> list[Candidates]:
        """Groups of all kinds, or of those alone that have many lorries."""
        places = self._places
        hubs, *narrow = hubs_legs_departures(places)
        found = [hubs, *([] if is_wide else narrow), comings(places), *carriers(self._steps, places, late)]
        return found if weather is None else found + self._find_weather(weather, late)

    def _find_weather(self, weather: Weather, late: Flags) -> list[Candidates]:
        """Areas of foul weather, with what was there or on its way there then."""
        places, steps = self._places, self._steps
        here, towards = (self._is_foul(weather, key, late) for key in (places.here, places.coming))
        foul = np.unique(np.r_[places.here[here], places.coming[towards]])
        if not len(foul):
            return []
        area = clusters(steps, foul, len(places.facilities), _NEAR_KM)
        at_home = np.where(here, area[places.here], -1)
        coming = np.where(towards, area[places.coming], -1)
        return [Candidates(GroupKind.WEATHER, (at_home, np.where(at_home >= 0, -1, coming)))]

    def _is_foul(self, weather: Weather, facility: Ints, late: Flags) -> Flags:
        """Whether the weather was foul at a facility while each was to be scanned again. Only those with late ones."""
        at = self._steps.at[self._places.rows]
        asked = np.isin(facility, np.unique(facility[late & (facility >= 0)]))
        begins = np.floor(at / _STEP_DAYS).astype(np.int64)
        ends = np.ceil(self._due / _STEP_DAYS).astype(np.int64)
        keys, of = np.unique(np.stack([facility, begins, ends])[:, asked], axis=1, return_inverse=True)
        step_ms = round(_STEP_DAYS * DAY_MS)
        names = self._places.facilities
        said = [
            weather(names[place], begin * step_ms, end * step_ms) for place, begin, end in keys.T.astype(int).tolist()
        ]
        for place, code in zip(keys[0].tolist(), said, strict=True):
            if code is not None:
                self._storms[place] = code.value
        found = np.zeros(len(facility), np.bool_)
        found[asked] = np.array([code is not None for code in said], np.bool_)[of.reshape(-1)]
        return found

    def tell(self, found: Explained, silent: Flags) -> LateTogether:
        """A group with its causes."""
        rows = self._places.rows
        return LateTogether(
            causes=[self._tell_cause(each, found.late) for each in found.causes],
            since=find_since(self._steps.at[rows[found.inside]], found.late[found.inside]),
            silent=int((found.late & silent).sum()),
            expected=found.expected,
            score=found.score,
            rows=rows[found.late],
        )

    def _tell_cause(self, scored: Scored, late: Flags) -> Cause:
        places, kind, of = self._places, scored.of.kind, scored.of
        shared = of.inside(scored.which) & late
        one = int(np.flatnonzero(shared)[0])
        facility: str | None = None
        if of.centres is not None:
            facility = places.facilities[of.centres[scored.which]]
        elif kind in (GroupKind.LEG, GroupKind.DEPARTURE):
            facility = places.facilities[places.here[one]]
        elif kind in (GroupKind.HUB, GroupKind.WEATHER):  # an area has the number of one of its facilities
            facility = places.facilities[scored.which]
        is_departure = kind is GroupKind.DEPARTURE
        owner = facility.partition("/")[0] if facility else self._steps.table.column("carrier")[int(places.rows[one])]
        return Cause(
            kind=kind,
            weight=scored.weight,
            carrier=None if kind is GroupKind.WEATHER else str(owner),
            facility=facility,
            towards=places.facilities[places.towards[one]] if kind in (GroupKind.LEG, GroupKind.DEPARTURE) else None,
            within_km=of.within_km,
            departed=float(self._steps.at[places.rows[shared]].min()) if is_departure else None,
            vehicle=(places.vehicles[places.vehicle[one]] or None) if is_departure else None,
            weather=self._storms.get(scored.which) if kind is GroupKind.WEATHER else None,
            late=int(shared.sum()),
        )
