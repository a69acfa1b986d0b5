"""Backups: what of a home cannot be made anew, in a folder of its own, taken while others write.

==================  ==========================================================================
``log/``            the segments up to one position, whole frames only, and ``start`` if older ones went
``index/``          what is made from the log and ``history/``: only if older segments went, for these have their scans
``records.sqlite``  the records as they were at one moment after that
``waypost.toml``    the settings, if they lie in the home
``FORMAT``          as in the home
``BACKUP``          what is in the folder, to the byte; written last, so a folder without it is no backup
==================  ==========================================================================

The log goes first. Scans name parcels, facilities and links, and records never name a scan or a position; so whatever a
scan in the backup names was known by then and is in it, and what is newer in the records is a parcel before its first
scan. The other way round there would be scans whose parcel and facility are missing. Index and history are made
anew, if the log is whole; else they are taken before the log, which then has all that they do not have yet.
"""

import errno
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Annotated

import msgspec

from waypost.engines.local.catalogue import read_catalogue
from waypost.engines.local.copying import Meter, Progress, copy_file, digest_of, link_file, size_of
from waypost.engines.local.disk import Disk, parse_json, read_json, store_errors
from waypost.engines.local.formats import RECORDS, read_formats
from waypost.engines.local.log import SegmentLog
from waypost.engines.local.made import Made
from waypost.engines.local.segments import (
    HEADER_SIZE,
    Flaw,
    check_header,
    damaged,
    first_position,
    hop,
    list_segments,
    verify,
)
from waypost.engines.local.start import START, read_start, write_start
from waypost.engines.sql.copies import copy_database, count_rows
from waypost.model.errors import Conflict, NotFound, StoreDamaged, WrongFormat

