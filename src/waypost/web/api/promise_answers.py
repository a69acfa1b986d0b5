"""Promises as the API takes and answers them, with examples."""

from typing import Annotated

import msgspec

from waypost.booking.issuing import whole
from waypost.booking.rating.promised import Basis
from waypost.forecast.promising import Promise
from waypost.track.wire import Refusal
from waypost.web.api.quoted import BASIS, PROMISE

_Text = Annotated[str, msgspec.Meta(max_length=120)]


class SpotSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One end of a way: no more of an address than a promise hangs on."""

    country: Annotated[str, msgspec.Meta(pattern=whole("[A-Z]{2}"))]
    province: _Text = ""
    city: _Text = ""


class PromiseSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a promise is asked for; `account` is the contract to ship by, or `carrier` the code of a carrier."""

    sender: SpotSent
    consignee: SpotSent
    account: Annotated[str, msgspec.Meta(max_length=64)] = ""
    carrier: Annotated[str, msgspec.Meta(max_length=32)] = ""
    weight_g: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0


class PromisedRow(msgspec.Struct, frozen=True):
    """The promise for one that was asked for; `row` is its place in what was sent, from 0."""

    row: int
    promise: Promise


class PromisesAnswer(msgspec.Struct, frozen=True):
    """Promises for parcels that are ordered at `at`, and what they rest on. Each that was sent is in one of the two."""

    at: str
    promises: list[PromisedRow]
    refusals: list[Refusal]
    promised: Basis


PROMISES_SENT = [
    PromiseSent(
        sender=SpotSent(country="BR", province="SP", city="Campinas"),
        consignee=SpotSent(country="BR", province="RJ", city="Niterói"),
        carrier="correios",
        weight_g=450,
    )
]
PROMISE_EXAMPLES = {
    PromisesAnswer: PromisesAnswer(
        "2026-11-22T13:04:00Z",
        [PromisedRow(0, PROMISE)],
        [Refusal(1, "account", "there is no account 'corrieos'")],
        BASIS,
    )
}
