"""A parcel's way, prepared for people: the steps of the bar, the days of the timeline, the promise. No HTML here."""

import datetime as dt
from collections.abc import Sequence
from itertools import groupby, pairwise

import msgspec

from waypost.model.scans import VOID
from waypost.track.statuses import Phrase, get_status
from waypost.track.views import ParcelView, PlaceView, ScanView
from waypost.web.arriving import Arriving
from waypost.web.pages.eta import Eta, say_eta
from waypost.web.pages.languages import Language, offset_text

#: The steps of the bar, and the milestones that reach each.
_STEPS = {
    "created": ("created",),
    "picked_up": ("accepted",),
    "moving": ("departed", "arrived"),
    "customs": ("customs",),
    "out_for_delivery": ("out_for_delivery", "ready_to_collect"),
    "delivered": ("delivered",),
}

#: What of a scan's flags means something to the person who waits for the parcel.
_PUBLIC_FLAGS = ("repeated_hour", "skipped_hour", "year_assumed", "not_before")


class Step(msgspec.Struct, frozen=True):
    """One step of the bar: its label, whether it is done, now or ahead, and since when it is done."""

    label: str
    state: str
    day: str | None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline.

    Attributes:
        kind: `scan` or `handover`.
        time, offset, iso, utc: when, in the local time of the place; `iso` and `utc` for machines and tooltips.
        label: what happened, in a few words.
        place: where, as far as it may be shown.
        details: what else to say about it, in sentences.
        shape: of the status.
    """

    kind: str
    time: str
    offset: str
    iso: str
    utc: str
    label: str
    place: str
    details: list[str]
    shape: str


class Day(msgspec.Struct, frozen=True):
    """The lines of one local day, newest first."""

    heading: str
    rows: list[Row]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel as the tracking page shows it.

    Attributes:
        shape: how the status is drawn; `late` if the promise is broken.
        moment, moment_iso, age: when the status was reached, and how old the newest scan is.
        promise: a sentence about the promised day.
        eta: when it arrives; None where nobody knows.
        notes: sentences about the timeline as a whole.
        left_out: scans that are not shown for want of room.
    """

    number: str
    carrier: str
    carrier_code: str
    further: list[str]
    shape: str
    label: str
    sentence: str
    place: str
    moment: str | None
    moment_iso: str | None
    age: str | None
    promise: str | None
    promise_kept: bool
    eta: Eta | None
    route: str | None
    steps: list[Step]
    days: list[Day]
    notes: list[str]
    scans: int
    left_out: int


def make_card(
    parcel: ParcelView,
    scans: Sequence[ScanView],
    language: Language,
    now_ms: int,
    most: int,
    arriving: Arriving = Arriving(),  # noqa: B008
) -> Card:
    """Prepare a parcel in public view.

    Args:
        scans: newest first.
        most: scans to show.
        arriving: when parcels arrive, this one among them.
    """
    shown = [scan for scan in scans if scan.code != VOID and "corrected" not in scan.flags]
    now = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
    promise, kept = _promise(parcel, language, now)
    shape = "late" if not kept and parcel.shape in ("moving", "idle") else parcel.shape
    phrase = language.phrase(parcel.status)
    if not parcel.scans:  # no status of a carrier's: it was booked, and that is all
        phrase = Phrase(language.say("unscanned"), language.say("unscanned_more"))
    at = parcel.status_at and dt.datetime.fromisoformat(parcel.status_at)
    last = parcel.last_at and dt.datetime.fromisoformat(parcel.last_at)
    corrected = sum("corrected" in scan.flags for scan in scans)
    total = max(parcel.scans - len(scans), 0) + len(shown)  # of the oldest of very many nothing but the number is known
    return Card(
        number=parcel.number,
        carrier=language.carrier(parcel.carrier),
        carrier_code=parcel.carrier,
        further=[f"{language.carrier(each.carrier)} {each.number}" for each in parcel.numbers[1:]],
        shape=shape,
        label=phrase.label,
        sentence=phrase.sentence,
        place=place_text(parcel.place, language),
        moment=f"{language.moment(at)} {offset_text(at)}" if at else None,
        moment_iso=parcel.status_at,
        age=language.say("last_scan", ago=language.ago((now - last).total_seconds())) if last else None,
        promise=promise,
        promise_kept=kept,
        eta=say_eta(parcel, arriving, language, now_ms),
        route=_route(parcel, language),
        steps=make_steps(parcel, language),
        days=make_days(shown[:most], language),
        notes=[
            *([language.say("corrected", count=corrected)] if corrected else []),
            *([] if parcel.complete else [language.say("incomplete")]),
        ],
        scans=total,
        left_out=total - len(shown[:most]),
    )