BACKUP_FORMAT = 1
#: The file that makes a folder a backup.
NAME = "BACKUP"
_FORMAT, SETTINGS = "FORMAT", "waypost.toml"
_OWN = {NAME, f"{NAME}.tmp", _FORMAT, SETTINGS, *(RECORDS + end for end in ("", "-journal", "-wal", "-shm"))}
_FOLDERS = ("index", "history", "log")  # the last one is made first: it is what claims the rest
#: So often a backup is begun anew if segments go before they can be copied.
_ATTEMPTS = 3
_MEND = "Take another backup."
_MADE = r"index/(CATALOGUE|words|[0-9]{10}\.run|[0-9]{20}\.chg)|history/[0-9]{10}\.run"
#: No other file is taken from a backup: a name that leads elsewhere is none of ours.
_FileName = Annotated[
    str,
    msgspec.Meta(pattern=rf"\A({_FORMAT}|{re.escape(RECORDS)}|{SETTINGS}|log/[0-9]{{20}}\.seg|log/{START}|{_MADE})\Z"),
]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class BackupFile(msgspec.Struct, frozen=True):
    """A file of a backup: its name in the folder, its size and its SHA-256."""

    name: _FileName
    bytes: _Count
    sha256: str


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds.

    Attributes:
        format: of backups.
        waypost: the version that made it.
        made: when, UTC.
        start: the log from here on is in it; what came before went from the home as its settings ask.
        position: and up to here.
        rows: how many rows each table of the records has.
        keys: by number, fingerprints of the keys that something in it may be sealed under; the keys are not in it.
        files: all files but this one.
    """

    format: int = BACKUP_FORMAT
    waypost: str
    made: str
    start: _Count = 0
    position: _Count
    rows: dict[str, _Count]
    keys: dict[str, str] = {}
    files: tuple[BackupFile, ...]

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(file.bytes for file in self.files)


class _Checked(msgspec.Struct, frozen=True):
    """How `BACKUP` lies on disk: with the CRC-32 of its JSON."""

    backup: msgspec.Raw
    check: int


class _Version(msgspec.Struct, frozen=True):
    format: int


# Taking one


def back_up(
    home: Path,
    folder: Path,
    *,
    made: str,
    waypost: str,
    keys: dict[str, str] | None = None,
    link: bool = False,
    progress: Progress | None = None,
    disk: Disk | None = None,
) -> Backup:
    """Take a backup of a home into a new folder, whether another process writes to the home or not.

    Every frame is checked. If it fails on the way, what was written is removed again.

    Args:
        home: the home, in which nothing is changed.
        folder: must not exist, or be empty.
        made: the time, as it is to be told.
        waypost: the version that makes it.
        keys: by number, fingerprints of the keys under which rows may be sealed.
        link: give segments that are never written to again a second name instead of copying them. It takes no room,
            but a damage of such a segment is then a damage of the backup too.
        progress: is told how far it is.
        disk: for tests.

    Raises:
        Conflict: the folder is not empty, or lies in the home; or index and history are being made anew from an
            archive, and are behind the log.
        NotFound: there is no home.
        StorageFull: no room for the backup.
        StoreDamaged: bytes in the home are not what was written; names file and byte.
        StoreError: a file cannot be read, written or linked.
    """
    home, folder, disk = home.absolute(), folder.absolute(), disk or Disk()
    with store_errors(f"backing up {home}"):
        if not read_formats(home).get("records"):
            raise NotFound(f"There is no home in {home}.", mend="Give another one (WAYPOST_HOME).")
        if folder.resolve().is_relative_to(home.resolve()):
            raise Conflict(f"{folder} lies in the home that is to be backed up.", mend="Name a folder elsewhere.")
        for attempt in range(_ATTEMPTS):
            try:
                return _back_up(
                    home,
                    folder,
                    Backup(waypost=waypost, made=made, position=0, rows={}, keys=keys or {}, files=()),
                    link,
                    progress,
                    disk,
                )
            except FileNotFoundError:  # a segment went, as the settings ask, before it could be copied
                if attempt + 1 == _ATTEMPTS:
                    raise
    raise AssertionError


def _back_up(home: Path, folder: Path, blank: Backup, link: bool, progress: Progress | None, disk: Disk) -> Backup:
    with _claim(folder, disk), ExitStack() as opened:
        made = Made(home, opened) if read_start(home / "log") else None
        position = _find_end(home)
        segments = [path for path in list_segments(home / "log") if first_position(path) < position]
        start = first_position(segments[0]) if segments else 0
        if start > (made.position if made else 0):
            _refuse_if_behind(home, start)
            raise FileNotFoundError(errno.ENOENT, "older segments went just now", str(segments[0]))
        meter = Meter(sum(map(size_of, [*segments, home / RECORDS])) + (made.bytes if made else 0), progress)
        files = _copy_log(segments, position, folder / "log", link, meter, disk)
        names = made.copy(folder, meter, disk) if made else []
        if start:
            write_start(folder / "log", start, disk)
            names.append(f"log/{START}")
        _copy_records(home / RECORDS, folder / RECORDS, meter, disk)
        for name in (SETTINGS, _FORMAT):
            if (home / name).exists():
                copy_file(home / name, folder / name, size_of(home / name), meter, disk)
        names += [name for name in (RECORDS, SETTINGS, _FORMAT) if (folder / name).exists()]
        files += [BackupFile(name, size_of(folder / name), digest_of(folder / name)) for name in names]
        rows = count_rows(folder / RECORDS, is_kept=True)
        backup = msgspec.structs.replace(blank, start=start, position=position, rows=rows, files=tuple(files))
        disk.sync_folder(folder / "log")
        disk.sync_folder(folder)
        raw = msgspec.Raw(msgspec.json.format(msgspec.json.encode(backup)))
        disk.replace(folder / NAME, msgspec.json.encode(_Checked(raw, zlib.crc32(raw))))
        return backup


def _refuse_if_behind(home: Path, start: int) -> None:
    """Segments go only when index and history reach beyond them; these do not if they come from an archive again."""
    catalogue = read_catalogue(home / "index")
    if catalogue is not None and catalogue.position < start:
        raise Conflict(
            "Index and history do not reach the log yet: they are being made anew.",
            mend="Take the backup when that is through.",
        )


def _find_end(home: Path) -> int:
    """The position up to which a home has scans; refuses one that has lost some that were indexed already."""
    catalogue = None
    with suppress(StoreDamaged):  # an index that cannot be read can be made anew, if only the log is backed up
        catalogue = read_catalogue(home / "index")
    with closing(SegmentLog(home / "log", read_only=True, at_least=catalogue.position if catalogue else 0)) as log:
        return log.position()


@contextmanager
def _claim(folder: Path, disk: Disk, *, spared: frozenset[str] = frozenset()) -> Iterator[None]:
    """A new folder with an empty `log` in it; what is put there is removed again if the block fails.

    Args:
        folder: must not exist, or hold nothing but files that are spared.
        disk: the disk.
        spared: names of files that may be there already, and stay.
    """
    had_folder = folder.exists()
    if had_folder and not folder.is_dir():
        raise Conflict(f"{folder} is a file, not a folder.", mend="Name a new folder.")
    if had_folder and {path.name for path in folder.iterdir()} - spared:
        held = "already holds a backup" if is_backup(folder) else "is not empty"
        raise Conflict(f"{folder} {held}.", mend="Name a new folder; what is there is left alone.")
    spared = frozenset(name for name in spared if (folder / name).exists())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        (folder / "log").mkdir(mode=0o700)
    except FileExistsError:
        raise Conflict(f"{folder} is being written to by another process.", mend="Name a new folder.") from None
    try:
        yield
        disk.sync_folder(folder.parent)
    except BaseException:
        for name in _OWN - spared:
            (folder / name).unlink(missing_ok=True)
        for each in [folder / name for name in _FOLDERS if (folder / name).exists()]:
            for path in each.iterdir():
                path.unlink()
            each.rmdir()
        if not had_folder:
            folder.rmdir()
        raise


def _copy_log(
    segments: list[Path], position: int, folder: Path, link: bool, meter: Meter, disk: Disk
) -> list[BackupFile]:
    files, at = [], first_position(segments[0]) if segments else 0
    for path in segments:
        if first_position(path) != at:
            raise damaged(path, 0, f"the segment before it ends at {at}")
        # A segment behind which another one has whole frames is never written to again, not even after a crash.
        is_sealed = path != segments[-1]
        at, stop = _find_stop(path, position)
        copy = folder / path.name
        if link and is_sealed:
            link_file(path, copy)
        else:
            copy_file(path, copy, stop, meter, disk)
        files.append(BackupFile(f"log/{path.name}", stop, _check_copy(path, copy)))
        if link and is_sealed:
            meter.add(stop)
    if at != position:
        raise damaged(segments[-1], size_of(segments[-1]), f"it ends at scan {at}, but {position} were acknowledged")
    return files


def _find_stop(path: Path, position: int) -> tuple[int, int]:
    """Up to which scan a segment is to be copied, and the offset behind that scan's frame."""
    end, stop = first_position(path), HEADER_SIZE
    fd = os.open(path, os.O_RDONLY)
    try:
        why = check_header(path, os.pread(fd, HEADER_SIZE, 0))
        if why:
            raise damaged(path, 0, why)
        for found in hop(fd, offset=HEADER_SIZE, position=end, size=os.fstat(fd).st_size):
            if isinstance(found, Flaw):
                raise damaged(path, found.offset, found.why)
            end, stop = found.end, found.stop
            if end >= position:
                break
    finally:
        os.close(fd)
    return end, stop


