"""History files come in: what a reader of files gives, and the import that takes it."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.model.carriage import Parcel
from waypost.model.errors import StoreError
from waypost.model.instants import OffsetSource, TimeFlag
from waypost.model.places import Facility
from waypost.network.facilities import Facilities, check_facility
from waypost.store.protocols import Memory
from waypost.track.intake import ZoneFinder, take_in
from waypost.track.records import Link, keep_link, keep_parcels
from waypost.track.wire import Refusal, Rows, empty_rows

#: So many scans the index may be behind the log; with more, whoever brings many waits until it has got on.
BULK_LAG = 2_000_000

#: An index that moves in none of so many waits stands still: for a minute in all.
_WAIT_S, _MOST_WAITS = 0.5, 120

#: How many refused rows a report spells out; all are counted.
MOST_SPELLED_OUT = 1000

#: How many reasons are counted apart: what a JSON reader says differs from line to line.
MOST_REASONS = 100
OTHER_REASONS = "for other reasons"


class FileRefusal(msgspec.Struct, frozen=True):
    """Why a row of a file was not taken. `line` counts from 1, the header included; 0 means the file as a whole."""

    file: str
    line: int
    field: str
    reason: str
    value: str | None = None


class Portion(msgspec.Struct, frozen=True, kw_only=True):
    """Some of what a reader found.

    Attributes:
        source: the file, as people know it.
        rows: scans; their numbers (`Rows.rows`, and `row` in its refusals) are lines of the source.
        time_flags: what is doubtful about all stamps of these rows, beside what `take_in` finds.
        facilities, parcels: master data that the scans speak of.
        links: further numbers of these parcels.
        refusals: rows that gave no scan, parcel or facility.
        share: how much of all input has been read, 0 to 1.
    """

    source: str
    rows: Rows = empty_rows()
    time_flags: TimeFlag = TimeFlag(0)
    facilities: list[Facility] = []
    parcels: list[Parcel] = []
    links: list[Link] = []
    refusals: list[FileRefusal] = []
    share: float = 0.0


class ScanFeed(Protocol):
    """A reader of history files."""

    def portions(self) -> Iterator[Portion]:
        """What the files hold, portion by portion, never all at once.

        Raises:
            BadInput: a file is missing, cut off, or of another layout.
        """


class ImportReport(msgspec.Struct, kw_only=True):
    """What an import did: distinct waybills seen, scans read, of these new and already known, rows refused.

    `seconds` is for whoever holds a clock to fill in.
    """

    parcels: int = 0
    scans_read: int = 0
    scans_new: int = 0
    scans_duplicate: int = 0
    rows_refused: int = 0
    seconds: float = 0.0
    dry_run: bool = False
    reasons: dict[str, int] = {}
    refusals: list[FileRefusal] = []

    def refuse(self, refusal: FileRefusal) -> None:
        """Count a refused row, and spell it out while there is room."""
        self.rows_refused += 1
        reason = f"{refusal.field}: {refusal.reason}" if refusal.field else refusal.reason
        if reason not in self.reasons and len(self.reasons) >= MOST_REASONS:
            reason = OTHER_REASONS
        self.reasons[reason] = self.reasons.get(reason, 0) + 1
        if len(self.refusals) < MOST_SPELLED_OUT:
            self.refusals.append(refusal)


def import_feed(
    feed: ScanFeed,
    memory: Memory,
    facilities: Facilities,
    zone_of: ZoneFinder,
    *,
    now_ms: int,
    dry_run: bool = False,
    bulk_lag: int = BULK_LAG,
    progress: Callable[[float, int], None] = lambda share, scans: None,
    waiting: Callable[[int], None] = lambda lag: None,
) -> ImportReport:
    """Read a feed into the memory; importing the same again changes nothing.

    Args:
        bulk_lag: nothing more is read while the index is so many scans behind the log.
        progress: told the share of the input read and the scans read so far.
        waiting: told how many scans the index is behind, again and again while the import waits for it; then 0.

    Raises:
        StoreError: the index failed, or stood still for a minute. Nothing is lost.
    """
    report = ImportReport(dry_run=dry_run)
    _wait_for_index(memory, memory.log.position(), waiting)  # a run before may have been cut off between log and index
    known_before = _count_scans(memory)
    waybills = _Waybills()
    zones: dict[tuple[str, str | None], str | None] = {}
    if dry_run:
        zone_of = _knowing_also(zones, zone_of)
    for portion in feed.portions():
        for refusal in portion.refusals:
            report.refuse(refusal)
        if dry_run:
            zones |= {(each.carrier, each.code): check_facility(each).place.zone for each in portion.facilities}
        else:
            if portion.facilities:
                facilities.keep(portion.facilities)
            if portion.parcels or portion.links:
                with memory.records.begin() as connection:
                    refused_parcels = keep_parcels(connection, portion.parcels)
                    unknown = {parcel.id for parcel, _ in refused_parcels}
                    for link in portion.links:
                        if link.parcel_id not in unknown:
                            keep_link(connection, link.parcel_id, link.waybill, link.since_ms, link.until_ms)
                for parcel, error in refused_parcels:
                    report.refuse(FileRefusal(portion.source, 0, "number", error.message, parcel.waybill.number))
        intake = take_in(portion.rows, zone_of, now_ms=now_ms, recorded_at_ms=None, time_flags=portion.time_flags)
        for refused in intake.refusals:
            report.refuse(_in_file(portion.source, refused))
        scans = intake.scans
        waybills.add_parcels(portion.parcels)
        waybills.add_scans(scans)
        if scans.num_rows and not dry_run:
            memory.log.append(scans)
        report.scans_read += scans.num_rows
        progress(portion.share, report.scans_read)
        if not dry_run:
            _wait_for_index(memory, memory.log.position() - bulk_lag, waiting)
    report.parcels = waybills.count()
    if not dry_run:
        _wait_for_index(memory, memory.log.position(), waiting)
        report.scans_new = _count_scans(memory) - known_before
        report.scans_duplicate = report.scans_read - report.scans_new
    return report


def _knowing_also(zones: Mapping[tuple[str, str | None], str | None], zone_of: ZoneFinder) -> ZoneFinder:
    """For a dry run, in which the facilities of the feed are not kept, though their zones count."""

    def find(pairs: Sequence[tuple[str, str | None]]) -> list[tuple[str, OffsetSource] | None]:
        found = []
        for pair, known in zip(pairs, zone_of(pairs), strict=True):
            zone = zones.get(pair)
            found.append(known or ((zone, OffsetSource.FACILITY) if zone else None))
        return found

    return find


class _Waybills:
    """Counts distinct waybills by hashes of 8 bytes: at most some 50 bytes a waybill for a moment, 16 to keep.

    Two of ten million waybills share a hash with a chance of one in 300,000; the report would then count one less.
    """

    def __init__(self) -> None:
        self._seen = np.empty(0, np.uint64)
        self._fresh: list[npt.NDArray[np.uint64]] = []
        self._waiting = 0

    def add_parcels(self, parcels: Sequence[Parcel]) -> None:
        """Count the waybills of parcels."""
        self._add([(parcel.waybill.carrier, parcel.waybill.number) for parcel in parcels])

    def add_scans(self, scans: pa.RecordBatch) -> None:
        """Count the waybills of scans; Python sees each only once, not every scan of it."""
        waybills = pa.table({name: scans.column(name) for name in ("carrier", "number")})
        waybills = waybills.group_by(["carrier", "number"]).aggregate([])
        self._add(list(zip(waybills.column("carrier").to_pylist(), waybills.column("number").to_pylist(), strict=True)))

    def count(self) -> int:
        """How many there were."""
        self._settle()
        return len(self._seen)

    def _add(self, waybills: Sequence[tuple[str, str]]) -> None:
        texts = (f"{carrier}\x1f{number}".encode() for carrier, number in waybills)
        digests = b"".join(hashlib.blake2b(text, digest_size=8).digest() for text in texts)
        self._fresh.append(np.frombuffer(digests, np.uint64))
        self._waiting += len(waybills)
        if self._waiting > max(len(self._seen), 100_000):  # as many as there are: every hash is sorted a few times only
            self._settle()

    def _settle(self) -> None:
        self._seen = np.unique(np.concatenate([self._seen, *self._fresh]))
        self._fresh, self._waiting = [], 0


def _in_file(source: str, refused: Refusal) -> FileRefusal:
    return FileRefusal(source, refused.row, refused.field, refused.reason, refused.value)


def _count_scans(memory: Memory) -> int:
    counted = memory.history.run(lambda scans: scans.aggregate(scans=scans.count()))
    return int(counted.column("scans")[0].as_py())


def _wait_for_index(memory: Memory, position: int, waiting: Callable[[int], None]) -> None:
    """Wait until everything below a position is in."""
    reached, waits = memory.index.position(), 0
    if reached >= position:
        return
    waiting(memory.log.position() - reached)
    while not memory.index.catch_up(position, _WAIT_S):
        before, reached = reached, memory.index.position()
        waits = waits + 1 if reached == before else 0
        if waits == _MOST_WAITS:
            raise StoreError(
                f"the index has stood still at {reached} of {memory.log.position()} scans for a minute",
                mend="Nothing is lost: it goes on from there at the next start.",
            )
        waiting(memory.log.position() - reached)
    waiting(0)
