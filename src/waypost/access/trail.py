"""The audit trail: who did what to what, and when. It is only ever added to, in the transaction of the deed itself.

Nobody's words stand in it: people, keys and parties are named by their ids, and an address or a login never.
"""

import re
from typing import Any

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.engine import Connection, Row

from waypost.access.records import audit_trail
from waypost.model.decoding import decode
from waypost.model.errors import BadInput
from waypost.store.protocols import Records

#: Who it is when a command of this machine did it, or Waypost by itself.
COMMAND, WAYPOST = "command", "waypost"

_DEED = re.compile(r"[a-z_]{1,23}\.[a-z_]{1,23}")
_MOST_WHO, _MOST_OF, _MOST_DETAILS = 48, 128, 2000


class Deed(msgspec.Struct, frozen=True):
    """One line of the trail.

    Attributes:
        id: grows from line to line; there may be gaps.
        at_ms: when it was done, UTC milliseconds.
        who: `key:` or `person:` with an id, `command` or `waypost`.
        what: what kind of thing, and what was done to it: `key.made`, `person.logged_in`.
        of: the id of the thing.
        details: further words of Waypost's own, by name.
    """

    id: int
    at_ms: int
    who: str
    what: str
    of: str
    details: dict[str, str]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which deeds are wanted; of a field that is None, all. `since_ms` counts in, `until_ms` not.

    `what` that ends in a dot wants everything of that kind: `key.`.
    """

    who: str | None = None
    what: str | None = None
    of: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


class Trail:
    """The trail in `Records`."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @staticmethod
    def write(connection: Connection, who: str, what: str, of: str, now_ms: int, **details: str) -> None:
        """Add a line, in the transaction of what it tells of: both are kept, or neither.

        Args:
            connection: of that transaction.
            who: as in `Deed`.
            what: a noun, a dot and what was done to it, in a-z and _.
            of: the id of the thing; longer ones are cut at 128 characters.
            now_ms: the present.
            details: further words, none of them anybody's own.

        Raises:
            ValueError: `what` is no such word, or there are too many details.
        """
        told = msgspec.json.encode(dict(sorted(details.items()))).decode()
        if not _DEED.fullmatch(what) or len(told) > _MOST_DETAILS or not 0 < len(who) <= _MOST_WHO:
            raise ValueError(f"{who} {what} with {len(told)} bytes of details is no line of the audit trail")
        row = {"at_ms": now_ms, "who": who, "what": what, "of": of[:_MOST_OF], "details": told}
        connection.execute(insert(audit_trail).values(row))

    def note(self, who: str, what: str, of: str, now_ms: int, **details: str) -> None:
        """The same for what needs no transaction else, such as having looked at something."""
        with self._records.begin() as connection:
            self.write(connection, who, what, of, now_ms, **details)

    def list_page(self, wanted: Wanted, after: str | None, limit: int) -> tuple[list[Deed], str | None]:
        """The newest deeds first, and the cursor of the next page.

        Raises:
            BadInput: the cursor is none.
        """
        table = audit_trail.c
        asked = select(audit_trail).order_by(table.id.desc()).limit(limit + 1)
        for column, value in ((table.who, wanted.who), (table.of, wanted.of)):
            if value is not None:
                asked = asked.where(column == value)
        if wanted.what is not None and wanted.what.endswith("."):
            asked = asked.where(table.what.startswith(wanted.what, autoescape=True))
        elif wanted.what is not None:
            asked = asked.where(table.what == wanted.what)
        if wanted.since_ms is not None:
            asked = asked.where(table.at_ms >= wanted.since_ms)
        if wanted.until_ms is not None:
            asked = asked.where(table.at_ms < wanted.until_ms)
        if after is not None:
            if not re.fullmatch(r"[1-9][0-9]{0,17}", after):
                raise BadInput("this is no cursor of the audit trail", where="after", mend="Send `next` as it came.")
            asked = asked.where(table.id < int(after))
        with self._records.read() as connection:
            found = [_deed(row) for row in connection.execute(asked)]
        return found[:limit], str(found[limit - 1].id) if len(found) > limit else None


def _deed(row: Row[Any]) -> Deed:
    details = decode(row.details, dict[str, str])
    return Deed(row.id, row.at_ms, row.who, row.what, row.of, details)
