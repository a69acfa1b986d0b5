"""Timetables come in: what a reader of their files gives."""

from typing import Protocol

import msgspec

from waypost.model.places import Facility
from waypost.network.services import Service


class Refused(msgspec.Struct, frozen=True):
    """Why something of a file was not taken. `line` counts from 1, the header included; 0 is the file as a whole."""

    file: str
    line: int
    field: str
    reason: str
    value: str | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What files say.

    Attributes:
        services: that can be, each under another carrier and code.
        dwell_min: minimum dwell of facilities, where the files tell it.
        facilities: where the files describe them.
        refused: rows that became nothing; a service of which a part was refused is not among the services.
    """

    services: list[Service]
    dwell_min: dict[str, int] = {}
    facilities: list[Facility] = []
    refused: list[Refused] = []


class TimetableFeed(Protocol):
    """A reader of timetables."""

    def read(self) -> Found:
        """All that the files say.

        Raises:
            BadInput: a file is missing or of another layout.
        """
