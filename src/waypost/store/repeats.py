"""What is made once, however often it is asked for: a key again gives what it made, to the same request alone."""

from sqlalchemy import Table, select
from sqlalchemy.engine import Connection

from waypost.model.errors import BadInput


class KeyReused(BadInput):
    """The key of a request was used for another one."""

    code = "key_reused"
    status = 422


def is_made(connection: Connection, table: Table, id_: str, asked: str) -> bool:
    """Whether what is to be made under an id is there already.

    Args:
        asked: by what the request is known again. What was kept without it is taken for what is meant.

    Raises:
        KeyReused: it is there, and another request made it.
    """
    row = connection.execute(select(table.c.asked).where(table.c.id == id_)).one_or_none()
    if row is not None and row.asked and row.asked != asked:
        raise reused()
    return row is not None


def reused() -> KeyReused:
    """What is raised for a key of another request."""
    mend = "Take another key for another request; send the same again under this one."
    return KeyReused("this Idempotency-Key was used for a request with another content", mend=mend)
