"""Rate cards as files: TOML by hand, with CSV beside it for what comes out of a spreadsheet.

Reads bytes, opens nothing. A file with a flaw gives no card, and each flaw with its line, its field and how to mend it.
"""

import csv
import io
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from waypost.booking.rating.cards import Card
from waypost.booking.rating.checking import find_flaws
from waypost.model.decoding import convert
from waypost.model.errors import BadInput

_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\- ]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-]+)\s*=")
_SYNTAX = re.compile(r" \(at line (\d+), column \d+\)$")
#: Grams of the units that heads of columns name.
_UNITS = {"g": Decimal(1), "kg": Decimal(1000), "lb": Decimal("453.59237"), "oz": Decimal("28.349523125")}
_AREA_COLUMNS = ("zone", "country", "provinces", "cities", "postcodes")


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a file, and where. `line` counts from 1."""

    file: str
    line: int
    field: str
    reason: str
    mend: str | None = None

    def __str__(self) -> str:
        told = f"{self.file}:{self.line} {self.field}: {self.reason}"
        return f"{told}. {self.mend}" if self.mend else told


class Unreadable(Exception):
    """Faults on the way to a card."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


def read_card(name: str, content: bytes, beside: Callable[[str], bytes]) -> Card:
    """The card of a TOML file.

    Args:
        name: of the file, as people know it.
        beside: opens a file beside it.

    Raises:
        Unreadable: there is none; says all that is wrong, as far as it could be read.
    """
    text = _decode(name, content)
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, RecursionError, InvalidOperation) as error:
        found = _SYNTAX.search(str(error))
        raise Unreadable(
            [Fault(name, int(found[1]) if found else 1, "", f"is no TOML: {_SYNTAX.sub('', str(error))}")]
        ) from None
    lines = _list_lines(text)
    for key, join in (("rates_csv", _join_rates), ("areas_csv", _join_areas)):
        other = raw.pop(key, None)
        if other is None:
            continue
        if not isinstance(other, str) or not isinstance(raw.get("zones"), list):
            raise Unreadable([Fault(name, _line_of(lines, key), key, "names no file, or there are no `zones`")])
        try:
            content = beside(other)
        except (OSError, ValueError, BadInput) as error:
            raise Unreadable([Fault(name, _line_of(lines, key), key, f"{other!r} cannot be read: {error}")]) from None
        join(other, _decode(other, content), raw["zones"])
    try:
        card = convert(raw, Card)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `")
        where = where.rstrip("`").removeprefix("$").removeprefix(".")
        raise Unreadable([Fault(name, _line_of(lines, where), where, reason)]) from None
    if flaws := find_flaws(card):
        raise Unreadable([Fault(name, _line_of(lines, where), where, reason, mend) for where, reason, mend in flaws])
    return card


