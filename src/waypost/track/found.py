"""What the compiled loops of `reading` find in a body."""

from typing import NamedTuple, Self, TypeAlias

import numpy as np
import numpy.typing as npt

U8: TypeAlias = npt.NDArray[np.uint8]
I16: TypeAlias = npt.NDArray[np.int16]
I32: TypeAlias = npt.NDArray[np.int32]
I64: TypeAlias = npt.NDArray[np.int64]
U64: TypeAlias = npt.NDArray[np.uint64]

#: How many fields a plain row has; so many of them are texts, and of these so many are words, which recur.
FIELDS, TEXTS, WORDS = 6, 5, 3
#: So many bytes of a text are compared at once.
HEAD = 16

_SHORTEST_ROW = len('{"number":"1","code":"1","at":"2026-11-22T10:00:00Z"}')
_FEWEST_SLOTS = 4096


class Found(NamedTuple):
    """What the loops fill in, and where they keep what they need. Texts stay in the body until they are copied.

    Attributes:
        at_ms: of each plain row.
        offset_min: of each plain row.
        rows: of each plain row its number in what was sent.
        ids: of each word field and plain row the number of its word, -1 for none.
        starts: of each text field where its texts begin: numbers and notes one a row, words each once.
        ends: where they end once they are copied one behind the other; 0 first.
        words: of each word field how many words there are, and how many slots.
        slots: of each word field a hash table of its words.
        heads: of each word field and word its first `HEAD` bytes, as two numbers.
        others: of each row that is not plain its number, and where it begins and ends.
        ways: of each step through a row the bytes from one text to the next in the row before, as two numbers; to
            which field they lead, and how many they are.
        parts: of each field of the row that is read where its text begins, how long it is, and the slot of its word.
    """

    at_ms: I64
    offset_min: I16
    rows: I64
    ids: I32
    starts: I32
    ends: I32
    words: I64
    slots: I32
    heads: U64
    others: I64
    ways: U64
    parts: I64

    @classmethod
    def room(cls, size: int, limit: int) -> Self:
        """Room for all that so many bytes may hold, and one row beyond the limit. What is not used is never touched."""
        rows, others = min(limit, size // _SHORTEST_ROW) + 1, min(limit, size) + 1
        found = cls(
            at_ms=np.empty(rows, np.int64),
            offset_min=np.empty(rows, np.int16),
            rows=np.empty(rows, np.int64),
            ids=np.empty((WORDS, rows), np.int32),
            starts=np.empty((TEXTS, rows), np.int32),
            ends=np.empty((TEXTS, rows + 1), np.int32),
            words=np.array([[0, _FEWEST_SLOTS]] * WORDS, np.int64),
            slots=np.empty((WORDS, max(_FEWEST_SLOTS, 1 << (4 * rows).bit_length())), np.int32),
            heads=np.empty((WORDS, rows, 2), np.uint64),
            others=np.empty((others, 3), np.int64),
            ways=np.zeros((FIELDS + 1, 4), np.uint64),
            parts=np.empty((FIELDS, 3), np.int64),
        )
        found.ends[:, 0] = 0
        found.slots[:, :_FEWEST_SLOTS] = -1
        found.ways[:, 0] = 1  # no bytes at all are not like this
        return found
