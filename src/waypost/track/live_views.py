"""What is shown of the network now, and what of it moved from one look to the next."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import msgspec

from waypost.track.overview import StatusCount


class Foreseen(msgspec.Struct, frozen=True):
    """Parcels that will be, or are, later than promised, as was thought at an instant (UTC milliseconds)."""

    at_risk: int
    late: int
    at_ms: int


class LiveCount(msgspec.Struct, frozen=True, kw_only=True):
    """Parcels now.

    Attributes:
        in_network: that a carrier has, and whose way has not ended.
        at_risk, late: of them those that may come, or are, later than promised; None where nothing was learnt to say.
        held: of them those that no move is to be expected of: held by customs, refused, damaged and the like.
        silent_24h: of them those whose newest scan is older than a day.
    """

    in_network: int
    at_risk: int | None
    late: int | None
    held: int
    silent_24h: int


class LiveAges(msgspec.Struct, frozen=True, kw_only=True):
    """How old it is.

    Attributes:
        counts_s: since everything that was acknowledged by then is counted; None while it is read for the first time.
        lookout_s: of `at_risk` and `late`.
        flows_since: arrivals, departures and moves are counted of scans that came from then on (RFC 3339); None if of
            all.
    """

    counts_s: float | None
    lookout_s: float | None
    flows_since: str | None


class LiveFacility(msgspec.Struct, frozen=True, kw_only=True):
    """A facility now: parcels inside, what came and went, and that against what it can take in.

    The last hour begins up to five minutes later, the last day up to an hour later than its name says.
    """

    carrier: str
    facility: str
    name: str
    kind: str | None
    city: str | None
    country: str | None
    latitude: float | None
    longitude: float | None
    inside: int
    arrived_1h: int
    departed_1h: int
    arrived_24h: int
    capacity_per_hour: float | None
    load: float | None
    last_at: str | None


class LiveFlow(msgspec.Struct, frozen=True, kw_only=True):
    """Parcels that moved from a facility to the next one.

    Attributes:
        hours: half of those of the last hours took no longer. `usual_hours` the same of the last weeks.
        delayed: the share that lately took over one and a half times as long as usual. All three are None where
            too few moved.
    """

    carrier: str
    origin: str
    destination: str
    moved_24h: int
    hours: float | None
    usual_hours: float | None
    delayed: float | None


class LiveView(msgspec.Struct, frozen=True, kw_only=True):
    """The network now, as of an instant.

    Attributes:
        position: everything below is counted. `behind` so many scans more are acknowledged.
        scans_per_s: acknowledged lately.
    """

    as_of: str
    position: int
    behind: int
    scans_per_s: float
    counts: LiveCount
    ages: LiveAges
    statuses: list[StatusCount]
    facilities: list[LiveFacility]
    flows: list[LiveFlow]


class GoneFacility(msgspec.Struct, frozen=True):
    """A facility that is not shown any more."""

    carrier: str
    facility: str


class GoneFlow(msgspec.Struct, frozen=True):
    """A flow that is not shown any more."""

    carrier: str
    origin: str
    destination: str


class LiveGone(msgspec.Struct, frozen=True):
    """Rows that are not shown any more."""

    facilities: list[GoneFacility]
    flows: list[GoneFlow]


class LivePatch(msgspec.Struct, frozen=True, kw_only=True):
    """What moved since the look before; rows are whole, each in the place of the one of its key."""

    as_of: str
    position: int
    behind: int
    scans_per_s: float
    counts: LiveCount
    ages: LiveAges
    statuses: list[StatusCount]
    facilities: list[LiveFacility]
    flows: list[LiveFlow]
    gone: LiveGone


Row = TypeVar("Row")


#: Rows of each kind in one patch: where everything moves all the time, they take turns.
MOST_ROWS = 250


def find_patch(before: LiveView, now: LiveView, turn: int = 0, most: int = MOST_ROWS) -> tuple[LivePatch, LiveView]:
    """What leads from one view to the next, as far as `most` rows of each kind go, and what one then sees."""
    statuses, ended, _ = _moved(before.statuses, now.statuses, lambda row: row.status, turn, most)
    facilities, gone, all_facilities = _moved(before.facilities, now.facilities, _facility_key, turn, most)
    flows, dry, all_flows = _moved(before.flows, now.flows, _flow_key, turn, most)
    shapes = {row.status: row.shape for row in before.statuses}
    patch = LivePatch(
        as_of=now.as_of,
        position=now.position,
        behind=now.behind,
        scans_per_s=now.scans_per_s,
        counts=now.counts,
        ages=now.ages,
        statuses=[*statuses, *(StatusCount(status, shapes[status], 0) for status in ended)],
        facilities=facilities,
        flows=flows,
        gone=LiveGone([GoneFacility(*key) for key in gone], [GoneFlow(*key) for key in dry]),
    )
    return patch, msgspec.structs.replace(now, facilities=all_facilities, flows=all_flows)


def _facility_key(row: LiveFacility) -> tuple[str, str]:
    return row.carrier, row.facility


def _flow_key(row: LiveFlow) -> tuple[str, str, str]:
    return row.carrier, row.origin, row.destination


Key = TypeVar("Key", bound=Hashable)


def _moved(
    before: Sequence[Row], now: Sequence[Row], key: Callable[[Row], Key], turn: int, most: int
) -> tuple[list[Row], list[Key], list[Row]]:
    """The rows that are new or other than before, the keys of those that are gone, and all rows as they are then."""
    were: Mapping[Key, Row] = {key(row): row for row in before}
    here = {key(row): row for row in now}
    moved = [each for each, row in here.items() if (was := were.get(each)) is not row and was != row]
    gone = [each for each in were if each not in here]
    if len(moved) <= most:
        return [here[each] for each in moved], gone, list(now)
    first = turn * most % len(moved)
    moved = [*moved[first:], *moved[:first]]
    for each in moved[most:]:  # those come another time
        if each in were:
            here[each] = were[each]
        else:
            del here[each]
    return [here[each] for each in moved[:most]], gone, list(here.values())
