"""What this door asks of whoever lets a network that is imagined run twice: what if. `app` answers it with the twin."""

from enum import StrEnum
from typing import Annotated, Protocol, TypeAlias

import msgspec

#: Days of the network that may be asked about at once: each is run twice, and its parcels need as long again to arrive.
MOST_DAYS = 3.0
MOST_CHANGES = 20

_Hub = Annotated[str, msgspec.Meta(min_length=3, max_length=170)]
_Hour = Annotated[float, msgspec.Meta(ge=0, le=240)]


class _Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """One change of the network; `kind` says which."""


class CloseHub(_Change, frozen=True, kw_only=True, tag="close_hub"):
    """A hub sorts nothing and sends nothing away; parcels are led around it where that can be.

    Attributes:
        hub: carrier/code.
        from_hour, until_hour: after the start.
    """

    hub: _Hub
    from_hour: _Hour = 0.0
    until_hour: _Hour


class MoveCutOff(_Change, frozen=True, kw_only=True, tag="move_cut_off"):
    """A hub takes parcels for its departures until so many minutes later (earlier if below 0)."""

    hub: _Hub
    minutes: Annotated[int, msgspec.Meta(ge=-1440, le=1440)]


class ChangeRoom(_Change, frozen=True, kw_only=True, tag="change_room"):
    """The departures from a hub to the next one take so many times as many parcels: 2 doubles a flight."""

    hub: _Hub
    towards: _Hub
    times: Annotated[float, msgspec.Meta(gt=0, le=100)]


class AddFront(_Change, frozen=True, kw_only=True, tag="add_front"):
    """Foul weather besides: whatever drives or flies within `radius_km` of its centre takes `slower` times as long."""

    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    radius_km: Annotated[float, msgspec.Meta(gt=0, le=3000)]
    slower: Annotated[float, msgspec.Meta(ge=1, le=20)]
    from_hour: _Hour = 0.0
    hours: Annotated[float, msgspec.Meta(gt=0, le=240)]


class MoreDemand(_Change, frozen=True, kw_only=True, tag="more_demand"):
    """So many percent more parcels are handed over (fewer if below 0)."""

    percent: Annotated[float, msgspec.Meta(ge=-99, le=1000)]


Change: TypeAlias = CloseHub | MoveCutOff | ChangeRoom | AddFront | MoreDemand


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: some days of the network with changes.

    Attributes:
        from_ms: where the days begin, UTC.
    """

    changes: tuple[Change, ...]
    from_ms: int
    days: float


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What the days cost, in minor units of a currency: room that drove and flew, sorting, tries at doors."""

    currency: str
    all: int
    linehaul: int
    sorting: int
    delivery: int


class RunFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How one run went.

    Attributes:
        parcels: handed over in the days that are asked about.
        arrived, lost: of these, by the end of the run, which is as long again and two days.
        kept_share: of those whose promise fell due, the share that was there by then.
        p50_h, p90_h: from handover to arrival.
        worst_backlog: the most parcels that waited in all hubs together in any hour.
    """

    parcels: int
    arrived: int
    lost: int
    kept_share: float
    p50_h: float
    p90_h: float
    worst_backlog: int
    cost: Cost


class HubBacklog(msgspec.Struct, frozen=True, kw_only=True):
    """How many parcels waited in one hub, hour by hour, in both runs."""

    hub: str
    name: str
    base: list[int]
    changed: list[int]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What the changes do.

    Attributes:
        hit: parcels of both runs that arrive at another time, by more than half an hour, or in one of them alone.
        later, earlier: of these.
        added, gone: parcels of one run alone, as more or less is handed over.
        first_hour_ms: the first hour of `backlogs`, which are the hubs where the runs differ most.
    """

    base: RunFigures
    changed: RunFigures
    hit: int
    later: int
    earlier: int
    added: int
    gone: int
    first_hour_ms: int
    backlogs: list[HubBacklog]


class Stage(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """A question, and its answer once it is done.

    Attributes:
        who: asked, as the audit trail names them.
        share: that is done.
        why: it failed.
    """

    id: str
    question: Question
    who: str
    asked_ms: int
    stage: Stage = Stage.WAITING
    share: float = 0.0
    answer: Difference | None = None
    why: str | None = None


class WhatIfs(Protocol):
    """Answers one question after another."""

    def ask(self, question: Question, who: str, now_ms: int) -> WhatIf:
        """Let it be answered.

        Raises:
            BadInput: it names what is not there.
            TooMany: too many wait before it.
        """

    def get(self, id_: str) -> WhatIf:
        """One of them.

        Raises:
            NotFound: there is none, or not any more.
        """

    def list_all(self) -> list[WhatIf]:
        """Those that are kept, the newest first."""

    def drop(self, id_: str) -> None:
        """Let one be, whether it is done or not.

        Raises:
            NotFound: there is none, or not any more.
        """
