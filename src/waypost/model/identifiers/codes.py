"""Code lists of other standards that numbers refer to: countries, currencies, freight unit types, GS1 prefixes."""

from functools import cache
from importlib.resources import files

import msgspec

from waypost.model.decoding import decode


class CodeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data file `codes.json`: codes separated by spaces, prefixes one a line."""

    source: str
    countries: tuple[str, ...]
    currencies: tuple[str, ...]
    freight_unit_types: tuple[str, ...]
    gs1_prefixes: tuple[str, ...]


@cache
def read_codes() -> CodeFile:
    """The code lists that come with Waypost."""
    return decode(files(__package__).joinpath("codes.json").read_bytes(), CodeFile)


@cache
def list_country_letters() -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes."""
    return frozenset(code[:2] for line in read_codes().countries for code in line.split())


@cache
def list_country_numbers() -> frozenset[str]:
    """ISO 3166-1 numeric codes, three digits."""
    return frozenset(code[2:] for line in read_codes().countries for code in line.split())


@cache
def list_currency_numbers() -> frozenset[str]:
    """ISO 4217 numeric codes, three digits."""
    return frozenset(code for line in read_codes().currencies for code in line.split())


@cache
def list_freight_unit_types() -> frozenset[str]:
    """Codes of UN/CEFACT Recommendation 21, with those that GS1 added."""
    return frozenset(code for line in read_codes().freight_unit_types for code in line.split())


@cache
def read_gs1_prefixes() -> dict[str, str]:
    """Who gives out the company prefixes that start with three digits."""
    prefixes: dict[str, str] = {}
    for line in read_codes().gs1_prefixes:
        span, organisation = line.split(" ", 1)
        first, _, last = span.partition("-")
        prefixes |= {f"{number:03}": organisation for number in range(int(first), int(last or first) + 1)}
    return prefixes
