"""A server that commands ask over HTTP, and how they speak of what it keeps."""

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from waypost.app.console import aside, legible, line, results
from waypost.client import Waypost
from waypost.client.orders import KeptOrder
from waypost.model.errors import BadInput, NotFound

#: A person waits: long enough for a server that is begun again.
_PATIENCE_S = 30.0
_MOST_KEY_FILE = 4096
_ID = re.compile(r"ord_[0-9a-f]{20}")

_COLOURS = {"booked": "green", "queued": "yellow", "refused": "red", "doubtful": "magenta", "cancelled": "dim"}


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Which server, and where its key is."""

    url: str | None
    key_file: Path | None
    allow_http: bool


@contextlib.contextmanager
def open_server(server: Server) -> Iterator[Waypost]:
    """The server; what is tried again is told aside.

    Raises:
        BadInput: no server is named, or no key.
    """
    key = _read_key(server.key_file)
    if not key:
        raise BadInput("no key is named", mend="Put it into WAYPOST_KEY, or into a file and name that by --key-file.")
    journal, telling = logging.getLogger("waypost.client"), _Aside()
    level = journal.level
    journal.addHandler(telling)
    journal.setLevel(logging.INFO)
    try:
        with Waypost(server.url, key, patience_s=_PATIENCE_S, allow_http=server.allow_http) as waypost:
            yield waypost
    finally:
        journal.removeHandler(telling)
        journal.setLevel(level)


@contextlib.contextmanager
def naming(file: Path) -> Iterator[None]:
    """Read a file that was named in the call.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None or os.fsdecode(error.filename) != str(file):
            raise
        raise BadInput(f"{file}: {error.strerror}", mend="Name a file that can be read.") from None


def get_order(waypost: Waypost, named: str) -> KeptOrder:
    """An order by its id, or by the merchant's number of it.

    Raises:
        NotFound: there is none.
    """
    found = waypost.orders.get(named) if _ID.fullmatch(named) else waypost.orders.find(named)
    if found is None:
        raise NotFound(f"there is no order {named!r}", mend="`waypost orders list` shows those that there are.")
    return found


def print_order(kept: KeptOrder) -> None:
    """An order in a line or two."""
    numbers = ", ".join(f"{each.carrier} {each.number}" for each in kept.waybills)
    why = f"  {kept.why}" if kept.why and kept.state != "booked" else ""
    again = "" if kept.next_try is None else f"  (asked again at {kept.next_try:%Y-%m-%d %H:%M:%SZ})"
    state = (kept.state, _COLOURS.get(kept.state, ""))
    text = line(f"{kept.order.reference}  ", state, f"  {numbers or kept.account}{why}{again}")
    text.rstrip()
    results().print(text, soft_wrap=True)


def as_json(kept: KeptOrder) -> dict[str, Any]:
    """An order for programs."""
    told: dict[str, Any] = msgspec.to_builtins(kept)
    return told


def _read_key(file: Path | None) -> str:
    if file is None:
        return os.environ.get("WAYPOST_KEY", "")
    with naming(file), file.open("rb") as opened:
        content = opened.read(_MOST_KEY_FILE)
    try:
        return content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise BadInput(f"{file}: holds no key", mend="Put the key into it as it was shown, and nothing else.") from None


class _Aside(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        aside.print(f"[dim]{legible(record.getMessage())}[/]", markup=True, soft_wrap=True)
