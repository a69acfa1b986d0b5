"""The audit of a carrier's bill: each waybill against what the contract says for what was booked."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any

import msgspec

from waypost.booking.orders import KeptOrder
from waypost.booking.rating.amounts import minor_of, write_minor
from waypost.booking.rating.quotes import Quote, Quoter, Source
from waypost.booking.rating.reading import Fault, read_number
from waypost.booking.rating.shipments import read_shipment
from waypost.model.errors import BadInput

_NEEDED = ("waybill", "total", "currency")
_TOLD = ("service", "billed_g", "zone", "date")
_CARRIAGE = ("carriage", "continued", "minimum")


class Verdict(StrEnum):
    """What an audit finds. The words are kept; they never change."""

    OK = "ok"
    OVERBILLED = "overbilled"
    UNDERBILLED = "underbilled"
    WEIGHT_DIFFERS = "weight_differs"  #: and so does the total
    UNKNOWN_WAYBILL = "unknown_waybill"  #: this account booked none of that number
    BILLED_TWICE = "billed_twice"  #: it stands in the file before
    NO_PRICE = "no_price"  #: the contract has none for it, or not in that currency


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a bill. Amounts in minor units; `charges` by kind, as far as it tells them."""

    line: int
    waybill: str
    currency: str
    minor: int
    charges: Mapping[str, int]
    service: str = ""
    billed_g: int | None = None
    zone: str = ""


