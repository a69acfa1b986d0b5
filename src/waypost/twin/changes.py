"""What if: changes of the twin's world, each for a while or for good."""

from typing import TypeAlias

import msgspec

from waypost.twin.fronts import Front

FOREVER_MS = 1 << 50


class CloseHub(msgspec.Struct, frozen=True, kw_only=True, tag="close_hub"):
    """A hub sorts nothing and sends nothing away; parcels are led around it where that can be."""

    hub: str
    from_ms: int
    until_ms: int


class MoveCutOff(msgspec.Struct, frozen=True, kw_only=True, tag="move_cut_off"):
    """A hub takes parcels for its departures until so many minutes later (earlier if below 0)."""

    hub: str
    minutes: int


class ChangeRoom(msgspec.Struct, frozen=True, kw_only=True, tag="change_room"):
    """The departures from a hub to another take so many times as many parcels: 2 doubles a flight."""

    start: str
    end: str
    times: float


class AddFront(msgspec.Struct, frozen=True, kw_only=True, tag="add_front"):
    """Foul weather besides."""

    front: Front


class MoreDemand(msgspec.Struct, frozen=True, kw_only=True, tag="more_demand"):
    """So many percent more parcels are handed over (fewer if below 0); those of the base run are among them."""

    percent: float
    from_ms: int = 0
    until_ms: int = FOREVER_MS


Change: TypeAlias = CloseHub | MoveCutOff | ChangeRoom | AddFront | MoreDemand
