"""`waypost admin pool add | list`: they work beside a running server too."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.table import Table

from waypost.app.console import legible, out, results
from waypost.app.records import records_of
from waypost.app.wiring import now_ms
from waypost.booking.pools import Pool, PoolKind, Pools, serial_width
from waypost.model.errors import BadInput


class Range(msgspec.Struct, frozen=True):
    """A range as the command line has it."""

    name: str
    carrier: str
    kind: str
    prefix: str
    suffix: str
    width: int | None
    first: int
    last: int
    branch: str
    alarm: int


def add_pool(told: Range, *, home: Path | None, as_json: bool) -> None:
    """Take a range in and say what its numbers look like."""
    try:
        kind = PoolKind(told.kind)
    except ValueError:
        raise BadInput(f"unknown kind {told.kind[:40]!r}", mend=f"Kinds: {', '.join(PoolKind)}.") from None
    width = serial_width(kind, told.prefix) or told.width or len(str(told.last))
    pool = Pool(
        name=told.name,
        carrier=told.carrier,
        branch=told.branch,
        kind=kind,
        prefix=told.prefix,
        suffix=told.suffix,
        width=width,
        first=told.first,
        last=told.last,
        next=told.first,
        alarm=told.alarm,
    )
    with _pools(home) as pools:
        pools.add(pool, now_ms())
    if as_json:
        out(_tell(pool))
    else:
        print(f"{pool.left:,} numbers, from {pool.number(pool.first)} to {pool.number(pool.last)}")


def list_pools(*, home: Path | None, as_json: bool) -> None:
    """Print the ranges."""
    with _pools(home, make=False) as pools:
        listed = pools.list_all()
    if as_json:
        out([_tell(pool) for pool in listed])
        return
    table = Table("pool", "carrier", "branch", "next number", "left", "", box=None, pad_edge=False)
    for pool in listed:
        following = pool.number(pool.next) if pool.left else ""
        mark = "[red]runs low[/]" if pool.is_low else ""
        table.add_row(legible(pool.name), pool.carrier, legible(pool.branch), following, f"{pool.left:,}", mark)
    results().print(table)


def _tell(pool: Pool) -> dict[str, object]:
    return msgspec.structs.asdict(pool) | {"left": pool.left, "is_low": pool.is_low}


@contextmanager
def _pools(home: Path | None, *, make: bool = True) -> Iterator[Pools]:
    with records_of(home, make=make) as (_, records):
        yield Pools(records)