class Difference(msgspec.Struct, frozen=True):
    """Of one kind of charge: what was billed, and what the contract says."""

    kind: str
    billed: int
    agreed: int


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of the rows of one consignment; of several parcels all that are billed, priced together.

    Attributes:
        lines: of the file.
        over_minor: billed above what is agreed; below 0: less.
        card: the version of the card that holds.
    """

    verdict: Verdict
    lines: list[int]
    waybills: list[str]
    currency: str
    billed_minor: int
    agreed_minor: int | None = None
    over_minor: int = 0
    billed_g: int | None = None
    agreed_g: int | None = None
    service: str = ""
    card: str = ""
    differences: list[Difference] = []
    why: str = ""


def read_bills(name: str, content: bytes) -> tuple[list[Bill], list[Fault]]:
    """The rows of a bill as CSV, and why others cannot be read. Columns that are not known are kinds of charges.

    Raises:
        BadInput: it is no such file.
    """
    try:
        text = content.decode("utf-8-sig")
        first = text.split("\n", 1)[0]
        delimiter = max(",;\t", key=first.count)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        head = [column.strip() for column in reader.fieldnames or ()]
        reader.fieldnames = head
        missing = [column for column in _NEEDED if column not in head]
        if missing or len(set(head)) < len(head) or "" in head:
            wrong = f"lacks {', '.join(missing)}" if missing else "has a column without a name, or one twice"
            raise BadInput(wrong, where=f"{name}:1", mend=f"Needed: {', '.join(_NEEDED)}; others: {', '.join(_TOLD)}.")
        bills: list[Bill] = []
        faults: list[Fault] = []
        kinds = [each for each in head if each not in (*_NEEDED, *_TOLD)]
        line = reader.line_num + 1
        for row in reader:
            try:
                bills.append(_read_bill(line, row, kinds, delimiter))
            except BadInput as error:
                field = error.where or ""
                faults.append(Fault(name, line, field, error.message.removeprefix(f"{field}: "), error.mend))
            line = reader.line_num + 1
    except UnicodeDecodeError:
        raise BadInput("is no UTF-8", where=name, mend="Save it as UTF-8.") from None
    except csv.Error as error:
        raise BadInput(f"is no CSV: {error}", where=name) from None
    return bills, faults


def _read_bill(line: int, row: Mapping[str, Any], kinds: Sequence[str], delimiter: str) -> Bill:
    if None in row or any(value is None for value in row.values()):
        raise BadInput("has not as many cells as the head", where="row")
    cells = {name: value.strip() for name, value in row.items()}
    if not cells["waybill"]:
        raise BadInput("is empty", where="waybill")
    currency = cells["currency"]
    if len(currency) != 3 or not currency.isascii() or not currency.isupper():
        raise BadInput(f"{currency[:20]!r} is no currency", where="currency", mend="Write CNY.")
    billed_g = None
    if weight := cells.get("billed_g"):
        if not weight.isdecimal() or not weight.isascii() or len(weight) > 9:
            raise BadInput(f"{weight[:20]!r} are no whole grams", where="billed_g", mend="Write 1200.")
        billed_g = int(weight)
    if day := cells.get("date"):
        try:
            date.fromisoformat(day)
        except ValueError:
            raise BadInput(f"{day[:20]!r} is no day", where="date", mend="Write 2026-11-30.") from None
    return Bill(
        line=line,
        waybill=cells["waybill"],
        currency=currency,
        minor=_read_amount(cells["total"], currency, "total", delimiter),
        charges={kind: _read_amount(cells[kind], currency, kind, delimiter) for kind in kinds if cells[kind]},
        service=cells.get("service", ""),
        billed_g=billed_g,
        zone=cells.get("zone", ""),
    )


def _read_amount(text: str, currency: str, where: str, delimiter: str) -> int:
    """Minor units; what is given back stands below 0."""
    try:
        minor = minor_of(read_number(text.removeprefix("-"), delimiter), currency)
    except BadInput as error:
        raise BadInput(error.message, where=where, mend="Write 12.50.") from None
    return -minor if text.startswith("-") else minor


def audit(
    bills: Sequence[Bill], find_booked: Callable[[Sequence[str]], Sequence[KeptOrder]], quoter: Quoter, account: str
) -> list[Finding]:
    """What is to be said of each row, in the order of the file.

    Args:
        find_booked: the orders of the account to which waybills of these numbers belong.
    """
    first = {bill.waybill: bill for bill in reversed(bills)}
    findings = [
        _plain(Verdict.BILLED_TWICE, [bill], f"stands in line {first[bill.waybill].line} too")
        for bill in bills
        if first[bill.waybill] is not bill
    ]
    for kept in find_booked(list(first)):
        numbers = [parcel.number for parcel in kept.parcels if parcel.number in first]
        rows = [first.pop(number) for number in dict.fromkeys(numbers)]
        if rows:
            findings.append(_hold(rows, kept, quoter, account))
    findings += [_plain(Verdict.UNKNOWN_WAYBILL, [bill], "no parcel of this account has it") for bill in first.values()]
    return sorted(findings, key=lambda finding: finding.lines)


def _hold(rows: list[Bill], kept: KeptOrder, quoter: Quoter, account: str) -> Finding:
    """Hold the rows of one order against what the contract says for the parcels that are billed."""
    numbers = {bill.waybill for bill in rows}
    pieces = [parcel.piece for parcel in kept.parcels if parcel.number in numbers]
    booked_ms = min(parcel.booked_ms or kept.made_ms for parcel in kept.parcels if parcel.number in numbers)
    whole, service = read_shipment(kept.order), kept.service or kept.order.service
    shipment = msgspec.structs.replace(
        whole,
        pieces=[whole.pieces[piece] for piece in pieces],
        cod_minor=whole.cod_minor if 0 in pieces else 0,
    )
    quoted = quoter.quote(shipment, booked_ms, account=account)
    quotes = [quote for quote in quoted.quotes if quote.source is Source.CARD and quote.service == service]
    if not quotes:
        whys = [each.why for each in quoted.unquoted if each.service == service]
        why = whys[0] if whys else f"no card is there for the service {service!r}"
        return _plain(Verdict.NO_PRICE, rows, why)
    if any(bill.currency != quotes[0].currency for bill in rows):
        return _plain(Verdict.NO_PRICE, rows, f"the card is in {quotes[0].currency}")
    return _compare(rows, quotes[0])


def _compare(rows: list[Bill], quote: Quote) -> Finding:
    billed = sum(bill.minor for bill in rows)
    weights = [bill.billed_g for bill in rows]
    billed_g = None if None in weights else sum(weight or 0 for weight in weights)
    over = billed - quote.minor
    verdict = Verdict.OVERBILLED if over > 0 else Verdict.UNDERBILLED if over < 0 else Verdict.OK
    whys = []
    if over and billed_g is not None and billed_g != quote.billed_g:
        verdict = Verdict.WEIGHT_DIFFERS
        whys.append(f"{billed_g} g are billed, {quote.billed_g} g follow from what was booked")
    if odd := [bill for bill in rows if bill.zone and bill.zone != quote.zone]:
        whys.append(f"zone {odd[0].zone} is billed, it is {quote.zone}")
    if odd := [bill for bill in rows if bill.service and bill.service != quote.service]:
        whys.append(f"service {odd[0].service} is billed, {quote.service or 'the usual one'} was booked")
    return Finding(
        verdict=verdict,
        lines=[bill.line for bill in rows],
        waybills=[bill.waybill for bill in rows],
        currency=quote.currency,
        billed_minor=billed,
        agreed_minor=quote.minor,
        over_minor=over,
        billed_g=billed_g,
        agreed_g=quote.billed_g,
        service=quote.service,
        card=quote.card,
        differences=_differ(rows, quote, billed),
        why="; ".join(whys),
    )


def _differ(rows: list[Bill], quote: Quote, billed: int) -> list[Difference]:
    """By kind of charge where the bill tells them; what its charges leave of its total is `other`."""
    if not any(bill.charges for bill in rows):
        return [] if billed == quote.minor else [Difference("total", billed, quote.minor)]
    told: dict[str, int] = {}
    agreed: dict[str, int] = {}
    for bill in rows:
        for kind, minor in bill.charges.items():
            told[kind] = told.get(kind, 0) + minor
    for line in quote.lines:
        kind = "carriage" if line.kind in _CARRIAGE else line.kind
        agreed[kind] = agreed.get(kind, 0) + line.minor
    told["other"] = told.get("other", 0) + billed - sum(told.values())
    kinds = [*agreed, *(kind for kind in told if kind not in agreed)]
    pairs = [(kind, told.get(kind, 0), agreed.get(kind, 0)) for kind in kinds]
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


def _plain(verdict: Verdict, rows: list[Bill], why: str) -> Finding:
    return Finding(
        verdict=verdict,
        lines=[bill.line for bill in rows],
        waybills=[bill.waybill for bill in rows],
        currency=rows[0].currency,
        billed_minor=sum(bill.minor for bill in rows),
        service=rows[0].service,
        why=why,
    )


def write_disputes(findings: Sequence[Finding]) -> bytes:
    """What to hold against the carrier, as CSV: all that is neither right nor in our favour."""
    to = io.StringIO(newline="")
    writer = csv.writer(to, lineterminator="\r\n")
    writer.writerow(
        ("lines", "waybills", "verdict", "currency", "billed", "agreed", "over", "billed_g", "agreed_g", "card", "why")
    )
    for each in findings:
        if each.verdict not in (Verdict.OK, Verdict.UNDERBILLED) and not (each.agreed_minor and each.over_minor < 0):
            amounts = (each.billed_minor, each.agreed_minor, each.over_minor if each.agreed_minor is not None else None)
            differing = [
                f"{found.kind} {_write(found.billed, each.currency)}, agreed {_write(found.agreed, each.currency)}"
                for found in each.differences
            ]
            cells = (
                " ".join(map(str, each.lines)),
                " ".join(each.waybills),
                each.verdict.value,
                each.currency,
                *("" if minor is None else _write(minor, each.currency) for minor in amounts),
                "" if each.billed_g is None else str(each.billed_g),
                "" if each.agreed_g is None else str(each.agreed_g),
                each.card,
                "; ".join([*([each.why] if each.why else []), *differing]),
            )
            writer.writerow([_harmless(cell) for cell in cells])
    return to.getvalue().encode("utf-8-sig")


def _write(minor: int, currency: str) -> str:
    return write_minor(minor, currency).removesuffix(f" {currency}")


def _harmless(cell: str) -> str:
    """What a spreadsheet would take for a formula gets an apostrophe, unless it is a number."""
    is_number = cell.removeprefix("-").replace(".", "", 1).isdecimal()
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t")) and not is_number else cell
