"""What the API says of ways and of what changes timetables, as records, with one example each."""

import datetime as dt
from typing import Annotated, Literal

import msgspec

from waypost.model.instants import format_utc
from waypost.network.change_book import Change
from waypost.network.ways import MOST_SEEN, LegView, Seen

_Facility = Annotated[str, msgspec.Meta(min_length=3, max_length=161)]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Instant = Annotated[str, msgspec.Meta(max_length=64)]
_Minutes = Annotated[list[float], msgspec.Meta(max_length=MOST_SEEN)]


class SeenSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Minutes that were seen; of each at least one. See `network.ways.Seen`."""

    departing: Annotated[tuple[float, ...], msgspec.Meta(min_length=1, max_length=MOST_SEEN)] = (0.0,)
    travelling: Annotated[tuple[float, ...], msgspec.Meta(min_length=1, max_length=MOST_SEEN)] = (0.0,)
    handling: _Minutes = []

    def seen(self) -> Seen:
        """As the room has it."""
        return Seen(departing=self.departing, travelling=self.travelling, handling=self.handling)


class PathsSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked.

    Attributes:
        origin, destination: facilities, as `carrier/code`.
        ready: handed over then; now without it.
        due: the last way that arrives by then, instead of the first one.
        choices_within_h: all ways that are best in arrival, cost and CO2, up to so many hours after the first.
        carriers, modes: by no others.
        weight_g: by what can carry so many grams.
        days: how many days of departures are looked at.
        late: says how likely each connection is made, if things are as late as these were.
    """

    origin: _Facility
    destination: _Facility
    ready: _Instant | None = None
    due: _Instant | None = None
    choices_within_h: Annotated[int, msgspec.Meta(ge=0, le=240)] | None = None
    carriers: Annotated[list[str], msgspec.Meta(max_length=100)] = []
    modes: Annotated[list[str], msgspec.Meta(max_length=10)] = []
    weight_g: Annotated[int, msgspec.Meta(ge=0, le=1 << 40)] = 0
    days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 14
    late: SeenSent | None = None


class Chances(msgspec.Struct, frozen=True, kw_only=True):
    """How a way may go.

    Attributes:
        legs: for each leg, how likely its departure is caught if those before it were.
        holds: how likely all of them are.
        arrives_p50, arrives_p90: by when it has arrived with that chance; what is missed takes the next departure. None
            if the timetable may end before.
        stranded: how likely it does.
    """

    legs: list[float]
    holds: float
    arrives_p50: str | None
    arrives_p90: str | None
    stranded: float


class PathView(msgspec.Struct, frozen=True, kw_only=True):
    """A way, leg by leg; without any where it is there already. `chances` if `late` was sent."""

    legs: list[LegView]
    chances: Chances | None


class PathsAnswer(msgspec.Struct, frozen=True):
    """Ways, the first to arrive first. `misfits` are changes that are kept and fit the timetable no more."""

    paths: list[PathView]
    misfits: list[str]


class ChangeSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A closure of a facility, or of the lane to a destination; or a delay of one departure.

    Attributes:
        why: in a few words, for those who look at the list.
        facility, destination: of a closure, as `carrier/code`. `since` is now unless told; without `until` it holds
            until it is lifted.
        carrier, service, day: of a delay; the day on which the departure begins, by the calendar there.
        minutes: how much later it is; below zero for earlier. `call`: from which of its calls on, 0 for the first.
    """

    kind: Literal["closure", "delay"]
    why: _Text
    facility: _Facility | None = None
    destination: _Facility | None = None
    since: _Instant | None = None
    until: _Instant | None = None
    carrier: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    service: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    day: dt.date | None = None
    minutes: Annotated[int, msgspec.Meta(ge=-86_400, le=86_400)] | None = None
    call: Annotated[int, msgspec.Meta(ge=0, le=500)] = 0


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """A change, who made it when, and why. `until` of one that holds until it is lifted is None."""

    id: str
    kind: Literal["closure", "delay"]
    carrier: str
    facility: str | None
    destination: str | None
    service: str | None
    day: str | None
    minutes: int
    call: int
    since: str
    until: str | None
    why: str
    who: str
    made_at: str


class ChangePage(msgspec.Struct, frozen=True):
    """Some changes, by when they begin; `next` is the cursor for more, None at the end."""

    changes: list[ChangeView]
    next: str | None


def view_change(change: Change) -> ChangeView:
    """As it is shown."""
    same = ("id", "kind", "carrier", "facility", "destination", "service", "minutes", "call", "why", "who")
    return ChangeView(
        **{name: getattr(change, name) for name in same},
        day=None if change.day is None else change.day.isoformat(),
        since=format_utc(change.since_ms),
        until=None if change.until_ms is None else format_utc(change.until_ms),
        made_at=format_utc(change.made_ms),
    )


PATHS_SENT = PathsSent(
    origin="hilltop/CWB",
    destination="hilltop/MAO",
    ready="2026-11-22T12:00:00-03:00",
    late=SeenSent(departing=(0, 5, 30), travelling=(0, 10)),
)
CHANGE_SENT = ChangeSent(
    kind="closure",
    why="flooded",
    facility="hilltop/GRU",
    since="2026-11-23T06:00:00-03:00",
    until="2026-11-23T18:00:00-03:00",
)
_CHANGE = ChangeView(
    id="chg_1a2b3c4d5e6f7a8b",
    kind="closure",
    carrier="hilltop",
    facility="hilltop/GRU",
    destination=None,
    service=None,
    day=None,
    minutes=0,
    call=0,
    since="2026-11-23T09:00:00Z",
    until="2026-11-23T21:00:00Z",
    why="flooded",
    who="key:1a2b3c4d",
    made_at="2026-11-23T08:58:12Z",
)
_LEG = LegView(
    carrier="hilltop",
    service="CWB-GRU",
    mode="truck",
    origin="hilltop/CWB",
    closes_at="2026-11-22T19:00:00-03:00",
    departs_at="2026-11-22T20:00:00-03:00",
    destination="hilltop/GRU",
    arrives_at="2026-11-23T02:30:00-03:00",
    cost_minor=180,
    currency="BRL",
    co2_g=65,
)
_CHANCES = Chances(
    legs=[1.0], holds=1.0, arrives_p50="2026-11-23T05:35:00Z", arrives_p90="2026-11-23T06:00:00Z", stranded=0.0
)
WAY_EXAMPLES: dict[type, msgspec.Struct] = {
    PathsAnswer: PathsAnswer([PathView(legs=[_LEG], chances=_CHANCES)], []),
    ChangeView: _CHANGE,
    ChangePage: ChangePage([_CHANGE], None),
}
