"""JSON arrays that are sent. One is looked into before it is read: each element takes memory, in however few bytes."""

from typing import TypeVar

import msgspec
import numpy as np

from waypost.model.decoding import decode
from waypost.model.errors import BadInput, TooLarge
from waypost.web.problems import Invalid, Wrong

T = TypeVar("T")

_MARKS = b'"[]{},'
_OTHERS = bytes(set(range(256)) - set(_MARKS))
_QUOTE, _COMMA = b'",'

#: How a mark changes the depth.
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1

#: So many marks are looked at in one go.
_PIECE = 1 << 16


def parse_array(body: bytes, kind: type[list[T]], most: int, of: str) -> list[T]:
    """The elements of a body that is a JSON array; all of them or, if one cannot be, none.

    Raises:
        TooLarge: it has more than `most`; `of` says what they are, in the plural.
        Invalid: one is not as it has to be; says which.
        BadInput: it is no JSON.
    """
    refuse_long_array(body, most, of)
    try:
        return decode(body, kind)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `")
        raise Invalid(str(error), [Wrong(where.rstrip("`") or "body", reason)]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"the body is no JSON: {error}", where="body") from None


def refuse_long_array(body: bytes, limit: int, of: str) -> None:
    """Check that a JSON array has no more elements than may be sent.

    Args:
        body: as it came; whether it is JSON at all is left to the reader.
        of: what the elements are, in the plural.

    Raises:
        TooLarge: it has more.
    """
    if body.count(b",") >= limit and count_elements(body) > limit:  # the first is cheap, and enough for most bodies
        raise TooLarge(f"more than {limit} {of} at once", mend="Send them in smaller batches.")


def count_elements(body: bytes) -> int:
    """How many elements a JSON array has that is not empty; of a broken one at least those before the break."""
    # Backslashes stand in texts only and always begin an escape; without `\\` and `\"` every quote is a text's end.
    marks = body.replace(rb"\\", b"").replace(rb"\"", b"").translate(None, _OTHERS)
    commas = depth = quoted = 0
    for start in range(0, len(marks), _PIECE):
        piece = np.frombuffer(marks, np.uint8, min(_PIECE, len(marks) - start), start)
        inside = (np.cumsum(piece == _QUOTE, dtype=np.int32) + quoted) & 1
        depths = np.cumsum(np.where(inside, 0, _STEPS[piece]), dtype=np.int32) + depth
        commas += int(np.count_nonzero((piece == _COMMA) & (inside == 0) & (depths == 1)))
        depth, quoted = int(depths[-1]), int(inside[-1])
    return commas + 1
