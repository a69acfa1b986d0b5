"""The account of a sender: what it handed in, what was acknowledged, and which scan lies where in the log."""

import functools
from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.crashes.faults import Faults
from benchmarks.worlds import I64, STEPS, World
from waypost.model.scans import SCAN_SCHEMA
from waypost.store.protocols import ScanLog


@dataclass
class Heard:
    """What one writer told before its end.

    Attributes:
        sends: the blocks that it was about to hand in, in their order; one may come more than once.
        safe: those that were acknowledged, and the position of each in the log.
        opened_s, shown_s, closed_s: how long these took; None if it did not come to that.
        was_cut: at opening the end of the log was cut off.
        failed: why it ended by itself.
    """

    sends: list[int] = field(default_factory=list)
    safe: list[tuple[int, int]] = field(default_factory=list)
    opened_s: float | None = None
    shown_s: float | None = None
    closed_s: float | None = None
    was_cut: bool = False
    failed: str | None = None

    def hear(self, line: str) -> None:
        """Take a line of `writer` in; one without an end was never told."""
        if not line.endswith("\n"):
            return
        word, _, rest = line[:-1].partition(" ")
        match word, rest.split():
            case "sends", [block]:
                self.sends.append(int(block))
            case "safe", [block, position]:
                self.safe.append((int(block), int(position)))
            case "opened", [seconds, cut]:
                self.opened_s, self.was_cut = float(seconds), cut == "1"
            case "shown", [seconds]:
                self.shown_s = float(seconds)
            case "closed", [seconds]:
                self.closed_s = float(seconds)
            case "failed", _:
                self.failed = rest
            case _:
                raise ValueError(f"A writer said {line!r}.")


class Account:
    """What all writers of a world told, held against the log.

    Attributes:
        world: where the scans come from.
        blocks: their numbers, for each block.
        log: of each position of the log the number of the scan there; as far as `hold` has seen it.
        acknowledged: scans, those that were sent again among them.
    """

    def __init__(self, world: World, rows: int) -> None:
        self.world = world
        self.blocks: dict[int, I64] = {}
        self.log: I64 = np.empty(0, np.int64)
        self.acknowledged = 0
        self._fresh = enumerate(world.blocks(rows))
        self._waiting: deque[int] = deque()

    def hand_out(self, many: int) -> list[int]:
        """Blocks for the next writer: first those of which nobody knows whether they are safe, then new ones."""
        while len(self._waiting) < many:
            block = next(self._fresh, None)
            if block is None:
                break
            self.blocks[block[0]] = block[1]
            self._waiting.append(block[0])
        return list(self._waiting)[:many]

    def hold(self, heard: Heard, log: ScanLog, faults: Faults) -> None:
        """Hold what a writer told against the new part of the log: what was acknowledged is where it was said to be."""
        start, end = len(self.log), log.position()
        if end < start:
            faults.add("missing", start - end, f"the log ends at {end} and not behind {start} any more")
            return
        found = read_log(log, start)
        self.acknowledged += sum(len(self.blocks[block]) for block, _ in heard.safe)
        unsure = Counter(heard.sends) - Counter(block for block, _ in heard.safe)
        ids, place = [self.log], start
        for position, block in sorted((position, block) for block, position in heard.safe):
            between = self._find_unsure(unsure, found.slice(place - start, position - place))
            if between is None or position < place:
                faults.add("strange", abs(position - place), f"nobody sent what the log holds from {place} on")
                return
            ids += [*between, self.blocks[block]]
            place = position + len(self.blocks[block])
        if place > end:
            faults.add("missing", place - end, f"the log ends at {end}, but scans up to {place} were acknowledged")
            return
        rest = self._find_unsure(unsure, found.slice(place - start))
        if rest is None:
            faults.add("strange", end - place, f"nobody sent what the log holds from {place} on")
            return
        self.log = np.concatenate([*ids, *rest])
        wrong = count_unlike(found, plain(self.world.batch(self.log[start:])))
        faults.add("missing", wrong, f"{wrong} scans behind position {start} are not what was acknowledged there")
        safe = {block for block, _ in heard.safe}
        self._waiting = deque(block for block in self._waiting if block not in safe)

    def shown(self, position: int) -> I64:
        """The numbers of the different scans below a position of the log."""
        is_there = np.zeros(self.world.parcels * STEPS, np.bool_)
        is_there[self.log[:position]] = True
        return np.flatnonzero(is_there)

    @functools.cached_property
    def carriers(self) -> npt.NDArray[np.int32]:
        """Of each parcel the place of its carrier in `CARRIERS`."""
        first = self.world.batch(np.arange(self.world.parcels) * STEPS)
        return np.asarray(first.column("carrier").indices)

    def _find_unsure(self, unsure: Counter[int], found: pa.Table) -> list[I64] | None:
        """Which blocks some scans are whose acknowledgement was not heard; None if they are none of them."""
        ids: list[I64] = []
        while found.num_rows:
            for block in unsure:
                rows = self.blocks[block]
                if unsure[block] and found.slice(0, len(rows)).equals(plain(self.world.batch(rows))):
                    break
            else:
                return None
            unsure[block] -= 1
            ids.append(rows)
            found = found.slice(len(rows))
        return ids


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.int64()
    return pa.string() if pa.types.is_dictionary(kind) else kind


#: Columns of scans as they can be compared: words as text, instants as milliseconds.
PLAIN = pa.schema([(field.name, _plain_type(field.type)) for field in SCAN_SCHEMA])


def plain(scans: pa.RecordBatch | pa.Table) -> pa.Table:
    """Scans as columns of `PLAIN`."""
    table = pa.Table.from_batches([scans]) if isinstance(scans, pa.RecordBatch) else scans
    return table.select(PLAIN.names).cast(PLAIN).combine_chunks()


def read_log(log: ScanLog, position: int) -> pa.Table:
    """The scans of a log from a position on, as columns of `PLAIN`."""
    return pa.concat_tables([PLAIN.empty_table(), *(plain(frame.scans) for frame in log.read(position))])


def count_unlike(found: pa.Table, told: pa.Table) -> int:
    """In how many rows two tables differ."""
    if found.num_rows != told.num_rows:
        return abs(int(found.num_rows) - int(told.num_rows))
    if found.equals(told):
        return 0
    return sum(int(ours != theirs) for ours, theirs in zip(found.to_pylist(), told.to_pylist(), strict=True))
