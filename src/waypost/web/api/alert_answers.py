"""What the API says of alerts and takes for them, as records, with one example each."""

from typing import Annotated

import msgspec

from waypost.care.alerts.book import MOST_ASSIGNEE, MOST_NOTE
from waypost.care.alerts.words import Act, Alert
from waypost.forecast.arrivals import LikelyCause
from waypost.model.instants import format_utc

_Version = Annotated[int, msgspec.Meta(ge=1, le=(1 << 31) - 1)]
_Note = Annotated[str, msgspec.Meta(max_length=MOST_NOTE)]


class ActSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To acknowledge or reopen: the version of the alert that was seen, and a note."""

    version: _Version
    note: _Note = ""


class AssignSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose it is from now on: a person's id or a team's name, `me` for whose key it is, null for nobody."""

    version: _Version
    assignee: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_ASSIGNEE)] | None
    note: _Note = ""


class SnoozeSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Put aside until an instant (RFC 3339)."""

    version: _Version
    until: Annotated[str, msgspec.Meta(max_length=64)]
    note: _Note = ""


class ResolveSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It is done with; the note says what it was, or what was done."""

    version: _Version
    note: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_NOTE)]


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """One alert. See `care.alerts.words.Alert`; instants RFC 3339.

    Attributes:
        severity: `info`, `warning` or `critical`.
        since: since when the trouble lasts, or from when on it will.
        parcels, most_parcels: how many it hits, and hit at most.
        causes: that explain it, the likeliest first.
        figures, words: what it was told by.
        version: is sent with what is done to it.
    """

    id: str
    kind: str
    severity: str
    state: str
    carrier: str | None
    facility: str | None
    towards: str | None
    assignee: str | None
    snoozed_until: str | None
    since: str
    first_seen_at: str
    last_seen_at: str
    ended_at: str | None
    parcels: int
    most_parcels: int
    causes: list[LikelyCause]
    figures: dict[str, float]
    words: dict[str, str]
    version: int


class ActView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an alert, when, and by whom as the audit trail names them; and the version that it got by that."""

    version: int
    at: str
    who: str
    what: str
    note: str
    assignee: str | None
    until: str | None


class AlertAnswer(msgspec.Struct, frozen=True):
    """One alert, and what became of it, oldest first."""

    alert: AlertView
    acts: list[ActView]


class AlertPage(msgspec.Struct, frozen=True):
    """Some alerts, the worst and then the newest first; `next` is the cursor for more, None at the end."""

    alerts: list[AlertView]
    next: str | None


class HitParcel(msgspec.Struct, frozen=True):
    """A parcel by its first waybill."""

    carrier: str
    number: str


class HitPage(msgspec.Struct, frozen=True):
    """Some parcels that an alert was found to hit the last time; `next` is the cursor for more, None at the end."""

    parcels: list[HitParcel]
    next: str | None


def view_alert(alert: Alert) -> AlertView:
    """As it is shown."""
    same = ("id", "carrier", "facility", "towards", "assignee", "parcels", "most_parcels", "causes", "figures", "words")
    return AlertView(
        **{name: getattr(alert, name) for name in same},
        kind=alert.kind.value,
        severity=alert.severity.name.lower(),
        state=alert.state.value,
        snoozed_until=_instant(alert.snoozed_until_ms),
        since=format_utc(alert.since_ms),
        first_seen_at=format_utc(alert.first_ms),
        last_seen_at=format_utc(alert.last_ms),
        ended_at=_instant(alert.ended_ms),
        version=alert.version,
    )


def view_act(act: Act) -> ActView:
    """As it is shown."""
    same = {name: getattr(act, name) for name in ("version", "who", "note", "assignee")}
    return ActView(**same, what=act.what.value, at=format_utc(act.at_ms), until=_instant(act.until_ms))


def _instant(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_utc(at_ms)


ACT_SENT = ActSent(version=1)
ASSIGN_SENT = AssignSent(version=2, assignee="night shift")
SNOOZE_SENT = SnoozeSent(version=3, until="2026-11-22T20:00:00Z", note="the carrier loads it tonight")
RESOLVE_SENT = ResolveSent(version=4, note="a lorry broke down; another took the load over")
_CAUSE = LikelyCause(
    kind="departure",
    weight=0.93,
    carrier="yto",
    facility="yto/HZ-01",
    towards="yto/SH-02",
    departed_at="2026-11-22T03:10:00Z",
    vehicle="A-88213",
    parcels=41,
)
_ALERT = AlertView(
    id="alr_1a2b3c4d5e6f7a8b",
    kind="silence",
    severity="warning",
    state="acknowledged",
    carrier="yto",
    facility="yto/HZ-01",
    towards="yto/SH-02",
    assignee=None,
    snoozed_until=None,
    since="2026-11-22T03:10:00Z",
    first_seen_at="2026-11-22T11:30:05Z",
    last_seen_at="2026-11-22T14:59:05Z",
    ended_at=None,
    parcels=41,
    most_parcels=44,
    causes=[_CAUSE, LikelyCause(kind="hub", weight=0.05, carrier="yto", facility="yto/HZ-01", parcels=43)],
    figures={"silent": 41, "expected": 0.9},
    words={},
    version=2,
)
_RAISED = ActView(
    version=1, at="2026-11-22T11:30:05Z", who="waypost", what="raised", note="", assignee=None, until=None
)
_SEEN = msgspec.structs.replace(_RAISED, version=2, at="2026-11-22T11:41:40Z", who="key:1a2b3c4d", what="acknowledged")
ALERT_EXAMPLES: dict[type, msgspec.Struct] = {
    AlertView: _ALERT,
    AlertAnswer: AlertAnswer(_ALERT, [_RAISED, _SEEN]),
    AlertPage: AlertPage([_ALERT], None),
    HitPage: HitPage([HitParcel("yto", "YT8812345678901")], None),
}
