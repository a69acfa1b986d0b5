"""Trees that LightGBM learnt, asked in compiled code: the same answers to the last bit, many times as fast.

No tree is walked down. All leaves of a tree stand as bits; each test that a row fails takes away the leaves on the left
of it, and the leftmost leaf that is left is the answer. So the tests of all trees are sorted by what they ask, and a
row fails them from the first on until one holds (QuickScorer; Lucchese et al., 2015).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import lightgbm
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.forecast.trips import Floats, Ints
from waypost.model.errors import BadInput
from waypost.store.compiled import compiled, trailing_zeros

Bits = npt.NDArray[np.uint64]

#: The leaves of a tree are the bits of one number.
_MOST_LEAVES = 64
_EVERY_LEAF = 2**_MOST_LEAVES - 1

#: What trees may have been learnt for whose answer is their sum and no function of it; "" is an objective of our own.
_SUMMED = ("", "custom", "regression", "regression_l1")


class _Test(NamedTuple):
    """One test of one tree: a row fails it whose value is more than `limit`, or not among `words`.

    Attributes:
        kept: the leaves that are left when it fails, as bits.
        fails_unknown: it fails, too, where the value is not known.
    """

    column: int
    tree: int
    kept: int
    limit: float
    words: frozenset[int] | None
    fails_unknown: bool


class _Lists(NamedTuple):
    """Lists of tests, one after another; each begins where `begin` says, and ends where the next one begins."""

    begin: Ints
    tree: npt.NDArray[np.uint32]
    kept: Bits


class Forest:
    """Trees that were learnt.

    Args:
        text: as LightGBM writes them.

    Attributes:
        text: the same.
        names: of the columns that they ask for.
        gains: of each column what its tests gained when they were learnt.

    Raises:
        BadInput: it is no such text, or trees are of a kind that is not known here.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            head, *trees = text.partition("\nend of trees")[0].split("\nTree=")
            _check_sum(head)
            self.names = _fields(head)["feature_names"].split()
            self.gains = np.zeros(len(self.names))
            self._values = np.zeros((len(trees), _MOST_LEAVES))
            tests = [test for number, tree in enumerate(trees) for test in self._read_tree(number, _fields(tree))]
        except (KeyError, IndexError, ValueError) as error:
            raise BadInput(f"these are no trees of LightGBM: {error!r}") from None
        by_column: list[list[_Test]] = [[] for _ in self.names]
        for test in tests:
            by_column[test.column].append(test)
        numbers = [sorted(_of_numbers(found), key=lambda test: test.limit) for found in by_column]
        of_words = [[found for found in each if found.words is not None] for each in by_column]
        words = [[_failed_by(word, found) for word in range(_count_words(found))] for found in of_words]
        self._limits = np.array([test.limit for found in numbers for test in found], np.float64)
        self._numbers = _list_tests(numbers)
        self._words = _list_tests(failed for found in words for failed in found)
        self._first_word = np.cumsum([0, *(len(found) for found in words)])
        self._unknown = _list_tests([test for test in found if test.fails_unknown] for found in by_column)

    @classmethod
    def of(cls, trees: lightgbm.Booster) -> "Forest":
        """Trees that were just learnt."""
        return cls(trees.model_to_string())

    def foretell(self, table: pa.Table) -> Floats:
        """What the trees say of each row of a table that has their columns; NaN is where a value is not known."""
        rows = np.empty((len(table), len(self.names)))
        for place, name in enumerate(self.names):
            rows[:, place] = table.column(name)
        found = np.empty(len(rows))
        _foretell(rows, self._limits, self._numbers, self._first_word, self._words, self._unknown, self._values, found)
        return found

    def _read_tree(self, number: int, fields: dict[str, str]) -> list[_Test]:
        """The tests of one tree; its leaves become a row of values."""
        leaves = [float(each) for each in fields["leaf_value"].split()]
        if len(leaves) > _MOST_LEAVES or fields.get("is_linear", "0") != "0":
            raise BadInput(f"tree {number} has more than {_MOST_LEAVES} leaves, or leaves that are no numbers")
        columns, kinds, lefts, rights = (
            [int(each) for each in fields.get(name, "").split()]
            for name in ("split_feature", "decision_type", "left_child", "right_child")
        )
        limits, gains = ([float(each) for each in fields.get(name, "").split()] for name in ("threshold", "split_gain"))
        for column, gain in zip(columns, gains, strict=True):
            self.gains[column] += gain
        order: list[int] = []  # the leaves from the left to the right
        tests = []

        def walk(node: int) -> int:
            """The leaves below a node, as bits by their order."""
            if node < 0:
                order.append(~node)
                return 1 << (len(order) - 1)
            left, right = walk(lefts[node]), walk(rights[node])
            words = _read_words(fields, int(limits[node])) if kinds[node] & 1 else None
            fails_unknown = words is not None or _fails_unknown(kinds[node], limits[node])
            tests.append(_Test(columns[node], number, _EVERY_LEAF ^ left, limits[node], words, fails_unknown))
            return left | right

        walk(0 if columns else -1)
        if len(order) != len(leaves):
            raise ValueError(f"tree {number} is not whole")
        self._values[number, : len(order)] = [leaves[leaf] for leaf in order]
        return tests


