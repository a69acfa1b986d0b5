"""How a parcel stands, in one view: from its scans, and from the states of its numbers where not all were read."""

import functools
import operator
from collections.abc import Iterable, Mapping

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.model.carriage import Parcel, Waybill
from waypost.model.carriers import find_carrier
from waypost.model.instants import TimeFlag, format_instant, parse_instant
from waypost.model.places import Place
from waypost.model.scans import VOID
from waypost.track.bundles import Bundle
from waypost.track.fold import CORRECTED, NEVER_FIRST, NEVER_LAST, UNKNOWN_CODE
from waypost.track.statuses import MILESTONES, UNKNOWN, bears_status, get_status, standing_order, status_arrays
from waypost.track.timeline import Judged, Places, local_text, place_view
from waypost.track.views import MilestoneView, ParcelView, PlaceView, ScanView, WaybillView

#: The names of the bits in the `flags` of a state.
_FLAGS = {flag.value: flag.name.lower() for flag in TimeFlag if flag.name}
_FLAGS |= {CORRECTED: "corrected", UNKNOWN_CODE: "unknown_code"}


class _Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of `ParcelView` that its scans say."""

    status: int
    status_at: str | None
    place: PlaceView | None
    first_at: str | None
    last_at: str | None
    milestones: list[MilestoneView]
    flags: list[str]


def telling_rows(judged: Judged) -> list[int]:
    """The few scans that the view of a parcel is made of."""
    current = _current_row(judged)
    ends = _standing_rows(judged)[[0, -1]].tolist() if _standing_rows(judged).size else []
    return sorted({*ends, *_milestone_rows(judged), *([] if current is None else [current])})


def view_parcel(bundle: Bundle, judged: Judged, views: Mapping[int, ScanView], places: Places) -> ParcelView:
    """A parcel as it stands.

    Of a parcel with states the status, the instants, the place and which milestones were reached are theirs, so they
    are right however many scans it has. When a milestone was reached is told where no scan left out can be the first;
    flags that only those would show are missing.

    Args:
        bundle: the parcel.
        judged: the timeline of the bundle.
        views: its telling rows.
        places: the facilities by (carrier, code), also that of each state.
    """
    standing = _by_scans(judged, views)
    if bundle.states is not None:
        reached = _list_reached(bundle.states, bundle.cut, judged, views)
        standing = _by_states(bundle.states, reached, standing.flags, places)
    status = get_status(standing.status)
    waybill, parcel = bundle.waybills[0], bundle.parcel
    carrier = find_carrier(waybill.carrier)
    return ParcelView(
        id=bundle.id,
        carrier=waybill.carrier,
        carrier_name=carrier.name if carrier else waybill.carrier,
        number=waybill.number,
        numbers=[WaybillView(each.carrier, each.number) for each in bundle.waybills],
        order_number=parcel.order_number if parcel else None,
        status=status.code,
        status_at=standing.status_at,
        group=status.group,
        shape=status.shape,
        place=standing.place,
        origin=_end(parcel.origin if parcel else None),
        destination=_end(parcel.destination if parcel else None),
        first_at=standing.first_at,
        last_at=standing.last_at,
        promised_by=_promise(parcel, standing.last_at),
        milestones=standing.milestones,
        scans=bundle.scans,
        weight_g=parcel.weight_g if parcel else None,
        note=parcel.note if parcel else None,
        flags=standing.flags,
        complete=bundle.complete,
    )


def _by_scans(judged: Judged, views: Mapping[int, ScanView]) -> _Standing:
    current, rows = _current_row(judged), _standing_rows(judged)
    now = None if current is None else views[current]
    oldest, newest = (views[int(rows[0])], views[int(rows[-1])]) if rows.size else (None, None)
    return _Standing(
        status=get_status(now.status).number if now else UNKNOWN,
        status_at=now.at if now else None,
        place=newest.place if newest else None,
        first_at=oldest.at if oldest else None,
        last_at=newest.at if newest else None,
        milestones=[
            MilestoneView(milestone, views[row].at)
            for row in _milestone_rows(judged)
            if (milestone := get_status(views[row].status).milestone)
        ],
        flags=judged.all_flags(),
    )


def _by_states(states: pa.Table, reached: list[MilestoneView], flags: list[str], places: Places) -> _Standing:
    """`flags` are those of the scans. Instants have the offset of the newest scan, for want of a better one."""
    statuses = np.asarray(states.column("status"))
    order = np.lexsort(standing_order(statuses, np.asarray(states.column("status_at")))[::-1])
    rows = states.to_pylist()
    highest, newest = rows[order[-1]], max(rows, key=lambda row: row["last_at"])
    place = places.get((newest["carrier"], newest["facility"])) if newest["facility"] else None

    def local(at_ms: int) -> str | None:
        return None if at_ms in (NEVER_FIRST, NEVER_LAST) else local_text(at_ms, newest["offset_min"], place)

    status_at = local(highest["status_at"]) if bears_status(statuses[order])[-1] else None
    bits = int(np.bitwise_or.reduce(np.asarray(states.column("flags"))))
    return _Standing(
        status=highest["status"],
        status_at=status_at,
        place=place_view(newest["facility"], place),
        first_at=local(min(row["first_at"] for row in rows)),
        last_at=local(newest["last_at"]),
        milestones=reached,
        flags=sorted({*flags, *(name for bit, name in _FLAGS.items() if bits & bit)}),
    )


def _list_reached(
    states: pa.Table, cut: frozenset[Waybill], judged: Judged, views: Mapping[int, ScanView]
) -> list[MilestoneView]:
    """The milestones in the states, first those of which it is certain when they were first reached.

    That is so if the first scan that was read is of a number that was read whole, and no number with scans left out
    that reached the milestone too began before it.
    """
    rows = [(Waybill(row["carrier"], row["number"]), row) for row in states.to_pylist()]
    reached = _names(row["milestones"] for _, row in rows)
    begun = [(row["first_at"], _names([row["milestones"]])) for waybill, row in rows if waybill in cut]
    at_ms = np.asarray(judged.scans.column("at").cast(pa.int64()))
    certain = []
    for row in _milestone_rows(judged):
        view, milestone = views[row], get_status(views[row].status).milestone
        doubts = [first_at for first_at, names in begun if milestone in names and first_at < at_ms[row]]
        if milestone in reached and Waybill(view.carrier, view.number) not in cut and not doubts:
            certain.append(MilestoneView(milestone, view.at))
    told = {each.name for each in certain}
    return certain + [MilestoneView(name, None) for name in reached if name not in told]


def _names(bits: Iterable[int]) -> list[str]:
    """The milestones of some states, in the order of a parcel's life."""
    united = functools.reduce(operator.or_, bits, 0)
    return [name for place, name in enumerate(MILESTONES) if united >> place & 1]


