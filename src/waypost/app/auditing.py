"""`waypost audit invoice | cod`: what a carrier bills and passes on, against what was agreed and booked."""

from collections import Counter
from pathlib import Path

from waypost.app.cities import open_cities
from waypost.app.console import legible, out
from waypost.app.records import records_of
from waypost.app.seals import Seals
from waypost.app.wiring import now_ms
from waypost.booking.collecting import CodVerdict, Collected, Collections, read_remittance, remittance_id
from waypost.booking.order_book import OrderBook
from waypost.booking.rating.amounts import write_minor
from waypost.booking.rating.auditing import Finding, Verdict, audit, read_bills, write_disputes
from waypost.booking.rating.quotes import Quoter
from waypost.booking.rating.shelf import Shelf
from waypost.feeds.order_sheets import OrderSheets
from waypost.model.instants import DAY_MS, format_utc
from waypost.network.facilities import Facilities


def audit_invoice(path: Path, account: str, disputes: Path | None, *, home: Path | None, as_json: bool) -> int:
    """Say of each row what is wrong with it. The exit code: 1 if anything is."""
    bills, faults = read_bills(str(path), path.read_bytes())
    with records_of(home) as (settings, records):
        book = OrderBook(records, Seals(settings.home, records))
        quoter = Quoter(Shelf(records).list_all(account), open_cities(Facilities(records)))
        findings = audit(bills, lambda numbers: book.list_by_numbers(account, numbers), quoter, account)
    if disputes is not None:
        disputes.write_bytes(write_disputes(findings))
    counts = Counter(finding.verdict for finding in findings)
    over: Counter[str] = Counter()
    for finding in findings:
        over[finding.currency] += max(finding.over_minor, 0)
    if as_json:
        told = {verdict.value: counts[verdict] for verdict in Verdict}
        out({"account": account, "verdicts": told, "over_minor": over, "findings": findings, "faults": faults})
    else:
        for finding in findings:
            if finding.verdict is not Verdict.OK:
                print(legible(_describe(path.name, finding)))
        for fault in faults:
            print(legible(str(fault)))
        sums = ", ".join(write_minor(minor, currency) for currency, minor in sorted(over.items()) if minor)
        print(f"{counts[Verdict.OK]} of {len(findings)} as agreed; billed too much: {sums or 'nothing'}")
    return 1 if faults or counts[Verdict.OK] < len(findings) else 0


def audit_cod(path: Path | None, account: str, days: float, *, dry_run: bool, home: Path | None, as_json: bool) -> int:
    """Hold a remittance against what is due, and list what is missing. The exit code: 1 if anything is wrong."""
    payments, faults = ([], []) if path is None else read_remittance(path.name, OrderSheets().read(path))
    now = now_ms()
    with records_of(home) as (settings, records):
        collections = Collections(records, OrderBook(records, Seals(settings.home, records)))
        is_new, is_kept = True, not dry_run and not faults  # a sheet that is mended comes again, and would count twice
        if path is not None and is_kept:
            id_ = remittance_id(account, path.read_bytes())
            is_new = collections.keep(account, id_, path.name, payments, now)
        found = collections.hold(account, payments, are_kept=is_kept)
        found += collections.list_missing(account, now - round(days * DAY_MS), payments)
    counts = Counter(each.verdict for each in found)
    lacks: Counter[str] = Counter()
    for each in found:
        if each.verdict in (CodVerdict.SHORT, CodVerdict.MISSING):
            lacks[each.currency] += each.lacks_minor
    outcome = "tried" if dry_run else "refused" if faults else "kept" if is_new else "known"
    if as_json:
        told = {verdict.value: counts[verdict] for verdict in CodVerdict}
        out({"account": account, "outcome": outcome, "verdicts": told, "lacks_minor": lacks, "waybills": found}
            | {"faults": faults})  # fmt: skip
    else:
        for each in found:
            if each.verdict is not CodVerdict.PAID:
                print(legible(_describe_cod(each)))
        for fault in faults:
            print(legible(f"{fault.file}:{fault.line} {fault.field}: {fault.reason}"))
        if outcome == "refused":
            print("nothing of this remittance was kept: mend these rows, and hand it in again whole")
        if outcome == "known":
            print("this remittance was handed in before: nothing was added")
        sums = ", ".join(write_minor(minor, currency) for currency, minor in sorted(lacks.items()) if minor)
        print(f"{counts[CodVerdict.PAID]} of {len(found)} paid as due; lacking: {sums or 'nothing'}")
    return 1 if faults or counts[CodVerdict.PAID] < len(found) else 0


def _describe_cod(each: Collected) -> str:
    paid, due = (write_minor(minor, each.currency) for minor in (each.paid_minor, each.due_minor))
    told = f"{each.waybill}: {each.verdict.value.replace('_', ' ')}, {paid} of {due}"
    if each.booked_ms is not None:
        told += f", booked {format_utc(each.booked_ms)[:10]}"
    return f"{told}; {each.why}" if each.why else told


def _describe(name: str, finding: Finding) -> str:
    told = f"{name}:{finding.lines[0]} {' '.join(finding.waybills)}: {finding.verdict.value.replace('_', ' ')}"
    if finding.agreed_minor is not None:
        billed = write_minor(finding.billed_minor, finding.currency)
        told += f", {billed} billed, {write_minor(finding.agreed_minor, finding.currency)} agreed"
    for each in finding.differences:
        told += f"; {each.kind} {write_minor(each.billed - each.agreed, finding.currency)}"
    return f"{told}; {finding.why}" if finding.why else told