def _check_copy(path: Path, copy: Path) -> str:
    """Check every frame of a copy, and sum it up."""
    fd = os.open(copy, os.O_RDONLY)
    try:
        for found in verify(fd, first_position(path)):
            if isinstance(found, Flaw):
                raise damaged(path, found.offset, found.why)
    finally:
        os.close(fd)
    return digest_of(copy)


def _copy_records(path: Path, copy: Path, meter: Meter, disk: Disk) -> None:
    size, told = size_of(path), 0

    def tell(done: int, total: int) -> None:
        nonlocal told
        now = size * done // max(total, 1)
        meter.add(now - told)
        told = now

    fd = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        copy_database(path, copy, tell)
        disk.sync(fd)
    finally:
        os.close(fd)


# Looking at one


def is_backup(folder: Path) -> bool:
    """Whether a folder says that it is a backup."""
    return (folder / NAME).is_file()


def read_backup(folder: Path) -> Backup:
    """What a folder says that it holds.

    Raises:
        NotFound: it is no backup, or one that was never finished.
        StoreDamaged: that cannot be read.
        WrongFormat: another version made it.
    """
    path = folder / NAME
    if not path.is_file():
        raise NotFound(
            f"{folder} is no backup: it has no file {NAME}, which is written when all else is there.",
            mend="Name the folder that `waypost admin backup` wrote; one that was not finished cannot be used.",
        )
    checked = read_json(path, _Checked, mend=_MEND)
    if zlib.crc32(checked.backup) != checked.check:
        raise StoreDamaged(f"{path} is damaged: its check does not match its bytes.", mend=_MEND)
    version = parse_json(checked.backup, path, _Version, mend=_MEND).format
    if version != BACKUP_FORMAT:
        mend = "Use the version of Waypost that made it."
        raise WrongFormat(f"{path} has format {version}; this version reads {BACKUP_FORMAT}.", mend=mend)
    return parse_json(checked.backup, path, Backup, mend=_MEND)


