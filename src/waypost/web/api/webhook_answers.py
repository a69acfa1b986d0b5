"""What the API says of webhooks, as records, with one example each."""

from typing import Annotated

import msgspec

from waypost.care.deliveries import Delivery, DeliveryState
from waypost.care.messages import STATUS_TYPE, News, OrderTold, PlaceTold, StatusTold, WaybillTold
from waypost.care.sending import Answer
from waypost.care.subscriptions import MOST_URL, Webhook
from waypost.model.instants import format_known, format_utc
from waypost.track.views import WaybillView

Url = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_URL)]
Statuses = Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=64)]


class WebhookSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to tell, and of which statuses; none: of all."""

    url: Url
    statuses: Statuses = []


class WebhookChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a webhook; what is left out stays."""

    url: Url | None = None
    statuses: Statuses | None = None
    paused: bool | None = None


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook.

    Attributes:
        statuses: those that it is told of; none: all.
        paused_at: since when nothing is sent to it, and `why`; what happens meanwhile waits.
        old_secret_until: until then the secret before the present one signs too.
        missed_at: when it came out that some changes had gone before it was told of them; look its parcels up.
    """

    id: str
    url: str
    statuses: list[str]
    made_at: str
    paused_at: str | None
    why: str
    old_secret_until: str | None
    missed_at: str | None


class WebhookSecret(msgspec.Struct, frozen=True):
    """A webhook with its secret, which is shown this once."""

    webhook: WebhookView
    secret: str


class WebhooksAnswer(msgspec.Struct, frozen=True):
    """A merchant's webhooks, the oldest first."""

    webhooks: list[WebhookView]


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a webhook is told.

    Attributes:
        id: the `webhook-id` that it is sent under, however often.
        next_try: when it is sent at the earliest, if it waits; those of one parcel go one after another.
        answer: the HTTP status of the last try, None without an answer; `why` that was in vain.
        ended_at: when it was delivered, or given up.
    """

    id: str
    state: DeliveryState
    waybill: WaybillView
    status: str
    made_at: str
    next_try: str | None
    tries: int
    answer: int | None
    why: str
    ended_at: str | None


class DeliveryPage(msgspec.Struct, frozen=True):
    """Some deliveries, newest first; `next` is the cursor for more, None at the end."""

    deliveries: list[DeliveryView]
    next: str | None


class TestAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint answered to a ping: its HTTP status, None without an answer, and why that is no success."""

    is_well: bool
    status: int | None
    why: str
    seconds: float


class ReplayAnswer(msgspec.Struct, frozen=True):
    """How many deliveries are sent once more."""

    replayed: int


def view_webhook(webhook: Webhook) -> WebhookView:
    """As its merchant sees it."""
    return WebhookView(
        id=webhook.id,
        url=webhook.url,
        statuses=list(webhook.statuses),
        made_at=format_utc(webhook.made_ms),
        paused_at=format_known(webhook.paused_ms),
        why=webhook.why,
        old_secret_until=format_known(webhook.old_until_ms),
        missed_at=format_known(webhook.missed_ms),
    )


def view_delivery(delivery: Delivery) -> DeliveryView:
    """As its merchant sees it."""
    return DeliveryView(
        id=delivery.id,
        state=delivery.state,
        waybill=WaybillView(delivery.waybill.carrier, delivery.waybill.number),
        status=delivery.status,
        made_at=format_utc(delivery.made_ms),
        next_try=format_utc(delivery.next_ms) if delivery.state is DeliveryState.WAITING else None,
        tries=delivery.tries,
        answer=delivery.answer,
        why=delivery.why,
        ended_at=format_known(delivery.ended_ms),
    )


def view_test(answer: Answer) -> TestAnswer:
    """As its merchant sees it."""
    return TestAnswer(is_well=answer.is_well, status=answer.status, why=answer.why, seconds=round(answer.seconds, 3))


_WEBHOOK = WebhookView(
    id="whk_5b0f3c2a9d8e7f61a2b3",
    url="https://shop.example/waypost",
    statuses=["out_for_delivery", "delivered"],
    made_at="2026-11-22T13:04:00Z",
    paused_at=None,
    why="",
    old_secret_until=None,
    missed_at=None,
)
_DELIVERY = DeliveryView(
    id="msg_1f0e2d3c4b5a69788796a5b4c3d2e1f0",
    state=DeliveryState.WAITING,
    waybill=WaybillView("correios", "OS123456785BR"),
    status="delivered",
    made_at="2026-11-24T17:20:05Z",
    next_try="2026-11-24T17:21:10Z",
    tries=2,
    answer=503,
    why="answers 503",
    ended_at=None,
)
#: The body of a message, for the description of the API.
NEWS = News(
    STATUS_TYPE,
    "2026-11-24T17:20:05Z",
    StatusTold(
        order=OrderTold("ord_5b0f3c2a9d8e7f61a2b3", "2026-11-000417"),
        piece=1,
        waybill=WaybillTold("correios", "OS123456785BR"),
        status="delivered",
        group="delivery",
        before="out_for_delivery",
        at="2026-11-24T14:19:00-03:00",
        place=PlaceTold("Rio de Janeiro", "RJ", "BR"),
    ),
)
WEBHOOK_EXAMPLES: dict[type, msgspec.Struct] = {
    WebhookView: _WEBHOOK,
    WebhookSecret: WebhookSecret(_WEBHOOK, "whsec_bm9ib2R5J3Mgc2VjcmV0LCBvbmx5IGFuIGV4YW1wbGU="),
    WebhooksAnswer: WebhooksAnswer([_WEBHOOK]),
    DeliveryView: _DELIVERY,
    DeliveryPage: DeliveryPage([_DELIVERY], None),
    TestAnswer: TestAnswer(is_well=True, status=204, why="", seconds=0.081),
    ReplayAnswer: ReplayAnswer(17),
}
WEBHOOK_SENT = WebhookSent(url=_WEBHOOK.url, statuses=_WEBHOOK.statuses)
WEBHOOK_CHANGE = WebhookChange(paused=True)
