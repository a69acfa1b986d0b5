"""What the API says of who asks."""

from typing import Any

import msgspec

from waypost.access.keys import Role, Scope


class Me(msgspec.Struct, frozen=True):
    """Who asks.

    Attributes:
        name: of the key, or of the person who has signed in.
        is_person: it is somebody who has signed in, not a key.
        roles: what they may act as; a key has one.
        carriers: those that they speak for as a carrier, none meaning all.
        scope: how much of that they may.
        network: the name of this network.
        has_twin: this network has an imagined one to ask what if.
        who: as alerts and the audit trail name them.
    """

    name: str
    is_person: bool
    roles: list[Role]
    carriers: list[str]
    scope: Scope
    network: str
    who: str
    has_twin: bool


ME_EXAMPLES: dict[type, Any] = {
    Me: Me("Night shift", False, [Role.OPERATOR], [], Scope.FULL, "Waypost", "key:1a2b3c4d", False)
}
