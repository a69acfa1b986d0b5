"""Where places lie in the areas of a card. Names are compared as people mean them, not as they type them."""

import functools
import re
from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from waypost.booking.rating.cards import Area
from waypost.model.errors import BadInput
from waypost.model.names import plain_name

_RANGE = re.compile(r"([0-9]+)-([0-9]+)")


class Spot(msgspec.Struct, frozen=True):
    """One end of a way: no more of an address than a price hangs on."""

    country: str
    province: str = ""
    city: str = ""
    postcode: str = ""


@functools.lru_cache(maxsize=1 << 16)
def plain_postcode(postcode: str) -> str:
    """A postcode without blanks and hyphens."""
    return "".join(letter for letter in postcode.upper() if letter.isalnum())


class Postcodes:
    """A set of postcodes.

    Raises:
        BadInput: an entry is none that can be read.
    """

    def __init__(self, entries: Sequence[str]) -> None:
        self._single = set()
        starts = []
        ranges: dict[int, list[tuple[int, int]]] = {}
        for entry in entries:
            if found := _RANGE.fullmatch(entry.replace(" ", "")):
                first, last = found[1], found[2]
                if len(first) != len(last) or first > last:
                    mend = "Both ends have as many digits, the lower one first; one postcode stands without its hyphen."
                    raise BadInput(f"{entry!r} is no range", mend=mend)
                ranges.setdefault(len(first), []).append((int(first), int(last)))
            elif entry.endswith("*") and plain_postcode(entry[:-1]):
                starts.append(plain_postcode(entry[:-1]))
            elif plain_postcode(entry) and "*" not in entry:
                self._single.add(plain_postcode(entry))
            else:
                raise BadInput(f"{entry!r} is no postcode", mend="Write 90210, 01*, or 200000-209999.")
        self._starts = tuple(starts)
        self._ranges = {digits: _joined(found) for digits, found in ranges.items()}

    def __contains__(self, postcode: str) -> bool:
        plain = plain_postcode(postcode)
        if not plain:
            return False
        if plain in self._single or plain.startswith(self._starts):
            return True
        if not plain.isdecimal():
            return False
        for digits, (firsts, lasts) in self._ranges.items():
            # A range of fewer digits is one of beginnings: 100-104 has 10115.
            if len(plain) >= digits:
                number = int(plain[:digits])
                at = bisect_right(firsts, number) - 1
                if at >= 0 and number <= lasts[at]:
                    return True
        return False


def _joined(ranges: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Ranges in order, those that overlap made one."""
    firsts: list[int] = []
    lasts: list[int] = []
    for first, last in sorted(ranges):
        if lasts and first <= lasts[-1] + 1:
            lasts[-1] = max(lasts[-1], last)
        else:
            firsts.append(first)
            lasts.append(last)
    return firsts, lasts


class Places:
    """Areas, ready to be looked into; none of them: anywhere."""

    def __init__(self, areas: Sequence[Area]) -> None:
        self._areas = [
            (
                area.country,
                frozenset(map(plain_name, area.provinces)),
                frozenset(map(plain_name, area.cities)),
                Postcodes(area.postcodes) if area.postcodes else None,
            )
            for area in areas
        ]

    def __contains__(self, spot: Spot) -> bool:
        if not self._areas:
            return True
        for country, provinces, cities, postcodes in self._areas:
            if (
                country == spot.country
                and (not provinces or plain_name(spot.province) in provinces)
                and (not cities or plain_name(spot.city) in cities)
                and (postcodes is None or spot.postcode in postcodes)
            ):
                return True
        return False
