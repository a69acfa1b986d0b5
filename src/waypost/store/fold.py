"""What an index is told about folding scans into states. The room that folds (`track`) answers this protocol."""

from collections.abc import Mapping
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.store.words import Vocabulary


class KeyedScans(msgspec.Struct, frozen=True):
    """Scans as numbers, rows of one key side by side. All columns have one length.

    Attributes:
        group: which key of the batch a row belongs to: 0, 0, 1, 1, 1, 2 ... int64.
        at_ms: UTC milliseconds. int64.
        offset_min: int16.
        time_flags: uint8.
        carrier, code, facility: numbers of `words`, 0 for none. int32.
        corrects: the scan names another one that it replaces or withdraws. bool.
        digest: depends on code, facility and offset as texts and on nothing else, so it can break ties. uint64.
        words: what the numbers stand for.
    """

    group: npt.NDArray[np.int64]
    at_ms: npt.NDArray[np.int64]
    offset_min: npt.NDArray[np.int16]
    time_flags: npt.NDArray[np.uint8]
    carrier: npt.NDArray[np.int32]
    code: npt.NDArray[np.int32]
    facility: npt.NDArray[np.int32]
    corrects: npt.NDArray[np.bool_]
    digest: npt.NDArray[np.uint64]
    words: Vocabulary


class Fold(Protocol):
    """A mergeable aggregate from the scans of a parcel to its state.

    `merge` is commutative, associative and idempotent, and `merge(fold(a), fold(b)) == fold(a + b)`: so neither the
    order of scans, nor duplicates, nor the way they were split into batches changes a state. The one thing that no
    small state can undo is a scan that went into it: a parcel of which a scan was corrected is folded from its whole
    timeline, less what was corrected (`needs_timeline` says which parcels).
    """

    @property
    def version(self) -> str:
        """Changes whenever an equal set of scans would give another state; an index then folds all anew."""

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The record of one state: little-endian, a multiple of eight bytes."""

    @property
    def words(self) -> tuple[str, ...]:
        """The fields of the record that hold numbers of words, 0 for none; named as the columns of the words are."""

    def blank(self, count: int) -> npt.NDArray[np.void]:
        """The states of no scans at all: united with another, they change nothing."""

    def fold(self, scans: KeyedScans, onto: npt.NDArray[np.void] | None = None) -> npt.NDArray[np.void]:
        """One state a group, in the order of the groups; united with those of `onto`, one a group, if given."""

    def merge(self, a: npt.NDArray[np.void], b: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
        """The states of the united scans, element by element."""

    def needs_timeline(self, states: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
        """Which states are right only if folded from all scans of the parcel that still stand."""

    @property
    def news(self) -> np.dtype[np.void]:
        """The record of one change: what of it is worth telling. Its field `told` is 0 where nothing is."""

    @property
    def earlier_news(self) -> tuple[np.dtype[np.void], ...]:
        """The records of earlier releases, oldest first: each the first fields of the next; the others read as 0."""

    @property
    def news_words(self) -> Mapping[str, str]:
        """The fields of `news` that hold numbers of words, 0 for none, and of which column the words are."""

    def tell(
        self, before: npt.NDArray[np.void], after: npt.NDArray[np.void], is_new: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.void]:
        """The news of some states, element by element; what was before a new parcel means nothing."""


def key_scans(scans: pa.RecordBatch | pa.Table, group: npt.NDArray[np.int64], words: Vocabulary) -> KeyedScans:
    """Turn scans into numbers. `group` says for each row, in any order, which key it belongs to."""
    order = np.argsort(group, kind="stable")
    code, facility = words.code.ids(scans.column("code")), words.facility.ids(scans.column("facility"))
    offset_min = np.asarray(scans.column("offset_min")).astype(np.int16)
    digest = words.code.digests(code) * np.uint64(0x9E3779B97F4A7C15)
    digest ^= words.facility.digests(facility) + offset_min.astype(np.int64).view(np.uint64)
    return KeyedScans(
        group=group[order],
        at_ms=np.asarray(scans.column("at").cast(pa.int64()))[order],
        offset_min=offset_min[order],
        time_flags=np.asarray(scans.column("time_flags")).astype(np.uint8)[order],
        carrier=words.carrier.ids(scans.column("carrier"))[order],
        code=code[order],
        facility=facility[order],
        corrects=np.asarray(scans.column("corrects").is_valid())[order],
        digest=digest[order],
        words=words,
    )


def state_columns(states: npt.NDArray[np.void], fold: Fold, words: Vocabulary) -> dict[str, pa.Array]:
    """The fields of some state records as columns, words as text, padding fields (named `_...`) left out."""
    assert states.dtype.names is not None
    return {
        name: words.of(name).texts(states[name]) if name in fold.words else pa.array(np.ascontiguousarray(states[name]))
        for name in states.dtype.names
        if not name.startswith("_")
    }


def state_table(
    carriers: pa.Array, numbers: pa.Array, counts: npt.NDArray[np.int64], states: npt.NDArray[np.void], fold: Fold,
    words: Vocabulary,
) -> pa.Table:  # fmt: skip
    """What `ParcelIndex` answers: the states of some parcels, and of how many scans."""
    return pa.table(
        {
            "carrier": carriers.cast(pa.string()),
            "number": numbers.cast(pa.string()),
            "scans": pa.array(counts, pa.int64()),
            **state_columns(states, fold, words),
        }
    )


def change_table(
    positions: npt.NDArray[np.int64], scans: pa.Table, news: npt.NDArray[np.void], fold: Fold, words: Vocabulary
) -> pa.Table:
    """What `Changes` answers: positions, the scans that stand there, and the news."""
    assert news.dtype.names is not None
    columns = {name: np.ascontiguousarray(news[name]) for name in news.dtype.names}
    texts = {name: words.of(kind).texts(columns[name]) for name, kind in fold.news_words.items()}
    told = {name: scans.column(name) for name in scans.column_names}
    return pa.table({"position": pa.array(positions, pa.int64()), **told, **columns, **texts})
