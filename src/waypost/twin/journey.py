"""One parcel on its way through the imagined world: a clock that goes on, and the scans on the way."""

import random
import zoneinfo
from datetime import datetime

import msgspec

from waypost.model.instants import DAY_MS, offset_in_zone
from waypost.model.scans import scan_id
from waypost.twin.cities import City, distance_km, nearest_hub
from waypost.twin.sites import OUTLETS, Site, all_sites
from waypost.twin.vocabulary import find_code, say

HOUR_MS = 3_600_000
#: In which zone carriers write their stamps, all without an offset; others write those of the place.
STAMP_ZONES = {"usps": None, "correios": "America/Sao_Paulo"}
CHINA = "Asia/Shanghai"

_ROAD, _TRUCK_KMH = 1.25, 65.0
_PLANE_KMH, _AIRPORTS_H = 820.0, 7.0


class Scan(msgspec.Struct, kw_only=True):
    """A scan before it is written down.

    Attributes:
        at_ms: when it happens, UTC, whole seconds.
        zone: in whose clock it is written.
        with_offset: whether the stamp says how far that clock is from UTC.
        heard_ms: when the network hears of it.
        corrects: the scan that this one replaces or withdraws.
        status: what it means, in unified codes; "" for a code that nobody knows.
    """

    carrier: str
    number: str
    code: str
    status: str
    at_ms: int
    zone: str
    with_offset: bool
    heard_ms: int
    facility: str | None = None
    note: str | None = None
    corrects: "Scan | None" = None

    @property
    def id(self) -> str:
        """As it will be known to the network."""
        offset_min = offset_in_zone(self.at_ms, self.zone)
        corrects = self.corrects.id if self.corrects else None
        return scan_id(self.carrier, self.number, self.at_ms, offset_min, self.code, self.facility, corrects)


class Journey:
    """A parcel and its way.

    Attributes:
        rng: the one source of chance.
        carrier, number: the first waybill.
        second: the waybill of the carrier behind the border, if there is one.
        origin, destination: its ends.
        start_ms, at_ms: when it was ordered, and what its clock says.
        scans: so far, in the order in which they happen.
        handed_ms: when the second carrier took over.
    """

    def __init__(
        self,
        rng: random.Random,
        waybill: tuple[str, str],
        ends: tuple[City, City],
        start_ms: int,
        second: tuple[str, str] | None = None,
    ) -> None:
        self.rng = rng
        self.carrier, self.number = waybill
        self.second = second
        self.origin, self.destination = ends
        self.start_ms = self.at_ms = start_ms // 1000 * 1000
        self.handed_ms: int | None = None
        self.scans: list[Scan] = []
        self._outlets = [f"outlet{rng.randrange(OUTLETS)}" for _ in ends]

    def site(self, role: str, city: City | None = None) -> Site:
        """A facility of the present carrier, in the destination unless another city is named."""
        return all_sites().get(self.carrier, city or self.destination, role)

    def outlet(self, city: City) -> Site:
        """The outlet that serves the parcel's end in that city."""
        return self.site(self._outlets[city is self.destination], city)

    def hub(self, city: City) -> Site:
        """The hub that sorts for a city."""
        return self.site("hub", nearest_hub(city))

    def wait(self, low_h: float, high_h: float) -> None:
        """Let some hours pass."""
        self._pass(self.rng.uniform(low_h, high_h))

    def wait_for(self, low_h: float, high_h: float, city: City) -> None:
        """Let time pass until the clocks of a city show something between two hours of the day."""
        local = datetime.fromtimestamp(self.at_ms / 1000, zoneinfo.ZoneInfo(city.zone))
        hour = local.hour + local.minute / 60
        if low_h <= hour < high_h:
            self._pass(self.rng.uniform(0, high_h - hour))
        else:
            self._pass((low_h - hour) % 24 + self.rng.uniform(0, high_h - low_h))

    def drive(self, start: City, end: City) -> None:
        """Let a truck go from city to city."""
        self._pass(distance_km(start, end) * _ROAD / _TRUCK_KMH + self.rng.uniform(0.3, 1.5))

    def fly(self, start: City, end: City) -> None:
        """Let a plane go from city to city."""
        self._pass(distance_km(start, end) / _PLANE_KMH + _AIRPORTS_H + self.rng.uniform(0, 5))

    def report(self, status: str) -> None:
        """The network itself says something of the parcel, with the offset."""
        self._keep(status, status, None, CHINA, with_offset=True, note=None)

    def scan(self, status: str, site: Site, there: str = "") -> Scan:
        """The present carrier scans the parcel somewhere; `there` is where it goes next."""
        code = find_code(self.carrier, status)
        note = say(self.carrier, status, site.name, there, self.second[1] if self.second else "")
        zone = STAMP_ZONES.get(self.carrier, CHINA) or site.city.zone
        return self._keep(code or status, status, site, zone, with_offset=False, note=note if code else None)

    def hand_over(self) -> None:
        """From here on the second carrier goes on, under its own number."""
        assert self.second is not None
        self.carrier, self.number = self.second
        self.handed_ms = self.at_ms

    def cut(self, until_ms: int) -> None:
        """Forget what has not happened by then."""
        self.scans = [scan for scan in self.scans if scan.at_ms <= until_ms and scan.heard_ms <= until_ms]
        if self.handed_ms is not None and self.handed_ms > until_ms:
            self.handed_ms = None

    def shift(self, days: int) -> None:
        """Let everything happen so many days later."""
        self.start_ms += days * DAY_MS
        self.at_ms += days * DAY_MS
        if self.handed_ms is not None:
            self.handed_ms += days * DAY_MS
        for scan in self.scans:
            scan.at_ms += days * DAY_MS
            scan.heard_ms += days * DAY_MS

    def _pass(self, hours: float) -> None:
        self.at_ms += int(hours * 3600) * 1000

    def _keep(
        self, code: str, status: str, site: Site | None, zone: str, *, with_offset: bool, note: str | None
    ) -> Scan:
        scan = Scan(
            carrier=self.carrier,
            number=self.number,
            code=code,
            status=status,
            at_ms=self.at_ms,
            zone=zone,
            with_offset=with_offset,
            heard_ms=self.at_ms + self.rng.randrange(2, 300) * 1000,
            facility=site.code if site else None,
            note=note,
        )
        self.scans.append(scan)
        return scan
