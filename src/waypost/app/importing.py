"""`waypost import`: files of parcels and scans come in."""

import time
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from waypost.app.console import aside, legible, line, out, tell_cut
from waypost.app.settings import read_settings
from waypost.app.wiring import House, open_house
from waypost.feeds.kinds import FEEDS, open_feed
from waypost.track.feed import ImportReport, ScanFeed, import_feed

_MOST_SHOWN = 20


def list_kinds(*, as_json: bool) -> None:
    """Print the kinds of files that can be imported."""
    if as_json:
        rows = [
            {"kind": kind.name, "help": kind.help, "files": kind.files, "options": kind.options}
            for kind in FEEDS.values()
        ]
        out(rows)
        return
    for kind in FEEDS.values():
        print(f"{kind.name:12} {kind.help}\n{'':12} PATH: {kind.files}")
        for option, meaning in kind.options.items():
            print(f"{'':12} --option {option}=...: {meaning}")


def run_import(
    kind: str, path: Path, *, home: Path | None, dry_run: bool, options: dict[str, str], as_json: bool
) -> None:
    """Import and say what came of it."""
    feed = open_feed(kind, path, options)
    with open_house(read_settings(home=home)) as house:
        tell_cut(house.home.health().cut)
        report = import_into(house, feed, label=f"{kind} {path.name}", dry_run=dry_run)
    if as_json:
        out(report)
    else:
        _print(report)


def import_into(house: House, feed: ScanFeed, *, label: str, dry_run: bool = False) -> ImportReport:
    """Import a feed, with a bar that tells how far it is."""
    began = time.monotonic()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[scans]:,} scans{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=aside, transient=True) as progress:
        task = progress.add_task(legible(label), total=1.0, scans=0, note="")

        def tell_waiting(lag: int) -> None:
            progress.update(task, note=f", waiting for the index: {lag:,} to go" if lag else "")

        report = import_feed(
            feed,
            house.memory,
            house.facilities,
            house.zone_of,
            now_ms=house.clock(),
            dry_run=dry_run,
            bulk_lag=house.settings.limits.bulk_lag,
            progress=lambda share, scans: progress.update(task, completed=share, scans=scans),
            waiting=tell_waiting,
        )
    report.seconds = round(time.monotonic() - began, 3)
    return report


def _print(report: ImportReport) -> None:
    would = "would be " if report.dry_run else ""
    aside.print(f"{report.parcels:,} parcels in {report.seconds:.1f} s")
    if report.dry_run:
        aside.print(f"{report.scans_read:,} scans read, nothing kept (--dry-run)")
    else:
        aside.print(f"{report.scans_new:,} scans new, {report.scans_duplicate:,} known already")
    if not report.rows_refused:
        return
    aside.print(f"[yellow]{report.rows_refused:,} rows {would}refused:[/]")
    for reason, count in sorted(report.reasons.items(), key=lambda item: -item[1]):
        aside.print(line(f"  {count:,} × {reason}"))
    for refusal in report.refusals[:_MOST_SHOWN]:
        where = f"{refusal.file}:{refusal.line}" if refusal.line else refusal.file
        field = f" {refusal.field}" if refusal.field else ""
        value = f" ({refusal.value!r})" if refusal.value else ""
        aside.print(line("  ", (where, "dim"), f"{field}: {refusal.reason}{value}"))
    if report.rows_refused > _MOST_SHOWN:
        aside.print(
            f"  ... {report.rows_refused - _MOST_SHOWN:,} more; --json lists the first {len(report.refusals):,}"
        )
