"""Words: texts that recur (carriers, codes, facilities), each kept once under a small number."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.store.compiled import compiled

#: What is shown of a text that found no number any more.
OTHER = "\N{HORIZONTAL ELLIPSIS}"


class Words:
    """Texts under the numbers 1, 2, 3 ... in the order of their coming; 0 stands for none.

    The numbers depend on the order of arrival, so nothing that must not depend on it may compare them; `digests`
    depend on the text alone.
    """

    def __init__(self, texts: Iterable[str] = (), most: int = (1 << 31) - 2) -> None:
        """`most` different texts get numbers of their own; all further ones share that of `OTHER`."""
        self._most = most
        self._ids: dict[str, int] = {}
        self._texts: list[str | None] = [None]
        self._digests = np.zeros(1024, np.uint64)
        for text in texts:
            self.id_of(text)

    def __len__(self) -> int:
        return len(self._ids)

    def id_of(self, text: str) -> int:
        """The number of a text, a new one if it is new."""
        known = self._ids.get(text)
        if known is None and len(self._ids) >= self._most and text != OTHER:
            return self.id_of(OTHER)
        if known is None:
            known = self._ids[text] = len(self._texts)
            if known == len(self._digests):
                self._digests = np.concatenate([self._digests, np.zeros_like(self._digests)])
            self._digests[known] = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
            self._texts.append(text)
        return known

    def find(self, text: str) -> int:
        """The number of a text, 0 if it has none."""
        return self._ids.get(text, 0)

    def ids(self, column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int32]:
        """The numbers of a column of texts, 0 for nulls."""
        if isinstance(column, pa.ChunkedArray):
            column = column.unify_dictionaries().combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        return self.ids_of([column])[0]

    def ids_of(self, columns: Sequence[pa.DictionaryArray]) -> list[npt.NDArray[np.int32]]:
        """As `ids` for each of some columns; Python sees only once what all of them say."""
        told = pa.concat_arrays([column.dictionary.cast(pa.string()) for column in columns]).dictionary_encode()
        number_of = np.array([self.id_of(text) for text in told.dictionary.to_pylist()], np.int32)
        mapping, found, start = number_of[np.asarray(told.indices)], list[npt.NDArray[np.int32]](), 0
        for column in columns:
            stop = start + len(column.dictionary)
            own = np.append(mapping[start:stop], np.int32(0))
            found.append(own[np.asarray(column.indices.fill_null(stop - start))])
            start = stop
        return found

    def text(self, number: int) -> str | None:
        """The text under a number; None for 0."""
        return self._texts[number]

    def texts(self, numbers: npt.NDArray[np.int32]) -> pa.Array:
        """A dictionary column of the texts under some numbers, null for 0."""
        size = int(numbers.max(initial=0)) + 1
        places, found = np.empty(len(numbers), np.int32), np.empty(min(len(numbers), size), np.int32)
        unique = found[: _find_distinct(numbers, np.zeros(size, np.int32), places, found)]
        texts = pa.array([self._texts[number] for number in unique.tolist()], pa.string())
        gone = np.flatnonzero(unique == 0)
        if not len(gone):
            return pa.DictionaryArray.from_arrays(pa.array(places), texts)
        none = places == gone[0]
        places[places > gone[0]] -= 1
        return pa.DictionaryArray.from_arrays(pa.array(places, mask=none), texts.drop_null())

    def digests(self, numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.uint64]:
        """64-bit digests of the texts under some numbers."""
        digests: npt.NDArray[np.uint64] = self._digests[numbers]
        return digests

    def since(self, number: int) -> Sequence[str]:
        """The texts that came after that number, in order: what has to be written to disk."""
        return [text for text in self._texts[number + 1 :] if text is not None]


class Vocabulary:
    """The words of scans, each column's by itself, no more of each than fit into 16, 16 and 23 bits."""

    MOST: ClassVar = {"carrier": (1 << 16) - 2, "code": (1 << 16) - 2, "facility": (1 << 23) - 2}

    def __init__(self) -> None:
        self.carrier, self.code, self.facility = (Words(most=most) for most in self.MOST.values())

    def full(self, share: float = 1.0) -> list[str]:
        """The columns that have that share of the words that they may have, or more."""
        return [name for name, most in self.MOST.items() if len(self.of(name)) >= share * most]

    def of(self, name: str) -> Words:
        """The words of a column (`carrier`, `code`, `facility`)."""
        return {"carrier": self.carrier, "code": self.code, "facility": self.facility}[name]


@compiled
def _find_distinct(
    numbers: npt.NDArray[np.int32],
    place_of: npt.NDArray[np.int32],
    places: npt.NDArray[np.int32],
    found: npt.NDArray[np.int32],
) -> int:
    """For each number its place among those that differ, in the order of their coming; how many these are."""
    count = 0
    for row in range(len(numbers)):
        place = place_of[numbers[row]]
        if place == 0:
            found[count] = numbers[row]
            count += 1
            place = place_of[numbers[row]] = count
        places[row] = place - 1
    return count
