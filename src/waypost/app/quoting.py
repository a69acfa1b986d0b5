"""`waypost quote`: what orders, or a parcel from here to there, would cost."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from waypost.app.cities import open_cities
from waypost.app.console import legible, out
from waypost.app.records import records_of
from waypost.app.wiring import now_ms
from waypost.booking.orders import PlannedParcel, check_order
from waypost.booking.rating.amounts import write_minor
from waypost.booking.rating.areas import Spot
from waypost.booking.rating.quotes import Prefer, Quote, Quoted, Quoter
from waypost.booking.rating.shelf import Shelf
from waypost.booking.rating.shipments import Shipment, read_piece, read_shipment
from waypost.booking.reading import read_orders
from waypost.model.errors import BadInput
from waypost.model.instants import format_utc, parse_instant
from waypost.network.facilities import Facilities

_COUNTRY = re.compile(r"[A-Z]{2}")


def quote_way(
    start: str,
    end: str,
    weight_g: int,
    size: str,
    *,
    prefer: str,
    at: str | None,
    home: Path | None,
    as_json: bool,
) -> int:
    """One parcel. The exit code: 1 if no service carries it."""
    length_mm, width_mm, height_mm = _read_size(size)
    parcel = PlannedParcel(weight_g=weight_g, length_mm=length_mm, width_mm=width_mm, height_mm=height_mm)
    shipment = Shipment(sender=read_spot(start), consignee=read_spot(end), pieces=[read_piece(parcel)])
    return _quote([("", shipment, "", "")], _read_prefer(prefer), at, home=home, as_json=as_json)


def quote_orders(path: Path, *, insured: bool, prefer: str, at: str | None, home: Path | None, as_json: bool) -> int:
    """The orders of a JSON array, `-` for standard input. The exit code: 1 if one is carried by nobody."""
    content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    orders, refusals = read_orders(content)
    if refusals:
        first = refusals[0]
        raise BadInput(first.reason, where=f"{path}[{first.row}].{first.field}", mend="Mend it; none was quoted.")
    asked = []
    for row, order in orders:
        try:
            check_order(order)
            asked.append((order.reference, read_shipment(order, insured=insured), order.account, order.service))
        except BadInput as error:
            raise BadInput(error.message, where=f"{path}[{row}]", mend=error.mend) from None
    return _quote(asked, _read_prefer(prefer), at, home=home, as_json=as_json)


def _quote(
    asked: Sequence[tuple[str, Shipment, str, str]], prefer: Prefer, at: str | None, *, home: Path | None, as_json: bool
) -> int:
    at_ms = now_ms() if at is None else parse_instant(at).at_ms
    with records_of(home) as (settings, records):
        quoter = Quoter(Shelf(records).list_all(), open_cities(Facilities(records)), accounts=list(settings.accounts))
        found = [
            (reference, quoter.quote(shipment, at_ms, prefer, account=account, service=service))
            for reference, shipment, account, service in asked
        ]
    if as_json:
        told = [
            {"reference": reference, "quotes": each.quotes, "unquoted": each.unquoted, "sorted_by": each.sorted_by}
            for reference, each in found
        ]
        out({"at": format_utc(at_ms), "quotes": told})
    else:
        for reference, each in found:
            _print(reference, each)
    return 0 if all(each.quotes for _, each in found) else 1


def _print(reference: str, quoted: Quoted) -> None:
    if reference:
        print(legible(reference))
    for quote in quoted.quotes:
        print(legible(_describe(quote)))
        for each in quote.lines:
            amount = write_minor(each.minor, quote.currency)
            is_money = each.unit == "minor units"
            what = write_minor(each.quantity, quote.currency) if is_money else f"{each.quantity} {each.unit}"
            print(legible(f"      {amount:>14}  {each.rule}: {what} at {each.rate}"))
        for note in quote.notes:
            print(legible(f"      {note}"))
    for missing in quoted.unquoted:
        print(legible(f"  -  {missing.account} {missing.service}: {missing.why}"))
    print(f"  ({quoted.sorted_by})")


def _describe(quote: Quote) -> str:
    days = f"{quote.window.earliest} to {quote.window.latest}" if quote.window else "no days told"
    co2 = "CO2 unknown" if quote.co2.grams is None else f"{quote.co2.grams} g CO2e"
    name = f"{quote.account} {quote.service}".strip()
    where = f"zone {quote.zone}, card {quote.card}" if quote.card else "by the carrier"
    return f"  {write_minor(quote.minor, quote.currency):>14}  {name}: {days}, {co2} ({where})"


def read_spot(text: str) -> Spot:
    """A place written as COUNTRY/PROVINCE/CITY/POSTCODE.

    Raises:
        BadInput: it is none.
    """
    country, province, city, postcode, *rest = [part.strip() for part in f"{text}///".split("/")]
    if not _COUNTRY.fullmatch(country) or any(rest):
        mend = "Write COUNTRY/PROVINCE/CITY/POSTCODE, such as CN/浙江省/杭州市/310000; what is not known stays empty."
        raise BadInput(f"{text[:80]!r} is no place", mend=mend)
    return Spot(country, province, city, postcode)


def _read_size(text: str) -> tuple[int, int, int]:
    if not text:
        return 0, 0, 0
    sides = [int(side) for side in text.lower().split("x") if side.isascii() and side.isdecimal() and len(side) < 6]
    if len(sides) != 3 or text.lower().count("x") != 2 or not all(0 < side <= 20_000 for side in sides):
        raise BadInput(f"{text[:40]!r} is no size", mend="Write millimetres: 300x200x100.")
    return sides[0], sides[1], sides[2]


def _read_prefer(text: str) -> Prefer:
    try:
        return Prefer(text)
    except ValueError:
        raise BadInput(f"{text[:40]!r} is nothing to prefer", mend=f"There are: {', '.join(Prefer)}.") from None
