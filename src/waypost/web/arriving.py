"""When parcels on their way arrive, as it is shown: all of it to operators, to others the window and cities.

It is told by the newest scans, from the reading that a look-up makes anyway.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from waypost.forecast.arrivals import Arrival
from waypost.forecast.lookout import Lookout
from waypost.forecast.reasons import Reason, ReasonCode
from waypost.forecast.steps import ENDING, place_steps, read_booked
from waypost.model.instants import DAY_MS, format_instant
from waypost.model.places import Facility
from waypost.network.facilities import Facilities
from waypost.track.following import Followed
from waypost.track.statuses import get_status
from waypost.track.timeline import local_text, place_view
from waypost.track.views import PlaceView, place_in_public

_READY = "ready_to_collect"

#: At such a risk to be lost or stuck the window, which is that of parcels that arrive, is told to operators alone.
MOST_WRONG = 0.2


class ReasonView(msgspec.Struct, frozen=True, kw_only=True):
    """Why a parcel lost time.

    Attributes:
        code: what by.
        hours: how much; of `silent` for how long nobody has scanned it.
        at: when it began, in local time of the place.
        place: where, in public the city; None if nobody says.
    """

    code: ReasonCode
    hours: float
    at: str
    place: PlaceView | None


class ArrivalView(msgspec.Struct, frozen=True, kw_only=True):
    """When a parcel arrives, RFC 3339 in local time of where it goes. In public the last four are None.

    Attributes:
        p10_at, p50_at, p80_at, p90_at: by when it is there with such a chance, if it arrives.
        scanned_at: its newest scan, which that rests on.
        promised_by: None if nothing was promised; `likely_late` whether it more likely comes later.
        reasons: where it lost time, oldest first.
        next_scan_by: by when nine of ten such parcels are scanned again.
        wrong: how likely it is lost or stuck.
        late: how likely it breaks its promise; None without one.
        given_up: it was not scanned for so long that nobody waits for it.
    """

    p10_at: str
    p50_at: str
    p80_at: str
    p90_at: str
    scanned_at: str
    promised_by: str | None
    likely_late: bool | None
    reasons: list[ReasonView]
    next_scan_by: str | None
    wrong: float | None
    late: float | None
    given_up: bool | None


class Lack(StrEnum):
    """Why nothing is told of a parcel."""

    UNSCANNED = "unscanned"  #: nobody has scanned it
    ENDED = "ended"  #: it arrived, was sent back, cancelled or lost
    COLLECT = "ready_to_collect"  #: it waits to be collected
    SILENT = "silent"  #: it was not scanned for so long that nobody can say


class Basis(msgspec.Struct, frozen=True):
    """What arrivals rest on: the version of what was learnt, and how parcels went until an instant, RFC 3339."""

    version: int
    learnt_at: str
    lately_as_of: str


class Arriving(msgspec.Struct, frozen=True):
    """Of parcels by their first waybill (carrier, number) when they arrive, or why nothing is told of them."""

    of: Mapping[tuple[str, str], ArrivalView] = {}
    why: Mapping[tuple[str, str], Lack] = {}
    basis: Basis | None = None

    def lack(self, carrier: str, number: str) -> Lack | None:
        """Why nothing is told of a parcel; None if something is."""
        key = (carrier, number)
        return None if key in self.of else self.why.get(key, Lack.UNSCANNED)


def basis_of(lookout: Lookout) -> Basis:
    """What it says rests on."""
    return Basis(lookout.version, lookout.learnt_at, lookout.as_of)


def tell_arrivals(
    lookout: Lookout | None, followed: Followed, facilities: Facilities, now_ms: int, *, everything: bool
) -> Arriving:
    """When parcels that were looked up arrive; nothing without a lookout."""
    if lookout is None:
        return Arriving()
    rows = _read_rows(followed.scans)
    # Of a parcel whose clock runs ahead as well: it is shown as delivered.
    ended = {(carrier, number) for carrier, number, status in rows if status in ENDING}
    scans = followed.scans.filter(pc.less(followed.scans.column("at"), pa.scalar(now_ms, pa.timestamp("ms", "UTC"))))
    why = dict.fromkeys([*ended, *((carrier, number) for carrier, number, _ in _read_rows(scans))], Lack.ENDED)
    if not why:
        return Arriving(basis=basis_of(lookout))
    if len(ended) == len(why):  # most that people ask for has arrived
        return Arriving(why=why, basis=basis_of(lookout))
    told = lookout.tell(place_steps(scans, facilities, lookout.areas, read_booked(followed.told)), now_ms / DAY_MS)
    found = [each for each in told if (each.carrier, each.number) not in ended]
    if not everything:
        why.update(((each.carrier, each.number), lack) for each in found if (lack := _find_lack(each)) is not None)
        found = [each for each in found if _find_lack(each) is None]
    views = view_arrivals(found, facilities, everything=everything)
    return Arriving(
        dict(zip([(each.carrier, each.number) for each in found], views, strict=True)), why, basis_of(lookout)
    )


def _read_rows(scans: pa.Table) -> list[tuple[str, str, str]]:
    """Carrier and number of the parcel of each, and its status."""
    names = ("parcel_carrier", "number", "status")
    return list(zip(*(scans.column(name).to_pylist() for name in names), strict=True))


def view_arrivals(found: Iterable[Arrival], facilities: Facilities, *, everything: bool) -> list[ArrivalView]:
    """Arrivals as they are shown, to operators or to anyone."""
    found = list(found)
    named = {reason.facility for each in found for reason in each.reasons if reason.facility is not None}
    known = facilities.find_many(_split(name) for name in named)
    return [_view(each, lambda name: known.get(_split(name)), everything) for each in found]


def _find_lack(arrival: Arrival) -> Lack | None:
    """Why people are not told: of ten that may well be lost, eight do not come in the window."""
    if get_status(arrival.status).milestone == _READY:
        return Lack.COLLECT
    return Lack.SILENT if arrival.given_up or arrival.wrong >= MOST_WRONG else None


def _view(arrival: Arrival, find: Callable[[str], Facility | None], everything: bool) -> ArrivalView:
    def local(text: str) -> str:
        return format_instant(_ms(text), arrival.offset_min)

    promised = arrival.promised_by
    return ArrivalView(
        p10_at=local(arrival.p10_at),
        p50_at=local(arrival.p50_at),
        p80_at=local(arrival.p80_at),
        p90_at=local(arrival.p90_at),
        scanned_at=local(arrival.scanned_at),
        promised_by=None if promised is None else local(promised),
        likely_late=None if promised is None else _ms(arrival.p50_at) > _ms(promised),
        reasons=[_view_reason(each, find, arrival.offset_min, everything) for each in arrival.reasons],
        next_scan_by=local(arrival.next_scan_by) if everything else None,
        wrong=arrival.wrong if everything else None,
        late=arrival.late if everything else None,
        given_up=arrival.given_up if everything else None,
    )


def _view_reason(
    reason: Reason, find: Callable[[str], Facility | None], offset_min: int, everything: bool
) -> ReasonView:
    facility = None if reason.facility is None else find(reason.facility)
    place = None if reason.facility is None else place_view(_split(reason.facility)[1], facility)
    return ReasonView(
        code=reason.code,
        hours=reason.hours,
        at=local_text(reason.at_ms, offset_min, facility),
        place=place if everything else place_in_public(place),
    )


def _ms(text: str) -> int:
    """An instant of ours; `parse_instant` is for columns of them, and those of others."""
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


def _split(name: str) -> tuple[str, str]:
    """Carrier and code of a facility."""
    carrier, _, code = name.partition("/")
    return carrier, code
