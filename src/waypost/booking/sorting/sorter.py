"""Addresses to sort codes, learnt from deliveries.

Each stretch of an address, from the door to the country, tells how often which code was delivered to there. The
stretches are joined from the widest to the closest: each moves the odds towards its own deliveries, the more of them
there are and the fewer different codes they went to (Witten and Bell 1991). What the odds are worth is learnt as well;
see `calibration`.
"""

import functools
import io
from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waypost.booking.sorting.calibration import DEPTHS, SHAPE, calibrate, tally
from waypost.booking.sorting.counts import MOST_CODES, Counts, Index
from waypost.booking.sorting.places import DELIVERIES, Stretch, make_keys
from waypost.model.errors import BadInput, WrongFormat

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: What `Sorter.assign` answers, a row for each place. `code` is null where nothing is known, and each confidence is how
#: often such an answer was right: for the hub, for hub and outlet, for the whole code.
ASSIGNED = pa.schema(
    [
        ("code", pa.string()),
        ("confidence", pa.float64()),
        ("outlet_confidence", pa.float64()),
        ("hub_confidence", pa.float64()),
        ("is_sure", pa.bool_()),
    ]
)

_FORMAT = b"1"
_AT_ONCE = 16_384
#: Codes that are looked at for a wide stretch: it has hundreds, and a closer one knows better which of them come near.
_MOST_OF_WIDE = 4
#: The parts in which deliveries are learnt, so that the later ones tell how good the earlier ones were.
_PARTS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_SEPARATOR = "-"


class _Answers(msgspec.Struct, frozen=True):
    """Of each row: the number of the code or -1, the odds by depth, and the closest stretch that told something."""

    code: I64
    odds: Floats
    closest: I64


