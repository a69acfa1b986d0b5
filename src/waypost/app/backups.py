"""`waypost admin backup | restore | verify`: they work beside a running server too, restore into a new home."""

import importlib.metadata
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from waypost.access.sealed import count_sealed
from waypost.app.cli import EXIT_NOT_FOUND
from waypost.app.console import aside, legible, line, out, results
from waypost.app.seals import FILE, SEALED, Seals, fingerprint, read_keys
from waypost.app.settings import read_settings
from waypost.app.wiring import now_ms, open_house, retention_of
from waypost.engines.local.backup import Backup, back_up, is_backup, put_back, read_backup
from waypost.engines.local.findings import Report
from waypost.engines.local.home import open_records
from waypost.engines.local.verify import verify_backup, verify_home
from waypost.model.errors import StoreError
from waypost.model.instants import format_utc
from waypost.track.fold import StatusFold
from waypost.track.tables import CodeTables

_LOOK_S = 0.2

Tell = Callable[[int, int], None]


def run_backup(folder: Path, *, home: Path | None, link: bool, as_json: bool) -> None:
    """Take a backup and say what is in it."""
    settings = read_settings(home=home)
    began = time.monotonic()
    version, made = importlib.metadata.version("waypost"), format_utc(now_ms())
    keys = {str(number): fingerprint(key) for number, key in read_keys(settings.home / FILE).items()}
    with _bar("backup") as tell:
        backup = back_up(settings.home, folder, made=made, waypost=version, keys=keys, link=link, progress=tell)
    _print(backup, {"backup": str(folder.absolute())}, began, as_json=as_json)
    if (sealed := _list_sealed(folder, backup)) and not as_json:
        print(f"{sealed}: the file {FILE} is not in the backup. Keep a copy of it elsewhere.")


def run_restore(folder: Path, *, home: Path | None, sample: int, as_json: bool) -> int:
    """Bring a backup back into a new home, make index and history anew, verify all; 0 if all is well, else 1."""
    path = read_settings(home=home).home
    began = time.monotonic()
    with _bar("restore") as tell:
        backup = put_back(folder, path, progress=tell)
    _make_anew(path)
    report = _verify(path, sample)
    _compare(backup, report)
    if report.findings:
        _print_report(report, as_json=as_json)
        return EXIT_NOT_FOUND
    _print(backup, {"home": str(path), "restored_from": str(folder.absolute())}, began, as_json=as_json)
    if sealed := _list_sealed(path, backup):
        aside.print(f"{sealed}: put your copy of the file {FILE} at {path / FILE} before you start.", soft_wrap=True)
    return 0


def run_verify(path: Path | None, *, home: Path | None, sample: int, as_json: bool) -> int:
    """Verify a home or a backup and say what is wrong; 0 if nothing is, else 1."""
    if path is not None and is_backup(path):
        with _bar("verify") as tell:
            report = verify_backup(path, progress=tell)
        if not report.findings and (sealed := _list_sealed(path, read_backup(path))):
            report.notes.append(f"{sealed}: the file {FILE} is kept apart from backups, and needed with this one.")
    else:
        at = read_settings(home=path or home).home
        report = _verify(at, sample)
        _find_gone_keys(at, report)
    _print_report(report, as_json=as_json)
    return EXIT_NOT_FOUND if report.findings else 0


def _list_sealed(folder: Path, backup: Backup) -> str:
    """How much lies under which keys, as people are told; "" if nothing does, or an older version made the tables."""
    try:
        with closing(open_records(folder, read_only=True)) as records, records.read() as connection:
            counts = count_sealed(connection, SEALED)
    except StoreError:
        return ""
    return ", ".join(
        f"{rows:,} rows are sealed under key {number} ({backup.keys.get(str(number), 'of an unknown fingerprint')})"
        for number, rows in sorted(counts.items())
    )


def _find_gone_keys(home: Path, report: Report) -> None:
    if not report.is_well("records"):
        return
    with closing(open_records(home, read_only=True)) as records:
        for number, rows in Seals(home, records).list_gone().items():
            what = f"{rows} rows are sealed under key {number}, which {FILE} does not hold"
            report.find("records", what, f"Bring {home / FILE} back from where you keep it.", home / FILE)


