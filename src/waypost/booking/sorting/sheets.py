"""Sheets of addresses with the sort code under which each was delivered, and how well such rows can be told.

A row has `code` (hub-outlet-courier, or as much of it as is known), the address, be it in columns or as one text, and
`delivered`, a day or an RFC 3339 stamp. Without that column all rows are of now, in the order in which they stand.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from waypost.booking.sheets import Table
from waypost.booking.sorting.addresses import read_place
from waypost.booking.sorting.codes import check_code
from waypost.booking.sorting.places import DELIVERIES, PLACES
from waypost.booking.sorting.sorter import Sorter
from waypost.model.errors import BadInput
from waypost.model.instants import parse_instant
from waypost.track.feed import FileRefusal

#: Columns that are read; `address` is all of it as one Chinese text.
COLUMNS = ("code", "delivered", "address", "country", "province", "city", "county", "street", "postcode")
#: The last so much of a file is kept back to ask about.
HELD_OUT = 0.2
THRESHOLDS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_MOST_TEXT = 600


class Labelled(msgspec.Struct, frozen=True):
    """The deliveries of a sheet (`DELIVERIES`), the rows that were refused, and headings that mean nothing here."""

    deliveries: pa.Table
    refusals: Sequence[FileRefusal]
    ignored: Sequence[str]


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """Of the rows that were held out, the share that is answered from a confidence on, and the share right of those.

    `right` is None where nothing is answered.
    """

    threshold: float
    answered: float
    right: float | None


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How well the later rows of a file are told by what is known and its earlier rows.

    Attributes:
        learnt, held_out: how many rows of the file.
        new_codes: of those held out, rows with a code that was never seen before: nobody could tell it.
    """

    learnt: int
    held_out: int
    new_codes: int
    curve: Sequence[Point]


def read_deliveries(name: str, tables: Iterable[Table], country: str, now_ms: int) -> Labelled:
    """The deliveries of a sheet. A row that is wrong hinders no other.

    Args:
        country: of rows that name none, or "".

    Raises:
        BadInput: it lacks a column that is needed.
    """
    rows: list[dict[str, object]] = []
    refusals: list[FileRefusal] = []
    ignored: list[str] = []
    for number, table in enumerate(tables):
        columns = _choose(name, list(table.columns))
        if not number:
            ignored = [heading for heading in table.columns if heading not in columns.values()]
        refusals += table.refusals
        for place, line in enumerate(table.lines):
            told = {field: table.columns[heading][place].strip() for field, heading in columns.items()}
            try:
                rows.append(_read(told, country, now_ms))
            except BadInput as error:
                where = error.where or ""
                reason = error.message.removeprefix(f"{where}: ")
                refusals.append(FileRefusal(name, line, where, reason, told.get(where, "")[:60] or None))
    deliveries = pa.Table.from_pylist(rows, schema=DELIVERIES)
    return Labelled(deliveries, sorted(refusals, key=lambda each: each.line), ignored)


def try_out(sorter: Sorter, deliveries: pa.Table, thresholds: Iterable[float] = THRESHOLDS) -> Trial:
    """Learn all but the latest of some deliveries, and ask for those."""
    order = np.argsort(deliveries["delivered_ms"].to_numpy(), kind="stable")
    cut = len(order) - round(len(order) * HELD_OUT)
    earlier, later = (deliveries.take(pa.array(part)) for part in (order[:cut], order[cut:]))
    knowing = sorter.learn(earlier)
    answers = knowing.assign(later.select(PLACES.names))
    true = later["code"].to_pylist()
    right = np.array([said == code for said, code in zip(answers["code"].to_pylist(), true, strict=True)], bool)
    confidence = answers["confidence"].to_numpy()
    known = set(knowing.counts.codes)
    curve = []
    for threshold in sorted(set(thresholds)):
        sure = confidence >= threshold
        share = float(right[sure].mean()) if sure.any() else None
        curve.append(Point(threshold=threshold, answered=float(sure.mean()) if len(sure) else 0.0, right=share))
    new = sum(code not in known for code in true)
    return Trial(learnt=len(earlier), held_out=len(later), new_codes=new, curve=curve)


def _choose(name: str, headings: Sequence[str]) -> dict[str, str]:
    """By our name of a column the heading under which it stands."""
    plain = {"_".join(heading.split()).casefold(): heading for heading in reversed(headings)}
    columns = {field: plain[field] for field in COLUMNS if field in plain}
    has_address = "address" in columns or "city" in columns or "postcode" in columns
    if "code" not in columns or not has_address:
        missing = "code" if "code" not in columns else "address, or city or postcode"
        raise BadInput(f"lacks the column {missing}", where=name, mend=f"Columns are: {', '.join(COLUMNS)}.")
    return columns


def _read(told: Mapping[str, str], country: str, now_ms: int) -> dict[str, object]:
    check_code(told["code"], "code")
    of = (told.get("country") or country or ("CN" if "address" in told else "")).upper()
    if not _COUNTRY.fullmatch(of):
        raise BadInput("is missing, or no ISO 3166-1 alpha-2 code", where="country", mend="Or name it by --country.")
    for field, text in told.items():
        if len(text) > _MOST_TEXT:
            raise BadInput(f"is longer than {_MOST_TEXT} characters", where=field)
    if text := told.get("address", ""):
        if of != "CN":
            raise BadInput("is read in China only", where="address", mend="Give province, city, street and postcode.")
        place = read_place(of, told.get("postcode", ""), {"province": "", "city": "", "county": "", "street": text})
    else:
        place = read_place(
            of,
            told.get("postcode", ""),
            {name: told.get(name, "") for name in ("province", "city", "county", "street")},
        )
    if not any(place[name] for name in ("city", "county", "street", "postcode")):
        raise BadInput("tells no place", where="address" if "address" in told else "city")
    return place | {"code": told["code"], "delivered_ms": _instant(told.get("delivered", ""), now_ms)}


def _instant(text: str, now_ms: int) -> int:
    if not text:
        return now_ms
    if _DAY.fullmatch(text):
        try:
            return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp() * 1000)
        except ValueError:
            raise BadInput("is no day of the calendar", where="delivered") from None
    try:
        return parse_instant(text).at_ms
    except BadInput as error:
        raise BadInput(error.message.removeprefix("instant: "), where="delivered") from None
