"""What people and programs get to see of parcels: plain records, ready for JSON.

Instants are RFC 3339 text in the local time of their place. The operator's view has everything; what is `in_public` is
for anyone who knows a number: cities, never facilities, notes, order numbers or weights.
"""

import msgspec

from waypost.track.statuses import UNKNOWN, get_status


class PlaceView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where. `facility` is the carrier's code and `name` the facility's name, where known."""

    facility: str | None = None
    name: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None


class WaybillView(msgspec.Struct, frozen=True):
    """A number and whose it is."""

    carrier: str
    number: str


class ScanView(msgspec.Struct, frozen=True, kw_only=True):
    """One scan of a timeline. In public `id`, `note`, `corrects` and `recorded_at` are None.

    Attributes:
        id: of the scan; a correction names it in `corrects`.
        at, utc: the instant in local time of the place, and in UTC.
        offset_source: where the offset came from under which the stamp was read: reported, facility, carrier.
        zone: the IANA zone of the place, where known; `at` is shown in it.
        code: as the carrier sent it; None in public if nobody knows what it means.
        status: what it means in unified codes, `unknown` if nobody knows.
        recorded_at: when the network got it; None for imported history.
        flags: late, out_of_order, impossible, corrected, unknown_code, repeated_hour, skipped_hour, year_assumed,
            not_before.
    """

    id: str | None
    at: str
    utc: str
    offset_source: str
    zone: str | None
    carrier: str
    number: str
    code: str | None
    status: str
    place: PlaceView | None
    note: str | None
    corrects: str | None
    recorded_at: str | None
    flags: list[str]


class Timeline(msgspec.Struct, frozen=True):
    """The scans of one parcel, newest first, and the number it was accepted under."""

    parcel_id: str
    carrier: str
    number: str
    scans: list[ScanView]


class MilestoneView(msgspec.Struct, frozen=True):
    """A milestone and the instant at which it was first reached; None if a scan that was not read may say so."""

    name: str
    at: str | None


class ParcelView(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel as it stands.

    Attributes:
        numbers: all numbers that the parcel bears; `carrier` and `number` are the first of them.
        status, status_at, group, shape: where it is in its life; `group` and `shape` sort statuses for people.
        place: where it was last scanned.
        milestones: by instant; behind them those without one, in the order of a parcel's life.
        scans: how many, duplicates dropped; a timeline may show fewer.
        flags: what is odd about its timeline.
        complete: False if it shares a number that has more scans than were read: then there may be more `scans`, and
            status, instants, milestones and flags are those of the newest alone.
    """

    id: str
    carrier: str
    carrier_name: str
    number: str
    numbers: list[WaybillView]
    order_number: str | None
    status: str
    status_at: str | None
    group: str
    shape: str
    place: PlaceView | None
    origin: PlaceView | None
    destination: PlaceView | None
    first_at: str | None
    last_at: str | None
    promised_by: str | None
    milestones: list[MilestoneView]
    scans: int
    weight_g: int | None
    note: str | None
    flags: list[str]
    complete: bool


class Freshness(msgspec.Struct, frozen=True):
    """How far look-ups are behind what was sent.

    Attributes:
        position: everything below it is in. None in public, as the other two: they count the whole network.
        log_position: how many scans the log has.
        lag: how many of them are not in.
        complete: whether all of them are.
    """

    position: int | None
    log_position: int | None
    lag: int | None
    complete: bool

    @classmethod
    def between(cls, index: int, log: int) -> "Freshness":
        """How far an index of that position is behind a log of that many scans, of which it was asked later."""
        return cls(min(index, log), log, max(log - index, 0), index >= log)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one number that was asked for.

    Attributes:
        asked: the number as typed.
        parcels: all that bear it; numbers are not unique.
        carriers: whose format the number has, for numbers that nobody knows yet.
        more: how many further parcels bear it; of more than 1,000 bearers in all, at least so many.
    """

    asked: str
    parcels: list[ParcelView]
    carriers: list[str]
    more: int = 0


class ParcelPage(msgspec.Struct, frozen=True):
    """Some parcels of a list; `next` is the cursor for more, None at the end."""

    parcels: list[ParcelView]
    next: str | None
    as_of: Freshness


class ScanPage(msgspec.Struct, frozen=True):
    """Some scans of a list; `next` is the cursor for more, None at the end."""

    scans: list[ScanView]
    next: str | None
    as_of: Freshness


def in_public(parcel: ParcelView) -> ParcelView:
    """What anyone may see who knows the number."""
    return msgspec.structs.replace(
        parcel,
        order_number=None,
        place=place_in_public(parcel.place),
        origin=place_in_public(parcel.origin),
        destination=place_in_public(parcel.destination),
        weight_g=None,
        note=None,
    )


def scan_in_public(scan: ScanView) -> ScanView:
    """The same for one scan.

    Its id is a digest of what is in it, so the facility could be found by trying all of them. A code that no table
    knows may be any words of the carrier.
    """
    return msgspec.structs.replace(
        scan,
        id=None,
        code=None if scan.status == get_status(UNKNOWN).code else scan.code,
        place=place_in_public(scan.place),
        note=None,
        corrects=None,
        recorded_at=None,
    )


def found_in_public(found: Found) -> Found:
    """The same for what was found under a number."""
    return msgspec.structs.replace(found, parcels=[in_public(parcel) for parcel in found.parcels])


def timeline_in_public(timeline: Timeline) -> Timeline:
    """The same for a timeline."""
    return msgspec.structs.replace(timeline, scans=[scan_in_public(scan) for scan in timeline.scans])


def freshness_in_public(freshness: Freshness) -> Freshness:
    """Whether anything is missing, and nothing of how much goes through the network."""
    return Freshness(None, None, None, freshness.complete)


def place_in_public(place: PlaceView | None) -> PlaceView | None:
    """The same for a place: its city."""
    if place is None or place.city is None:
        return None
    return PlaceView(city=place.city, region=place.region, country=place.country)
