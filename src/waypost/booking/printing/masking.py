"""The privacy waybill: names and phone numbers as nobody but the carrier can complete them.

Chinese carriers print `王**` and `138****1234`; GB/T 41833-2022 asks for six hidden digits (unverified here).
"""

import re
from typing import Literal, TypeVar

import msgspec

from waypost.booking.issuing import Address, Item
from waypost.booking.printing.content import PackingSlip, ParcelLabel, is_chinese
from waypost.model.errors import BadInput

Printed = TypeVar("Printed", ParcelLabel, PackingSlip)

_EXTENSION = re.compile(r"(?:-|转|ext\.?|x)\s*\d{1,4}$", re.I)
_SEVERAL = re.compile(r"([,;/，；、|])")
_MOBILE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)")
_ROOM = re.compile(r"\d+(?=\s*(?:单元|号楼|幢|栋|室|户|房))")

_WHOLE_NUMBER = 10  # digits; what follows so many may be an extension
_PLACE = "路|街|道|巷|弄|村|镇|乡|县|区|市|桥|广场|大厦|小区|公园|学校"


class Masking(msgspec.Struct, frozen=True, kw_only=True):
    """What is hidden.

    Attributes:
        names: but for the first character.
        phone_digits: how many digits of a number: 4 as carriers do, 6 as the standard asks; 0 hides none.
        rooms: numbers of building, unit and room in Chinese addresses.
    """

    names: bool = True
    phone_digits: Literal[0, 4, 6] = 4
    rooms: bool = False


def mask(content: Printed, masking: Masking) -> Printed:
    """The same with both parties masked, and what stands in free texts of them or looks like a mobile number.

    Raises:
        BadInput: a number or a code holds a name or a phone number: it would not be the same if that were hidden.
    """
    hidden = _hidden(content.sender, masking) | _hidden(content.consignee, masking)
    for name in ("routing", "order_number", "reference", "sort_code", "bag_place"):
        _refuse_leak(name, getattr(content, name, ""), hidden)
    parties = {name: _mask_party(getattr(content, name), masking, hidden) for name in ("sender", "consignee")}
    texts = {
        name: _mask_text(text, masking, hidden)
        for name in ("remark", "items", "note", "service")
        if isinstance(text := getattr(content, name, None), str)
    }
    if isinstance(content, PackingSlip):
        items = tuple(_mask_item(each, masking, hidden) for each in content.items)
        return msgspec.structs.replace(content, **parties, **texts, items=items)
    return msgspec.structs.replace(content, **parties, **texts)


def mask_name(name: str) -> str:
    """`王**`, `J***`: so many stars whatever its length, for that tells something, too."""
    name = name.strip()
    if not name:
        return ""
    return name[0] + ("**" if is_chinese(name[0]) else "***")


def mask_street(street: str) -> str:
    """`Aveni***`: enough for who lives there to know it; a house number, which most write last, is hidden."""
    street = street.strip()
    return street[: min(len(street) // 3, 6)] + "***" if street else ""


def mask_phone(phone: str, digits: int = 4) -> str:
    """`138****1234` with 4, `138******34` with 6; an extension stays. Of a short number hardly anything is left."""
    return "".join(
        _mask_number(part, digits) if place % 2 == 0 else part for place, part in enumerate(_SEVERAL.split(phone))
    )


def _mask_number(number: str, digits: int) -> str:
    extension = _EXTENSION.search(number)
    main = number[: extension.start()] if extension else number
    places = [place for place, char in enumerate(main) if char.isdigit()]
    if extension and len(places) < _WHOLE_NUMBER:  # the last digits of the number itself
        main, extension = number, None
        places = [place for place, char in enumerate(main) if char.isdigit()]
    if not digits or not places:
        return number
    kept = 4 if digits == 4 else 2
    if len(places) < digits + kept + 1:
        kept, digits = min(2, len(places) // 3), len(places)
    last = len(places) - kept
    concealed = set(places[max(0, last - digits) : last])
    masked = "".join("*" if place in concealed else char for place, char in enumerate(main))
    return masked + (extension.group() if extension else "")


def _hidden(who: Address, masking: Masking) -> dict[str, str]:
    """What must not be read, and what is in its place."""
    found = {}
    if masking.names and len(who.name.strip()) > 1:
        found[who.name.strip()] = mask_name(who.name)
    if masking.phone_digits and who.phone.strip():
        masked = mask_phone(who.phone.strip(), masking.phone_digits)
        found[who.phone.strip()] = masked
        plain = "".join(char for char in who.phone if char.isdigit())
        if len(plain) >= 7:
            found[plain] = mask_phone(plain, masking.phone_digits)
            found[plain.removeprefix("86")] = mask_phone(plain.removeprefix("86"), masking.phone_digits)
    return found


def _mask_party(who: Address, masking: Masking, hidden: dict[str, str]) -> Address:
    street = _mask_text(who.street, masking, hidden)
    return msgspec.structs.replace(
        who,
        name=mask_name(who.name) if masking.names else who.name,
        phone=mask_phone(who.phone, masking.phone_digits),
        street=_ROOM.sub(lambda found: "*" * len(found.group()), street) if masking.rooms else street,
        company=_mask_text(who.company, masking, hidden),
    )


def _mask_item(item: Item, masking: Masking, hidden: dict[str, str]) -> Item:
    return msgspec.structs.replace(item, description=_mask_text(item.description, masking, hidden))


def _mask_text(text: str, masking: Masking, hidden: dict[str, str]) -> str:
    for found in sorted(hidden, key=len, reverse=True):
        if found in text:
            text = _standing_alone(found).sub(hidden[found], text)
    if masking.phone_digits:
        text = _MOBILE.sub(lambda found: mask_phone(found.group(), masking.phone_digits), text)
    return text


def _refuse_leak(where: str, text: str, hidden: dict[str, str]) -> None:
    if any(found in text and _standing_alone(found).search(text) for found in hidden):
        raise BadInput(
            "it holds a name or a phone number, which a privacy waybill hides",
            where=where,
            mend="Take it out, or print without masking.",
        )


def _standing_alone(text: str) -> re.Pattern[str]:
    """Not as a part of a longer word or number, and not the name of a street or place."""
    if is_chinese(text):
        return re.compile(re.escape(text) + f"(?!{_PLACE})")
    return re.compile(rf"(?<![^\W_]){re.escape(text)}(?![^\W_])", re.A)
