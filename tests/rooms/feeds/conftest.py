"""What the tests of readers share: a feed read to its end, with the scans that come of it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from waypost.feeds.kinds import open_feed
from waypost.model.carriage import Parcel
from waypost.model.carriers import find_carrier
from waypost.model.instants import OffsetSource, parse_instant
from waypost.model.places import Facility
from waypost.track.feed import FileRefusal
from waypost.track.intake import take_in
from waypost.track.records import Link

NOW_MS = parse_instant("2026-11-22T04:00:00Z").at_ms


class Found(msgspec.Struct):
    """All that a feed gave: scans as rows, master data, refusals as the report has them, and the course of `share`."""

    scans: list[dict[str, Any]] = []
    parcels: list[Parcel] = []
    facilities: list[Facility] = []
    links: list[Link] = []
    refusals: list[FileRefusal] = []
    shares: list[float] = []

    def told(self) -> list[tuple[int, str, str]]:
        """The refusals as line, field, reason."""
        return [(refusal.line, refusal.field, refusal.reason) for refusal in self.refusals]


Read = Callable[..., Found]


def read_feed(kind: str, path: Path, **options: str) -> Found:
    """Read a feed as the import does, but keep everything here."""
    found = Found()
    zones: dict[tuple[str, str], str | None] = {}

    def zone_of(carrier: str, facility: str | None) -> tuple[str, OffsetSource] | None:
        known = find_carrier(carrier)
        if known and known.zone:
            return known.zone, OffsetSource.CARRIER
        zone = zones.get((carrier, facility or ""))
        return (zone, OffsetSource.FACILITY) if zone else None

    def zones_of(pairs: Sequence[tuple[str, str | None]]) -> list[tuple[str, OffsetSource] | None]:
        return [zone_of(*pair) for pair in pairs]

    for portion in open_feed(kind, path, options).portions():
        zones |= {(each.carrier, each.code): each.place.zone for each in portion.facilities}
        taken = take_in(portion.rows, zones_of, now_ms=NOW_MS, recorded_at_ms=None, time_flags=portion.time_flags)
        at_ms = taken.scans.column("at").cast("int64").to_pylist()
        rows = taken.scans.drop_columns(["at"]).to_pylist()
        found.scans += [row | {"at_ms": at} for row, at in zip(rows, at_ms, strict=True)]
        found.parcels += portion.parcels
        found.facilities += portion.facilities
        found.links += portion.links
        found.refusals += portion.refusals
        found.refusals += [
            FileRefusal(portion.source, each.row, each.field, each.reason, each.value) for each in taken.refusals
        ]
        found.shares.append(portion.share)
    return found


@pytest.fixture(scope="session")
def read() -> Read:
    return read_feed
