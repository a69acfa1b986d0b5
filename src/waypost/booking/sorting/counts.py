"""Which codes were delivered to under which key, and when: sums, which can be added up in any order."""

import msgspec
import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: The unit in which deliveries grow old.
MONTH_MS = 30 * 86_400_000
#: Of one key so many codes are kept to be looked at, those delivered to most.
MOST_CODES = 12


class Counts(msgspec.Struct, frozen=True):
    """How many deliveries, by key, code and month: four columns, sorted by the first three, each combination once.

    `codes` are the texts that `code` numbers, in the order of the alphabet: so equal sums are equal bytes.
    """

    codes: tuple[str, ...]
    key: U64
    code: I64
    month: I64
    count: I64

    @classmethod
    def empty(cls) -> "Counts":
        """Of no delivery."""
        none = np.empty(0, np.int64)
        return cls((), np.empty(0, np.uint64), none, none, none)

    @classmethod
    def of(cls, keys: U64, codes: list[str], delivered_ms: I64) -> "Counts":
        """Of deliveries: a row of keys for each, 0 for none."""
        names, numbers = np.unique(np.array(codes, object).astype(str), return_inverse=True)
        rows, columns = np.nonzero(keys)
        months = delivered_ms[rows] // MONTH_MS
        ones = np.ones(len(rows), np.int64)
        return _add_up(tuple(map(str, names)), keys[rows, columns], numbers[rows].astype(np.int64), months, ones)

    def merge(self, other: "Counts") -> "Counts":
        """Both together. In any order and any grouping the same comes out."""
        if not self.codes or not other.codes:
            return self if self.codes else other
        codes = tuple(sorted({*self.codes, *other.codes}))
        place = {code: number for number, code in enumerate(codes)}
        mine, its = (np.array([place[code] for code in each.codes], np.int64) for each in (self, other))
        return _add_up(
            codes,
            np.concatenate([self.key, other.key]),
            np.concatenate([mine[self.code], its[other.code]]),
            np.concatenate([self.month, other.month]),
            np.concatenate([self.count, other.count]),
        )


class Index(msgspec.Struct, frozen=True):
    """The same, to be looked up: for each key the codes that were delivered to most, and how often.

    Attributes:
        keys: sorted.
        starts: where the codes of each begin, and where the last end.
        total, kinds: of all codes under a key: deliveries, and how many different codes.
        code, weight: those delivered to most.
    """

    keys: U64
    starts: I64
    total: Floats
    kinds: Floats
    code: I64
    weight: Floats

    @classmethod
    def of(cls, counts: Counts, half_life_months: float) -> "Index":
        """A delivery counts half after so many months before the latest one."""
        if not len(counts.key):
            none = np.empty(0, np.float64)
            return cls(counts.key, np.zeros(1, np.int64), none, none, counts.code, none)
        aged = counts.count * 0.5 ** ((counts.month.max() - counts.month) / half_life_months)
        begins = np.flatnonzero(_changes(counts.key, counts.code))
        weight = np.add.reduceat(aged, begins)
        key, code = counts.key[begins], counts.code[begins]
        first = np.flatnonzero(_changes(key))
        sizes = np.diff(np.append(first, len(key)))
        total = np.add.reduceat(weight, first)
        order = np.lexsort((code, -weight, key))
        rank = np.arange(len(key)) - np.repeat(first, sizes)
        kept = rank < MOST_CODES
        starts = np.concatenate([[0], np.cumsum(np.minimum(sizes, MOST_CODES))])
        return cls(key[first], starts, total, sizes.astype(np.float64), code[order][kept], weight[order][kept])

    def find(self, keys: U64) -> tuple[npt.NDArray[np.bool_], I64]:
        """Whether each key is there, and where."""
        if not len(self.keys):
            return np.zeros(len(keys), bool), np.zeros(len(keys), np.int64)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return (self.keys[place] == keys) & (keys != 0), place

    def gather(self, rows: I64, places: I64, most: int) -> tuple[I64, I64, Floats]:
        """Row, code and weight of the codes under the keys at those places, of each the most frequent ones."""
        sizes = np.minimum(self.starts[places + 1] - self.starts[places], most)
        repeated = np.repeat(rows, sizes)
        within = np.arange(len(repeated)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        entries = np.repeat(self.starts[places], sizes) + within
        return repeated, self.code[entries], self.weight[entries]


def _add_up(codes: tuple[str, ...], key: U64, code: I64, month: I64, count: I64) -> Counts:
    if not len(key):
        return Counts(codes, key, code, month, count)
    order = np.lexsort((month, code, key))
    key, code, month, count = key[order], code[order], month[order], count[order]
    begins = np.flatnonzero(_changes(key, code, month))
    return Counts(codes, key[begins], code[begins], month[begins], np.add.reduceat(count, begins))


def _changes(*columns: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Where a row differs from the one before."""
    differs = np.ones(len(columns[0]), bool)
    differs[1:] = False
    for column in columns:
        differs[1:] |= column[1:] != column[:-1]
    return differs
