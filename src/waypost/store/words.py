"""Words: texts that recur (carriers, codes, facilities), each kept once under a small number."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class Words:
    """Texts under the numbers 1, 2, 3 ... in the order of their coming; 0 stands for none.

    The numbers depend on the order of arrival, so nothing that must not depend on it may compare them; `digests`
    depend on the text alone.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._ids: dict[str, int] = {}
        self._texts: list[str | None] = [None]
        self._digests: list[int] = [0]
        for text in texts:
            self.id_of(text)

    def __len__(self) -> int:
        return len(self._ids)

    def id_of(self, text: str) -> int:
        """The number of a text, a new one if it is new."""
        known = self._ids.get(text)
        if known is None:
            known = self._ids[text] = len(self._texts)
            self._texts.append(text)
            self._digests.append(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"))
        return known

    def ids(self, column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int32]:
        """The numbers of a column of texts, 0 for nulls."""
        if isinstance(column, pa.ChunkedArray):
            column = column.unify_dictionaries().combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        mapping = np.array([self.id_of(text) for text in column.dictionary.to_pylist()] + [0], np.int32)
        ids: npt.NDArray[np.int32] = mapping[np.asarray(column.indices.fill_null(len(column.dictionary)))]
        return ids

    def text(self, number: int) -> str | None:
        """The text under a number; None for 0."""
        return self._texts[number]

    def texts(self, numbers: npt.NDArray[np.int32]) -> pa.Array:
        """A dictionary column of the texts under some numbers, null for 0."""
        unique, places = np.unique(numbers, return_inverse=True)
        texts = pa.array([self._texts[number] for number in unique], pa.string())
        return texts.take(pa.array(places)).dictionary_encode()

    def digests(self, numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.uint64]:
        """64-bit digests of the texts under some numbers."""
        unique, places = np.unique(numbers, return_inverse=True)
        return np.array([self._digests[number] for number in unique], np.uint64)[places]

    def since(self, number: int) -> Sequence[str]:
        """The texts that came after that number, in order: what has to be written to disk."""
        return [text for text in self._texts[number + 1 :] if text is not None]
