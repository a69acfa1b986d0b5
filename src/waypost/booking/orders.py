"""Orders: what a merchant sold, on its way to become waybills.

An order is a draft until it is confirmed; then it waits for its carrier, and is booked, or refused, or nobody knows
(see `bookings`). One number of a merchant is one order: what comes again under it is the same, or a conflict.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

import msgspec
from babel.core import get_global

from waypost.booking.issuing import MOST_G, Address, Grams, Item, Line, Long, Millimetres, Minor, whole
from waypost.model.addresses import list_address_faults
from waypost.model.errors import BadInput, NotFound
from waypost.model.guarded import Guarded
from waypost.model.mailboxes import parse_mailbox
from waypost.model.texts import refuse_control
from waypost.track.wire import Refusal

MOST_PARCELS = 50
MOST_ITEMS = 500
#: The account of an order whose service is chosen when it is booked; no account is called so.
TO_BE_CHOSEN = "?"
#: A parcel of which nobody said how heavy it is, nor its items: what carriers take a small one for.
UNTOLD_G = 500

#: The codes that are or were money somewhere.
_CURRENCIES = frozenset(get_global("all_currencies"))


class OrderState(StrEnum):
    """How far an order is. The words are kept; they never change."""

    DRAFT = "draft"  #: may be changed; no carrier knows of it
    QUEUED = "queued"  #: confirmed: its carrier is asked when its turn comes, and again where it cannot be reached
    BOOKED = "booked"  #: every parcel of it has a waybill
    REFUSED = "refused"  #: the carrier will not; says why
    DOUBTFUL = "doubtful"  #: there may be a waybill that nobody knows the number of
    CANCELLED = "cancelled"


class ParcelState(StrEnum):
    """How far one parcel of an order is. The words are kept; they never change."""

    PLANNED = "planned"
    ASKED = "asked"  #: its carrier was asked for a waybill; what became of that is not known yet
    BOOKED = "booked"
    CANCELLED = "cancelled"


class PlannedParcel(Guarded, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One physical piece, before it has a waybill. Sizes are 0 if nobody measured.

    Attributes:
        items: the lines of the order that are in it, from 0; none: those that are in no other parcel.
        quantities: of each of these lines how many pieces are in it; none: all.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("weight_g", "length_mm", "width_mm", "height_mm", "items", "quantities")

    weight_g: Grams
    length_mm: Millimetres = 0
    width_mm: Millimetres = 0
    height_mm: Millimetres = 0
    items: tuple[int, ...] = ()
    quantities: tuple[Annotated[int, msgspec.Meta(ge=1, le=100_000)], ...] = ()


class Order(Guarded, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a merchant wants shipped, as it says so.

    Attributes:
        reference: the merchant's own number of it.
        sender: where it is fetched, or goes back to.
        parcels: how it is packed; none: one parcel as heavy as its items.
        account: the contract with a carrier to ship by, or "" for the only one.
        service: the carrier's own name of it, or "" for its usual one.
        cod_minor: to collect at the door of the first parcel, in minor units of `currency`.
        mailing_date: on which it is handed over, `YYYY-MM-DD` of the sender's day.
        return_of: the reference of the order of which this is the way back.
        language: in which the consignee is written to; "" for that of the country.
        choose: by what its service is chosen when it is booked, of those that it leaves open: `price`, `arrival`,
            `co2`, or `best`, the lowest price of those that usually come within a day of the earliest.
    """

    SHOWN: ClassVar[tuple[str, ...]] = (
        *("reference", "account", "service", "parcels", "currency", "mailing_date", "language"),
    )

    reference: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    sender: Address
    consignee: Address
    items: Annotated[tuple[Item, ...], msgspec.Meta(min_length=1, max_length=MOST_ITEMS)]
    parcels: Annotated[tuple[PlannedParcel, ...], msgspec.Meta(max_length=MOST_PARCELS)] = ()
    account: Annotated[str, msgspec.Meta(max_length=64)] = ""
    service: Annotated[str, msgspec.Meta(max_length=64)] = ""
    currency: Annotated[str, msgspec.Meta(pattern=whole("([A-Z]{3})?"))] = ""
    cod_minor: Minor = 0
    remark: Long = ""
    mailing_date: Annotated[str, msgspec.Meta(pattern=whole("([0-9]{4}-[0-9]{2}-[0-9]{2})?"))] = ""
    return_of: Line = ""
    language: Annotated[str, msgspec.Meta(pattern=whole("(en|zh|es|pt)?"))] = ""
    choose: Literal["", "price", "arrival", "co2", "best"] = ""


