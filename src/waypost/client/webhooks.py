"""Webhooks: subscribed to, looked after; and their messages verified at the other end."""

import datetime as dt
import hmac
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import msgspec

from waypost.client.calling import Caller, part
from waypost.client.orders import Waybill
from waypost.client.parcels import Place
from waypost.client.problems import NotThere
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, WaypostError
from waypost.model.guarded import Guarded
from waypost.model.standard_webhooks import sign_standard

#: A message that was signed longer ago, or so far ahead, is not taken: it may be a repeat of somebody else's.
TOLERANCE_S = 300.0


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook.

    Attributes:
        statuses: those that it is told of; none: all.
        paused_at: since when nothing is sent to it, and `why`.
        old_secret_until: until then the secret before the present one signs too.
        missed_at: when it came out that some changes had gone before it was told of them; look your parcels up.
    """

    id: str
    url: str
    statuses: Sequence[str]
    made_at: dt.datetime
    paused_at: dt.datetime | None
    why: str
    old_secret_until: dt.datetime | None
    missed_at: dt.datetime | None


class NewWebhook(Guarded, frozen=True):
    """A webhook with its secret, which is shown this once."""

    SHOWN: ClassVar[tuple[str, ...]] = ("webhook",)

    webhook: Webhook
    secret: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a webhook is told: `waiting`, `delivered` or `dead`. `id` is the `webhook-id` of its message."""

    id: str
    state: str
    waybill: Waybill
    status: str
    made_at: dt.datetime
    next_try: dt.datetime | None
    tries: int
    answer: int | None
    why: str
    ended_at: dt.datetime | None


class Pinged(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint answered to a ping: its HTTP status, None without an answer, and why that is no success."""

    is_well: bool
    status: int | None
    why: str
    seconds: float


class OrderTold(msgspec.Struct, frozen=True):
    """Our id of an order, and the merchant's own number of it."""

    id: str
    reference: str


class StatusTold(msgspec.Struct, frozen=True):
    """What became of a parcel: `status` now, `before` as it was, `at` and `place` where, as far as that is known."""

    order: OrderTold
    piece: int
    waybill: Waybill
    status: str
    group: str
    before: str | None
    at: str
    place: Place | None


class News(msgspec.Struct, frozen=True):
    """A message. `data` is None of other types than `parcel.status`, such as `ping`."""

    id: str
    type: str
    timestamp: dt.datetime
    data: StatusTold | None


class Untrue(WaypostError):
    """A message is not from who shares the secret, was changed on the way, or was signed too long ago."""

    code = "forged"
    status = 401


class _Page(msgspec.Struct, frozen=True):
    deliveries: Sequence[Delivery]
    next: str | None


class _All(msgspec.Struct, frozen=True):
    webhooks: Sequence[Webhook]


class _Replayed(msgspec.Struct, frozen=True):
    replayed: int


class _Message(msgspec.Struct, frozen=True):
    type: str
    timestamp: dt.datetime
    data: msgspec.Raw


class Webhooks:
    """A merchant's webhooks. What goes wrong is a `Problem`, or `Unreachable`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def add(self, url: str, statuses: Sequence[str] = (), *, idempotency_key: str | None = None) -> NewWebhook:
        """Be told there from now on, of these statuses or of all.

        Args:
            idempotency_key: the same key gives the same webhook and for a day its secret; as for `Jobs.begin`.
        """
        sent = {"url": url, "statuses": list(statuses)}
        headers = {"idempotency-key": idempotency_key or str(uuid.uuid4())}
        return self._caller.send("POST", "/v1/webhooks", NewWebhook, sent, headers=headers)

    def list(self) -> Sequence[Webhook]:
        """All of them, the oldest first."""
        return self._caller.get("/v1/webhooks", _All).webhooks

    def get(self, id_: str) -> Webhook:
        """One of them."""
        return self._caller.get(_path(id_), Webhook)

    def change(
        self,
        id_: str,
        *,
        url: str | None = None,
        statuses: Sequence[str] | None = None,
        paused: bool | None = None,
    ) -> Webhook:
        """Change what is given; what is None stays."""
        sent = {"url": url, "statuses": None if statuses is None else list(statuses), "paused": paused}
        given = {name: value for name, value in sent.items() if value is not None}
        return self._caller.send("PATCH", _path(id_), Webhook, given)

    def remove(self, id_: str) -> None:
        """Be told no more; one that is gone is well."""
        try:
            self._caller.ask("DELETE", _path(id_))
        except NotThere:
            return

    def rotate(self, id_: str) -> NewWebhook:
        """Another secret; for a day messages have the signatures of both. Not tried again if no answer comes."""
        return self._caller.send("POST", f"{_path(id_)}/rotate", NewWebhook, repeats=False)

    def ping(self, id_: str) -> Pinged:
        """Send a signed `ping` at once."""
        return self._caller.send("POST", f"{_path(id_)}/test", Pinged)

    def list_deliveries(self, id_: str, *, state: str | None = None, limit: int | None = None) -> Iterator[Delivery]:
        """What it was told and is still to be told, newest first, fetched page by page; `limit` is of a page."""
        for page in self._caller.list_pages(f"{_path(id_)}/deliveries", _Page, {"state": state}, limit):
            yield from page.deliveries

    def retry(self, id_: str, delivery: str) -> Delivery:
        """Send one once more."""
        return self._caller.send("POST", f"{_path(id_)}/deliveries/{part(delivery)}/retry", Delivery)

    def replay(self, id_: str, *, after: str | None = None, since: dt.datetime | None = None) -> int:
        """Send all once more that came behind a `webhook-id`, or from an instant on; says how many."""
        params = {"after": after, "since": since}
        return self._caller.send("POST", f"{_path(id_)}/replay", _Replayed, None, params).replayed


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secret: str,
    *,
    tolerance_s: float = TOLERANCE_S,
    now_s: float | None = None,
) -> News:
    """Read a message that came to a webhook, once it is clear that Waypost sent it.

    Args:
        body: as it came, byte by byte.
        headers: of the request, in capitals or not.
        secret: of the webhook: `whsec_...`.
        now_s: Unix seconds, of this machine's clock if not given.

    Raises:
        Untrue: do not believe it; answer with 401.
        BadInput: the secret is none, or what was signed is no message of this version.
    """
    found = {name.lower(): value for name, value in headers.items()}
    id_, stamp = found.get("webhook-id", ""), found.get("webhook-timestamp", "")
    if not id_ or not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 16):
        raise Untrue("the headers webhook-id and webhook-timestamp are missing or odd")
    if abs((time.time() if now_s is None else now_s) - int(stamp)) > tolerance_s:
        raise Untrue(f"it was signed more than {tolerance_s:g} s from now", mend="See that the clocks are right.")
    expected = sign_standard(id_, int(stamp), body, secret).encode()
    given = found.get("webhook-signature", "").encode().split()
    if not any([hmac.compare_digest(each, expected) for each in given]):
        raise Untrue("no signature of it is that of this secret", mend="See that it is the secret of this webhook.")
    try:
        message = decode(body, _Message)
        data = decode(message.data, StatusTold) if message.type == "parcel.status" else None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(f"the message cannot be read: {error}") from None
    return News(id_, message.type, message.timestamp, data)


def _path(id_: str) -> str:
    return f"/v1/webhooks/{part(id_)}"
