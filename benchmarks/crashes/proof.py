"""Whether index, history and changes of a home are what its log gives, by a fold of our own in DuckDB."""

from collections.abc import Iterator
from random import Random
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.crashes.account import Account, count_unlike, plain, read_log
from benchmarks.crashes.faults import Faults
from benchmarks.load.exactness import read_meanings
from benchmarks.worlds import CARRIERS, I64, STEPS
from waypost.model.scans import IDENTITY
from waypost.store.protocols import Changes, History, Memory, ParcelIndex
from waypost.track.fold import NEW_PARCEL
from waypost.track.statuses import UNKNOWN

_AT_ONCE = 10_000
_CURSORS = 20
_TOLD = 2

_IDENTITY = ", ".join(f'"{name}"' for name in IDENTITY)
#: The state of each parcel. No two scans of a parcel are of one instant, so nothing is left open.
_FOLD = """
WITH meant AS (
    SELECT sent.*, status, milestone, {phase: phase, instant: "at", precedence: precedence, status: status} AS standing
    FROM sent JOIN meanings USING (carrier, code)
)
SELECT carrier, number, count(*) AS scans, min("at") AS first_at, max("at") AS last_at,
    max(standing).instant AS status_at, arg_max(facility, "at") AS facility, arg_max(code, "at") AS code,
    arg_max(offset_min, "at") AS offset_min, bit_or(milestone) AS milestones, 0 AS flags, max(standing).status AS status
FROM meant GROUP BY carrier, number
"""


class Proof:
    """Some parcels of a home, held against their scans as they were sent. `close` it when done."""

    def __init__(self, sent: pa.Table, faults: Faults) -> None:
        """`sent` holds all scans of some parcels (`PLAIN`), in any order, any of them more than once."""
        self._faults = faults
        self._db = duckdb.connect()
        self._db.register("given", sent)
        self._db.register("meanings", read_meanings())
        self._db.execute(f"CREATE TABLE sent AS SELECT DISTINCT {_IDENTITY} FROM given")
        self._db.execute(f"CREATE TABLE folded AS {_FOLD}")
        self.numbers: list[str] = self._column("SELECT DISTINCT number FROM sent ORDER BY number")

    def close(self) -> None:
        """Let go of memory."""
        self._db.close()

    def hold_index(self, index: ParcelIndex) -> None:
        """Look all numbers up: timelines have what was sent, once each; states are its fold."""
        timelines, states = [], []
        for start in range(0, len(self.numbers), _AT_ONCE):
            asked = self.numbers[start : start + _AT_ONCE]
            timelines.append(plain(index.timelines(asked)))
            states.append(index.states(asked))
        self.hold_scans(pa.concat_tables(timelines) if timelines else plain(index.timelines([])), "timelines")
        self.hold_states(pa.concat_tables(states) if states else index.states([]), "looked up")

    def hold_scans(self, found: pa.Table, where: str) -> None:
        """These scans (the columns of `IDENTITY`) are what was sent, once each."""
        self._db.register("found", found)
        self._db.execute(f"CREATE OR REPLACE TABLE shown AS SELECT {_IDENTITY} FROM found")
        self._count("missing", f"SELECT {_IDENTITY} FROM sent EXCEPT SELECT {_IDENTITY} FROM shown", where)
        self._count("strange", f"SELECT {_IDENTITY} FROM shown EXCEPT SELECT {_IDENTITY} FROM sent", where)
        self._count("twice", f"SELECT {_IDENTITY}, count(*) FROM shown GROUP BY ALL HAVING count(*) > 1", where)

    def hold_states(self, found: pa.Table, where: str) -> None:
        """These states are the fold of what was sent, one a parcel."""
        self._db.register("found", found)
        columns = ", ".join(self._db.table("folded").columns)
        self._count("states_wrong", f"SELECT {columns} FROM folded EXCEPT ALL SELECT {columns} FROM found", where)
        only = "SELECT carrier, number FROM found EXCEPT ALL SELECT carrier, number FROM folded"
        self._count("states_wrong", only, f"{where}, too many")

    def _count(self, kind: str, sql: str, where: str) -> None:
        (count,) = self._column(f"SELECT count(*) FROM ({sql})")
        if count:
            first = self._db.sql(f"SELECT * FROM ({sql}) LIMIT {_TOLD}").fetchall()
            self._faults.add(kind, count, f"{where}: {count}, such as {first}")

    def _column(self, sql: str) -> list[Any]:
        return [row[0] for row in self._db.sql(sql).fetchall()]


