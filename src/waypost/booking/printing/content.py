"""What stands on a label and on a packing slip, and what cannot stand there."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import msgspec

from waypost.booking.issuing import Address, Item
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput
from waypost.model.guarded import Guarded
from waypost.model.identifiers import parse_sscc
from waypost.model.measures import MAX_WEIGHT_G
from waypost.model.texts import has_control

Language = Literal["", "en", "zh", "es", "pt"]
Square = Literal["datamatrix", "qr"]

_CURRENCY = re.compile(r"[A-Z]{3}")
_CHINESE = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_LEFTWARD = {"R", "AL", "AN", "RLE", "RLO", "RLI"}
MAX_TEXT = 2000  #: characters of one field; no label holds so much, and nothing longer is looked at


class ParcelLabel(Guarded, frozen=True, kw_only=True):
    """All that one label says. Personal data: kept nowhere but where it is printed.

    Attributes:
        waybill: its number is the main barcode.
        carrier_name, service: as people know them.
        sort_code: what sorters read, such as `310-A12 003`.
        bag_place: the hub whose bag it goes into (集包地).
        reference, order_number: ours and the merchant's.
        weight_g: 0 if nobody weighed it.
        piece, pieces: the first of three is 1 and 3.
        cod_minor: to collect at the door, in minor units of `currency`.
        items: what is in it, in a few words.
        is_return: it goes back to the merchant, who is the consignee then.
        printed_at: when, as it shall be read.
        sscc: 18 digits; printed as GS1-128.
        routing: what the square code holds: a carrier's routing data, or an address on the web.
        square: which kind of square code.
        language: of the captions; "" is Chinese if an address is, else English.
    """

    SHOWN: ClassVar[tuple[str, ...]] = (
        *("waybill", "carrier_name", "service", "sort_code", "bag_place", "reference", "weight_g", "piece", "pieces"),
        *("currency", "is_return", "printed_at", "sscc", "square", "language"),
    )

    waybill: Waybill
    sender: Address
    consignee: Address
    carrier_name: str = ""
    service: str = ""
    sort_code: str = ""
    bag_place: str = ""
    reference: str = ""
    order_number: str = ""
    weight_g: int = 0
    piece: int = 1
    pieces: int = 1
    cod_minor: int = 0
    currency: str = ""
    items: str = ""
    remark: str = ""
    is_return: bool = False
    printed_at: str = ""
    sscc: str = ""
    routing: str = ""
    square: Square = "datamatrix"
    language: Language = ""


class PackingSlip(Guarded, frozen=True, kw_only=True):
    """The paper in the parcel that says what should be there.

    Attributes:
        items: one line each; `value_minor` in minor units of `currency`.
        waybill: if it has one already.
        note: a word of the merchant to the consignee.
        language: of the captions, as of a label.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("order_number", "reference", "currency", "waybill", "printed_at", "language")

    order_number: str
    sender: Address
    consignee: Address
    items: Sequence[Item]
    currency: str = ""
    waybill: Waybill | None = None
    reference: str = ""
    note: str = ""
    printed_at: str = ""
    language: Language = ""


def check_label(label: ParcelLabel) -> None:
    """Whether it can be printed, as far as that is seen without measuring.

    Raises:
        BadInput: names the field and the mend.
    """
    _check_texts(label)
    if not label.waybill.number:
        raise BadInput("a label needs a number", where="waybill.number", mend="Book the parcel first.")
    if other := re.search(r"[^ -~]", label.waybill.number):
        raise BadInput(
            f"{other.group()!r} does not go into Code 128, which holds the printable characters of ASCII",
            where="waybill.number",
            mend="Give the number as the carrier issued it, in letters and digits.",
        )
    if not 1 <= label.piece <= label.pieces:
        raise BadInput(f"piece {label.piece} of {label.pieces}", where="piece", mend="Count from 1 to `pieces`.")
    if not 0 <= label.weight_g <= MAX_WEIGHT_G:
        raise BadInput(f"{label.weight_g} g is not between 0 and {MAX_WEIGHT_G}", where="weight_g", mend="Give grams.")
    if label.cod_minor < 0:
        raise BadInput(
            f"{label.cod_minor} is negative", where="cod_minor", mend="Give what the courier collects, or 0."
        )
    if label.cod_minor:
        _check_currency(label.currency)
    if label.sscc:
        try:
            parse_sscc(label.sscc)
        except BadInput as error:
            raise BadInput(error.message, where="sscc", mend="Give its 18 digits, the check digit last.") from None


def check_slip(slip: PackingSlip) -> None:
    """As `check_label`.

    Raises:
        BadInput: names the field and the mend.
    """
    _check_texts(slip)
    if not slip.items:
        raise BadInput("there is nothing in it", where="items", mend="Give at least one item.")
    for number, item in enumerate(slip.items):
        if item.quantity < 1:
            raise BadInput(f"{item.quantity} pieces", where=f"items[{number}].quantity", mend="Count from 1.")
    if any(item.value_minor is not None for item in slip.items):
        _check_currency(slip.currency)


def is_chinese(text: str) -> bool:
    """Whether a Chinese character stands in it."""
    return _CHINESE.search(text) is not None


def find_language(content: ParcelLabel | PackingSlip) -> str:
    """Of its captions."""
    if content.language:
        return content.language
    addresses = (content.sender, content.consignee)
    return "zh" if any(is_chinese(each.name + each.city + each.street) for each in addresses) else "en"


def as_printed(text: str) -> str:
    """The same text in characters that fonts have: composed, without those that are never seen."""
    if text.isascii():
        return text
    composed = unicodedata.normalize("NFC", text)
    return "".join(char for char in composed if unicodedata.category(char) != "Cf")


def _check_currency(currency: str) -> None:
    if not _CURRENCY.fullmatch(currency):
        raise BadInput(
            f"{currency[:8]!r} is no ISO 4217 currency code", where="currency", mend="Give three letters, such as CNY."
        )


def _check_texts(content: ParcelLabel | PackingSlip) -> None:
    for where, text in _texts(content, ""):
        if len(text) > MAX_TEXT:
            raise BadInput(f"{len(text)} characters, at most {MAX_TEXT}", where=where, mend="Shorten it.")
        if text.isascii() and text.isprintable():
            continue
        if has_control(text):
            at = next(place for place, char in enumerate(text) if has_control(char))
            raise BadInput(
                f"a control character (U+{ord(text[at]):04X}) at character {at + 1} cannot be printed",
                where=where,
                mend="Take it out; a line break may be a space or a comma.",
            )
        if any(unicodedata.category(char) == "Cs" for char in text):
            raise BadInput("half a surrogate pair is no character", where=where, mend="Send UTF-8.")
        if leftward := next((char for char in text if unicodedata.bidirectional(char) in _LEFTWARD), None):
            raise BadInput(
                f"{leftward!r} is written from right to left, which labels cannot do yet",
                where=where,
                mend="Give it in Latin letters.",
            )


def _texts(content: msgspec.Struct, before: str) -> Iterator[tuple[str, str]]:
    for name in content.__struct_fields__:
        value = getattr(content, name)
        if isinstance(value, str):
            yield before + name, value
        elif isinstance(value, msgspec.Struct):
            yield from _texts(value, f"{before}{name}.")
        elif isinstance(value, (list, tuple)):
            for number, each in enumerate(value):
                yield from _texts(each, f"{before}{name}[{number}].")
