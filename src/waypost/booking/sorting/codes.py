"""Sort codes of what was booked: given where the sorter is sure, left to a person where it is not.

What a carrier gives itself stays. Where only the beginning is sure, hub or hub and outlet, that much is given, for the
parcel can travel meanwhile; the rest waits for a person. What people answer teaches the sorter.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
import pyarrow as pa
from sqlalchemy import and_, insert, or_, select, update
from sqlalchemy.engine import Connection, Row

from waypost.booking.issuing import Address, Issued
from waypost.booking.order_book import OrderBook
from waypost.booking.orders import ParcelState
from waypost.booking.records import order_parcels, orders
from waypost.booking.sorting.addresses import place_of_address
from waypost.booking.sorting.places import PLACES
from waypost.booking.sorting.records import sort_codes
from waypost.booking.sorting.shelf import Sorters
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.errors import BadInput, NotFound, WaypostError
from waypost.store.protocols import Records

MOST_CODE = 64
_MOST_WHY = 200
_UNKNOWN = "nothing like this address was ever delivered to"
_UNSURE = "not sure enough"
#: Before it was asked for so many deliveries, nobody knows what a sorter's confidence is worth: people are asked.
LEAST_TRIED = 50
_YOUNG = f"too little was learnt yet: {LEAST_TRIED} deliveries have to be foretold first"


class CodeState(StrEnum):
    """Who said the code of a parcel. The words are kept; they never change."""

    GIVEN = "given"  #: the sorter, and it was sure
    MANUAL = "manual"  #: nobody yet: a person should
    ANSWERED = "answered"  #: a person


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What the sorter says of one parcel.

    Attributes:
        parcel: its reference.
        code: what goes on the label: the guess, as much of it as is sure.
        guess: the whole code that is likeliest, or "".
        confidence: how often such a guess was right.
        why: the rest is left to a person.
    """

    parcel: str
    carrier: str
    code: str
    guess: str
    confidence: float
    why: str


class SortCode(msgspec.Struct, frozen=True, kw_only=True):
    """The sort code of a parcel, as it is kept, and where the parcel goes.

    Attributes:
        why: it was left to a person.
        consignee: None of an order whose contents were erased.
    """

    parcel: str
    order: str
    carrier: str
    number: str
    state: CodeState
    code: str
    guess: str
    confidence: float
    why: str
    made_ms: int
    answered_ms: int | None
    consignee: Address | None


