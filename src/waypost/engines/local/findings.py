"""What verifying finds: a report of what was read and of what is wrong."""

from pathlib import Path

import msgspec

from waypost.engines.local.start import mend_made
from waypost.model.errors import StoreError

#: What to do about a part that is not what it should be.
MENDS = {
    "index": "Stop the server, remove the folder index and start: it is made anew from the log.",
    "history": "Stop the server, remove the folders index and history and start: they are made anew from the log.",
    "records": "Bring it back from a backup, without any -wal and -shm beside it.",
    "backup": "Use another backup, and take a new one.",
}


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong.

    Attributes:
        part: log, records, index, history, home or backup.
        file: which file, if it is in one.
        byte: where in it, if that is known.
        what: is wrong.
        mend: what to do about it.
    """

    part: str
    file: str | None
    byte: int | None
    what: str
    mend: str | None


class Report(msgspec.Struct, kw_only=True):
    """What came of it: all is well if there are no findings.

    Attributes:
        path: the folder.
        kind: home or backup.
        log_start: of the first scan that the log has, or its archive; the others went as the settings ask.
        scans: read from the log, each frame's check made good.
        segments: files of the log.
        frames: in them.
        bytes: read from the log.
        rows: how many rows each table of the records has.
        history_scans: how many scans history has; None if it was not read.
        parcels_compared: how many parcels of index and history were compared with the log, scan by scan.
        findings: what is wrong.
        notes: what is worth knowing, but not wrong.
    """

    path: str
    kind: str
    log_start: int = 0
    scans: int = 0
    segments: int = 0
    frames: int = 0
    bytes: int = 0
    rows: dict[str, int] = {}
    history_scans: int | None = None
    parcels_compared: int = 0
    findings: list[Finding] = []
    notes: list[str] = []

    def find(self, part: str, what: str, mend: str | None, file: Path | None = None, byte: int | None = None) -> None:
        """Add a finding. A file of a backup is not mended by itself."""
        if self.kind == "backup":
            mend = MENDS["backup"]
        elif part in ("index", "history"):
            mend = mend_made(Path(self.path), mend or MENDS[part])
        self.findings.append(Finding(part, str(file) if file else None, byte, what, mend))

    def find_error(self, part: str, error: StoreError, file: Path | None = None) -> None:
        """Add what an error says."""
        self.find(part, error.message, error.mend or MENDS.get(part), file)

    def find_failure(self, part: str, error: Exception) -> None:
        """Add what came of reading a part that is made anew: bytes that are wrong can fail in any way."""
        if isinstance(error, StoreError):
            self.find_error(part, error)
        else:
            self.find(part, f"it cannot be read: {error!r}", MENDS[part])

    def is_well(self, *parts: str) -> bool:
        """Whether nothing was found wrong in some parts."""
        return not any(finding.part in parts for finding in self.findings)
