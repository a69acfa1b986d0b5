"""Files of scans that carriers hand in: good rows go into the log, and what was refused is written up line by line."""

import contextlib
import csv
import errno
import hashlib
import io
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
from sqlalchemy import delete, select

from waypost.access.sealing import Seal
from waypost.model.errors import BadInput, NotFound, StorageFull, StoreError
from waypost.model.texts import has_control
from waypost.store.protocols import Records
from waypost.store.upsert import upsert
from waypost.track.feed import FileRefusal, Portion
from waypost.track.pushes import Outcome
from waypost.track.reception import Reception
from waypost.track.records import files

#: So many refused rows of a file are written up; all are counted.
MOST_WRITTEN_UP = 10_000
_LONGEST_NAME, _LONGEST_WHY = 200, 400
_READ = 1 << 20


class SheetReader(Protocol):
    """Reads files in the neutral format: CSV, XLSX and whatever else it knows by its content."""

    def read(self, path: Path, carrier: str) -> Iterator[Portion]:
        """Scans of one carrier, some at a time.

        Raises:
            BadInput: it cannot be read.
        """

    def originals(self, path: Path, lines: Collection[int]) -> Mapping[int, str]:
        """Some lines as they stand there, by number, as far as the file has lines."""


class Filed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file.

    Attributes:
        id: the same for the same file of the same sender.
        source: who handed it in: an account, or the name of a key.
        received_ms: when, UTC milliseconds.
        scans: taken, and on disk. `refused` rows were not, of which `refusals` has the first.
        why: what is wrong with the file as a whole, or with its first refused row; "" if nothing is.
        end: the position behind its last scan in the log.
    """

    id: str
    carrier: str
    source: str
    name: str
    received_ms: int
    outcome: Outcome
    scans: int = 0
    refused: int = 0
    why: str = ""
    refusals: Sequence[FileRefusal] = ()
    end: int = 0


class Files:
    """Takes files in, and remembers how they went."""

    def __init__(
        self, records: Records, reader: SheetReader, reception: Reception, seal: Callable[[], Seal], incoming: Path
    ) -> None:
        self._records = records
        self._reader = reader
        self._reception = reception
        self._seal = seal
        self._incoming = incoming

    @contextlib.contextmanager
    def make_room(self, ending: str) -> Iterator[Path]:
        """A path for a copy of a file, in a folder that goes afterwards; if we are killed, at the next start.

        Raises:
            StorageFull: there is none.
        """
        try:
            folder = tempfile.TemporaryDirectory(prefix="waypost-", dir=self._incoming)
        except OSError as error:
            raise _cannot_copy(error) from error
        with folder as path:
            yield Path(path) / f"file{legible(ending[:12])}"

    def take_body(self, body: bytes, ending: str, *, name: str, carrier: str, source: str, now_ms: int) -> Filed:
        """Take one that is in memory; `ending` is one of names that tells its kind. See `take`."""
        with self.holding(body, ending) as path:
            return self.take(path, name=name, carrier=carrier, source=source, now_ms=now_ms)

    @contextlib.contextmanager
    def holding(self, body: bytes, ending: str) -> Iterator[Path]:
        """A path at which a body lies meanwhile.

        Raises:
            StorageFull: there is no room for it.
        """
        with self.make_room(ending) as path:
            try:
                path.write_bytes(body)
            except OSError as error:
                raise _cannot_copy(error) from error
            yield path

    def take(
        self,
        path: Path,
        *,
        name: str,
        carrier: str,
        source: str,
        now_ms: int,
        pause: Callable[[], None] = lambda: None,
    ) -> Filed:
        """Take one; its good rows are on disk when this returns. Taking it again changes nothing.

        Args:
            path: where it lies, which nobody writes to meanwhile.
            name: as its sender calls it.
            carrier: whose scans they are; rows of others are refused.
            source: who hands it in.
            pause: called before each portion: for waiting until the index has got on.

        Raises:
            StoreError: what was not taken before is not kept; hand it in again.
        """
        scans = refused = end = 0
        why, refusals = "", list[FileRefusal]()
        id_, name = _id(path, carrier, source, name), legible(name)
        try:
            for portion in self._reader.read(path, carrier):
                pause()
                receipt = self._reception.receive(portion.rows, carrier=carrier, only=(carrier,))
                scans, end = scans + receipt.accepted, max(end, receipt.end if receipt.accepted else 0)
                told = [FileRefusal(name, each.row, each.field, each.reason, each.value) for each in receipt.refusals]
                told += portion.refusals
                refused += len(told)
                refusals += sorted(told, key=lambda each: each.line)[: MOST_WRITTEN_UP - len(refusals)]
            outcome = Outcome.PARTLY if refused else Outcome.TAKEN
        except BadInput as error:
            outcome, why = Outcome.UNREADABLE, str(error)
            if why.startswith(f"{path.name}: "):
                why = name + why.removeprefix(path.name)
        filed = Filed(
            id=id_,
            carrier=carrier,
            source=source,
            name=name,
            received_ms=now_ms,
            outcome=outcome,
            scans=scans,
            refused=refused,
            why=(why or (refusals[0].reason if refusals else ""))[:_LONGEST_WHY],
            refusals=refusals,
            end=end,
        )
        self._keep(filed, self.write_up(path, filed))
        return filed

    def write_up(self, path: Path, filed: Filed) -> bytes:
        """The refused rows as CSV for Excel, each with its original line; b"" if there are none."""
        if not filed.refusals:
            return b""
        lines = {each.line for each in filed.refusals}
        try:
            originals = self._reader.originals(path, lines)
        except BadInput:  # it broke off where it broke off before
            originals = {}
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(("line", "field", "reason", "original"))
        for each in filed.refusals:
            original = originals.get(each.line, each.value or "")
            writer.writerow((each.line or "", each.field, each.reason, _harmless(original)))
        if filed.refused > len(filed.refusals):
            writer.writerow(("", "", f"{filed.refused - len(filed.refusals)} more rows were refused", ""))
        return text.getvalue().encode("utf-8-sig")

    def list_newest(self, carriers: Collection[str] | None, most: int) -> list[Filed]:
        """The newest ones, of some carriers or of all, without the refusals."""
        asked = select(files).order_by(files.c.received_ms.desc(), files.c.id).limit(most)
        if carriers is not None:
            asked = asked.where(files.c.carrier.in_(carriers))
        with self._records.read() as connection:
            rows = connection.execute(asked).all()
        kept = ("id", "carrier", "source", "name", "received_ms", "scans", "refused", "why")
        return [Filed(outcome=Outcome(row.outcome), **{name: getattr(row, name) for name in kept}) for row in rows]

    def get_report(self, id_: str, carriers: Collection[str] | None) -> tuple[str, bytes]:
        """The name of a file, and the report of what was refused of it, as `write_up` made it.

        Raises:
            NotFound: there is no such file of these carriers, or nothing of it was refused.
        """
        with self._records.read() as connection:
            row = connection.execute(select(files).where(files.c.id == id_)).first()
        if row is None or not row.report or (carriers is not None and row.carrier not in carriers):
            raise NotFound("there is no such report")
        return row.name, self._seal().open(row.report, row.id)

    def forget(self, before_ms: int) -> int:
        """Remove what is remembered of files from before an instant; of how many."""
        with self._records.begin() as connection:
            return connection.execute(delete(files).where(files.c.received_ms < before_ms)).rowcount

    def _keep(self, filed: Filed, report: bytes) -> None:
        row = msgspec.structs.asdict(filed)
        del row["refusals"], row["end"]
        row |= {"outcome": filed.outcome.value, "report": self._seal().seal(report, filed.id) if report else b""}
        with self._records.begin() as connection:
            upsert(connection, files, [row])


def _cannot_copy(error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("No room left for a copy of the file.", mend="Make room; then send it again.")
    return StoreError(f"The file cannot be copied: {error.strerror}.", mend="Look after the disk; then send it again.")


def legible(name: str) -> str:
    """A name of a file that can stand anywhere."""
    return "".join("�" if has_control(letter) or "\ud800" <= letter <= "\udfff" else letter for letter in name)[
        :_LONGEST_NAME
    ]


def _harmless(text: str) -> str:
    """What Excel would reckon out if it began so."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def _id(path: Path, carrier: str, source: str, name: str) -> str:
    digest = hashlib.blake2b(f"{carrier}\0{source}\0{name}\0".encode("utf-8", "replace"), digest_size=16)
    with path.open("rb") as file:
        while piece := file.read(_READ):
            digest.update(piece)
    return digest.hexdigest()
