"""Whether an address can be delivered to as far as its form tells: what its country asks for, field by field."""

from collections.abc import Callable
from typing import Protocol

from waypost.model.addresses.divisions import read_divisions
from waypost.model.addresses.phones import parse_phone
from waypost.model.addresses.postcodes import get_rules, has_postcodes, parse_postcode
from waypost.model.errors import BadInput
from waypost.model.guarded import Guarded
from waypost.model.texts import has_control


class Addressed(Protocol):
    """An address, as `booking.issuing.Address` is one."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def country(self) -> str: ...  # noqa: D102
    @property
    def province(self) -> str: ...  # noqa: D102
    @property
    def city(self) -> str: ...  # noqa: D102
    @property
    def county(self) -> str: ...  # noqa: D102
    @property
    def street(self) -> str: ...  # noqa: D102
    @property
    def postcode(self) -> str: ...  # noqa: D102
    @property
    def phone(self) -> str: ...  # noqa: D102


class AddressFault(Guarded, frozen=True, kw_only=True):
    """What is wrong with one field, and how to mend it."""

    SHOWN = ("field",)

    field: str
    message: str
    mend: str = ""


#: Letters of Google's address formats, for the fields that they ask of.
FIELDS = {"S": "province", "C": "city", "D": "county", "A": "street", "Z": "postcode"}
_LONGEST = 200


def list_required(country: str) -> list[str]:
    """The fields without which an address there is not complete; the name always is one.

    Raises:
        BadInput: no such country.
    """
    required = get_rules(country)["require"]
    return ["name", *(field for letter, field in FIELDS.items() if letter in required)]


def list_address_faults(address: Addressed) -> list[AddressFault]:
    """Everything that is wrong with an address, at most one thing a field."""
    try:
        required = list_required(address.country)
    except BadInput as fault:
        message = fault.message.removeprefix("country: ")
        return [AddressFault(field="country", message=message, mend="Write two letters, such as CN or BR.")]
    faults: dict[str, AddressFault] = {}
    for field in ("name", *FIELDS.values(), "phone"):
        text: str = getattr(address, field)
        if has_control(text):
            faults[field] = AddressFault(field=field, message="has a control character", mend="Write it on one line.")
        elif len(text) > _LONGEST:
            faults[field] = AddressFault(field=field, message=f"is longer than {_LONGEST} characters")
        elif field in required and not text.strip():
            faults[field] = _missing(address, field)
    if address.country.upper() == "CN":
        _check_divisions(address, faults)
    else:
        _check_province(address, faults)
    if address.postcode.strip() and has_postcodes(address.country):
        _check(faults, "postcode", lambda: parse_postcode(address.country, address.postcode))
    if address.phone.strip():
        _check(faults, "phone", lambda: parse_phone(address.phone, address.country))
    return list(faults.values())


def _check(faults: dict[str, AddressFault], field: str, parse: Callable[[], object]) -> None:
    try:
        parse()
    except BadInput as fault:
        message = fault.message.removeprefix(f"{field}: ")
        faults.setdefault(field, AddressFault(field=field, message=message, mend=fault.mend or ""))


def _check_province(address: Addressed, faults: dict[str, AddressFault]) -> None:
    """One of those that the country has, as far as they are known, by code or by name."""
    rules = get_rules(address.country)
    province = address.province.strip()
    if not province or "sub_keys" not in rules:
        return
    known = {
        name.casefold()
        for key in ("sub_keys", "sub_names", "sub_lnames", "sub_isoids")
        for name in rules.get(key, "").split("~")
        if name
    }
    if province.casefold() not in known:
        some = ", ".join(rules["sub_keys"].split("~")[:3])
        faults.setdefault(
            "province",
            AddressFault(field="province", message="is none of the country's", mend=f"Write it like {some}."),
        )


def _check_divisions(address: Addressed, faults: dict[str, AddressFault]) -> None:
    """Each a division of China that is in the one before."""
    tables = read_divisions()
    inside = frozenset[str]()
    above = ""
    for field in ("province", "city", "county"):
        name: str = getattr(address, field).strip()
        if not name or field in faults:
            continue
        called = tables.names.get(name)
        if called is None:
            faults.setdefault(
                field,
                AddressFault(
                    field=field,
                    message="is no division of China",
                    mend="Write its name as it is now; what is smaller belongs into the street.",
                ),
            )
            return
        narrowed = tables.narrow(inside, called.codes) if inside else called.codes
        if not narrowed:
            faults[field] = AddressFault(field=field, message=f"is not in {above}", mend=f"Compare it with {above}.")
            return
        inside, above = narrowed, name


def _missing(address: Addressed, field: str) -> AddressFault:
    where = "" if field == "name" else f" in {address.country.upper()}"
    return AddressFault(field=field, message="is missing", mend=f"No address{where} is complete without it.")