class OrderParcel(Guarded, frozen=True, kw_only=True):
    """One parcel of an order, as it is kept.

    Attributes:
        piece: its place in the order, from 0; people and programs are told it from 1.
        reference: under which its carrier is asked; the same for the same parcel of the same order, whatever crashes.
        number: of the waybill; "" before there is one.
        why: what its carrier said when it did not book it.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("piece", "reference", "state", "carrier", "number", "sort_code", "weight_g")

    piece: int
    reference: str
    state: ParcelState
    weight_g: int
    carrier: str = ""
    number: str = ""
    carrier_reference: str = ""
    sort_code: str = ""
    channel: str = ""
    booked_ms: int | None = None
    why: str = ""


class KeptOrder(Guarded, frozen=True, kw_only=True):
    """An order as it is kept, with how far it is.

    Attributes:
        why: of one that is refused, doubtful, or tried again.
        next_ms: of one that is queued, when its carrier is asked at the earliest.
        service: that was chosen for it; "" of one whose order names it, or leaves it to the carrier.
        erased_ms: when what it says of people was erased; None if it still says it.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("id", "merchant", "state", "account", "job", "made_ms", "changed_ms", "tries")

    id: str
    merchant: str
    state: OrderState
    order: Order
    account: str
    parcels: tuple[OrderParcel, ...]
    made_ms: int
    changed_ms: int
    job: str | None = None
    next_ms: int | None = None
    tries: int = 0
    why: str = ""
    service: str = ""
    erased_ms: int | None = None

    def get_parcel(self, piece: int) -> OrderParcel:
        """One of its parcels, by its place from 0.

        Raises:
            NotFound: it has no such one.
        """
        if not 0 <= piece < len(self.parcels):
            raise NotFound(f"the order has {len(self.parcels)} parcels", mend="They are counted from 1.")
        return self.parcels[piece]


def order_id(merchant: str, reference: str) -> str:
    """Our id of a merchant's order: the same however often it comes."""
    return f"ord_{_digest(merchant, reference, size=10).hex()}"


def parcel_reference(order: str, piece: int) -> str:
    """Under which a carrier is asked for the waybill of a parcel: 17 capitals and digits, which every carrier takes."""
    return "W" + _base32(_digest(order, str(piece), size=10))


#: Fields that orders did not always have: where they say nothing, what was kept before them is known still.
_LATER = ("language", "choose", "quantities")


def digest_of(order: Order) -> str:
    """By which an order that comes again is known to be the same."""
    told = msgspec.to_builtins(order)
    for part in (told, *told["parcels"]):
        for name in _LATER:
            if not part.get(name, True):
                del part[name]
    return hashlib.blake2b(msgspec.json.encode(told, order="deterministic"), digest_size=16).hexdigest()


def check_order(order: Order) -> None:
    """See what its shape alone does not tell.

    Raises:
        BadInput: it cannot be shipped as it stands; `where` names the field.
    """
    for where, text in _texts_of(order):
        refuse_control(text, where)
    if not order.reference.isprintable() or order.reference != order.reference.strip():
        raise BadInput("has characters that no number has, or blanks around it", where="reference")
    if order.currency and order.currency not in _CURRENCIES:
        raise BadInput("is no currency of ISO 4217", where="currency", mend="Give its code, such as CNY.")
    if not order.currency and (order.cod_minor or any(item.value_minor for item in order.items)):
        raise BadInput("is missing: amounts are told", where="currency", mend="Give the ISO 4217 code, such as CNY.")
    if order.mailing_date and not _is_day(order.mailing_date):
        raise BadInput("is no day of the calendar", where="mailing_date")
    if order.choose and order.account and order.service:
        raise BadInput("has nothing to choose from: account and service are named", where="choose")
    if not order.parcels and (weight_g := plan_parcels(order)[0].weight_g) > MOST_G:
        reason = f"weigh {weight_g} g together, and a parcel weighs {MOST_G} g at most"
        raise BadInput(reason, where="items", mend="Say how they are packed.")
    _check_packing(order)