def _decode(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable([Fault(name, line, "", "is no UTF-8", "Save it as UTF-8.")]) from None


def _list_lines(text: str) -> dict[str, int]:
    """Where each key and table of a TOML file begins, by its path as errors tell it."""
    found: dict[str, int] = {}
    times: Counter[str] = Counter()
    prefix = ""
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            path = ""
            parts = [part.strip() for part in header[2].split(".")]
            for place, part in enumerate(parts):
                path = f"{path}.{part}" if path else part
                if place == len(parts) - 1 and header[1] == "[[":
                    times[path] += 1
                if times[path]:
                    path += f"[{times[path] - 1}]"
            prefix = path
            found.setdefault(prefix, number)
        elif key := _KEY.match(line):
            found.setdefault(f"{prefix}.{key[1]}" if prefix else key[1], number)
    return found


def _line_of(lines: Mapping[str, int], where: str) -> int:
    """The line of a path, or of what it is in."""
    while where and where not in lines:
        where = re.sub(r"(?:\[[^\]]*\]|\.?[^.\[\]]+)$", "", where)
    return lines.get(where, 1)


def _join_rates(name: str, text: str, zones: list[Any]) -> None:
    """Put a table of prices into its zones: a row a weight, a column a zone; `+500` goes on in steps of 500."""
    delimiter, rows = _read_rows(name, text)
    _, head = rows[0]
    unit = _UNITS.get(head[0].removeprefix("up_to_"))
    if unit is None or not head[0].startswith("up_to_"):
        heads = ", ".join(f"up_to_{each}" for each in _UNITS)
        raise Unreadable([Fault(name, 1, head[0], "is no head of the first column", f"Write one of {heads}.")])
    named = _by_name(zones)
    faults = [
        Fault(name, 1, column, "is no zone of the card", f"There are: {', '.join(named)}.")
        for column in head[1:]
        if column not in named
    ]
    for line, row in rows[1:]:
        is_step = row[0].startswith("+")
        try:
            weight_g = int(read_number(row[0].removeprefix("+"), delimiter) * unit)
        except BadInput as error:
            faults.append(Fault(name, line, head[0], error.message, "Write 1000, or +500 for each further 500."))
            continue
        for column, cell in zip(head[1:], row[1:], strict=False):
            zone = named.get(column)
            if not cell or zone is None:
                continue
            try:
                price = read_number(cell, delimiter)
            except BadInput as error:
                faults.append(Fault(name, line, column, error.message, "Write 12.50."))
                continue
            if not is_step:
                zone.setdefault("brackets", []).append({"up_to_g": weight_g, "price": price})
            elif "continued" in zone:
                faults.append(Fault(name, line, column, "goes on twice", "Give one row that begins with +."))
            else:
                zone["continued"] = {"step_g": weight_g, "price": price}
    if faults:
        raise Unreadable(faults)


def _join_areas(name: str, text: str, zones: list[Any]) -> None:
    """Put a table of destinations into its zones; in a cell several stand with | between them."""
    _, rows = _read_rows(name, text)
    _, head = rows[0]
    if head[:2] != list(_AREA_COLUMNS[:2]) or not set(head) <= set(_AREA_COLUMNS) or len(set(head)) < len(head):
        told = ",".join(head)[:80]
        raise Unreadable([Fault(name, 1, told, "are no heads of areas", f"Write {','.join(_AREA_COLUMNS)}.")])
    named, faults = _by_name(zones), []
    for line, row in rows[1:]:
        cells = dict(zip(head, row, strict=False))
        zone = named.get(cells["zone"])
        if zone is None:
            mend = f"There are: {', '.join(named)}."
            faults.append(Fault(name, line, "zone", f"{cells['zone'][:64]!r} is no zone of the card", mend))
            continue
        area: dict[str, Any] = {"country": cells.get("country", "")}
        for column in _AREA_COLUMNS[2:]:
            if entries := [each.strip() for each in cells.get(column, "").split("|") if each.strip()]:
                area[column] = entries
        zone.setdefault("to", []).append(area)
    if faults:
        raise Unreadable(faults)


def _by_name(zones: list[Any]) -> dict[str, dict[str, Any]]:
    return {str(zone["name"]): zone for zone in zones if isinstance(zone, dict) and "name" in zone}


def _read_rows(name: str, text: str) -> tuple[str, list[tuple[int, list[str]]]]:
    """The delimiter, and the rows with anything in them, each with its line; the first is the head."""
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable([Fault(name, line, "", f"is no CSV: {error}")]) from None
    if not rows:
        raise Unreadable([Fault(name, 1, "", "is empty")])
    return delimiter, rows


def read_number(cell: str, delimiter: str) -> Decimal:
    """A number; where semicolons part the cells, a comma is the decimal point."""
    text = cell.replace(".", "").replace(",", ".") if delimiter == ";" and "," in cell else cell
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise BadInput(f"{cell[:40]!r} is no number") from None
    if not found.is_finite() or not 0 <= found < 10**10:
        raise BadInput(f"{cell[:40]!r} is no number from 0 up")
    return found
