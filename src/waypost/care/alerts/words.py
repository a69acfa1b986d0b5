"""An alert as it is kept, what can be done to it, and which are wanted."""

from enum import StrEnum

import msgspec

from waypost.care.alerts.findings import AlertKind, Severity
from waypost.forecast.arrivals import LikelyCause


class State(StrEnum):
    """How far an alert is worked off."""

    OPEN = "open"  #: nobody has said yet that they saw to it
    ACKNOWLEDGED = "acknowledged"  #: somebody has
    SNOOZED = "snoozed"  #: put aside until an instant, or until it gets clearly worse
    RESOLVED = "resolved"  #: somebody said what came of it
    ENDED = "ended"  #: it was not found any more


#: Those that stand in the queue.
QUEUE = frozenset({State.OPEN, State.ACKNOWLEDGED, State.SNOOZED})


class ActKind(StrEnum):
    """What becomes of an alert."""

    RAISED = "raised"  #: it was found
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"  #: to somebody, or to nobody any more
    SNOOZED = "snoozed"
    WOKE = "woke"  #: the time for which it was snoozed is up
    WORSENED = "worsened"  #: it came back because it got clearly worse
    RESOLVED = "resolved"
    REOPENED = "reopened"
    ENDED = "ended"  #: it was not found for a while


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert; what it says of the trouble is of the last time that this was found. See `findings.Finding`.

    Attributes:
        assignee: whose it is.
        snoozed_until_ms: until when it is put aside.
        since_ms: since when the trouble lasts, or from when on it will.
        first_ms, last_ms: when it was found first and last.
        ended_ms: when it was over; None if it is not.
        parcels, most_parcels: how many it hits, and hit at most.
        version: counts what became of it.
    """

    id: str
    kind: AlertKind
    severity: Severity
    state: State
    carrier: str | None
    facility: str | None
    towards: str | None
    assignee: str | None
    snoozed_until_ms: int | None
    since_ms: int
    first_ms: int
    last_ms: int
    ended_ms: int | None
    parcels: int
    most_parcels: int
    causes: list[LikelyCause]
    figures: dict[str, float]
    words: dict[str, str]
    version: int


class Act(msgspec.Struct, frozen=True):
    """What became of an alert, and the version that it got by that. `who` is as the audit trail names them."""

    version: int
    at_ms: int
    who: str
    what: ActKind
    note: str
    assignee: str | None
    until_ms: int | None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody does to an alert.

    Attributes:
        version: of the alert as they saw it.
        note: in words of their own; needed to resolve it.
        assignee: whom it is for; None for nobody.
        until_ms: until when it is snoozed.
    """

    what: ActKind
    version: int
    note: str = ""
    assignee: str | None = None
    until_ms: int | None = None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts are listed; of a field that is None, all. `facility` is a code, or carrier/code."""

    states: frozenset[State] = QUEUE
    kind: AlertKind | None = None
    carrier: str | None = None
    facility: str | None = None
    assignee: str | None = None
