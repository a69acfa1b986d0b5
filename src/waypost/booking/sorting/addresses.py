"""The place of an address, as sorters want it."""

from waypost.booking.issuing import Address
from waypost.booking.sorting.places import place_of
from waypost.model.addresses import parse_chinese_address

_DIVISIONS = ("province", "city", "county")


def place_of_address(address: Address) -> dict[str, str]:
    """The row of `PLACES` of an address of an order."""
    return read_place(
        address.country,
        address.postcode,
        {name: getattr(address, name) for name in _DIVISIONS} | {"street": address.street},
    )


def read_place(country: str, postcode: str, told: dict[str, str]) -> dict[str, str]:
    """The row of `PLACES` of fields.

    Chinese ones are read as one text first, so that 浙江, 浙江省 and a street that repeats both are the same place.
    What that does not find stays as it was told.

    Args:
        told: province, city, county and street.
    """
    plain = {"country": country, "postcode": postcode, **told}
    if country != "CN":
        return plain
    read = place_of(parse_chinese_address("".join(told.values())))
    if not read["city"] and not read["county"]:
        return plain
    return {name: read[name] or plain[name] for name in plain}
