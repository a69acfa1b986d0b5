"""Waybill numbers of the imagined world, in each carrier's format, with right check digits and never twice."""

import random
from collections.abc import Callable

from waypost.model.identifiers.check_digits import mod10_check_digit, s10_check_digit

#: First digits and digits in all, as these carriers' numbers look; none has a published check digit.
_CHINESE = {
    "yto": ("YT8", 12),
    "sto": ("7730", 11),
    "zto": ("7850", 10),
    "best": ("5530", 11),
    "yunda": ("4631", 11),
    "cainiao": ("LP006", 11),
}


class Numbers:
    """Gives out numbers."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._given: set[str] = set()

    def chinese(self, carrier: str) -> str:
        """A number of a carrier in China."""
        start, digits = _CHINESE[carrier]
        return self._fresh(lambda: start + self._digits(digits))

    def postal(self) -> str:
        """An item number of UPU S10, issued in Hong Kong."""
        return self._fresh(self._make_postal)

    def american(self) -> str:
        """A number of the United States Postal Service (IMpb of a commercial mailer)."""
        return self._fresh(self._make_american)

    def _make_postal(self) -> str:
        serial = self._digits(8)
        return f"LX{serial}{s10_check_digit(serial)}HK"

    def _make_american(self) -> str:
        serial = f"926129{self._digits(15)}"
        return f"{serial}{mod10_check_digit(serial, evens=3, odds=1, reverse=False)}"

    def _digits(self, count: int) -> str:
        return f"{self._rng.randrange(10**count):0{count}}"

    def _fresh(self, make: Callable[[], str]) -> str:
        while (number := make()) in self._given:
            pass
        self._given.add(number)
        return number
