"""What webhooks are told: for each that wants to know of a change, one message."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from waypost.care.deliveries import Delivery, keep_new
from waypost.care.news import Change
from waypost.care.records import webhooks
from waypost.care.subscriptions import Webhook, list_subscribed
from waypost.model.instants import format_utc
from waypost.track.timeline import local_text

STATUS_TYPE = "parcel.status"
PING_TYPE = "ping"


class OrderTold(msgspec.Struct, frozen=True):
    """The order that a parcel is of: our id of it, and the merchant's own number."""

    id: str
    reference: str


class WaybillTold(msgspec.Struct, frozen=True):
    """A number, and whose it is."""

    carrier: str
    number: str


class PlaceTold(msgspec.Struct, frozen=True):
    """Where, at city level."""

    city: str | None
    region: str | None
    country: str | None


class StatusTold(msgspec.Struct, frozen=True):
    """What a webhook is told of a parcel. Nothing of it says who anybody is.

    Attributes:
        piece: which parcel of the order, from 1.
        status: as it is now, by the unified code; `group` that it belongs to.
        before: as it was; None for the first.
        at: RFC 3339, when the scan was taken that led to it; `place` where, if that is known.
    """

    order: OrderTold
    piece: int
    waybill: WaybillTold
    status: str
    group: str
    before: str | None
    at: str
    place: PlaceTold | None


class News(msgspec.Struct, frozen=True):
    """The body of a message. `timestamp` is when it was made, however often it is sent."""

    type: str
    timestamp: str
    data: Any


class WebhookAudience:
    """Answers `care.news.Audience`: merchants, who are told of what they subscribed to."""

    def is_there(self, connection: Connection) -> bool:
        """See `Audience`."""
        return connection.execute(select(webhooks.c.id).limit(1)).first() is not None

    def keep(self, connection: Connection, changes: Sequence[Change], now_ms: int) -> int:
        """See `Audience`."""
        if not changes:
            return 0
        found = list_subscribed(connection, sorted({each.owned.merchant for each in changes}))
        return keep_new(connection, [each for change in changes for each in _draft(change, found, now_ms)])

    def note_gap(self, connection: Connection, now_ms: int) -> None:
        """Say so to everybody whom it may have concerned."""
        connection.execute(update(webhooks).values(missed_ms=now_ms))


def _draft(change: Change, found: Sequence[Webhook], now_ms: int) -> list[Delivery]:
    of_merchant = [each for each in found if each.party == change.owned.merchant]
    meant = [each for each in of_merchant if not each.statuses or change.status.code in each.statuses]
    if not meant:
        return []
    body = msgspec.json.encode(News(STATUS_TYPE, format_utc(now_ms), _tell(change)))
    return [
        Delivery(
            id=_id_of(webhook.id, change),
            webhook=webhook.id,
            position=change.position,
            waybill=change.waybill,
            status=change.status.code,
            body=body,
            made_ms=now_ms,
            next_ms=now_ms,
        )
        for webhook in meant
    ]


def _tell(change: Change) -> StatusTold:
    owned, place = change.owned, change.place.place if change.place else None
    return StatusTold(
        order=OrderTold(owned.order, owned.reference),
        piece=owned.piece + 1,
        waybill=WaybillTold(change.waybill.carrier, change.waybill.number),
        status=change.status.code,
        group=change.status.group,
        before=None if change.before is None else change.before.code,
        at=local_text(change.at_ms, change.offset_min, change.place),
        place=PlaceTold(place.city, place.region, place.country) if place else None,
    )


def _id_of(webhook: str, change: Change) -> str:
    """The same for the same news, which after a crash may be read once more under another position."""
    text = "\x1f".join([webhook, *change.key])
    return f"msg_{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"