def check_file(folder: Path, file: BackupFile, meter: Callable[[int], None] | None = None) -> str | None:
    """What is wrong with a file of a backup; None if every byte is what was written."""
    path = folder / file.name
    if not path.is_file():
        return "it is missing"
    if size_of(path) != file.bytes:
        return f"it has {size_of(path)} bytes, and {file.bytes} were written"
    if digest_of(path, meter) != file.sha256:
        return "its SHA-256 is not that of what was written"
    return None


# Bringing it back


def put_back(folder: Path, home: Path, *, progress: Progress | None = None, disk: Disk | None = None) -> Backup:
    """Copy a backup into a home that is to be. Nothing is put in place before every file is found whole.

    The file `FORMAT` comes last: without it, nobody opens what is there. If it fails on the way, what was put is
    removed again. Index and history are made anew when the home is opened for writing, unless they are in the backup.

    Args:
        folder: the backup.
        home: must not exist, or hold nothing but a `waypost.toml`, which then stays and is not taken from the backup.
        progress: is told how far it is.
        disk: for tests.

    Raises:
        Conflict: there is something in the home.
        NotFound: the folder is no backup.
        StorageFull: no room.
        StoreDamaged: a file of the backup is not what was written.
        WrongFormat: another version wrote it; says what to do.
    """
    folder, home, disk = folder.absolute(), home.absolute(), disk or Disk()
    with store_errors(f"restoring {home}"):
        backup = read_backup(folder)
        meter = Meter(2 * backup.bytes, progress)
        for file in backup.files:
            why = check_file(folder, file, meter.add)
            if why:
                raise StoreDamaged(f"{folder / file.name}: {why}.", mend="Use another backup; nothing was restored.")
        read_formats(folder)
        has_settings = (home / SETTINGS).exists()
        with _claim(home, disk, spared=frozenset({SETTINGS})):
            last = {SETTINGS: 1, RECORDS: 2, _FORMAT: 3}
            for file in sorted(backup.files, key=lambda file: (last.get(file.name, 0), file.name)):
                if file.name == SETTINGS and has_settings:
                    continue
                if file.name == _FORMAT:
                    for name in _FOLDERS:
                        if (home / name).exists():
                            disk.sync_folder(home / name)
                    disk.sync_folder(home)
                (home / file.name).parent.mkdir(mode=0o700, exist_ok=True)
                copy_file(folder / file.name, home / file.name, file.bytes, meter, disk)
                why = check_file(home, file)
                if why:
                    mend = f"Look after the disks of {folder} and {home}; nothing was restored."
                    raise StoreDamaged(f"{home / file.name} was copied, but {why}.", mend=mend)
            disk.sync_folder(home)
        return backup