def _standing_rows(judged: Judged) -> npt.NDArray[np.int64]:
    return np.flatnonzero(judged.stands & (judged.statuses != get_status(VOID).number))


def _current_row(judged: Judged) -> int | None:
    """The scan that says the status."""
    rows = _standing_rows(judged)
    rows = rows[bears_status(judged.statuses[rows])]
    at_ms = np.asarray(judged.scans.column("at").cast(pa.int64()))
    order = np.lexsort(standing_order(judged.statuses[rows], at_ms[rows])[::-1])
    return int(rows[order[-1]]) if rows.size else None


def _milestone_rows(judged: Judged) -> list[int]:
    """The scans that first reached a milestone, oldest first."""
    rows = _standing_rows(judged)
    bits, first = np.unique(status_arrays().milestone_bit[judged.statuses[rows]], return_index=True)
    return sorted(rows[first[bits != 0]].tolist())


def _promise(parcel: Parcel | None, last_at: str | None) -> str | None:
    """The promised instant; it is kept in UTC and told with the offset of the newest scan, for want of a better one."""
    if parcel is None or parcel.promised_ms is None:
        return None
    return format_instant(parcel.promised_ms, parse_instant(last_at).offset_min if last_at else 0)


def _end(place: Place | None) -> PlaceView | None:
    return None if place is None else PlaceView(city=place.city, region=place.region, country=place.country)
