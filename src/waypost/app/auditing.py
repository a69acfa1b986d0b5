"""`waypost audit invoice`: a carrier's bill against the contract."""

from collections import Counter
from pathlib import Path

from waypost.app.cities import open_cities
from waypost.app.console import legible, out
from waypost.app.records import records_of
from waypost.app.seals import Seals
from waypost.booking.order_book import OrderBook
from waypost.booking.rating.amounts import write_minor
from waypost.booking.rating.auditing import Finding, Verdict, audit, read_bills, write_disputes
from waypost.booking.rating.quotes import Quoter
from waypost.booking.rating.shelf import Shelf
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


def _describe(name: str, finding: Finding) -> str:
    told = f"{name}:{finding.lines[0]} {' '.join(finding.waybills)}: {finding.verdict.value.replace('_', ' ')}"
    if finding.agreed_minor is not None:
        billed = write_minor(finding.billed_minor, finding.currency)
        told += f", {billed} billed, {write_minor(finding.agreed_minor, finding.currency)} agreed"
    for each in finding.differences:
        told += f"; {each.kind} {write_minor(each.billed - each.agreed, finding.currency)}"
    return f"{told}; {finding.why}" if finding.why else told
