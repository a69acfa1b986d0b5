"""A world in a few lines: scans and facilities in a memory, and the rooms that answer questions about them."""

from collections.abc import Iterable
from typing import Any

from waypost.model.carriage import Parcel, Waybill, parcel_id
from waypost.model.errors import StoreError
from waypost.model.identifiers.carriers import detect_carriers
from waypost.model.places import Facility
from waypost.model.scans import ScanEvent, batch_of
from waypost.network.facilities import Facilities
from waypost.store.protocols import Memory
from waypost.testing.timetable import timetable
from waypost.track.overview import Overview, read_overview
from waypost.track.parcels import Tracker
from waypost.track.records import keep_link, keep_parcels
from waypost.track.scan_search import ScanSearch
from waypost.track.tables import CodeTables, bundled_tables
from waypost.track.views import ParcelView, ScanView

_PATIENCE_S = 30.0


class World:
    """A memory of any engine with the rooms `network` and `track` over it.

    ::

        world = World(open_reference(StatusFold(bundled_tables())), '''
            YT1  2026-11-20 10:00  GOT     Hangzhou
                 2026-11-21 09:30  SIGNED  Shanghai
        ''')
        assert world.parcel("YT1").status == "delivered"

    Attributes:
        memory: the machines.
        facilities: the register.
        tables: what codes mean; those of the package unless given.
        tracker, search: who answers questions about parcels, and about scans.
    """

    def __init__(
        self,
        memory: Memory,
        scans: Iterable[ScanEvent] | str = (),
        facilities: Iterable[Facility] = (),
        tables: CodeTables | None = None,
    ) -> None:
        self.memory = memory
        self.tables = tables or bundled_tables()
        self.facilities = Facilities(memory.records)
        self.tracker = Tracker(memory, self.tables, self.facilities, detect_carriers)
        self.search = ScanSearch(memory, self.tables, self.facilities)
        self.facilities.keep(facilities)
        self.keep(scans)

    def keep(self, scans: Iterable[ScanEvent] | str) -> None:
        """Put some scans (or the text of a `timetable`) into the log together, and wait until look-ups show them."""
        events = timetable(scans) if isinstance(scans, str) else list(scans)
        if events:
            self.memory.log.append(batch_of(events))
        if not self.memory.index.catch_up(self.memory.log.position(), _PATIENCE_S):
            raise StoreError(f"The index did not catch up within {_PATIENCE_S} s.")

    def book(self, number: str, carrier: str = "yto", **fields: Any) -> Parcel:
        """Put a parcel into the records; `fields` are those of `model.carriage.Parcel`."""
        waybill = Waybill(carrier, number)
        parcel = Parcel(id=parcel_id(waybill), waybill=waybill, **fields)
        with self.memory.records.begin() as connection:
            keep_parcels(connection, [parcel])
        return parcel

    def link(self, parcel: Parcel, number: str, carrier: str, since_ms: int | None, until_ms: int | None) -> None:
        """Say that a parcel also bears a number, for scans from an instant to before another."""
        with self.memory.records.begin() as connection:
            keep_link(connection, parcel.id, Waybill(carrier, number), since_ms, until_ms)

    def parcel(self, number: str) -> ParcelView:
        """The one parcel that bears a number."""
        [found] = self.tracker.find([number])
        [parcel] = found.parcels
        return parcel

    def timeline(self, number: str, carrier: str = "yto") -> list[ScanView]:
        """The scans of a parcel, newest first."""
        return self.tracker.timeline(carrier, number)

    def overview(self) -> Overview:
        """The network at a glance."""
        return read_overview(self.memory.history, self.tables, self.facilities)
