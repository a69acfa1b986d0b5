"""The home: one folder that holds everything, and that one process at a time writes to.

==============  ============================================================
``FORMAT``      the format version of each part
``lock``        held by the process that writes; tells its pid
``log/``        the scans, in segments: the truth about them, from ``start`` in it on if older ones went
``index/``      timelines, states and changes: made from the log
``history/``    columns over all time: made with the index
``records.sqlite``  master data and transactions: the truth about them
``incoming/``   copies of files while they are taken; those that were left go when the home is opened for writing
==============  ============================================================
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec

from waypost.engines.local.apart import Apart, Job
from waypost.engines.local.cuts import Cut
from waypost.engines.local.disk import Disk, store_errors
from waypost.engines.local.follow import Follower
from waypost.engines.local.formats import FORMATS, INCOMING, RECORDS, make_parts, read_formats, write_formats
from waypost.engines.local.history import ParquetHistory
from waypost.engines.local.index import LedgerIndex
from waypost.engines.local.ledger import Ledger
from waypost.engines.local.lock import Lock
from waypost.engines.local.log import SEGMENT_BYTES, SegmentLog
from waypost.engines.local.retention import Retention, refuse_anew, trim
from waypost.engines.local.slots import MEMORY_BYTES
from waypost.engines.sql.records import SqlRecords
from waypost.model.errors import StoreError
from waypost.store.fold import Fold
from waypost.store.protocols import Memory

_DRAIN_S = 10.0


class HomeHealth(msgspec.Struct, frozen=True):
    """How a home is doing.

    Attributes:
        log_end: so many scans were acknowledged.
        index_position: look-ups show everything below.
        lag: scans acknowledged, but not shown yet.
        failures: why the log takes no more scans, and why index or history do not get on; empty if all is well.
        trimming: why older scans do not leave the log, though the settings ask for it; None if they do.
        rebuilding: why the index is being made anew, until it has all that the log held at opening; None if it is not.
        cut: what opening cut off the end of the log, and where it is kept; None if nothing.
    """

    log_end: int
    index_position: int
    lag: int
    failures: tuple[str, ...]
    trimming: str | None
    rebuilding: str | None
    cut: Cut | None

    @property
    def error(self) -> str | None:
        """The first of the failures."""
        return next(iter(self.failures), None)


class LocalHome:
    """An open home. `memory` is what the rooms use; `close` it when done."""

    def __init__(
        self,
        path: Path,
        records: SqlRecords,
        log: SegmentLog,
        ledger: Ledger,
        index: LedgerIndex,
        history: ParquetHistory,
        lock: Lock | None,
        follower: "Follower | Apart | None",
        rebuilding: str | None = None,
    ) -> None:
        self.path = path
        self._records = records
        self._log = log
        self._ledger = ledger
        self._index = index
        self._history = history
        self._lock = lock
        self._began_at = log.position()
        self._follower = follower
        self._rebuilding = rebuilding
        self._is_open = True
        self.memory = Memory(records=records, log=log, index=index, changes=index, history=history, close=self.close)

    @property
    def incoming(self) -> Path:
        """Where copies of files lie while they are taken."""
        return self.path / INCOMING

    def health(self) -> HomeHealth:
        """How it is doing just now."""
        end, position = self._log.position(), self._index.position()
        failures = [self._log.failure] if self._log.failure else []
        failures += self._index.failures
        full, trimming = self._ledger.words.full(), self._index.trimming
        if full:
            told = f"There are more different words ({', '.join(full)}) than the index can tell apart."
            failures.append(StoreError(told, mend="Find out who sends them, and begin another home."))
        return HomeHealth(
            log_end=end,
            index_position=position,
            lag=end - position,
            failures=tuple(map(str, failures)),
            trimming=str(trimming) if trimming else None,
            rebuilding=self._rebuilding if position < self._began_at else None,
            cut=self._log.cut,
        )

    def end_questions(self) -> None:
        """Break off what is asked of history, and let nothing more be asked of it. All else goes on.

        Those who asked get `Closed`.
        """
        self._history.close()

    def close(self) -> None:
        """Finish what was begun, write everything away, and let go of the folder. Closing twice does no harm."""
        if not self._is_open:
            return
        self._is_open = False
        with ExitStack() as rest:  # whatever fails on the way, all are let go of, the lock last
            if self._lock:
                rest.callback(self._lock.release)
            for part in (self._records, self._ledger, self._history):
                rest.callback(part.close)
            if self._follower:
                rest.callback(self._follower.stop, _DRAIN_S)
            self._log.close()


def open_home(
    path: Path | str,
    fold: Fold,
    *,
    read_only: bool = False,
    states_bytes: int = MEMORY_BYTES,
    memory_limit: str = "1GB",
    segment_bytes: int = SEGMENT_BYTES,
    retention: Retention | None = None,
    indexer: str | None = None,
    disk: Disk | None = None,
    elsewhere: SqlRecords | None = None,
) -> LocalHome:
    """Open the home in a folder, or make one there.

    Args:
        path: the folder.
        fold: from scans to states.
        read_only: look on while another process writes, as things stand now; nothing is changed.
        states_bytes: memory for the states of parcels, while scans are indexed; what goes beyond lies in a file.
        memory_limit: for questions to history, as DuckDB writes it.
        segment_bytes: so large grows a file of the log.
        retention: how long the log keeps scans, and where older ones are; for ever if nothing is said.
        indexer: the program of a process that indexes, `INDEXER` unless for tests; None: threads of this one do.
        disk: for tests.
        elsewhere: records that take the place of the home's own, which stay empty; for measuring other databases.

    Raises:
        HomeInUse: another process writes to it.
        NotFound: reading only, and there is no home.
        StoreDamaged: bytes on disk are not what was written; says which and what to do.
        StoreError: index and history would have to be made anew from a log that does not have all scans any more.
        WrongFormat: another version of Waypost wrote it; says what to do.
    """
    path = Path(path).absolute()
    disk, keep = disk or Disk(), retention or Retention()
    refuse = partial(refuse_anew, path / "log", keep.archive)
    job = Job(path, fold, states_bytes, memory_limit, keep, disk)
    with store_errors(f"opening {path}"), ExitStack() as opened:
        lock: Lock | None = None
        apart: Apart | None = None
        if read_only:
            read_formats(path, read_only=True)
            records = _open_records(path, read_only=True)
            opened.callback(records.close)
        else:
            lock, apart, records = _take_over(path, indexer, disk, refuse, opened)
        rebuilding = None if apart is None else apart.open(job)
        looks_on = read_only or apart is not None
        ledger, history = _open_made(job, refuse, opened, looks_on=looks_on, is_told=apart is not None)
        log = SegmentLog(
            path / "log",
            read_only=read_only,
            at_least=ledger.catalogue.position,
            disk=disk,
            segment_bytes=segment_bytes,
            admit=ledger.admit,
            archive=keep.archive,
        )
        opened.callback(log.close)
        index = LedgerIndex(ledger, fold, log)
        follower: Follower | Apart | None = apart
        if apart is not None:
            apart.follow(log, ledger, index)
        elif not read_only:
            follower = Follower(
                log, ledger, history, index, partial(trim, log, ledger, keep, disk) if keep.asks else None
            )
        if elsewhere is not None:
            records.close()
            records = elsewhere
        home = LocalHome(path, records, log, ledger, index, history, lock, follower, rebuilding or ledger.rebuilding)
        opened.pop_all()
        return home


def _open_made(
    job: Job, refuse: Callable[[str], None], opened: ExitStack, *, looks_on: bool, is_told: bool
) -> tuple[Ledger, ParquetHistory]:
    """What is made from the log: the ledger behind the index, and the history; another process may write to them."""
    ledger = Ledger(
        job.path / "index",
        job.fold,
        read_only=looks_on,
        is_told=is_told,
        memory_bytes=job.states_bytes,
        disk=job.disk,
        refuse_anew=refuse,
    )
    opened.callback(ledger.close)
    history = ParquetHistory(
        job.path / "history", ledger, read_only=looks_on, memory_limit=job.memory_limit, disk=job.disk
    )
    opened.callback(history.close)
    return ledger, history


def _take_over(
    path: Path, indexer: str | None, disk: Disk, refuse: Callable[[str], None], opened: ExitStack
) -> tuple[Lock, Apart | None, SqlRecords]:
    """Lock a home, which is made or brought up to date if need be; begin its indexer, and open its records."""
    lock = _make_home(path, disk)
    opened.callback(lock.release)
    apart = None
    if indexer is not None:
        apart = Apart(indexer, lock.fd)
        opened.callback(apart.stop, 0)
    make_parts(path, read_formats(path), disk, refuse)
    records = _open_records(path, read_only=False)
    opened.callback(records.close)
    write_formats(path, FORMATS, disk)
    return lock, apart, records


def open_records(path: Path, *, read_only: bool = False) -> SqlRecords:
    """The records of a home. They may be written to beside the process that writes to the rest.

    Raises:
        StoreError: as for `open_home`.
    """
    with store_errors(f"opening {path}"):
        read_formats(path, read_only=read_only)
        return _open_records(path, read_only)


def _open_records(path: Path, read_only: bool) -> SqlRecords:
    return SqlRecords(f"sqlite:///{_quoted(path / RECORDS)}", read_only=read_only)


def _make_home(path: Path, disk: Disk) -> Lock:
    try:
        if not path.exists():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            disk.sync_folder(path.parent)
        lock = Lock(path / "lock")
    except (NotADirectoryError, FileExistsError) as error:
        raise StoreError(f"{path} is a file, not a folder.", mend="Give another home (WAYPOST_HOME).") from error
    except PermissionError as error:
        raise StoreError(f"{path} may not be written to.", mend="Give another home (WAYPOST_HOME).") from error
    return lock


def _quoted(path: Path) -> str:
    """A path as part of a database URL."""
    return str(path).replace("%", "%25").replace("?", "%3F").replace("#", "%23")
