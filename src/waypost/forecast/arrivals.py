"""What is told of parcels on their way: when each arrives, what may go wrong and why, and who fell silent together."""

import msgspec

from waypost.forecast.reasons import Reason


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What is thought now of one parcel on its way; instants RFC 3339.

    Attributes:
        carrier, number: its first waybill.
        status, facility, scanned_at: of its last scan; the facility as carrier/code, None if it says none.
        p10_at, p50_at, p80_at, p90_at: by when it is there with such a chance, if it arrives.
        offset_min: local minus UTC where it goes; where it was scanned last, if nobody was scanned there lately.
        next_scan_by: by when nine of ten such parcels are scanned again.
        wrong: how likely it is lost or stuck.
        late: how likely it breaks its promise; None where none is known.
        promised_by: that promise.
        given_up: it was not scanned for so long that nobody waits for it: the instants mean little.
        reasons: where it lost time, oldest first.
    """

    carrier: str
    number: str
    status: str
    facility: str | None
    scanned_at: str
    p10_at: str
    p50_at: str
    p80_at: str
    p90_at: str
    offset_min: int
    next_scan_by: str
    wrong: float
    late: float | None
    promised_by: str | None
    given_up: bool
    reasons: list[Reason]

    @property
    def risk(self) -> float:
        """How likely it gets lost or breaks its promise."""
        return self.wrong if self.late is None else max(self.late, self.wrong)


class SilentGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Parcels that fell silent together: see `groups.Group`. Instants RFC 3339, first waybills as carrier/number."""

    kind: str
    facility: str
    towards: str | None
    vehicle: str | None
    departed_at: str | None
    since: str
    silent: int
    expected: float
    parcels: list[str]


class LikelyCause(msgspec.Struct, frozen=True, kw_only=True):
    """What may be why parcels are late together; what a kind of cause has not is None. Instants RFC 3339.

    Attributes:
        kind: `departure`, `leg`, `hub`, `carrier` or `weather`; see `groups.GroupKind`.
        weight: how likely it is, of all that were looked at together 1.
        carrier: whose.
        facility, towards: where, as carrier/code; of a carrier or of weather the middle of the area.
        within_km: how far around that; None where it is so everywhere, or at that facility alone.
        departed_at, vehicle: of a departure.
        weather: what it is there, such as `storm`.
        parcels: of the group, so many it hits.
    """

    kind: str
    weight: float
    carrier: str | None = None
    facility: str | None = None
    towards: str | None = None
    within_km: float | None = None
    departed_at: str | None = None
    vehicle: str | None = None
    weather: str | None = None
    parcels: int = 0


class LateGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Parcels that fell silent together, or took much longer than expected, and why; see `groups.LateTogether`.

    Attributes:
        causes: the likeliest first.
        since: when the first of them was scanned last, of those that have it in common; RFC 3339.
        parcels: how many there are, `silent` of them have not been scanned since.
        expected: how many that would usually be.
        numbers: of them, first waybills as carrier/number.
    """

    causes: list[LikelyCause]
    since: str
    parcels: int
    silent: int
    expected: float
    numbers: list[str]


class Arrivals(msgspec.Struct, frozen=True, kw_only=True):
    """All of it at an instant.

    Attributes:
        version, learnt_at: what was learnt, by which it is told.
        on_their_way: how many parcels are in all, of those that are looked at.
        shares: each of these stands for so many: of more scans than can be looked at, a share of the parcels is.
        parcels: the most endangered first.
    """

    as_of: str
    version: int
    learnt_at: str
    on_their_way: int
    shares: int
    parcels: list[Arrival]
    groups: list[SilentGroup]
