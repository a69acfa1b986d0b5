"""Whether an engine has exactly what was sent: all counts, and some parcels against a fold of the JSON by DuckDB."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.worlds import CODES, World
from waypost.store.protocols import History, Memory, ParcelIndex
from waypost.track.statuses import status_arrays
from waypost.track.tables import bundled_tables

_PAGE = 10_000
_AT_ONCE = 1_000
_GROUPS_AT_ONCE = 5_000_000
_COLUMNS = ("carrier", "number", "code", "at", "facility", "note")
_FIND = f"""
INSERT INTO found SELECT carrier, number, code, epoch_ms(CAST("at" AS TIMESTAMPTZ)), facility, note
FROM read_json($file, format = 'newline_delimited', columns = {dict.fromkeys(_COLUMNS, "VARCHAR")})
SEMI JOIN wanted USING (number)
"""
_TIMELINES = 'SELECT DISTINCT * FROM found ORDER BY number, carrier, "at"'
_STATES = f"""
WITH scans AS (
    SELECT *, {{phase: phase, instant: "at", precedence: precedence, status: status}} AS standing
    FROM ({_TIMELINES}) JOIN meanings USING (carrier, code)
)
SELECT carrier, number, count(*) AS scans, min("at") AS first_at, max("at") AS last_at,
    max(standing).status AS status, max(standing).instant AS status_at, bit_or(milestone) AS milestones,
    arg_max(facility, "at") AS facility, arg_max(code, "at") AS code
FROM scans GROUP BY carrier, number ORDER BY number, carrier
"""


class Inexact(Exception):
    """An engine has something else than was sent; says what."""


def check_counts(memory: Memory, world: World) -> None:
    """Hold log, index and history against what the world says.

    Raises:
        Inexact: something is missing or too much.
    """
    counts = world.counts()
    parcels, distinct = _count_indexed(memory.index)
    in_history = _count_in_history(memory.history, counts.parcels)
    told = {
        "rows in the log": (memory.log.position(), counts.rows),
        "rows indexed": (memory.index.position(), counts.rows),
        "parcels in the index": (parcels, counts.parcels),
        "scans in the index": (distinct, counts.distinct),
        "parcels in history": (in_history[0], counts.parcels),
        "scans in history": (in_history[1], counts.distinct),
    }
    wrong = [f"{what}: {found:,} instead of {sent:,}" for what, (found, sent) in told.items() if found != sent]
    if wrong:
        raise Inexact("; ".join(wrong))


def check_parcels(memory: Memory, world: World, many: int, files: Iterable[Path]) -> int:
    """Hold timelines and states of random parcels against a fold by DuckDB over the files that were sent.

    Returns:
        How many were compared.

    Raises:
        Inexact: they differ; names a parcel.
    """
    chosen = np.random.default_rng(world.seed + 2).choice(world.parcels, min(many, world.parcels), replace=False)
    numbers = sorted(world.numbers(chosen.astype(np.int64)).to_pylist())
    timelines, states = fold_with_duckdb(files, numbers)
    for start in range(0, len(numbers), _AT_ONCE):
        asked = numbers[start : start + _AT_ONCE]
        found = memory.index.timelines(asked)
        _compare("timeline", found.set_column(3, "at", found.column("at").cast(pa.int64())), timelines, asked)
        _compare("state", memory.index.states(asked), states, asked)
    return len(numbers)


def fold_with_duckdb(files: Iterable[Path], numbers: list[str]) -> tuple[pa.Table, pa.Table]:
    """Timelines and states of some numbers from NDJSON; nothing of ours is in it but what the codes mean."""
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        database.register("wanted", pa.table({"number": numbers}))
        database.register("meanings", read_meanings())
        database.execute(
            'CREATE TABLE found (carrier TEXT, number TEXT, code TEXT, "at" BIGINT, facility TEXT, note TEXT)'
        )
        for file in files:
            database.execute(_FIND, {"file": str(file)})
        return database.sql(_TIMELINES).to_arrow_table(), database.sql(_STATES).to_arrow_table()


def read_meanings() -> pa.Table:
    """What the tables say of each code that is sent."""
    pairs = [(carrier, code) for carrier, codes in CODES.items() for code in codes]
    carriers, codes = [carrier for carrier, _ in pairs], [code for _, code in pairs]
    status, ranks = bundled_tables().classify(carriers, codes), status_arrays()
    return pa.table(
        {
            "carrier": carriers,
            "code": codes,
            "status": status,
            "phase": ranks.phase[status],
            "precedence": ranks.precedence[status],
            "milestone": ranks.milestone_bit[status],
        }
    )


def _compare(what: str, found: pa.Table, sent: pa.Table, numbers: list[str]) -> None:
    sent = sent.filter(pc.is_in(sent.column("number"), pa.array(numbers)))
    found = found.select(sent.column_names).cast(sent.schema)
    if found.equals(sent):
        return
    for number in numbers:
        ours, theirs = (table.filter(pc.equal(table.column("number"), number)).to_pylist() for table in (found, sent))
        if ours != theirs:
            raise Inexact(f"The {what} of {number} is {ours}, but what was sent gives {theirs}.")
    raise Inexact(f"The {what}s of {len(numbers)} parcels are sorted otherwise than they should be.")


def _count_indexed(index: ParcelIndex) -> tuple[int, int]:
    """Parcels and scans, page by page."""
    parcels = scans = 0
    after: tuple[str, str] | None = None
    while True:
        page = index.page(after, _PAGE)
        if not page.num_rows:
            return parcels, scans
        parcels += page.num_rows
        scans += pc.sum(page.column("scans")).as_py()
        after = (page.column("number")[-1].as_py(), page.column("carrier")[-1].as_py())


def _count_in_history(history: History, parcels: int) -> tuple[int, int]:
    """Parcels and scans, by as many questions as its memory needs: each groups at most some millions of numbers."""
    parts = parcels // _GROUPS_AT_ONCE + 1

    def ask(part: int, scans: Any) -> Any:
        mine = scans.filter((scans.number.hash() & 0xFFFFFF) % parts == part)
        of_each = mine.group_by(["carrier", "number"]).aggregate(scans=mine.count())
        return of_each.aggregate(parcels=of_each.count(), scans=of_each.scans.sum())

    rows = [row for part in range(parts) for row in history.run(partial(ask, part)).to_pylist()]
    return sum(row["parcels"] for row in rows), sum(row["scans"] or 0 for row in rows)
