"""Orders as people keep them in sheets: a row for each item, and rows of one number are one order.

Columns may be called as here, as people call them in four languages, or as the merchant says (`Headings.columns`).
What is the same in all rows need not stand there (`Headings.fixed`). Amounts are in major units, as people write them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from waypost.booking.orders import Order, check_order
from waypost.booking.reading import tell_place
from waypost.model.decoding import convert
from waypost.model.errors import BadInput
from waypost.model.measures import parse_money
from waypost.track.feed import FileRefusal

_ENDS = ("sender", "consignee")
_ADDRESS = ("name", "country", "province", "city", "county", "street", "postcode", "phone", "company", "email")
_ORDER = ("reference", "account", "service", "currency", "cod", "remark", "mailing_date", "language", "choose")
_PARCEL = ("weight_kg", "weight_g", "length_cm", "width_cm", "height_cm")
_ITEM = ("description", "quantity", "weight_kg", "weight_g", "value", "sku", "hs_code", "origin")

#: All columns that are read; see docs/reference/order-sheets.md.
FIELDS = (
    *_ORDER,
    *(f"{end}_{part}" for end in reversed(_ENDS) for part in _ADDRESS),
    *_PARCEL,
    *(f"item_{part}" for part in _ITEM),
)

#: What a sheet cannot do without, be it as a column or fixed.
NEEDED = ("reference", "consignee_name", "consignee_country", "consignee_city", "consignee_street", "item_description")

_WORDS = {
    "reference": ("order", "order number", "订单号", "订单编号", "pedido", "número do pedido", "número de pedido"),
    "remark": ("note", "备注", "observação", "observación"),
    "cod": ("cash on delivery", "代收货款"),
    "language": ("语言", "idioma", "lengua"),
    "consignee_name": ("consignee", "recipient", "收件人", "收件人姓名", "destinatário", "destinatario"),
    "consignee_phone": ("phone", "telephone", "收件人电话", "收件人手机", "手机", "telefone", "teléfono"),
    "consignee_country": ("country", "国家", "país"),
    "consignee_province": ("state", "province", "省", "省份", "estado", "provincia"),
    "consignee_city": ("city", "市", "城市", "cidade", "ciudad"),
    "consignee_county": ("county", "district", "区", "区县", "bairro", "distrito"),
    "consignee_street": ("address", "street", "地址", "详细地址", "endereço", "dirección"),
    "consignee_postcode": ("postcode", "zip", "zip code", "邮编", "cep", "código postal"),
    "consignee_email": ("email", "e-mail", "邮箱", "电子邮箱", "收件人邮箱", "correo", "correo electrónico"),
    "weight_kg": ("weight (kg)", "重量(kg)", "peso (kg)"),
    "item_description": ("item", "goods", "品名", "商品名称", "produto", "producto"),
    "item_quantity": ("quantity", "qty", "数量", "quantidade", "cantidad"),
    "item_value": ("price", "unit price", "单价", "preço", "precio"),
    "item_sku": ("sku",),
}
_HEADINGS = MappingProxyType({word: field for field, words in _WORDS.items() for word in words})

#: So many refused rows of a sheet are told.
MOST_TOLD = 1_000


class Table(msgspec.Struct, frozen=True):
    """Some rows of a sheet: for each column its texts, "" where there is none; their lines; and what cannot be read."""

    columns: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    refusals: Sequence[FileRefusal]


class TableReader(Protocol):
    """Reads sheets: CSV and XLSX, known by their content."""

    def read(self, path: Path) -> Iterator[Table]:
        """All rows, some at a time, under the headings that stand there.

        Raises:
            BadInput: it cannot be read.
        """


class Headings(msgspec.Struct, frozen=True, kw_only=True):
    """What a merchant says of a sheet.

    Attributes:
        columns: by our name of a column what it is called there.
        fixed: by our name what holds for all rows in which it does not stand.
    """

    columns: Mapping[str, str] = {}
    fixed: Mapping[str, str] = {}


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What a sheet says.

    Attributes:
        orders: each with the line on which it begins.
        refusals: of single lines.
        rows: how many there are, without the line of headings.
        ignored: headings that mean nothing here.
    """

    orders: list[tuple[int, Order]]
    refusals: list[FileRefusal]
    rows: int
    ignored: Sequence[str]


