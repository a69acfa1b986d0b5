"""Closures and delays that are kept, and hold in every question for ways until they end or are lifted.

They are checked against the timetable when they are made. Later it may be another one: what does not fit any more, such
as the delay of a service that is gone, then changes nothing and is told, and hinders no other.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, Literal

import msgspec
from sqlalchemy import delete, insert, or_, select
from sqlalchemy.engine import Connection, Row

from waypost.access.trail import Trail
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, NotFound
from waypost.model.instants import DAY_MS, LATEST_MS, MINUTE_MS
from waypost.model.texts import has_control
from waypost.network.changes import Closure, Delay, amend
from waypost.network.records import list_services, timetable_changes
from waypost.network.services import DAY_MIN, Service
from waypost.network.timetable import EPOCH, Timetable, expand, list_days
from waypost.store.protocols import Records
from waypost.store.repeats import is_made

#: So many of a carrier may hold or be to come at one time, and so many days what has ended is still told.
MOST_CHANGES = 500
TOLD_DAYS = 90

_MOST_WHY = 200
#: No change begins or ends later: what lies beyond is a slip of the pen.
_MOST_DAYS_AHEAD = 3 * 366
#: So much earlier than planned may something leave; what is moved further is another timetable.
_MOST_EARLY_MIN = DAY_MIN
_NEARER = "Look whether the year is right."


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A closure or a delay, who made it and why.

    Attributes:
        since_ms, until_ms: it matters from the one to before the other; until it is lifted where that is None.
        facility, destination: of a closure, as in `Closure`.
        carrier: who runs the facility, or the service.
        service, day, minutes, call: of a delay, as in `Delay`.
    """

    id: str
    kind: Literal["closure", "delay"]
    carrier: str
    since_ms: int
    until_ms: int | None
    why: str
    who: str
    made_ms: int
    facility: str | None = None
    destination: str | None = None
    service: str | None = None
    day: dt.date | None = None
    minutes: int = 0
    call: int = 0