def make_steps(parcel: ParcelView, language: Language) -> list[Step]:
    """The bar: customs only where a border or a scan asks for it; its end is delivery, return or cancellation."""
    first: dict[str, str | None] = {}
    for milestone in parcel.milestones:
        first.setdefault(milestone.name, milestone.at)
    labels = {name: (name, milestones) for name, milestones in _STEPS.items()}
    if "customs" not in first and not _crosses_border(parcel):
        del labels["customs"]
    if "ready_to_collect" in first and "out_for_delivery" not in first:
        labels["out_for_delivery"] = ("ready_to_collect", _STEPS["out_for_delivery"])
    if parcel.group == "return":
        labels["delivered"] = ("returned", ("returned",))
    elif parcel.status == "order_cancelled":
        labels["delivered"] = ("cancelled", ("cancelled",))
    reached = [[first[each] for each in milestones if each in first] for _, milestones in labels.values()]
    here = _find_step(parcel, list(labels.values()), reached)
    steps = []
    for place, ((label, _), instants) in enumerate(zip(labels.values(), reached, strict=True)):
        state = "done" if place < here else "ahead" if place > here else "now"
        if place == here == len(labels) - 1:
            state = "done"
        known = [at for at in instants if at is not None]
        at = None if state == "ahead" or len(known) < len(instants) else min(known, default=None)
        day = language.short_day(dt.datetime.fromisoformat(at)) if at else None
        steps.append(Step(language.say(f"step_{label}"), state, day))
    return steps


def _find_step(
    parcel: ParcelView, steps: list[tuple[str, tuple[str, ...]]], reached: Sequence[Sequence[str | None]]
) -> int:
    """Where the parcel stands on the bar, -1 before its beginning.

    At the step of its status, the first if nobody has scanned it; a trouble stands at the furthest step that was
    reached, and so does what moves on behind the customs.
    """
    milestone = get_status(parcel.status).milestone if parcel.scans else "created"
    now = next((place for place, (_, milestones) in enumerate(steps) if milestone in milestones), None)
    furthest = max((place for place, instants in enumerate(reached) if instants), default=-1)
    if now is None:
        return furthest
    cleared = [place for place, (name, _) in enumerate(steps) if name == "customs" and reached[place]]
    return max([now, *cleared]) if steps[now][0] == "moving" else now


def make_days(scans: Sequence[ScanView], language: Language) -> list[Day]:
    """The timeline by local days, newest first, with a line wherever the parcel went to another carrier."""
    rows: list[tuple[dt.date, Row]] = []
    for scan, before in pairwise([*scans, None]):
        assert scan is not None
        at = dt.datetime.fromisoformat(scan.at)
        rows.append((at.date(), _scan_row(scan, at, language)))
        if before is not None and before.carrier != scan.carrier:
            rows.append((at.date(), _handover_row(before.carrier, scan, at, language)))
    return [
        Day(language.day(dt.datetime.combine(date, dt.time())), [row for _, row in group])
        for date, group in groupby(rows, key=lambda each: each[0])
    ]


def place_text(place: PlaceView | None, language: Language, *, everything: bool = False) -> str:
    """City and country; for the operator the facility before them."""
    if place is None:
        return ""
    country = language.country(place.country) if place.country else None
    parts = [place.city or place.region, country]
    if everything:
        parts = [place.name or place.facility, *([place.city] if place.city != place.name else []), country]
    return ", ".join(part for part in parts if part)


def _scan_row(scan: ScanView, at: dt.datetime, language: Language) -> Row:
    phrase = language.phrase(scan.status)
    flags = [flag for flag in scan.flags if flag in _PUBLIC_FLAGS]
    return Row(
        kind="scan",
        time=language.time(at),
        offset=offset_text(at),
        iso=scan.at,
        utc=scan.utc,
        label=phrase.label,
        place=place_text(scan.place, language),
        details=[language.say(f"flag_{flag}") for flag in flags],
        shape="idle" if "corrected" in scan.flags else _shape(scan.status),
    )


def _handover_row(giver: str, scan: ScanView, at: dt.datetime, language: Language) -> Row:
    label = language.say("handover", giver=language.carrier(giver), taker=language.carrier(scan.carrier))
    return Row(
        kind="handover",
        time="",
        offset="",
        iso=scan.at,
        utc=scan.utc,
        label=label,
        place="",
        details=[],
        shape="moving",
    )


def _promise(parcel: ParcelView, language: Language, now: dt.datetime) -> tuple[str | None, bool]:
    """A sentence about the promised day, and whether it was or can still be kept."""
    if parcel.promised_by is None or parcel.group == "return" or parcel.status == "order_cancelled":
        return None, True
    promised = dt.datetime.fromisoformat(parcel.promised_by)
    date = language.date(promised)
    ends = [milestone.at for milestone in parcel.milestones if milestone.name == "delivered"]
    if not ends:
        if now <= promised:
            return language.say("promised", date=date), True
        return language.say("promise_passed", date=date, ago=language.ago((now - promised).total_seconds())), False
    if ends[0] is None:  # nobody knows whether it was kept
        return language.say("promised", date=date), True
    delivered = dt.datetime.fromisoformat(ends[0]).astimezone(promised.tzinfo)
    early = (promised.date() - delivered.date()).days
    if early < 0:
        return language.say("promise_broken", date=date, count=-early), False
    return language.say("promise_kept", date=date, count=early), True


def _route(parcel: ParcelView, language: Language) -> str | None:
    ends = [place_text(end, language) for end in (parcel.origin, parcel.destination)]
    return f"{ends[0]} → {ends[1]}" if all(ends) else None


def _crosses_border(parcel: ParcelView) -> bool:
    countries = {end.country for end in (parcel.origin, parcel.destination) if end and end.country}
    return len(countries) > 1


def _shape(status: str) -> str:
    return str(get_status(status).shape)
