"""What opening cuts off the end of a log is kept beside it: bytes on a disk may look unfinished and yet be scans."""

from pathlib import Path

import msgspec

from waypost.engines.local.disk import Disk

#: So many files with what was cut off are kept, the newest.
CUTS = 16


class Cut(msgspec.Struct, frozen=True):
    """A tail that was cut off at opening. `str` tells it to people.

    Attributes:
        file: the segment.
        offset: where the tail began.
        bytes: how long it was.
        why: what is wrong with it.
        is_unfinished: it looks like an append that was broken off, so was never acknowledged.
        kept: the file that has these bytes now; None if there were none.
    """

    file: Path
    offset: int
    bytes: int
    why: str
    is_unfinished: bool
    kept: Path | None

    def __str__(self) -> str:
        if self.kept is None:
            return f"{self.file} was empty and was removed: the last run ended when it had just been made."
        told = f"{self.bytes} bytes at the end of {self.file} were cut off, and are kept in {self.kept}: {self.why}"
        if self.is_unfinished:
            return f"{told}, as an append leaves it that was broken off when the last run ended, never acknowledged."
        return (
            f"{told}, although it is all there: these bytes changed on the disk rather than were never finished, "
            "so scans that were acknowledged may be among them. Look after the disk, and have them sent again."
        )


def keep_cut(segment: Path, offset: int, tail: bytes, disk: Disk) -> Path | None:
    """Keep a tail in a file of its own, on disk when this returns. Many make room: the oldest go.

    Returns:
        The file; None for no bytes.
    """
    if not tail:
        return None
    name, taken = f"cut-{segment.stem}-{offset}", 1
    path = segment.with_name(name)
    while path.exists() and path.read_bytes() != tail:
        taken += 1
        path = segment.with_name(f"{name}-{taken}")
    if not path.exists():  # else the run that kept it ended before it cut
        disk.replace(path, tail)
    kept = sorted(segment.parent.glob("cut-*"), key=lambda file: (file.stat().st_mtime_ns, file.name))
    for old in kept[:-CUTS]:
        if old != path:
            old.unlink()
    return path
