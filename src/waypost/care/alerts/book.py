"""The alerts in `Records`: what is found becomes one alert a subject, which people work off.

An alert lasts while its trouble is found, and ends by itself once it was not for a while; found later, it is a new one.
Each thing that becomes of it is an act and gives it the next version. Who acts says which version they saw, so two who
act at once do not undo one another, and who sends the same again changes nothing.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.engine import Connection, Row

from waypost.access.trail import WAYPOST, Trail
from waypost.care.alerts.findings import MOST_NAMED, AlertKind, Finding, Severity
from waypost.care.alerts.words import Act, ActKind, Alert, Asked, State, Wanted
from waypost.care.records import alert_acts, alert_parcels, alerts
from waypost.forecast.arrivals import LikelyCause
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, Conflict, NotFound
from waypost.model.instants import DAY_MS
from waypost.model.texts import refuse_control
from waypost.store.protocols import Records

#: Of one kind so many findings become alerts, the worst ones.
MOST_OF_A_KIND = 200
MOST_NOTE, MOST_ASSIGNEE = 1000, 64
#: For so long one may be snoozed.
MOST_SNOOZED_MS = 30 * DAY_MS
#: It comes back, whoever put it aside, if it hits so many times as many parcels as then, and so many more.
_WORSE, _WORSE_BY = 1.5, 5
#: A finding goes on with an alert of another subject if it shares so many of the parcels of the smaller of the two.
_SAME = 0.5


class Noted(msgspec.Struct, frozen=True):
    """What came of some findings: the ids of alerts that are new, that came back and that ended."""

    raised: list[str]
    came_back: list[str]
    ended: list[str]


class AlertBook:
    """Keeps alerts.

    Args:
        ends_after_ms: so long after it was found the last time one ends.
    """

    def __init__(self, records: Records, ends_after_ms: int) -> None:
        self._records = records
        self._ends_after_ms = ends_after_ms

    def note(self, looked: Collection[AlertKind], findings: Sequence[Finding], now_ms: int) -> Noted:
        """Work in what was found. Alerts of kinds that nobody could look for stay as they are."""
        noted = Noted([], [], [])
        with self._records.begin() as connection:
            live = connection.execute(select(alerts).where(alerts.c.live.is_not(None))).all()
            seen = {row.live: row for row in live}
            lost: list[Finding] = []
            for finding in _worst(findings):
                row = seen.pop(_key(finding), None)
                if row is None:
                    lost.append(finding)
                else:
                    _renew(connection, row, finding, now_ms, noted)
            alike = _Alike(connection, list(seen.values()), {finding.kind for finding in lost if finding.numbers})
            for finding in lost:
                row = alike.find(finding, seen)
                if row is None:
                    noted.raised.append(_raise(connection, finding, now_ms))
                else:
                    seen.pop(row.live)
                    _renew(connection, row, finding, now_ms, noted)
            for row in seen.values():
                if row.kind in looked and row.last_ms < now_ms - self._ends_after_ms:
                    _end(connection, row, now_ms)
                    noted.ended.append(row.id)
                elif _is_time_up(row, now_ms):
                    _come_back(connection, row, ActKind.WOKE, now_ms)
                    noted.came_back.append(row.id)
        return noted

    def get(self, id_: str) -> tuple[Alert, list[Act]]:
        """One, and what became of it, oldest first.

        Raises:
            NotFound: there is none.
        """
        with self._records.read() as connection:
            alert = _alert(_get(connection, id_))
            rows = connection.execute(_acts_of(id_)).all()
        return alert, [_act(row) for row in rows]

    def list_page(self, wanted: Wanted, after: str | None, limit: int) -> tuple[list[Alert], str | None]:
        """The worst and then the newest first, and the cursor for more, None at the end.

        Raises:
            BadInput: the cursor is none of ours.
        """
        table = alerts.c
        asked = select(alerts).order_by(table.severity.desc(), table.first_ms.desc(), table.id).limit(limit + 1)
        for column, value in (
            (table.kind, wanted.kind),
            (table.carrier, wanted.carrier),
            (table.assignee, wanted.assignee),
        ):
            if value is not None:
                asked = asked.where(column == value)
        if wanted.states:
            asked = asked.where(table.state.in_(sorted(wanted.states)))
        if wanted.facility is not None:
            is_code = table.facility.endswith(f"/{wanted.facility}", autoescape=True)
            asked = asked.where(or_(table.facility == wanted.facility, is_code))
        key = read_cursor(after, tuple[int, int, str])
        if key is not None:
            worse, newer, id_ = key
            same = table.severity == worse
            behind = or_(table.first_ms < newer, (table.first_ms == newer) & (table.id > id_))
            asked = asked.where(or_(table.severity < worse, same & behind))
        with self._records.read() as connection:
            found = [_alert(row) for row in connection.execute(asked)]
        page = found[:limit]
        if len(found) <= limit:
            return page, None
        return page, write_cursor((int(page[-1].severity), page[-1].first_ms, page[-1].id))

    def list_parcels(self, id_: str, after: str | None, limit: int) -> tuple[list[str], str | None]:
        """The parcels that one was found to hit the last time, as carrier/number, of very many some; and a cursor.

        Raises:
            NotFound: there is no such alert.
            BadInput: the cursor is none of ours.
        """
        key = read_cursor(after, tuple[str])
        with self._records.read() as connection:
            _get(connection, id_)
            numbers = _read_numbers(connection, id_)
        found = [each for each in numbers if key is None or each > key[0]][: limit + 1]
        page = found[:limit]
        return page, write_cursor((page[-1],)) if len(found) > limit else None

    def act(self, id_: str, asked: Asked, who: str, now_ms: int) -> Alert:
        """Do something to one; the same by the same person again, of the same version, changes nothing.

        Raises:
            NotFound: there is none.
            Conflict: it is of another version by now, it has ended, or it stands so already.
            BadInput: what is asked cannot be.
        """
        _check(asked, now_ms)
        with self._records.begin() as connection:
            row = _get(connection, id_)
            if row.version != asked.version:
                if _is_repeated(connection, row, asked, who):
                    return _alert(row)
                raise Conflict(
                    f"alert {id_[:40]} was changed meanwhile: it has version {row.version}",
                    mend="Look at it again, and send the version that you saw.",
                )
            values = _values(row, asked)
            _write_act(connection, row, asked.what, who, now_ms, values, asked)
            Trail.write(connection, who, f"alert.{asked.what}", id_, now_ms)
            return _alert(_get(connection, id_))

    def count(self) -> Mapping[tuple[str, str], int]:
        """How many there are that are not over, by kind and state."""
        found: dict[tuple[str, str], int] = {}
        asked = select(alerts.c.kind, alerts.c.state).where(alerts.c.live.is_not(None))
        with self._records.read() as connection:
            for kind, state in connection.execute(asked):
                found[kind, state] = found.get((kind, state), 0) + 1
        return found

    def forget(self, before_ms: int) -> int:
        """Remove those that ended before an instant; how many were removed."""
        with self._records.begin() as connection:
            return connection.execute(delete(alerts).where(alerts.c.ended_ms < before_ms)).rowcount


def _worst(findings: Sequence[Finding]) -> list[Finding]:
    """The worst of each kind, one a subject."""
    found: dict[str, Finding] = {}
    many: dict[AlertKind, int] = {}
    for each in sorted(findings, key=lambda each: (-each.severity, -each.parcels, each.subject)):
        if _key(each) not in found and many.get(each.kind, 0) < MOST_OF_A_KIND:
            found[_key(each)] = each
            many[each.kind] = many.get(each.kind, 0) + 1
    return list(found.values())


def _key(finding: Finding) -> str:
    told = f"{finding.kind}\n{finding.subject}".encode()
    return hashlib.blake2b(told, digest_size=16).hexdigest()


class _Alike:
    """Finds a live alert that hits the same parcels, though it is of another subject.

    A hub that stands still may be named by the first truck that does not leave it, and by its name an hour later.
    """

    def __init__(self, connection: Connection, live: Collection[Row[Any]], kinds: Collection[AlertKind]) -> None:
        self._of: dict[tuple[str, str], list[str]] = {}
        self._many: dict[str, int] = {}
        for row in sorted(live, key=lambda row: (row.first_ms, row.id)):
            numbers = _read_numbers(connection, row.id) if row.kind in kinds else []
            self._many[row.live] = len(numbers)
            for number in numbers:
                self._of.setdefault((row.kind, number), []).append(row.live)

    def find(self, finding: Finding, left: Mapping[str, Row[Any]]) -> Row[Any] | None:
        """The oldest of those that are left."""
        own = set(finding.numbers)
        shared = Counter(key for number in own for key in self._of.get((finding.kind, number), ()))
        alike = [left[key] for key in self._many if key in left and shared[key] >= self._needed(own, key)]
        return alike[0] if alike else None

    def _needed(self, own: set[str], key: str) -> float:
        return max(_SAME * min(len(own), self._many[key]), 1)


def _raise(connection: Connection, finding: Finding, now_ms: int) -> str:
    key = _key(finding)
    told = hashlib.blake2b(f"{key} {now_ms}".encode(), digest_size=8).hexdigest()
    row = {
        "id": f"alr_{told}",
        "kind": finding.kind.value,
        "live": key,
        "state": State.OPEN.value,
        "assignee": "",
        "borne": 0,
        "borne_severity": 0,
        "first_ms": now_ms,
        "most_parcels": finding.parcels,
        "version": 1,
        **_observed(finding, now_ms),
    }
    connection.execute(insert(alerts).values(row))
    connection.execute(insert(alert_parcels).values(alert=row["id"], content=_numbers(finding)))
    act = {"alert": row["id"], "version": 1, "at_ms": now_ms, "who": WAYPOST, "what": ActKind.RAISED.value}
    connection.execute(insert(alert_acts).values(act | {"note": "", "assignee": "", "until_ms": None}))
    return str(row["id"])


def _observed(finding: Finding, now_ms: int) -> dict[str, Any]:
    return {
        "severity": int(finding.severity),
        "carrier": finding.carrier or "",
        "facility": finding.facility or "",
        "last_ms": now_ms,
        "parcels": finding.parcels,
        "content": msgspec.json.encode(msgspec.structs.replace(finding, numbers=[])),
    }


def _numbers(finding: Finding) -> bytes:
    return msgspec.json.encode(sorted(set(finding.numbers))[:MOST_NAMED])


def _read_numbers(connection: Connection, id_: str) -> list[str]:
    asked = select(alert_parcels.c.content).where(alert_parcels.c.alert == id_)
    return decode(connection.execute(asked).scalar_one(), list[str])


def _renew(connection: Connection, row: Row[Any], finding: Finding, now_ms: int, noted: Noted) -> None:
    """It was found again."""
    if finding.kind is not AlertKind.WEATHER_AHEAD:  # when that begins is foretold anew; all else began when it began
        before = decode(row.content, Finding).since_ms
        finding = msgspec.structs.replace(finding, since_ms=min(before, finding.since_ms))
    values = _observed(finding, now_ms) | {"most_parcels": max(row.most_parcels, finding.parcels)}
    connection.execute(update(alerts).where(alerts.c.id == row.id).values(values))
    content = _numbers(finding)
    renewed = update(alert_parcels).where(alert_parcels.c.alert == row.id, alert_parcels.c.content != content)
    connection.execute(renewed.values(content=content))
    is_worse = finding.severity > row.borne_severity or finding.parcels >= _WORSE * row.borne + _WORSE_BY
    if is_worse and row.state in (State.SNOOZED, State.RESOLVED):
        _come_back(connection, row, ActKind.WORSENED, now_ms)
        noted.came_back.append(row.id)
    elif _is_time_up(row, now_ms):
        _come_back(connection, row, ActKind.WOKE, now_ms)
        noted.came_back.append(row.id)


def _is_time_up(row: Row[Any], now_ms: int) -> bool:
    return bool(row.state == State.SNOOZED and row.snoozed_until_ms <= now_ms)


def _come_back(connection: Connection, row: Row[Any], why: ActKind, now_ms: int) -> None:
    _write_act(connection, row, why, WAYPOST, now_ms, {"state": State.OPEN.value, "snoozed_until_ms": None})


def _end(connection: Connection, row: Row[Any], now_ms: int) -> None:
    state = State.RESOLVED if row.state == State.RESOLVED else State.ENDED
    values = {"state": state.value, "live": None, "ended_ms": now_ms, "snoozed_until_ms": None}
    _write_act(connection, row, ActKind.ENDED, WAYPOST, now_ms, values)


def _write_act(
    connection: Connection,
    row: Row[Any],
    what: ActKind,
    who: str,
    now_ms: int,
    values: Mapping[str, Any],
    asked: Asked | None = None,
) -> None:
    """The next version of an alert, and the act that made it: somebody asked for it, or nobody."""
    version = row.version + 1
    connection.execute(update(alerts).where(alerts.c.id == row.id).values({**values, "version": version}))
    act = {"alert": row.id, "version": version, "at_ms": now_ms, "who": who, "what": what.value}
    more: dict[str, Any] = {"note": "", "assignee": "", "until_ms": None}
    if asked is not None:
        more = {"note": asked.note, "assignee": asked.assignee or "", "until_ms": asked.until_ms}
    connection.execute(insert(alert_acts).values(act | more))


def _check(asked: Asked, now_ms: int) -> None:
    if len(asked.note) > MOST_NOTE:
        raise BadInput(f"a note has up to {MOST_NOTE} characters", where="note")
    refuse_control(asked.note, "note")
    if asked.what is ActKind.RESOLVED and not asked.note.strip():
        raise BadInput("say in a note what came of it", where="note")
    if asked.what is ActKind.ASSIGNED and asked.assignee is not None:
        if not 0 < len(asked.assignee.strip()) <= MOST_ASSIGNEE:
            raise BadInput(f"who it is for has 1 to {MOST_ASSIGNEE} characters", where="assignee")
        refuse_control(asked.assignee, "assignee")
    if asked.what is ActKind.SNOOZED:
        if asked.until_ms is None or asked.until_ms <= now_ms:
            raise BadInput("it is snoozed until an instant that is to come", where="until")
        if asked.until_ms > now_ms + MOST_SNOOZED_MS:
            mend = "Snooze it for less; or resolve it."
            raise BadInput(f"that is in more than {MOST_SNOOZED_MS // DAY_MS} days", where="until", mend=mend)


def _values(row: Row[Any], asked: Asked) -> dict[str, Any]:
    """What an act makes of an alert.

    Raises:
        Conflict: it cannot be done to one that stands so.
    """
    if row.live is None and not (asked.what is ActKind.RESOLVED and row.state == State.ENDED):
        mend = "If the trouble is found again it becomes a new alert. One that ended can be resolved, with a note."
        raise Conflict(f"alert {row.id} has ended", mend=mend)
    borne = {"borne": row.parcels, "borne_severity": row.severity}
    match asked.what:
        case ActKind.ASSIGNED:
            return {"assignee": asked.assignee or ""}
        case ActKind.SNOOZED:
            return {"state": State.SNOOZED.value, "snoozed_until_ms": asked.until_ms, **borne}
        case ActKind.RESOLVED if row.state != State.RESOLVED:
            return {"state": State.RESOLVED.value, "snoozed_until_ms": None, **borne}
        case ActKind.ACKNOWLEDGED if row.state == State.OPEN:
            return {"state": State.ACKNOWLEDGED.value}
        case ActKind.REOPENED if row.state != State.OPEN:
            return {"state": State.OPEN.value, "snoozed_until_ms": None}
    raise Conflict(f"alert {row.id} is {row.state}, so it cannot be {asked.what}", mend="Look at it again.")


def _is_repeated(connection: Connection, row: Row[Any], asked: Asked, who: str) -> bool:
    """Whether what is asked was done already, by the same and to the same version."""
    known = select(alert_acts).where(alert_acts.c.alert == row.id, alert_acts.c.version == asked.version + 1)
    act = connection.execute(known).one_or_none()
    if act is None:
        return False
    same = (asked.what, who, asked.note, asked.assignee or "", asked.until_ms)
    return (act.what, act.who, act.note, act.assignee, act.until_ms) == same


def _acts_of(id_: str) -> Any:
    return select(alert_acts).where(alert_acts.c.alert == id_).order_by(alert_acts.c.version)


def _get(connection: Connection, id_: str) -> Row[Any]:
    row = connection.execute(select(alerts).where(alerts.c.id == id_)).one_or_none()
    if row is None:
        raise NotFound(f"no alert {id_[:40]!r}", mend="`waypost alerts list` and /v1/alerts list those that there are.")
    return row


def _alert(row: Row[Any]) -> Alert:
    finding = decode(row.content, Finding)
    return Alert(
        id=row.id,
        kind=AlertKind(row.kind),
        severity=Severity(row.severity),
        state=State(row.state),
        carrier=finding.carrier,
        facility=finding.facility,
        towards=finding.towards,
        assignee=row.assignee or None,
        snoozed_until_ms=row.snoozed_until_ms,
        since_ms=finding.since_ms,
        first_ms=row.first_ms,
        last_ms=row.last_ms,
        ended_ms=row.ended_ms,
        parcels=row.parcels,
        most_parcels=row.most_parcels,
        causes=list[LikelyCause](finding.causes),
        figures=finding.figures,
        words=finding.words,
        version=row.version,
    )


def _act(row: Row[Any]) -> Act:
    return Act(row.version, row.at_ms, row.who, ActKind(row.what), row.note, row.assignee or None, row.until_ms)
