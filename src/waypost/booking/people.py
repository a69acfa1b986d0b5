"""People in orders: who is sought among them, and what an order says without them."""

import unicodedata
from collections.abc import Iterable
from typing import ClassVar

import msgspec

from waypost.booking.issuing import Address, Item
from waypost.booking.mentions import Mentions
from waypost.booking.orders import Order
from waypost.model.decoding import decoder
from waypost.model.errors import BadInput, Conflict
from waypost.model.guarded import Guarded

#: What stands where something of a person stood.
ERASED = "…"
#: Of a postcode so much stays: it names an area, by which carriers set their prices.
_AREA = 3
#: Two telephone numbers are one if so many of their last digits are, whatever is dialled before them.
_FEWEST_DIGITS = 7


class Sought(Guarded, frozen=True, kw_only=True):
    """A person, by what is known of it; all that is given has to fit one of the two ends of an order.

    Attributes:
        name: of the person or its company, whole; capitals, blanks and widths of letters make no difference.
        phone: with or without what is dialled before it.
        reference: the merchant's number of an order.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ()

    name: str = ""
    phone: str = ""
    email: str = ""
    reference: str = ""

    def check(self) -> None:
        """See that it means anybody.

        Raises:
            BadInput: nothing is given, or too little of a telephone number.
        """
        if not any((_plain(self.name), self.phone.strip(), _plain(self.email), self.reference.strip())):
            raise BadInput("nobody is named", mend="Give a name, a telephone number, an e-mail or an order's number.")
        if self.phone.strip() and len(_digits(self.phone)) < _FEWEST_DIGITS:
            raise BadInput(f"the telephone number has fewer than {_FEWEST_DIGITS} digits", where="phone")

    def is_in(self, body: bytes) -> bool:
        """Whether an order, as it is kept, is to or from that person; quicker than to read all of it."""
        said = _READ.decode(body)
        if self.reference and said.reference != self.reference.strip():
            return False
        return any(self._is(end) for end in (said.sender, said.consignee))

    def is_named(self, name: str) -> bool:
        """Whether that is its name, whole; False if none is known."""
        return bool(_plain(self.name)) and _plain(name) == _plain(self.name)

    def is_at(self, end: Address) -> bool:
        """Whether that is its address; False if nothing but the number of an order is known."""
        return bool(self.name or self.phone or self.email) and self._is(end)

    def mentions(self, found: Iterable[Order] = (), numbers: Iterable[str] = ()) -> Mentions:
        """How it may stand in what carriers send.

        Args:
            found: orders that are its: they may spell it otherwise than it was asked for.
            numbers: of waybills that are its.
        """
        # a number of an order alone says not which end is meant
        ends: list[Sought | Address] = [self]
        ends += [end for order in found for end in (order.sender, order.consignee) if self.is_at(end)]
        return Mentions({end.name for end in ends}, {end.phone for end in ends}, {end.email for end in ends}, numbers)

    def _is(self, end: "_End | Address") -> bool:
        if self.name and _plain(self.name) not in (_plain(end.name), _plain(end.company)):
            return False
        if self.email and _plain(self.email) != _plain(end.email):
            return False
        return not self.phone.strip() or _is_same_phone(self.phone, end.phone)


class _End(msgspec.Struct):
    name: str
    phone: str = ""
    company: str = ""
    email: str = ""


class _Ends(msgspec.Struct):
    """Of an order what a search looks at; the rest of it is passed over unread."""

    reference: str
    sender: _End
    consignee: _End


_READ = decoder(_Ends)


def erase_people(order: Order) -> Order:
    """What an order says without people: numbers, weights, amounts, and how far it went.

    Of both ends country, province and city stay, and what names the area in the postcode. Of items what they weigh,
    are worth and are for the customs stays; what they are may tell more of somebody than the name does.
    """
    return msgspec.structs.replace(
        order,
        sender=_erase_end(order.sender),
        consignee=_erase_end(order.consignee),
        items=tuple(msgspec.structs.replace(item, description=ERASED, sku="") for item in order.items),
        remark="",
    )


def nothing_of(reference: str) -> Order:
    """What stands for an order that nobody can open any more, so that those beside it are shown."""
    nobody = Address(name=ERASED, country="ZZ", street=ERASED, city=ERASED)  # ISO 3166-1 leaves ZZ to its users
    return Order(reference=reference, sender=nobody, consignee=nobody, items=(Item(description=ERASED),))


def refuse_erased(erased_ms: int | None) -> None:
    """Let only those orders by that still say who they are to and from.

    Raises:
        Conflict: that was erased.
    """
    if erased_ms is not None:
        raise Conflict("what the order said of people was erased", mend="Hand it in anew, under another number.")


def _erase_end(end: Address) -> Address:
    return Address(
        name=ERASED,
        country=end.country,
        street=ERASED,
        city=end.city,
        province=end.province,
        postcode="".join(end.postcode.split())[:_AREA],
    )


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _digits(phone: str) -> str:
    digits = "".join(each for each in unicodedata.normalize("NFKC", phone) if each.isdecimal())
    return digits.lstrip("0")  # a trunk prefix, or that of calls abroad


def _is_same_phone(one: str, other: str) -> bool:
    a, b = _digits(one), _digits(other)
    shared = min(len(a), len(b))
    return shared >= _FEWEST_DIGITS and a[-shared:] == b[-shared:]