class Sorter:
    """What is known of where parcels go. It is never changed: `learn` and `merge` give another one."""

    def __init__(self, counts: Counts, tallies: I64, half_life_months: float = 12.0) -> None:
        self.counts = counts
        self.tallies = tallies
        self.half_life_months = half_life_months

    @classmethod
    def empty(cls, half_life_months: float = 12.0) -> "Sorter":
        """Knows nothing yet.

        Args:
            half_life_months: after so many months a delivery counts half as much as one now.
        """
        return cls(Counts.empty(), np.zeros(SHAPE, np.int64), half_life_months)

    def learn(self, deliveries: pa.Table) -> "Sorter":
        """Another one that knows these deliveries too; each is to be given once.

        Args:
            deliveries: columns of `DELIVERIES`, in any order of rows.

        Raises:
            BadInput: a column is missing or of another type; a row without code or instant.
        """
        codes, delivered_ms = _check(deliveries)
        order = np.argsort(delivered_ms, kind="stable")
        keys = make_keys(deliveries)[order]
        names = np.array(codes, object)[order]
        delivered_ms = delivered_ms[order]
        known = self
        begin = 0
        knows_more = len(self.counts.key) >= keys.size  # then it can tell at once what these are worth
        for part in (1.0,) if knows_more else _PARTS:
            end = round(part * len(names))
            if end == begin:
                continue
            lot = slice(begin, end)
            tallies = known._try_out(keys[lot], names[lot])
            counts = known.counts.merge(Counts.of(keys[lot], list(names[lot]), delivered_ms[lot]))
            known = Sorter(counts, known.tallies + tallies, self.half_life_months)
            begin = end
        return known

    def merge(self, other: "Sorter") -> "Sorter":
        """What both know together, learnt from different deliveries; in any order the same comes out."""
        return Sorter(self.counts.merge(other.counts), self.tallies + other.tallies, self.half_life_months)

    def assign(self, places: pa.Table, threshold: float = 0.0) -> pa.Table:
        """A sort code for each place, `ASSIGNED`.

        Args:
            places: columns of `PLACES`.
            threshold: below this confidence `is_sure` is false, and a person should look.

        Raises:
            BadInput: a column is missing or no text.
        """
        tables = [self._assign(keys, threshold) for keys in _cut(make_keys(places))]
        return pa.concat_tables(tables) if tables else ASSIGNED.empty_table()

    def to_bytes(self) -> bytes:
        """To be kept: an Arrow file. Who has it can try addresses out on it, so keep it like addresses."""
        counts = self.counts
        table = pa.table(
            {
                "key": counts.key,
                "code": pa.DictionaryArray.from_arrays(
                    pa.array(counts.code, pa.int32()), pa.array(counts.codes, pa.string())
                ),
                "month": counts.month,
                "count": counts.count,
            }
        ).replace_schema_metadata(
            {
                b"waypost.sorting": _FORMAT,
                b"tallies": self.tallies.astype("<i8").tobytes(),
                b"half_life_months": repr(self.half_life_months).encode(),
            }
        )
        target = io.BytesIO()
        with pa.ipc.new_file(target, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
            writer.write_table(table)
        return target.getvalue()

    @classmethod
    def from_bytes(cls, kept: bytes) -> "Sorter":
        """What `to_bytes` gave.

        Raises:
            WrongFormat: it is something else, or of another version.
        """
        try:
            table = pa.ipc.open_file(pa.BufferReader(kept)).read_all()
        except pa.ArrowInvalid:
            raise WrongFormat("these bytes are no sorter", mend="Learn it anew from deliveries.") from None
        metadata = table.schema.metadata or {}
        if metadata.get(b"waypost.sorting") != _FORMAT:
            raise WrongFormat(
                f"the sorter is of format {metadata.get(b'waypost.sorting', b'?').decode()}, not {_FORMAT.decode()}",
                mend="Learn it anew from deliveries.",
            )
        tallies = np.frombuffer(metadata[b"tallies"], "<i8")
        if tallies.size != np.prod(SHAPE):
            raise WrongFormat("the sorter's tallies are of another size", mend="Learn it anew from deliveries.")
        code = table["code"].combine_chunks()
        counts = Counts(
            tuple(code.dictionary.to_pylist()),
            table["key"].to_numpy(),
            code.indices.to_numpy().astype(np.int64),
            table["month"].to_numpy(),
            table["count"].to_numpy(),
        )
        return cls(counts, tallies.reshape(SHAPE).astype(np.int64), float(metadata[b"half_life_months"]))

    @property
    def tried(self) -> int:
        """How many deliveries it was asked for before it learnt them: what its confidence rests on."""
        return int(self.tallies[DEPTHS - 1].sum())

    @functools.cached_property
    def _index(self) -> Index:
        return Index.of(self.counts, self.half_life_months)

    @functools.cached_property
    def _prefixes(self) -> tuple[I64, ...]:
        """For each depth, a number for what a code begins with."""
        parts = [code.split(_SEPARATOR, DEPTHS - 1) for code in self.counts.codes]
        numbered = []
        for depth in range(1, DEPTHS + 1):
            beginnings = np.array([_SEPARATOR.join(each[:depth]) for each in parts], object).astype(str)
            numbered.append(np.unique(beginnings, return_inverse=True)[1].astype(np.int64))
        return tuple(numbered)

    def _assign(self, keys: U64, threshold: float) -> pa.Table:
        answers = self._answer(keys)
        confidence = [
            calibrate(self.tallies, depth, answers.closest, answers.odds[:, depth]) for depth in range(DEPTHS)
        ]
        nothing = answers.code < 0
        whole = np.where(nothing, 0.0, confidence[2])
        outlet = np.where(
            nothing, 0.0, np.maximum(confidence[1], whole)
        )  # who has the courier right has the outlet right
        hub = np.where(nothing, 0.0, np.maximum(confidence[0], outlet))
        codes = pc.take(pa.array(self.counts.codes, pa.string()), pa.array(answers.code, mask=nothing))
        return pa.table([codes, whole, outlet, hub, ~nothing & (whole >= threshold)], schema=ASSIGNED)

    def _try_out(self, keys: U64, names: npt.NDArray[np.object_]) -> I64:
        """How right this one would have been."""
        sums = np.zeros(SHAPE, np.int64)
        if not self.counts.codes:
            return sums
        for begin, part in zip(range(0, len(keys), _AT_ONCE), _cut(keys), strict=True):
            answers = self._answer(part)
            known = answers.code >= 0
            said = np.array(self.counts.codes, object)[answers.code[known]]
            true = names[begin : begin + len(part)][known]
            shared = _count_alike(said, true)
            for depth in range(DEPTHS):
                sums += tally(depth, answers.closest[known], answers.odds[known, depth], shared > depth)
        return sums

    def _answer(self, keys: U64) -> _Answers:
        index, width = self._index, max(len(self.counts.codes), 1)
        found = [index.find(keys[:, stretch]) for stretch in Stretch]
        closest = np.full(len(keys), len(Stretch), np.int64)
        told = []
        for stretch in Stretch:
            hit, places = found[stretch]
            rows = np.flatnonzero(hit)
            closest[rows] = np.minimum(closest[rows], stretch)
            most = MOST_CODES if stretch < Stretch.TOWN else _MOST_OF_WIDE
            row, code, weight = index.gather(rows, places[rows], most)
            told.append((row * width + code, weight))
        pairs = np.unique(np.concatenate([each for each, _ in told]))
        rows, codes = np.divmod(pairs, width)
        odds = np.full(len(pairs), 1 / (width + 1))
        for stretch in reversed(Stretch):
            hit, places = found[stretch]
            weight = np.zeros(len(pairs))
            weight[np.searchsorted(pairs, told[stretch][0])] = told[stretch][1]
            total, kinds = (
                np.where(hit, each[places], 0.0) if len(each) else np.zeros(len(keys))
                for each in (index.total, index.kinds)
            )
            odds = np.where(hit[rows], (weight + kinds[rows] * odds) / np.maximum(total + kinds, 1e-12)[rows], odds)
        best = np.full(len(keys), -1, np.int64)
        order = np.lexsort((codes, -odds, rows))
        first = order[np.flatnonzero(np.diff(rows[order], prepend=-1))]
        best[rows[first]] = codes[first]
        return _Answers(best, self._sum_up(rows, codes, odds, best), closest)

    def _sum_up(self, rows: I64, codes: I64, odds: Floats, best: I64) -> Floats:
        """The odds of the best code's hub, outlet and courier: all codes that begin alike speak for it."""
        summed = np.zeros((len(best), DEPTHS))
        for depth, prefix in enumerate(self._prefixes):
            alike = prefix[codes] == prefix[best[rows]]
            summed[:, depth] = np.bincount(rows[alike], odds[alike], len(best))
        return summed


def _count_alike(said: npt.NDArray[np.object_], true: npt.NDArray[np.object_]) -> I64:
    """In how many parts from the first on two codes are the same, all of them if nothing is left."""
    alike = np.full(len(said), DEPTHS, np.int64)
    for row in np.flatnonzero(said != true):
        pairs = zip(said[row].split(_SEPARATOR, DEPTHS - 1), true[row].split(_SEPARATOR, DEPTHS - 1), strict=False)
        alike[row] = next((depth for depth, (mine, its) in enumerate(pairs) if mine != its), 0)
    return alike


def _cut(keys: U64) -> Iterator[U64]:
    for begin in range(0, len(keys), _AT_ONCE):
        yield keys[begin : begin + _AT_ONCE]


def _check(deliveries: pa.Table) -> tuple[list[str], I64]:
    for name in ("code", "delivered_ms"):
        if name not in deliveries.column_names:
            raise BadInput("the column is missing", where=name)
        wanted = DELIVERIES.field(name).type
        if deliveries[name].type != wanted:
            raise BadInput(f"is {deliveries[name].type}, not {wanted}", where=name)
        empty = pc.is_null(deliveries[name])
        if name == "code":
            empty = pc.or_(empty, pc.equal(pc.fill_null(deliveries[name], ""), ""))
        if pc.any(empty).as_py():
            row = pc.index(empty, True).as_py()
            raise BadInput(
                "is empty", where=f"row {row + 1}, {name}", mend="Leave out deliveries that are not known to the end."
            )
    return deliveries["code"].to_pylist(), deliveries["delivered_ms"].to_numpy()
