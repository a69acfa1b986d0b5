"""Parcels: where they are, under any number that they bear."""

import itertools
from collections.abc import Iterable, Sequence

import msgspec

from waypost.client.calling import Caller, part
from waypost.client.orders import Waybill

#: Numbers in one request that every server takes from everybody, unless it is set otherwise.
_AT_ONCE = 30


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where. In public there is no facility."""

    facility: str | None = None
    name: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None


class Milestone(msgspec.Struct, frozen=True):
    """A milestone and when it was first reached, RFC 3339; None if a scan that was not read may say so."""

    name: str
    at: str | None


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel as it stands, as docs/reference/http.md tells. Instants are RFC 3339 with the offset of the place."""

    id: str
    carrier: str
    carrier_name: str
    number: str
    numbers: Sequence[Waybill]
    order_number: str | None
    status: str
    status_at: str | None
    group: str
    place: Place | None
    origin: Place | None
    destination: Place | None
    first_at: str | None
    last_at: str | None
    promised_by: str | None
    milestones: Sequence[Milestone]
    scans: int
    weight_g: int | None
    flags: Sequence[str]
    complete: bool


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What is known under one number: `parcels`, and how many `more`; else the `carriers` whose format it has."""

    asked: str
    parcels: Sequence[Parcel]
    carriers: Sequence[str]
    more: int = 0


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """One scan of a timeline; `at` in local time of the place, `utc` the same in UTC."""

    id: str | None
    at: str
    utc: str
    carrier: str
    number: str
    code: str | None
    status: str
    place: Place | None
    note: str | None
    corrects: str | None
    recorded_at: str | None
    flags: Sequence[str]


class Timeline(msgspec.Struct, frozen=True):
    """The scans of one parcel, newest first."""

    parcel_id: str
    carrier: str
    number: str
    scans: Sequence[Scan]


class _Found(msgspec.Struct, frozen=True):
    found: Sequence[Found]


class _Timelines(msgspec.Struct, frozen=True):
    timelines: Sequence[Timeline]


class Parcels:
    """Parcels, as the key may see them; without one, as the public may."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def find(self, numbers: Iterable[str]) -> list[Found]:
        """For each number what is known under it, in their order."""
        found: list[Found] = []
        told = iter(numbers)
        while some := list(itertools.islice(told, _AT_ONCE)):
            found += self._caller.get("/v1/parcels", _Found, {"number": some}).found
        return found

    def list_timelines(self, number: str, *, carrier: str | None = None) -> Sequence[Timeline]:
        """The timelines of the parcels that bear a number.

        Raises:
            NotThere: none does.
        """
        path = f"/v1/parcels/{part(number)}/timeline"
        return self._caller.get(path, _Timelines, {"carrier": carrier}).timelines