def read_orders(name: str, tables: Iterable[Table], headings: Headings) -> Sheet:
    """The orders of a sheet. One that is wrong in any row is refused as a whole, and hinders no other.

    Args:
        name: of the sheet, for refusals.

    Raises:
        BadInput: it lacks a column that is needed, or the merchant names a column that is none.
    """
    _check_names(headings)
    rows: dict[str, list[tuple[int, dict[str, str]]]] = {}
    refusals: list[FileRefusal] = []
    ignored: list[str] = []
    count = 0
    for number, table in enumerate(_under_name(name, tables)):
        chosen = _choose_columns(name, list(table.columns), headings)
        if not number:
            ignored = [heading for heading in table.columns if heading not in chosen.values()]
        refusals += table.refusals
        count += len(table.lines) + len(table.refusals)
        for place, line in enumerate(table.lines):
            row = {field: table.columns[heading][place].strip() for field, heading in chosen.items()}
            row = {field: row.get(field) or headings.fixed.get(field, "") for field in {*row, *headings.fixed}}
            if not row["reference"]:
                refusals.append(FileRefusal(name, line, "reference", "is missing: rows of one order share it"))
            else:
                rows.setdefault(row["reference"], []).append((line, row))
    orders: list[tuple[int, Order]] = []
    for own in rows.values():
        try:
            orders.append((own[0][0], _read_order(own)))
        except _BadRowError as error:
            refusals.append(FileRefusal(name, error.line, error.field, error.reason, error.value[:60] or None))
            why = f"belongs to the order of line {error.line}, which is refused"
            refusals += [FileRefusal(name, line, "", why) for line, _ in own if line != error.line]
    return Sheet(orders=orders, refusals=sorted(refusals, key=lambda each: each.line), rows=count, ignored=ignored)


def _under_name(name: str, tables: Iterable[Table]) -> Iterator[Table]:
    """Tables as people call their sheet: the reader knows it by the path at which it lies meanwhile."""
    try:
        for table in tables:
            refusals = [msgspec.structs.replace(each, file=name) for each in table.refusals]
            yield msgspec.structs.replace(table, refusals=refusals)
    except BadInput as error:
        raise BadInput(error.message.removeprefix(f"{error.where}: "), where=name, mend=error.mend) from None


class _BadRowError(Exception):
    def __init__(self, line: int, field: str, reason: str, value: str = "") -> None:
        super().__init__(reason)
        self.line, self.field, self.reason, self.value = line, field, reason, value


def _check_names(headings: Headings) -> None:
    for field in (*headings.columns, *headings.fixed):
        if field not in FIELDS:
            raise BadInput(f"{field[:40]!r} is no column of orders", mend=f"There are: {', '.join(FIELDS)}.")


def _choose_columns(name: str, found: Sequence[str], headings: Headings) -> dict[str, str]:
    """By our name of a column the heading under which it stands."""
    chosen: dict[str, str] = {}
    for field, heading in headings.columns.items():
        if heading not in found:
            shown = ", ".join(repr(each[:40]) for each in found[:40])
            raise BadInput(f"has no column {heading[:40]!r}, which is to be {field}; found: {shown}", where=name)
        chosen[field] = heading
    for heading in found:
        plain = " ".join(heading.replace("_", " ").split()).casefold()
        meant = plain.replace(" ", "_") if plain.replace(" ", "_") in FIELDS else _HEADINGS.get(plain, "")
        if meant and heading not in chosen.values():
            chosen.setdefault(meant, heading)
    if missing := [field for field in NEEDED if field not in chosen and field not in headings.fixed]:
        mend = "Add them, say which columns they are, or what holds for all rows."
        raise BadInput(f"lacks the columns {', '.join(missing)}", where=name, mend=mend)
    return chosen


