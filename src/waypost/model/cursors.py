"""Cursors: the place in a list behind which its next page goes on.

A cursor is the key of the last thing shown, as URL-safe Base64 of a JSON list. Whoever reads a list hands it back as it
came and need not understand it.
"""

import base64
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from waypost.model.decoding import decode
from waypost.model.errors import BadInput

#: The longest key is that of a scan whose code and facility have 64 and 128 characters of four bytes each.
LONGEST = 1500
_MOST = (1 << 63) - 1

T = TypeVar("T")


def write_cursor(key: Sequence[str | int]) -> str:
    """The cursor of a key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def read_cursor(text: str | None, kind: type[T]) -> T | None:
    """The key that a cursor stands for; None without a cursor: the list begins.

    Args:
        text: what the page before gave as `next`.
        kind: of the key, a tuple of what it is made of.

    Raises:
        BadInput: it is no cursor of such a list; `where` is `after`, as the parameter is called everywhere.
    """
    if text is None:
        return None
    try:
        if len(text) > LONGEST:
            raise ValueError("longer than any cursor")
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found = decode(key, kind)
        if any(isinstance(each, int) and abs(each) > _MOST for each in found):  # type: ignore[attr-defined]
            raise ValueError("a number that no key has")
        return found
    except (ValueError, RecursionError):  # also what msgspec raises
        raise BadInput(
            "this cursor is none of ours", where="after", mend="Use `next` of the page before, or leave it out."
        ) from None