def _check_sum(head: str) -> None:
    """See that what is asked for is the sum of all trees."""
    told = _fields(head)
    objective, several = told.get("objective", ""), told.get("num_tree_per_iteration", "1") != "1"
    if objective not in _SUMMED or several or "average_output" in head.splitlines():
        raise BadInput(f"what these trees say is not their sum: they were learnt for {objective[:40]!r}")


def _fields(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _fails_unknown(kind: int, limit: float) -> bool:
    """Where what is not known goes: where learning found it best, or to where zero goes if it was always known."""
    missing = kind >> 2 & 3
    if missing == 1:
        raise BadInput("these trees take zero for what is not known")
    return not kind & 2 if missing == 2 else limit < 0


def _read_words(fields: dict[str, str], number: int) -> frozenset[int]:
    """The words with which a row goes to the left, from bits in numbers of 32."""
    begin, end = (int(each) for each in fields["cat_boundaries"].split()[number : number + 2])
    parts = [int(each) for each in fields["cat_threshold"].split()[begin:end]]
    return frozenset(32 * place + bit for place, part in enumerate(parts) for bit in range(32) if part >> bit & 1)


def _of_numbers(tests: Sequence[_Test]) -> list[_Test]:
    return [test for test in tests if test.words is None]


def _count_words(tests: Sequence[_Test]) -> int:
    return max((word + 1 for test in tests for word in test.words or ()), default=0)


def _failed_by(word: int, tests: Sequence[_Test]) -> list[_Test]:
    return [test for test in tests if test.words is not None and word not in test.words]


def _list_tests(lists: Iterable[Sequence[_Test]]) -> _Lists:
    every = list(lists)
    tests = [test for found in every for test in found]
    return _Lists(
        np.cumsum([0, *(len(found) for found in every)]),
        np.array([test.tree for test in tests], np.uint32),
        np.array([test.kept for test in tests], np.uint64),
    )


@compiled
def _foretell(
    rows: Floats,
    limits: Floats,
    numbers: _Lists,
    first_word: Ints,
    words: _Lists,
    unknown: _Lists,
    values: Floats,
    found: Floats,
) -> None:
    trees = len(values)
    left = np.empty(trees, np.uint64)
    for row in range(len(rows)):
        left[:] = np.uint64(_EVERY_LEAF)
        for column in range(rows.shape[1]):
            value = rows[row, column]
            begin, end = numbers.begin[column], numbers.begin[column + 1]
            if begin < end and value == value:
                while begin < end and value > limits[begin]:
                    left[numbers.tree[begin]] &= numbers.kept[begin]
                    begin += 1
                continue
            failed, place = unknown, column
            count = first_word[column + 1] - first_word[column]
            if count > 0 and -1 < value < count:  # of a column that no tree asks for, -0.5 is no word either
                failed, place = words, first_word[column] + int(value)
            for each in range(failed.begin[place], failed.begin[place + 1]):
                left[failed.tree[each]] &= failed.kept[each]
        total = 0.0
        for tree in range(trees):
            total += values[tree, trailing_zeros(left[tree])]
        found[row] = total