def _read_order(rows: Sequence[tuple[int, Mapping[str, str]]]) -> Order:
    line, first = rows[0]
    for other, row in rows[1:]:
        for field, text in row.items():
            if not field.startswith("item_") and text and text != first.get(field, ""):
                raise _BadRowError(other, field, f"differs from line {line} of the same order", text)
    currency = first.get("currency", "").upper()
    told: dict[str, Any] = {name: first.get(name, "") for name in _ORDER if name not in ("currency", "cod")}
    told |= {"currency": currency, "language": told["language"].lower()}
    told["cod_minor"] = _money(line, first, "cod", currency) or 0
    for end in _ENDS:
        told[end] = {part: first.get(f"{end}_{part}", "") for part in _ADDRESS}
        told[end]["country"] = told[end]["country"].upper()
    if (weight_g := _grams(line, first, "weight")) is not None:
        sizes = {f"{side}_mm": _length(line, first, f"{side}_cm") for side in ("length", "width", "height")}
        told["parcels"] = [{"weight_g": weight_g, **sizes}]
    told["items"] = [_read_item(number, row, currency) for number, row in rows]
    try:
        order = convert(told, Order)
        check_order(order)
        return order
    except msgspec.ValidationError as error:
        where, reason = tell_place(error)
    except BadInput as error:
        where, reason = error.where or "", error.message.removeprefix(f"{error.where}: ")
    place, field = _column_of(where)
    number, row = rows[place]
    raise _BadRowError(number, field, _plain(reason), row.get(field, ""))


def _read_item(line: int, row: Mapping[str, str], currency: str) -> dict[str, Any]:
    return {
        "description": row.get("item_description", ""),
        "quantity": _whole(line, row, "item_quantity") if row.get("item_quantity") else 1,
        "weight_g": _grams(line, row, "item_weight"),
        "value_minor": _money(line, row, "item_value", currency),
        "sku": row.get("item_sku", ""),
        "hs_code": row.get("item_hs_code", "").replace(".", ""),
        "origin": row.get("item_origin", "").upper(),
    }


def _grams(line: int, row: Mapping[str, str], stem: str) -> int | None:
    """A weight that stands there in kilograms or in grams; a part of a gram counts as one."""
    for unit, factor in (("kg", 1000), ("g", 1)):
        if row.get(field := f"{stem}_{unit}", ""):
            return int((_number(line, row, field) * factor).to_integral_value(rounding="ROUND_CEILING"))
    return None


def _length(line: int, row: Mapping[str, str], field: str) -> int:
    if not row.get(field, ""):
        return 0
    return int((_number(line, row, field) * 10).to_integral_value(rounding="ROUND_CEILING"))


def _whole(line: int, row: Mapping[str, str], field: str) -> int:
    number = _number(line, row, field)
    if number != int(number):
        raise _BadRowError(line, field, "is no whole number", row[field])
    return int(number)


def _money(line: int, row: Mapping[str, str], field: str, currency: str) -> int | None:
    if not row.get(field, ""):
        return None
    if not currency:
        raise _BadRowError(line, "currency", "is missing: amounts are told")
    _number(line, row, field)
    try:
        return parse_money(row[field], currency).minor
    except BadInput as error:
        if error.where == "currency":
            raise _BadRowError(line, "currency", "is no ISO currency code of three letters", currency) from None
        raise _BadRowError(line, field, f"has more digits than {currency} has", row[field]) from None


def _number(line: int, row: Mapping[str, str], field: str) -> Decimal:
    text = row[field]
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    is_amount = number.is_finite() and 0 <= number < 10**12 and (not number or number.adjusted() >= -12)
    if not is_amount or not text.isascii():
        raise _BadRowError(line, field, "is no amount: digits, with a point before the decimals", text)
    return number


def _column_of(where: str) -> tuple[int, str]:
    """Of a place in an order, which row of it is meant and which column: `items[2].quantity` is the third's."""
    parts = where.split(".")
    if parts[0] in _ENDS:
        return 0, "_".join(parts)
    if parts[0].startswith("items["):
        return int(parts[0][6:-1]), "_".join(["item", *parts[1:]]).replace("value_minor", "value")
    if parts[0].startswith("parcels["):
        return 0, parts[-1].replace("_mm", "_cm")
    return 0, parts[0].replace("cod_minor", "cod")


def _plain(reason: str) -> str:
    """A reason of the JSON reader for people who know no patterns."""
    if "length >= 1" in reason:
        return "is missing"
    if "matching regex '^[A-Z]{2}$" in reason:
        return "is no ISO country code of two letters"
    if "matching regex '^([A-Z]{3})?$" in reason:
        return "is no ISO currency code of three letters"
    if "matching regex '^([0-9]{6,10})?$" in reason:
        return "is no HS code of 6 to 10 digits"
    if "matching regex '^(en|zh|es|pt)" in reason:
        return "is none of en, zh, es, pt"
    if "matching regex '^([0-9]{4}-" in reason:
        return "is no date such as 2026-11-23"
    return reason
