"""The network at a glance, from `History`."""

import msgspec


class StatusCount(msgspec.Struct, frozen=True):
    """How many parcels stand in a status now."""

    status: str
    shape: str
    parcels: int


class HourCount(msgspec.Struct, frozen=True):
    """Scans in one hour, which begins at that instant (RFC 3339, UTC)."""

    hour: str
    scans: int


class FacilityCount(msgspec.Struct, frozen=True):
    """What went through a facility: its scans and distinct parcels, and the instant of its newest scan."""

    carrier: str
    facility: str
    name: str
    city: str | None
    scans: int
    parcels: int
    last_at: str


class LaneTime(msgspec.Struct, frozen=True):
    """How long delivered parcels of a lane took from pick-up to delivery, in hours (median and 90th percentile)."""

    carrier: str
    origin: str
    destination: str
    parcels: int
    p50_h: float
    p90_h: float


class UnknownCode(msgspec.Struct, frozen=True):
    """A code that no table knows: how often it came and when the newest happened."""

    carrier: str
    code: str
    scans: int
    last_at: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The network at a glance.

    Attributes:
        statuses: parcels by status, most first.
        hours: scans per hour over the last `hours_back` hours that have any, oldest first.
        facilities: by throughput, most first.
        lanes: slowest median first.
        unknown_codes: newest first.
        scans, parcels: in all.
        position: everything below it is counted.
    """

    statuses: list[StatusCount]
    hours: list[HourCount]
    facilities: list[FacilityCount]
    lanes: list[LaneTime]
    unknown_codes: list[UnknownCode]
    scans: int
    parcels: int
    position: int
