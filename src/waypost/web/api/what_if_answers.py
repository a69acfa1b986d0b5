"""What the API takes and says of what-ifs, as records, with one example each."""

from typing import Annotated

import msgspec

from waypost.model.instants import format_utc
from waypost.web.what_ifs import (
    MOST_CHANGES,
    MOST_DAYS,
    AddFront,
    Change,
    CloseHub,
    Cost,
    HubBacklog,
    RunFigures,
    WhatIf,
)


class WhatIfSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """What if: changes of some days of the network.

    Attributes:
        since: where the days begin (RFC 3339), called `from`; without it midnight (UTC) of today.
        days: how many are looked at.
    """

    changes: Annotated[list[Change], msgspec.Meta(min_length=1, max_length=MOST_CHANGES)]
    since: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    days: Annotated[float, msgspec.Meta(ge=0.25, le=MOST_DAYS)] = 1.0


class DifferenceView(msgspec.Struct, frozen=True, kw_only=True):
    """What the changes do; `base` is the run without them.

    Attributes:
        hit: parcels of both runs that arrive at another time, by more than half an hour, or in one of them alone.
        later, earlier: of these.
        added, gone: parcels of one run alone, as more or less is handed over.
        first_hour: the first hour of `backlogs` (RFC 3339), which are the hubs where the runs differ most.
    """

    base: RunFigures
    changed: RunFigures
    hit: int
    later: int
    earlier: int
    added: int
    gone: int
    first_hour: str
    backlogs: list[HubBacklog]


class WhatIfView(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """A what-if. The network that is run is an imagined one: a digital twin, which says nothing of parcels that are.

    Attributes:
        stage: `waiting`, `running`, `done` or `failed`.
        share: that is done, 0 to 1.
        who: asked, as the audit trail names them.
        why: it failed.
        answer: once it is done; lists leave it out.
    """

    id: str
    stage: str
    share: float
    who: str
    asked_at: str
    changes: list[Change]
    since: str
    days: float
    why: str | None
    answer: DifferenceView | None


class WhatIfList(msgspec.Struct, frozen=True):
    """Those that are kept, the newest first: some thirty, until the server stops."""

    what_ifs: list[WhatIfView]


def view_what_if(found: WhatIf, *, whole: bool = True) -> WhatIfView:
    """As it is shown; not `whole` in lists."""
    told = found.answer if whole else None
    same = ("base", "changed", "hit", "later", "earlier", "added", "gone", "backlogs")
    answer = None
    if told is not None:
        values = {name: getattr(told, name) for name in same}
        answer = DifferenceView(**values, first_hour=format_utc(told.first_hour_ms))
    return WhatIfView(
        id=found.id,
        stage=found.stage.value,
        share=round(found.share, 3),
        who=found.who,
        asked_at=format_utc(found.asked_ms),
        changes=list(found.question.changes),
        since=format_utc(found.question.from_ms),
        days=found.question.days,
        why=found.why,
        answer=answer,
    )


_CLOSED = CloseHub(hub="yto/330100-H", from_hour=6, until_hour=30)
_FRONT = AddFront(latitude=28.5, longitude=121.5, radius_km=300, slower=3, hours=18)
WHAT_IF_SENT = WhatIfSent(changes=[_CLOSED, _FRONT], since="2026-11-22T00:00:00Z")
_COST = Cost(currency="CNY", all=5_164_210, linehaul=3_093_300, sorting=1_204_800, delivery=866_110)
_BASE = RunFigures(
    parcels=21_704, arrived=21_689, lost=4, kept_share=0.9391, p50_h=37.2, p90_h=68.4, worst_backlog=1_204, cost=_COST
)
_CHANGED = msgspec.structs.replace(_BASE, kept_share=0.9014, p50_h=38.9, p90_h=75.1, worst_backlog=2_967)
_ANSWER = DifferenceView(
    base=_BASE,
    changed=_CHANGED,
    hit=1_482,
    later=1_377,
    earlier=105,
    added=0,
    gone=0,
    first_hour="2026-11-22T00:00:00Z",
    backlogs=[HubBacklog(hub="yto/330100-H", name="杭州市", base=[3, 8, 5], changed=[3, 41, 96])],
)
_DONE = WhatIfView(
    id="wif_1a2b3c4d5e6f7a8b",
    stage="done",
    share=1.0,
    who="key:1a2b3c4d",
    asked_at="2026-11-22T15:00:05Z",
    changes=[_CLOSED, _FRONT],
    since="2026-11-22T00:00:00Z",
    days=1.0,
    why=None,
    answer=_ANSWER,
)
WHAT_IF_EXAMPLES: dict[type, msgspec.Struct] = {
    WhatIfView: _DONE,
    WhatIfList: WhatIfList([msgspec.structs.replace(_DONE, answer=None)]),
}
