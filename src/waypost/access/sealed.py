"""Columns of sealed texts in `Records`: under which keys they lie, and how they come under the newest."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Table, delete, func, not_, select, update
from sqlalchemy.engine import Connection

from waypost.access.sealing import NUMBER_BYTES, Seal
from waypost.model.errors import StoreDamaged
from waypost.store.protocols import Records

_AT_ONCE = 200
#: So many texts are in memory while they are searched; the largest are as large as a body may be.
_SEARCHED = 50


class SealedColumn(msgspec.Struct, frozen=True):
    """A column of sealed texts, or nothing. Each belongs to the `id` of its row.

    Attributes:
        is_all: without it the row is worth nothing.
    """

    table: Table
    column: str = "body"
    is_all: bool = True


def lies_under(text: ColumnElement[Any], number: int) -> ColumnElement[bool]:
    """Whether a sealed text lies under the key of a number."""
    return func.substr(text, 1, NUMBER_BYTES) == number.to_bytes(NUMBER_BYTES)


def count_sealed(connection: Connection, columns: Sequence[SealedColumn], sample: int | None = None) -> dict[int, int]:
    """How many texts lie under each key, by its number.

    Args:
        sample: look at so many rows of each table alone, the first by id; ids are digests, so that is chance.
    """
    found: dict[int, int] = {}
    for each in columns:
        text = each.table.c[each.column]
        sealed = select(func.substr(text, 1, NUMBER_BYTES).label("number")).where(func.length(text) > 0)
        some = (sealed if sample is None else sealed.order_by(each.table.c.id).limit(sample)).subquery()
        for first, count in connection.execute(select(some.c.number, func.count()).group_by(some.c.number)):
            key = int.from_bytes(first)
            found[key] = found.get(key, 0) + count
    return found


def list_gone(
    connection: Connection, columns: Sequence[SealedColumn], seal: Seal | None, sample: int | None = None
) -> dict[int, int]:
    """Of the keys that texts lie under, those that a seal lacks or has another of; by number, how many texts."""
    gone = {}
    for number, count in count_sealed(connection, columns, sample).items():
        if seal is None or number not in seal.numbers or not _opens(connection, columns, number, seal):
            gone[number] = count
    return gone


def reseal(records: Records, columns: Sequence[SealedColumn], seal: Seal) -> int:
    """Bring all texts under the newest key; how many were not. What was done stays done if it breaks off.

    Raises:
        StoreDamaged: one does not open.
    """
    done = 0
    for each in columns:
        body, id_ = each.table.c[each.column], each.table.c.id
        after = ""
        while True:
            some = (
                select(id_, body)
                .where(id_ > after, func.length(body) > 0, not_(lies_under(body, seal.newest)))
                .order_by(id_)
                .limit(_AT_ONCE)
            )
            with records.begin() as connection:
                rows = connection.execute(some).all()
                for key, text in rows:
                    again = seal.seal(seal.open(text, key), key)
                    connection.execute(update(each.table).where(id_ == key).values({each.column: again}))
            done += len(rows)
            if not rows:
                break
            after = rows[-1][0]
    return done


def drop_sealed(records: Records, columns: Sequence[SealedColumn], number: int) -> int:
    """Remove all texts that lie under a key, with their rows where these are worth nothing else; how many."""
    dropped = 0
    with records.begin() as connection:
        for each in columns:
            drop = delete(each.table) if each.is_all else update(each.table).values({each.column: None})
            dropped += connection.execute(drop.where(lies_under(each.table.c[each.column], number))).rowcount
    return dropped


def search_sealed(
    records: Records,
    column: SealedColumn,
    seal: Seal,
    is_meant: Callable[[bytes], bool],
    damaged: list[str],
    *where: ColumnElement[bool],
) -> Iterator[str]:
    """The ids of rows whose text is meant, by id: every text is opened, some at a time; what comes meanwhile may miss.

    Args:
        damaged: gets the ids of those that do not open.
        where: only of these rows.
    """
    body, id_ = column.table.c[column.column], column.table.c.id
    after = ""
    while True:
        some = select(id_, body).where(id_ > after, func.length(body) > 0, *where).order_by(id_).limit(_SEARCHED)
        with records.read() as connection:
            rows = connection.execute(some).all()
        for key, text in rows:
            try:
                if is_meant(seal.open(text, key)):
                    yield key
            except StoreDamaged:
                damaged.append(key)
        if not rows:
            return
        after = rows[-1][0]


def _opens(connection: Connection, columns: Sequence[SealedColumn], number: int, seal: Seal) -> bool:
    """Whether one text under a key opens: if the key is another of that number, none does."""
    for each in columns:
        body, id_ = each.table.c[each.column], each.table.c.id
        row = connection.execute(select(id_, body).where(lies_under(body, number)).limit(1)).first()
        if row is not None:
            try:
                seal.open(row[1], row[0])
            except StoreDamaged:
                return False
            return True
    return True