def _verify(home: Path, sample: int) -> Report:
    settings = read_settings(home=home)
    fold, archive = StatusFold(CodeTables.load(settings.track.tables)), retention_of(settings).archive
    with _bar("verify") as tell:
        return verify_home(home, fold, sample=sample, archive=archive, progress=tell)


def _make_anew(home: Path) -> None:
    """Open a home for writing until index and history have all of the log."""
    with open_house(read_settings(home=home)) as house, _bar("index and history") as tell:
        end, index = house.memory.log.position(), house.memory.index
        while not index.catch_up(end, _LOOK_S):
            tell(index.position(), end)


def _compare(backup: Backup, report: Report) -> None:
    """Hold what a home has against what the backup said when it was made."""
    mend = "Remove this home and restore again; if it is the same then, use another backup."
    if report.log_start + report.scans != backup.position:
        end = report.log_start + report.scans
        report.find("log", f"it ends at scan {end}, and scans up to {backup.position} were backed up", mend)
    # A newer version may have brought tables up to date that the backup has in an older shape.
    for table in sorted(backup.rows.keys() & report.rows.keys()):
        if report.rows[table] != backup.rows[table]:
            what = f"{table} has {report.rows[table]} rows, and {backup.rows[table]} were backed up"
            report.find("records", what, mend)


@contextmanager
def _bar(label: str) -> Iterator[Tell]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    # Where nobody watches, a bar would leave an empty line.
    with Progress(*columns, console=aside, transient=True, disable=not aside.is_terminal) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _print(backup: Backup, where: dict[str, str], began: float, *, as_json: bool) -> None:
    seconds = round(time.monotonic() - began, 3)
    told = {
        **where,
        "made": backup.made,
        "waypost": backup.waypost,
        "start": backup.start,
        "scans": backup.position - backup.start,
        "rows": backup.rows,
        "keys": backup.keys,
        "files": len(backup.files),
        "bytes": backup.bytes,
        "seconds": seconds,
    }
    if as_json:
        out(told)
        return
    rows = ", ".join(f"{count:,} {table}" for table, count in backup.rows.items())
    for name, text in where.items():
        print(f"{name.replace('_', ' ')}: {legible(text)}")
    print(f"made: {backup.made} by Waypost {legible(backup.waypost)}")
    begins = f" from {backup.start:,} on, with index and history" if backup.start else ""
    print(f"log: {backup.position - backup.start:,} scans{begins}\nrecords: {legible(rows)}")
    print(f"{len(backup.files):,} files, {backup.bytes:,} bytes, {seconds:.1f} s")


def _print_report(report: Report, *, as_json: bool) -> None:
    if as_json:
        out({**msgspec.to_builtins(report), "well": not report.findings})
        return
    to = results()
    for finding in report.findings:
        place = finding.file or finding.part
        place += "" if finding.byte is None else f", byte {finding.byte}"
        to.print(line((place, "bold red"), f": {finding.what}"), soft_wrap=True)
        if finding.mend:
            to.print(line(f"  {finding.mend}"), soft_wrap=True)
    for note in report.notes:
        aside.print(line((note, "yellow")), soft_wrap=True)
    rows = ", ".join(f"{count:,} {table}" for table, count in report.rows.items())
    begins = f" from {report.log_start:,} on" if report.log_start else ""
    print(f"log: {report.scans:,} scans{begins} in {report.frames:,} frames of {report.segments:,} files")
    print(f"records: {legible(rows) or 'not read'}")
    if report.kind == "home":
        history = "not read" if report.history_scans is None else f"{report.history_scans:,} scans"
        print(f"history: {history}\ncompared with the log scan by scan: {report.parcels_compared:,} parcels")
    wrong = len(report.findings)
    print("All is well." if not wrong else f"{wrong} thing{'s are' if wrong > 1 else ' is'} wrong.")
