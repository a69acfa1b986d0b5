"""Columns of sealed texts in `Records`: under which keys they lie, and how they come under the newest."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Table, delete, func, select, update
from sqlalchemy.engine import Connection

from waypost.access.sealing import NUMBER_BYTES, Seal
from waypost.model.errors import StoreDamaged
from waypost.store.protocols import Records

_AT_ONCE = 200


class SealedColumn(msgspec.Struct, frozen=True):
    """A column of sealed texts, or nothing. Each belongs to the `id` of its row."""

    table: Table
    column: str = "body"


def count_sealed(connection: Connection, columns: Sequence[SealedColumn]) -> dict[int, int]:
    """How many texts lie under each key, by its number."""
    found: dict[int, int] = {}
    for each in columns:
        column = each.table.c[each.column]
        number = func.substr(column, 1, NUMBER_BYTES)
        counted = select(number, func.count()).where(func.length(column) > 0).group_by(number)
        for first, count in connection.execute(counted):
            key = int.from_bytes(first)
            found[key] = found.get(key, 0) + count
    return found


def list_gone(connection: Connection, columns: Sequence[SealedColumn], seal: Seal | None) -> dict[int, int]:
    """Of the keys that texts lie under, those that a seal lacks or has another of; by number, how many texts."""
    gone = {}
    for number, count in count_sealed(connection, columns).items():
        if seal is None or number not in seal.numbers or not _opens(connection, columns, number, seal):
            gone[number] = count
    return gone


def reseal(records: Records, columns: Sequence[SealedColumn], seal: Seal) -> int:
    """Bring all texts under the newest key; how many were not. What was done stays done if it breaks off.

    Raises:
        StoreDamaged: one does not open.
    """
    done = 0
    newest = seal.newest.to_bytes(NUMBER_BYTES)
    for each in columns:
        body, id_ = each.table.c[each.column], each.table.c.id
        older = (
            select(id_, body).where(func.length(body) > 0, func.substr(body, 1, NUMBER_BYTES) != newest).limit(_AT_ONCE)
        )
        while True:
            with records.begin() as connection:
                rows = connection.execute(older).all()
                for key, text in rows:
                    again = seal.seal(seal.open(text, key), key)
                    connection.execute(update(each.table).where(id_ == key).values({each.column: again}))
            done += len(rows)
            if not rows:
                break
    return done


def drop_sealed(records: Records, columns: Sequence[SealedColumn], number: int) -> int:
    """Remove all rows whose text lies under a key; how many there were."""
    first = number.to_bytes(NUMBER_BYTES)
    with records.begin() as connection:
        return sum(
            connection.execute(
                delete(each.table).where(func.substr(each.table.c[each.column], 1, NUMBER_BYTES) == first)
            ).rowcount
            for each in columns
        )


def _opens(connection: Connection, columns: Sequence[SealedColumn], number: int, seal: Seal) -> bool:
    """Whether one text under a key opens: if the key is another of that number, none does."""
    first = number.to_bytes(NUMBER_BYTES)
    for each in columns:
        body, id_ = each.table.c[each.column], each.table.c.id
        row = connection.execute(select(id_, body).where(func.substr(body, 1, NUMBER_BYTES) == first).limit(1)).first()
        if row is not None:
            try:
                seal.open(row[1], row[0])
            except StoreDamaged:
                return False
            return True
    return True