class SortCodes:
    """Gives codes, and keeps what waits for a person.

    Args:
        carriers: those whose parcels get codes from here.
        threshold: below this confidence a person is asked.
    """

    def __init__(
        self, sorters: Sorters, book: OrderBook, records: Records, carriers: Collection[str], threshold: float
    ) -> None:
        self._sorters = sorters
        self._book = book
        self._records = records
        self._carriers = frozenset(carriers)
        self._threshold = threshold

    def choose(self, booked: Sequence[tuple[Address, Issued]]) -> dict[str, Choice]:
        """By reference, what the sorter says of those that have no code and are of a carrier that gets them here."""
        chosen: dict[str, Choice] = {}
        lacking = [each for each in booked if not each[1].sort_code and each[1].waybill.carrier in self._carriers]
        for carrier in sorted({issued.waybill.carrier for _, issued in lacking}):
            own = [each for each in lacking if each[1].waybill.carrier == carrier]
            for choice in self._ask(carrier, own):
                chosen[choice.parcel] = choice
        return chosen

    def note(self, connection: Connection, choices: Mapping[str, Choice], now_ms: int) -> None:
        """Write down what was chosen, in the transaction in which the waybills are."""
        for parcel, choice in choices.items():
            values = {name: getattr(choice, name) for name in ("carrier", "code", "guess", "confidence", "why")}
            values["state"] = CodeState.MANUAL.value if choice.why else CodeState.GIVEN.value
            values |= {"made_ms": now_ms, "answered_ms": None, "answered_by": ""}
            if not connection.execute(update(sort_codes).where(sort_codes.c.parcel == parcel).values(values)).rowcount:
                connection.execute(insert(sort_codes).values(parcel=parcel, **values))

    def list_page(
        self, state: CodeState | None, carrier: str | None, after: str | None, limit: int
    ) -> tuple[list[SortCode], str | None]:
        """Some of the parcels that are booked, those that wait longest first, and the cursor for more.

        Raises:
            BadInput: the cursor is none of ours.
        """
        key = read_cursor(after, tuple[int, str])
        made, parcel = sort_codes.c.made_ms, sort_codes.c.parcel
        asked = _with_parcels().where(order_parcels.c.state == ParcelState.BOOKED.value)
        if state is not None:
            asked = asked.where(sort_codes.c.state == state.value)
        if carrier is not None:
            asked = asked.where(sort_codes.c.carrier == carrier)
        if key is not None:
            asked = asked.where(or_(made > key[0], and_(made == key[0], parcel > key[1])))
        with self._records.read() as connection:
            rows = connection.execute(asked.order_by(made, parcel).limit(limit + 1)).all()
        page = self._show(rows[:limit])
        return page, write_cursor((page[-1].made_ms, page[-1].parcel)) if len(rows) > limit else None

    def answer(self, parcel: str, code: str, by: str, now_ms: int) -> SortCode:
        """Say the code of a parcel, which may have one: the label says it from now on, and the sorter learns it.

        What it has learnt of this parcel before it does not forget.

        Args:
            by: the id of the key of whoever says so.

        Raises:
            BadInput: it is no code.
            NotFound: no parcel of that reference waits or was given one.
        """
        check_code(code, "code")
        with self._records.begin() as connection:
            said = {"state": CodeState.ANSWERED.value, "code": code, "answered_ms": now_ms, "answered_by": by}
            is_meant = sort_codes.c.parcel == parcel
            if not connection.execute(update(sort_codes).where(is_meant).values(said)).rowcount:
                mend = "`GET /v1/sort-codes` lists them."
                raise NotFound(f"no sort code is asked for a parcel {parcel[:40]!r}", mend=mend)
            connection.execute(update(order_parcels).where(order_parcels.c.id == parcel).values(sort_code=code))
            row = connection.execute(_with_parcels().where(is_meant)).one()
        return self._show([row])[0]

    def _ask(self, carrier: str, own: Sequence[tuple[Address, Issued]]) -> list[Choice]:
        """What was booked is written down whatever becomes of this: what the sorter cannot say a person does."""
        try:
            sorter = self._sorters.get(carrier)
        except WaypostError as error:
            why = str(error)[:_MOST_WHY]
            return [_choice(issued, "", "", 0.0, why) for _, issued in own]
        places = pa.Table.from_pylist([place_of_address(address) for address, _ in own], schema=PLACES)
        answers = sorter.assign(places, self._threshold).to_pylist()
        if sorter.tried < LEAST_TRIED:
            guesses = [(told["code"] or "", told["confidence"]) for told in answers]
            found = zip(own, guesses, strict=True)
            return [
                _choice(issued, "", guess, sure, _YOUNG if guess else _UNKNOWN) for (_, issued), (guess, sure) in found
            ]
        return [self._choose(issued, told) for (_, issued), told in zip(own, answers, strict=True)]

    def _choose(self, issued: Issued, told: Mapping[str, Any]) -> Choice:
        guess = told["code"] or ""
        if not guess:
            return _choice(issued, "", "", 0.0, _UNKNOWN)
        if told["is_sure"]:
            return _choice(issued, guess, guess, told["confidence"], "")
        parts = guess.split("-", 2)
        sure = [told["hub_confidence"], told["outlet_confidence"]]
        begins = sum(each >= self._threshold for each in sure) if len(parts) > 1 else 0
        return _choice(issued, "-".join(parts[: min(begins, len(parts) - 1)]), guess, told["confidence"], _UNSURE)

    def _show(self, rows: Sequence[Row[Any]]) -> list[SortCode]:
        kept = self._book.find_orders([row.order_id for row in rows])
        return [
            SortCode(
                parcel=row.parcel,
                order=row.order_id,
                carrier=row.carrier,
                number=row.number,
                state=CodeState(row.state),
                code=row.code,
                guess=row.guess,
                confidence=row.confidence,
                why=row.why,
                made_ms=row.made_ms,
                answered_ms=row.answered_ms,
                consignee=kept[row.order_id].order.consignee if row.order_id in kept else None,
            )
            for row in rows
        ]


def check_code(code: str, where: str) -> None:
    """Refuse what cannot stand on a label.

    Raises:
        BadInput: it is empty, too long, or has blanks or characters that are not printed.
    """
    if not code or len(code) > MOST_CODE or not code.isprintable() or any(each.isspace() for each in code):
        mend = "Write hub-outlet-courier, or as much of it as is known, such as 571-A1-07."
        raise BadInput(f"{code[:40]!r} is no sort code of 1 to {MOST_CODE} characters", where=where, mend=mend)
    if "" in code.split("-", 2):
        raise BadInput(f"{code[:40]!r} has an empty part", where=where, mend="Write hub-outlet-courier.")


def _with_parcels() -> Any:
    joined = sort_codes.join(order_parcels, order_parcels.c.id == sort_codes.c.parcel)
    return select(sort_codes, order_parcels.c.order_id, order_parcels.c.number).select_from(
        joined.join(orders, orders.c.id == order_parcels.c.order_id)
    )


def _choice(issued: Issued, code: str, guess: str, confidence: float, why: str) -> Choice:
    return Choice(
        parcel=issued.reference,
        carrier=issued.waybill.carrier,
        code=code[:MOST_CODE],
        guess=guess[:MOST_CODE],
        confidence=confidence,
        why=why,
    )
