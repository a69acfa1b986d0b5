"""What a carrier's file says of itself: what it can be asked, what an account needs, how well that is known."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from waypost.carriers.calling import Caller


class Evidence(StrEnum):
    """How well it is known how a carrier's operation is called. No live host was asked for any of it."""

    VENDOR = "vendor"  #: by the carrier's own package, document or published example
    TWO_SOURCES = "two sources"  #: by two open clients that agree
    ONE_SOURCE = "one source"  #: by one open client
    KARRIO = "karrio, unverified"  #: by a connector of karrio's, which asks in our place
    UNVERIFIED = "unverified"  #: by nothing that could be checked: sources differ, or it was inferred


class Operation(StrEnum):
    """What a carrier can be asked."""

    BOOK = "book"
    CANCEL = "cancel"
    PRINT = "print"
    TRACK = "track"
    SUBSCRIBE = "subscribe"
    PUSH = "push"
    RATES = "rates"
    PICKUP = "pickup"


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """How Waypost speaks with a carrier.

    Attributes:
        carrier: by whose name it is known; that of an account's carrier, or what the account has as `adapter`.
        make: of a caller, the object that answers `WaybillIssuer`, `TrackSource` and `PushReader`, as far as
            `operations` goes.
        settings: what an account needs, and what that is; `secrets` what nobody may see. A setting may be given for one
            interface alone, behind a full stop, where the carrier gives one for each.
        test_url, url: where the carrier's API is.
        is_called: there is an API, and an account says where.
        optional: of both, what an account may be without; `push_needs` those of them without which no push is believed,
            `label_needs` no label that is pushed.
    """

    carrier: str
    make: Callable[[Caller], Any]
    settings: Mapping[str, str]
    secrets: Mapping[str, str]
    operations: Mapping[Operation, Evidence]
    url: str = ""
    test_url: str = ""
    optional: frozenset[str] = frozenset()
    push_needs: frozenset[str] = frozenset()
    label_needs: frozenset[str] = frozenset()
    is_called: bool = True
