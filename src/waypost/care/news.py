"""News: a parcel of an order has another status than before. Audiences write down who of theirs is to be told of it."""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from sqlalchemy.engine import Connection

from waypost.booking.owners import Owned
from waypost.model.carriage import Waybill
from waypost.model.places import Facility
from waypost.track.statuses import Status


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel of an order has another status than before.

    Attributes:
        position: of the change. After a crash the same may be read once more under another one.
        key: tells this change from others, wherever it is read.
        before: None if this is the first that is known of the parcel.
        at_ms: when the scan was taken that led to it, by a clock that was `offset_min` ahead of UTC.
        facility: the carrier's code of the place, "" if it told none; `place` as we know it.
    """

    position: int
    key: tuple[str, ...]
    waybill: Waybill
    owned: Owned
    status: Status
    before: Status | None
    at_ms: int
    offset_min: int
    facility: str
    place: Facility | None


class Audience(Protocol):
    """Some of those who are told. All it does is part of the transaction in which is written how far was read."""

    def is_there(self, connection: Connection) -> bool:
        """Whether there is anybody to tell."""

    def keep(self, connection: Connection, changes: Sequence[Change], now_ms: int) -> int:
        """Write down who is to be told of what, once however often it is read; how many messages come of it."""

    def note_gap(self, connection: Connection, now_ms: int) -> None:
        """Write down that some changes had gone before they were read."""
