"""Cash on delivery: what couriers collected for merchants, held against what carriers pass on.

What is due is written down when a parcel is booked. A carrier's remittance is a sheet, a row for each waybill or for
each payment; the same sheet twice is known. All payments for a waybill are added up, whichever sheets they stand in.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum

import msgspec
from sqlalchemy import delete, func, insert, select
from sqlalchemy.engine import Connection

from waypost.booking.issuing import Issued
from waypost.booking.order_book import OrderBook
from waypost.booking.orders import KeptOrder, OrderParcel, ParcelState
from waypost.booking.records import cod_dues, cod_payments, order_parcels, remittances
from waypost.booking.sheets import Table
from waypost.model.errors import BadInput
from waypost.model.measures import parse_money
from waypost.store.protocols import Records
from waypost.track.feed import FileRefusal

#: Columns of a remittance that are read; the first three are needed.
COLUMNS = ("waybill", "amount", "currency", "paid_on")
_AT_ONCE = 300


class CodVerdict(StrEnum):
    """What is found of one waybill. The words are kept; they never change."""

    PAID = "paid"  #: to the smallest coin
    SHORT = "short"
    OVER = "over"
    OTHER_CURRENCY = "other_currency"  #: something was paid in another one than is due
    MISSING = "missing"  #: nothing was paid, and it was booked long enough ago
    UNKNOWN = "unknown"  #: paid for a waybill that this account has not, or that collects nothing


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a remittance; below 0: taken back."""

    line: int
    waybill: str
    currency: str
    minor: int
    paid_on: str = ""


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What is found of one waybill, over all remittances.

    Attributes:
        due_minor, paid_minor: in minor units of `currency`, that of the order; of an unknown one that of the payment.
        booked_ms: None of an unknown one.
    """

    waybill: str
    verdict: CodVerdict
    currency: str
    due_minor: int
    paid_minor: int
    booked_ms: int | None
    why: str = ""

    @property
    def lacks_minor(self) -> int:
        """How much less was paid than is due; below 0: more."""
        return self.due_minor - self.paid_minor


def read_remittance(name: str, tables: Iterable[Table]) -> tuple[list[Payment], list[FileRefusal]]:
    """The payments of a sheet, and the rows that cannot be read, which hinder no other.

    Raises:
        BadInput: it lacks a column that is needed.
    """
    payments: list[Payment] = []
    refusals: list[FileRefusal] = []
    for table in tables:
        plain = {"_".join(heading.split()).casefold(): heading for heading in reversed(list(table.columns))}
        if missing := [field for field in COLUMNS[:3] if field not in plain]:
            mend = f"Columns are: {', '.join(COLUMNS)}."
            raise BadInput(f"lacks the columns {', '.join(missing)}", where=name, mend=mend)
        refusals += table.refusals
        for place, line in enumerate(table.lines):
            row = {field: table.columns[plain[field]][place].strip() for field in COLUMNS if field in plain}
            try:
                payments.append(_read(line, row))
            except BadInput as error:
                where = error.where or ""
                reason = error.message.removeprefix(f"{where}: ")
                refusals.append(FileRefusal(name, line, where, reason, row.get(where, "")[:60] or None))
    return payments, sorted(refusals, key=lambda each: each.line)


def remittance_id(account: str, content: bytes) -> str:
    """By which a sheet that comes again is known."""
    return hashlib.blake2b(content, key=account.encode()[:64], digest_size=16).hexdigest()


def note_due(connection: Connection, kept: KeptOrder, parcel: OrderParcel, issued: Issued, now_ms: int) -> None:
    """Write down what is to be collected for a parcel, in the transaction that writes its waybill down."""
    if not kept.order.cod_minor or parcel.piece:
        return
    row = {
        "parcel": parcel.reference,
        "account": kept.account,
        "number": issued.waybill.number,
        "currency": kept.order.currency,
        "minor": kept.order.cod_minor,
        "booked_ms": now_ms,
    }
    connection.execute(delete(cod_dues).where(cod_dues.c.parcel == parcel.reference))
    connection.execute(insert(cod_dues).values(row))


class Collections:
    """What is due and what was paid, in `Records`."""

    def __init__(self, records: Records, book: OrderBook) -> None:
        self._records = records
        self._book = book

    def keep(self, account: str, id_: str, name: str, payments: Sequence[Payment], now_ms: int) -> bool:
        """Keep a remittance; False if it is known."""
        rows = [
            {"remittance_id": id_, "account": account, "number": each.waybill}
            | {field: getattr(each, field) for field in ("line", "currency", "minor", "paid_on")}
            for each in payments
        ]
        with self._records.begin() as connection:
            if connection.execute(select(remittances.c.id).where(remittances.c.id == id_)).first():
                return False
            told = {"account": account, "name": name[:200], "payments": len(rows), "kept_ms": now_ms}
            connection.execute(insert(remittances).values(id=id_, **told))
            if rows:
                connection.execute(insert(cod_payments), rows)
        return True

    def hold(self, account: str, payments: Sequence[Payment], *, are_kept: bool) -> list[Collected]:
        """What is found of the waybills of some payments, in their order.

        Args:
            are_kept: they are among those that are kept already; else they are added to these.
        """
        numbers = list(dict.fromkeys(each.waybill for each in payments))
        dues = self._find_dues(account, numbers)
        paid = self._find_paid(account, numbers)
        for each in () if are_kept else payments:
            sums = paid.setdefault(each.waybill, {})
            sums[each.currency] = sums.get(each.currency, 0) + each.minor
        return [_judge(number, dues.get(number), paid[number]) for number in numbers]

    def list_missing(self, account: str, booked_before_ms: int, paid_now: Sequence[Payment] = ()) -> list[Collected]:
        """Parcels that something was to be collected for, booked before an instant, for which nothing was paid.

        Args:
            paid_now: what counts as paid though it is not kept.
        """
        paid = select(cod_payments.c.number).where(cod_payments.c.account == account)
        asked = (
            select(cod_dues)
            .join(order_parcels, order_parcels.c.id == cod_dues.c.parcel)
            .where(
                cod_dues.c.account == account,
                cod_dues.c.booked_ms < booked_before_ms,
                order_parcels.c.state == ParcelState.BOOKED.value,
                cod_dues.c.number.not_in(paid),
            )
            .order_by(cod_dues.c.booked_ms, cod_dues.c.number)
        )
        now = {each.waybill for each in paid_now}
        with self._records.read() as connection:
            rows = connection.execute(asked).all()
        return [
            Collected(
                waybill=row.number,
                verdict=CodVerdict.MISSING,
                currency=row.currency,
                due_minor=row.minor,
                paid_minor=0,
                booked_ms=row.booked_ms,
            )
            for row in rows
            if row.number not in now
        ]

    def _find_dues(self, account: str, numbers: Sequence[str]) -> dict[str, tuple[str, int, int]]:
        """By number: currency, amount, and when it was booked. What was booked before dues were kept is looked up."""
        found: dict[str, tuple[str, int, int]] = {}
        with self._records.read() as connection:
            for start in range(0, len(numbers), _AT_ONCE):
                some = cod_dues.c.number.in_(numbers[start : start + _AT_ONCE])
                for row in connection.execute(select(cod_dues).where(cod_dues.c.account == account, some)):
                    found[row.number] = (row.currency, row.minor, row.booked_ms)
        older = [number for number in numbers if number not in found]
        for kept in self._book.list_by_numbers(account, older):
            first, order = kept.parcels[0], kept.order
            if first.number in older and order.cod_minor:
                found[first.number] = (order.currency, order.cod_minor, first.booked_ms or kept.made_ms)
        return found

    def _find_paid(self, account: str, numbers: Sequence[str]) -> dict[str, dict[str, int]]:
        """By number, what was paid in each currency."""
        found: dict[str, dict[str, int]] = {number: {} for number in numbers}
        columns = (cod_payments.c.number, cod_payments.c.currency)
        with self._records.read() as connection:
            for start in range(0, len(numbers), _AT_ONCE):
                some = cod_payments.c.number.in_(numbers[start : start + _AT_ONCE])
                asked = select(*columns, func.sum(cod_payments.c.minor)).where(cod_payments.c.account == account, some)
                for number, currency, minor in connection.execute(asked.group_by(*columns)):
                    found[number][currency] = int(minor)
        return found


def _judge(number: str, due: tuple[str, int, int] | None, paid: Mapping[str, int]) -> Collected:
    if due is None:
        currency = min(paid, default="")
        return Collected(
            waybill=number,
            verdict=CodVerdict.UNKNOWN,
            currency=currency,
            due_minor=0,
            paid_minor=paid.get(currency, 0),
            booked_ms=None,
            why="no parcel of this account has it, or nothing was to be collected for it",
        )
    currency, minor, booked_ms = due
    given = paid.get(currency, 0)
    verdict = CodVerdict.PAID if given == minor else CodVerdict.SHORT if given < minor else CodVerdict.OVER
    why = ""
    if strange := sorted(code for code, sum_ in paid.items() if code != currency and sum_):
        verdict, why = CodVerdict.OTHER_CURRENCY, f"paid in {', '.join(strange)}, and {currency} is due"
    return Collected(
        waybill=number,
        verdict=verdict,
        currency=currency,
        due_minor=minor,
        paid_minor=given,
        booked_ms=booked_ms,
        why=why,
    )


def _read(line: int, row: Mapping[str, str]) -> Payment:
    if not row["waybill"] or len(row["waybill"]) > 64:
        raise BadInput("is empty, or longer than 64 characters", where="waybill")
    if day := row.get("paid_on", ""):
        try:
            dt.date.fromisoformat(day)
        except ValueError:
            raise BadInput("is no day", where="paid_on", mend="Write 2026-11-30.") from None
    currency = row["currency"].upper()
    return Payment(
        line=line,
        waybill=row["waybill"],
        currency=currency,
        minor=_read_amount(row["amount"], currency),
        paid_on=day,
    )


def _read_amount(text: str, currency: str) -> int:
    """Minor units; what is taken back stands below 0."""
    plain = text.removeprefix("-")
    try:
        amount = Decimal(plain)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not plain.isascii() or not amount.is_finite() or not 0 <= amount < 10**12:
        raise BadInput("is no amount: digits, with a point before the decimals", where="amount")
    try:
        minor = parse_money(plain, currency).minor
    except BadInput as error:
        raise BadInput(error.message, where=error.where if error.where == "currency" else "amount") from None
    return -minor if text.startswith("-") else minor
