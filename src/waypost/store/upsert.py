"""Insert rows, or bring those that are there already up to date."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert some rows; where the primary key is there already, the given columns replace what was kept.

    All rows must name the same columns, among them the whole primary key. If a key comes twice, the last row wins.

    Raises:
        ValueError: rows name different columns, or not the whole primary key.
    """
    if not rows:
        return
    key = [column.name for column in table.primary_key]
    given = rows[0].keys()
    if any(row.keys() != given for row in rows) or not given >= set(key):
        raise ValueError(f"Rows for {table.name} must all name the same columns, among them {', '.join(key)}.")
    insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table)
    rest = {name: statement.excluded[name] for name in given if name not in key}
    if rest:
        statement = statement.on_conflict_do_update(index_elements=key, set_=rest)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=key)
    connection.execute(statement, [dict(row) for row in rows])