class ChangeBook:
    """Keeps changes, and works them into timetables."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def close(
        self, id_: str, closure: Closure, why: str, who: str, now_ms: int, *, lasting: bool = False, asked: str = ""
    ) -> Change:
        """Close a facility, or a lane; what was made under the id already is told again.

        Args:
            lasting: until it is lifted, whatever the closure says.
            asked: by what a repeat is known; see `store.repeats.is_made`.

        Raises:
            NotFound: no service calls at one of the facilities, or goes from the one to the other.
            BadInput: it ends before it begins or now, lies too far away, closes nothing, or cannot be kept.
        """
        until_ms = LATEST_MS if lasting else closure.until_ms
        _check_closure(closure, until_ms, now_ms, lasting=lasting)
        change = Change(
            id=id_,
            kind="closure",
            carrier=closure.facility.partition("/")[0],
            since_ms=closure.since_ms,
            until_ms=None if lasting else until_ms,
            why=why,
            who=who,
            made_ms=now_ms,
            facility=closure.facility,
            destination=closure.destination,
        )
        with self._records.begin() as connection:
            _check_called(closure, list_services(connection))
            return _keep(connection, change, asked)

    def delay(self, id_: str, delay: Delay, why: str, who: str, now_ms: int, *, asked: str = "") -> Change:
        """Say that a departure is late; it ends by itself once that departure is over.

        Raises:
            NotFound: there is no such departure.
            BadInput: with all its delays it would leave a facility before it arrived there, it is over, or it changes
                nothing.
        """
        if delay.minutes < -_MOST_EARLY_MIN:
            mend = "Import the timetable as it is; or write fewer minutes."
            raise BadInput(f"{-delay.minutes} minutes early is more than a day", where="minutes", mend=mend)
        with self._records.begin() as connection:
            name = f"{delay.carrier}/{delay.service}"[:80]
            services = [each for each in list_services(connection, carrier=delay.carrier) if each.code == delay.service]
            if not services:
                raise NotFound(f"no service {name!r} in the timetable", mend="`waypost timetable show` lists them.")
            others = [_as_delay(each) for each in _list_live(connection, now_ms) if each.service == delay.service]
            others = [each for each in others if each.carrier == delay.carrier and _is_known(each, services)]
            if not len(list_days(services[0].days, _day_of(delay), _day_of(delay))):
                raise NotFound(f"service {name!r} does not run on {delay.day}")
            same = [each for each in others if each.day == delay.day and each.call <= delay.call]
            if delay.minutes == 0 and not same:
                mend = "Write how many minutes later it is; `waypost timetable lift` takes back a delay that is none."
                raise BadInput("a delay of 0 minutes changes nothing", where="minutes", mend=mend)
            if _day_of(delay) * DAY_MS > now_ms + _MOST_DAYS_AHEAD * DAY_MS:
                raise BadInput(f"{delay.day} is too far ahead", where="day", mend=_NEARER)
            amend(expand(services, delay.day, delay.day, {}, 0), delays=[*others, delay])
            since_ms = (_day_of(delay) - 2) * DAY_MS  # zones east of UTC, and what leaves the day before its own
            lasts_min = max(call.departs_min or call.arrives_min or 0 for call in services[0].calls)
            change = Change(
                id=id_,
                kind="delay",
                carrier=delay.carrier,
                since_ms=since_ms,
                until_ms=(_day_of(delay) + 2) * DAY_MS + (max(lasts_min, DAY_MIN) + max(delay.minutes, 0)) * MINUTE_MS,
                why=why,
                who=who,
                made_ms=now_ms,
                service=delay.service,
                day=delay.day,
                minutes=delay.minutes,
                call=delay.call,
            )
            if change.until_ms is not None and change.until_ms <= now_ms:
                mend = "Tell the delay of a departure that is to come or on its way."
                raise BadInput(f"service {name!r} of {delay.day} is over", where="day", mend=mend)
            return _keep(connection, change, asked)

    def lift(self, id_: str, carriers: Collection[str] | None, who: str, now_ms: int) -> None:
        """Take a change back; the audit trail says who did.

        Args:
            carriers: only one of theirs; None for any.

        Raises:
            NotFound: there is none, or it has ended.
        """
        table = timetable_changes.c
        with self._records.begin() as connection:
            where = (table.id == id_) & (table.until_ms > now_ms)
            if carriers is not None:
                where &= table.carrier.in_(sorted(carriers))
            if not connection.execute(delete(timetable_changes).where(where)).rowcount:
                mend = "`waypost timetable changes` lists those that hold."
                raise NotFound(f"no closure or delay {id_[:40]!r} holds or is to come", mend=mend)
            Trail.write(connection, who, "timetable_change.lifted", id_, now_ms)

    def list_page(
        self, carriers: Collection[str] | None, after: str | None, limit: int, now_ms: int, *, ended: bool = False
    ) -> tuple[list[Change], str | None]:
        """Those that hold or are to come, by when they began, and the cursor for more, None at the end.

        Args:
            carriers: only theirs; None for all.
            ended: those that have ended as well, for so long as they are told.

        Raises:
            BadInput: the cursor is none of ours.
        """
        table = timetable_changes.c
        key = read_cursor(after, tuple[int, str])
        query = select(timetable_changes).order_by(table.since_ms, table.id).limit(limit + 1)
        if carriers is not None:
            query = query.where(table.carrier.in_(sorted(carriers)))
        if not ended:
            query = query.where(table.until_ms > now_ms)
        if key is not None:
            query = query.where(or_(table.since_ms > key[0], (table.since_ms == key[0]) & (table.id > key[1])))
        with self._records.read() as connection:
            found = [_change(row) for row in connection.execute(query)]
        page = found[:limit]
        return page, write_cursor((page[-1].since_ms, page[-1].id)) if len(found) > limit else None

    def list_live(self, now_ms: int) -> list[Change]:
        """All that hold or are to come."""
        with self._records.read() as connection:
            return _list_live(connection, now_ms)


def apply_changes(timetable: Timetable, changes: Sequence[Change]) -> tuple[Timetable, list[str]]:
    """The timetable with those of some changes that fit it, and the ids of those that fit it no more."""
    closures = [_as_closure(each) for each in changes if each.kind == "closure"]
    closures = [
        each
        for each in closures  # nothing calls there in these days: nothing is to be closed
        if each.facility in timetable.places and (each.destination is None or each.destination in timetable.places)
    ]
    delays, bad = _find_fitting([each for each in changes if each.kind == "delay"], timetable.services)
    return amend(timetable, closures, delays), bad


def _find_fitting(changes: Sequence[Change], services: Sequence[Service]) -> tuple[list[Delay], list[str]]:
    """The delays that fit the services as they are now, and the ids of those that do not: one departure at a time."""
    by_name = {(each.carrier, each.code): each for each in services}
    fitting: dict[tuple[str | None, str | None, dt.date | None], list[Delay]] = {}
    bad: list[str] = []
    for change in changes:
        delay, service = _as_delay(change), by_name.get((change.carrier, change.service or ""))
        others = fitting.setdefault((change.carrier, change.service, change.day), [])
        try:
            if service is None or not _is_known(delay, [service]):
                raise BadInput("there is no such departure")
            amend(expand([service], delay.day, delay.day, {}, 0), delays=[*others, delay])
            others.append(delay)
        except BadInput:  # the timetable has changed since
            bad.append(change.id)
    return [each for some in fitting.values() for each in some], bad


def _check_closure(closure: Closure, until_ms: int, now_ms: int, *, lasting: bool) -> None:
    if closure.destination == closure.facility:
        mend = "Name another facility; or leave the destination out, to close this one."
        raise BadInput("a lane does not lead to where it begins", where="destination", mend=mend)
    if until_ms <= closure.since_ms:
        mend = "Give an end behind its beginning; or none, and it holds until it is lifted."
        raise BadInput("the closure ends before it begins", where="until", mend=mend)
    if until_ms <= now_ms:
        raise BadInput("the closure has ended", where="until", mend="Give an end that is to come.")
    if closure.since_ms > now_ms + _MOST_DAYS_AHEAD * DAY_MS:
        raise BadInput(f"it begins in more than {_MOST_DAYS_AHEAD} days", where="since", mend=_NEARER)
    if not lasting and until_ms > now_ms + _MOST_DAYS_AHEAD * DAY_MS:
        mend = "Leave the end out, and it holds until it is lifted."
        raise BadInput(f"it ends in more than {_MOST_DAYS_AHEAD} days", where="until", mend=mend)


def _check_called(closure: Closure, services: Sequence[Service]) -> None:
    stops = [[call.facility for call in service.calls] for service in services]
    called = {facility for each in stops for facility in each}
    for facility in filter(None, (closure.facility, closure.destination)):
        if facility not in called:
            mend = "`waypost timetable show` lists those that something calls at, as carrier/code."
            raise NotFound(f"no service calls at {facility[:80]!r}", mend=mend)
    if closure.destination is None:
        return
    way = (closure.facility, closure.destination)
    if not any(way in pairwise(each) for each in stops):
        mend = "A lane is a way without a stop between: close each of them."
        raise NotFound(f"no service goes from {way[0][:80]!r} to {way[1][:80]!r} directly", mend=mend)


def _is_known(delay: Delay, services: Sequence[Service]) -> bool:
    """Whether there is such a departure."""
    day = _day_of(delay)
    return any(
        (each.carrier, each.code) == (delay.carrier, delay.service)
        and delay.call < len(each.stretches)
        and len(list_days(each.days, day, day)) > 0
        for each in services
    )


def _day_of(delay: Delay) -> int:
    return (delay.day - EPOCH).days


def _as_closure(change: Change) -> Closure:
    assert change.facility is not None
    return Closure(
        facility=change.facility,
        since_ms=change.since_ms,
        until_ms=LATEST_MS if change.until_ms is None else change.until_ms,
        destination=change.destination,
    )


def _as_delay(change: Change) -> Delay:
    return Delay(
        carrier=change.carrier,
        service=change.service or "",
        day=change.day or EPOCH,
        minutes=change.minutes,
        call=change.call,
    )


def _keep(connection: Connection, change: Change, asked: str) -> Change:
    table = timetable_changes.c
    if is_made(connection, timetable_changes, change.id, asked):
        return _change(connection.execute(select(timetable_changes).where(table.id == change.id)).one())
    if not 0 < len(change.why) <= _MOST_WHY or has_control(change.why):
        raise BadInput(f"say why in 1 to {_MOST_WHY} characters of one line", where="why")
    connection.execute(delete(timetable_changes).where(table.until_ms < change.made_ms - TOLD_DAYS * DAY_MS))
    live = _list_live(connection, change.made_ms)
    if len([each for each in live if each.carrier == change.carrier]) >= MOST_CHANGES:
        raise BadInput(
            f"{MOST_CHANGES} closures and delays of {change.carrier} hold already",
            mend="Lift some that are not needed.",
        )
    row = {
        "id": change.id,
        "carrier": change.carrier,
        "since_ms": change.since_ms,
        "until_ms": LATEST_MS if change.until_ms is None else change.until_ms,
        "content": msgspec.json.encode(change),
        "asked": asked,
    }
    connection.execute(insert(timetable_changes).values(row))
    Trail.write(connection, change.who, "timetable_change.made", change.id, change.made_ms, kind=change.kind)
    return change


def _list_live(connection: Connection, now_ms: int) -> list[Change]:
    table = timetable_changes.c
    query = select(timetable_changes).where(table.until_ms > now_ms).order_by(table.since_ms, table.id)
    found = [_change(row) for row in connection.execute(query)]
    return sorted(found, key=lambda each: (each.since_ms, each.made_ms, each.id))  # of two the newer is believed


def _change(row: Row[Any]) -> Change:
    return decode(row.content, Change)
