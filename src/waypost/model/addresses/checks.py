"""The kinds of check of addresses, for `waypost check --jsonl`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from waypost.model.addresses.chinese import parse_chinese_address
from waypost.model.addresses.phones import parse_phone
from waypost.model.addresses.postcodes import parse_postcode, requires_postcode
from waypost.model.checks import Check, ObjectCheck, Verdict
from waypost.model.decoding import convert
from waypost.model.errors import BadInput

T = TypeVar("T")


class RequiredVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a postcode is asked for; None, with the reason, where no such country is known."""

    required: bool | None
    reason: str | None = None


class AddressVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in an address; None is what does not. `reason` tells what is not sure."""

    province: str | None
    city: str | None
    county: str | None
    street: str | None
    detail: str
    name: str | None
    mobile: str | None
    phone: str | None
    postcode: str | None
    code: str | None
    reason: str | None


class PhoneVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a telephone number can exist, and how it is written for everybody."""

    valid: bool
    e164: str | None = None
    reason: str | None = None


class _Asked(msgspec.Struct, frozen=True):
    country: str
    postcode: str = ""
    phone: str = ""


class _Text(msgspec.Struct, frozen=True):
    text: str


def check_postcode(told: Mapping[str, Any]) -> Verdict:
    """Whether it has the form of that country's postcodes."""
    try:
        asked = _convert(told, _Asked)
        parse_postcode(asked.country, asked.postcode)
    except BadInput as fault:
        return Verdict(valid=False, reason=str(fault))
    return Verdict(valid=True)


def check_required(told: Mapping[str, Any]) -> RequiredVerdict:
    """Whether an address in that country needs a postcode."""
    try:
        return RequiredVerdict(required=requires_postcode(_convert(told, _Asked).country))
    except BadInput as fault:
        return RequiredVerdict(required=None, reason=str(fault))


def check_phone(told: Mapping[str, Any]) -> PhoneVerdict:
    """Whether the number can exist, dialled from that country."""
    try:
        asked = _convert(told, _Asked)
        return PhoneVerdict(valid=True, e164=parse_phone(asked.phone, asked.country).e164)
    except BadInput as fault:
        return PhoneVerdict(valid=False, reason=str(fault))


def check_chinese(told: Mapping[str, Any]) -> AddressVerdict:
    """What stands in a Chinese address.

    Raises:
        BadInput: there is no text.
    """
    found = parse_chinese_address(_convert(told, _Text).text)
    return AddressVerdict(
        province=found.province,
        city=found.city,
        county=found.county,
        street=found.street,
        detail=found.detail,
        name=found.name,
        mobile=found.mobile,
        phone=found.phone,
        postcode=found.postcode,
        code=found.code,
        reason=found.doubt,
    )


def _convert(told: Mapping[str, Any], kind: type[T]) -> T:
    try:
        return convert(told, kind)
    except msgspec.ValidationError as fault:
        raise BadInput(str(fault)) from None


#: The kinds of this part.
CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "address.postcode_required": ObjectCheck(check_required, alone="country"),
        "cn_address.parse": ObjectCheck(check_chinese, alone="text"),
        "phone.validate": ObjectCheck(check_phone),
        "postcode.validate": ObjectCheck(check_postcode),
    }
)