def _check_packing(order: Order) -> None:
    """See that each piece of each line is in one parcel.

    A parcel that names no lines has what is in no other: one may, or all, of which nobody says then what is in which.
    """
    packed: dict[int, list[tuple[str, int]]] = {}
    for number, parcel in enumerate(order.parcels):
        where = f"parcels[{number}]"
        if parcel.quantities and len(parcel.quantities) != len(parcel.items):
            raise BadInput("has one number for each of `items`", where=f"{where}.quantities")
        if len(set(parcel.items)) < len(parcel.items):
            raise BadInput("names a line twice", where=f"{where}.items", mend="Add its pieces up.")
        for place, line in enumerate(parcel.items):
            if not 0 <= line < len(order.items):
                raise BadInput(f"line {line} is none of the order's", where=f"{where}.items")
            count = parcel.quantities[place] if parcel.quantities else order.items[line].quantity
            packed.setdefault(line, []).append((where, count))
    for line, told in sorted(packed.items()):
        if (count := sum(count for _, count in told)) != order.items[line].quantity:
            places = ", ".join(f"{count} in {where}" for where, count in told)
            reason = f"{count} pieces of line {line} are in parcels ({places}), and it has {order.items[line].quantity}"
            raise BadInput(reason, where="parcels", mend="Put each piece into one parcel.")
    open_ = [f"parcels[{number}]" for number, parcel in enumerate(order.parcels) if not parcel.items]
    left = [line for line in range(len(order.items)) if line not in packed]
    if packed and left and not open_:
        raise BadInput(f"line {left[0]} is in no parcel", where="parcels", mend="Put every line into a parcel.")
    if packed and len(open_) > min(len(left), 1):
        reason = f"does not say what is in it, and {f'nor does {open_[0]}' if left else 'nothing is left for it'}"
        raise BadInput(reason, where=f"{open_[-1]}.items", mend="Name the lines that are in it.")


def split_order(order: Order, parcels: Sequence[PlannedParcel]) -> Order:
    """The same order, packed otherwise.

    Raises:
        BadInput: it cannot be: see `check_order`; or a parcel weighs less than what is in it.
    """
    packed = msgspec.structs.replace(order, parcels=tuple(parcels))
    check_order(packed)
    for piece, parcel in enumerate(packed.parcels):
        inside_g = sum((item.weight_g or 0) * item.quantity for item in items_of(packed, piece))
        if inside_g > parcel.weight_g:
            reason = f"are {parcel.weight_g}, and what is in it weighs {inside_g}"
            raise BadInput(reason, where=f"parcels[{piece}].weight_g", mend="Weigh it with what is in it.")
    return packed


def advise(row: int, order: Order) -> list[Refusal]:
    """What looks wrong in the addresses of an order, which may be shipped all the same."""
    found = []
    for end in ("sender", "consignee"):
        for fault in list_address_faults(getattr(order, end)):
            if fault.field != "postcode" or getattr(order, end).postcode:  # inside a country many ship without
                reason = f"{fault.message}. {fault.mend}" if fault.mend else fault.message
                found.append(Refusal(row, f"{end}.{fault.field}", reason))
    if order.consignee.email:
        try:
            parse_mailbox(order.consignee.email)
        except BadInput as error:
            found.append(Refusal(row, "consignee.email", error.message))
    return found


def plan_parcels(order: Order) -> Sequence[PlannedParcel]:
    """How it is packed: as the merchant says, or all in one parcel."""
    if order.parcels:
        return order.parcels
    told = [item.weight_g * item.quantity for item in order.items if item.weight_g is not None]
    return (PlannedParcel(weight_g=max(sum(told), 1) if told else UNTOLD_G),)


def items_of(order: Order, piece: int) -> Sequence[Item]:
    """What is in one parcel of it, by its place from 0."""
    parcels = plan_parcels(order)
    if parcels[piece].quantities:
        inside = zip(parcels[piece].items, parcels[piece].quantities, strict=True)
        return [msgspec.structs.replace(order.items[line], quantity=count) for line, count in inside]
    if parcels[piece].items:
        return [order.items[line] for line in parcels[piece].items]
    elsewhere = {line for parcel in parcels for line in parcel.items}
    rest = [item for line, item in enumerate(order.items) if line not in elsewhere]
    is_first = not any(not parcel.items for parcel in parcels[:piece])
    return rest if is_first else []


def _is_day(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _texts_of(order: Order) -> list[tuple[str, str]]:
    found = [(name, getattr(order, name)) for name in ("reference", "account", "service", "remark", "return_of")]
    for end in ("sender", "consignee"):
        address: Address = getattr(order, end)
        found += [(f"{end}.{name}", getattr(address, name)) for name in address.__struct_fields__]
    for number, item in enumerate(order.items):
        found += [(f"items[{number}].{name}", getattr(item, name)) for name in ("description", "sku")]
    return found


def _digest(*parts: str, size: int) -> bytes:
    digest = hashlib.blake2b(digest_size=size)
    for part in parts:
        digest.update(len(part.encode()).to_bytes(8) + part.encode())
    return digest.digest()


def _base32(data: bytes) -> str:
    """Crockford's digits: none is taken for another."""
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number, found = int.from_bytes(data), ""
    for _ in range(len(data) * 8 // 5):
        number, digit = divmod(number, 32)
        found = digits[digit] + found
    return found