def check_some(memory: Memory, account: Account, parcels: I64, faults: Faults) -> None:
    """Hold some parcels of the index, and how many scans history has, against what its part of the log holds."""
    shown = account.shown(memory.index.position())
    proof = Proof(plain(account.world.batch(shown[np.isin(shown // STEPS, parcels)])), faults)
    try:
        proof.hold_index(memory.index)
    finally:
        proof.close()
    expected = len(account.shown(memory.history.position()))
    (count,) = memory.history.run(lambda scans: scans.aggregate(scans=scans.count())).column("scans").to_pylist()
    faults.add("missing", max(expected - count, 0), f"history has {count} scans, not {expected}")
    faults.add("twice", max(count - expected, 0), f"history has {count} scans, not {expected}")


def check_all(memory: Memory, account: Account, faults: Faults) -> None:
    """Read the whole log once more, and hold all of index and history against it."""
    position = memory.index.position()
    states = pa.concat_tables(_pages(memory.index))
    log = read_log(memory.log, 0)
    carrier_of = account.carriers[account.log // STEPS]
    for place, carrier in enumerate(CARRIERS):  # one after the other needs less memory
        scans = log.filter(pc.equal(log.column("carrier"), carrier))
        wrong = count_unlike(scans, plain(account.world.batch(account.log[carrier_of == place])))
        faults.add("missing", wrong, f"{wrong} scans of {carrier} in the log are not what they were")
        proof = Proof(scans.slice(0, int(np.count_nonzero(carrier_of[:position] == place))), faults)
        try:
            proof.hold_index(memory.index)
            proof.hold_states(states.filter(pc.equal(states.column("carrier"), carrier)), "in pages")
            proof.hold_scans(_history_of(memory.history, carrier), "history")
        finally:
            proof.close()


class Listener:
    """Reads changes as one who follows them would, going on where it was, across all crashes."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._cursor = -1
        self._heard = [np.empty((0, 2), np.int64)]
        self._status = np.full(account.world.parcels, -1, np.int16)

    @property
    def count(self) -> int:
        """How many changes it has heard of."""
        return sum(len(part) for part in self._heard)

    def listen(self, changes: Changes, limit: int, faults: Faults) -> None:
        """Take in what is new. Each change of a parcel goes on where the one before ended."""
        while True:
            table = changes.read(self._cursor, limit)
            if not table.num_rows:
                return
            positions, parcels = self._places(table, faults)
            if faults:
                return
            status, before, told = (np.asarray(table.column(n)) for n in ("status", "before_status", "told"))
            order = np.argsort(parcels, kind="stable")
            is_first = np.diff(parcels[order], prepend=-1) != 0
            was = np.where(is_first, self._status[parcels[order]], np.roll(status[order], 1).astype(np.int16))
            wrong = np.where(was < 0, UNKNOWN, was) != before[order]
            wrong |= (was < 0) != ((told[order] & NEW_PARCEL) != 0)
            wrong |= told[order] == 0
            self._tell(wrong, positions[order], "does not go on from the one before", faults)
            self._status[parcels] = status  # of several the last one stays
            self._heard.append(np.stack([positions, status.astype(np.int64)], 1))
            self._cursor = int(positions[-1])

    def check(self, memory: Memory, rng: Random, faults: Faults) -> None:
        """Read all once more, and from some cursors: it is the same; and the last ones are the states."""
        heard = np.concatenate(self._heard)
        again, cursor = [np.empty((0, 2), np.int64)], -1
        while len(part := _read(memory.changes, cursor, rng.randint(1, _AT_ONCE))):
            again.append(part)
            cursor = int(part[-1, 0])
        is_same = np.array_equal(heard, np.concatenate(again))
        faults.add("changes_wrong", int(not is_same), "read once more from the beginning, they are others")
        for _ in range(_CURSORS):
            cursor, limit = rng.randint(-1, max(len(self._account.log), 0)), rng.randint(1, 500)
            start = int(np.searchsorted(heard[:, 0], cursor, "right"))
            is_same = np.array_equal(_read(memory.changes, cursor, limit), heard[start : start + limit])
            faults.add("changes_wrong", int(not is_same), f"behind {cursor} come others than when they were first read")
        self._check_states(memory, faults)

    def _check_states(self, memory: Memory, faults: Faults) -> None:
        parcels = np.unique(self._account.shown(memory.index.position()) // STEPS)
        numbers = self._account.world.numbers(parcels)
        states = pa.concat_tables(_pages(memory.index))
        place = np.asarray(pc.index_in(numbers, states.column("number").combine_chunks()).fill_null(-1))
        unknown = int(np.count_nonzero(place < 0))
        faults.add("states_wrong", unknown, f"{unknown} parcels are not in the pages of the index")
        status = np.asarray(states.column("status"))[place[place >= 0]]
        wrong = int(np.count_nonzero(status != self._status[parcels[place >= 0]]))
        faults.add("changes_wrong", wrong, f"the last changes of {wrong} parcels do not tell their states")

    def _places(self, table: pa.Table, faults: Faults) -> tuple[I64, I64]:
        """The positions of changes, and the parcels whose scans lie there."""
        positions = np.asarray(table.column("position"))
        if positions[0] <= self._cursor or np.any(np.diff(positions) <= 0) or positions[-1] >= len(self._account.log):
            faults.add("changes_wrong", 1, f"behind {self._cursor} come positions in no order: {positions[:5]} ...")
            return positions, positions
        ids = self._account.log[positions]
        wrong = count_unlike(plain(table), plain(self._account.world.batch(ids)))
        faults.add("changes_wrong", wrong, f"{wrong} behind {self._cursor} tell of other scans than the log has there")
        return positions, ids // STEPS

    def _tell(self, wrong: npt.NDArray[np.bool_], positions: I64, what: str, faults: Faults) -> None:
        count = int(np.count_nonzero(wrong))
        faults.add("changes_wrong", count, f"{count} times one {what}, such as at {positions[wrong][:3].tolist()}")


def _read(changes: Changes, after: int, limit: int) -> I64:
    """Positions and statuses of changes, side by side."""
    table = changes.read(after, limit)
    columns = [np.asarray(table.column(name)).astype(np.int64) for name in ("position", "status")]
    return np.stack(columns, 1)


def _pages(index: ParcelIndex) -> Iterator[pa.Table]:
    page = index.page(None, _AT_ONCE)
    yield page
    while page.num_rows:
        page = index.page((page.column("number")[-1].as_py(), page.column("carrier")[-1].as_py()), _AT_ONCE)
        yield page


def _history_of(history: History, carrier: str) -> pa.Table:
    found = history.run(lambda scans: scans.filter(scans.carrier == carrier).select(*IDENTITY))
    return found.set_column(
        IDENTITY.index("at"), "at", found.column("at").cast(pa.timestamp("ms", "UTC")).cast("int64")
    )
