"""Webhooks: merchants say where they want to be told what becomes of their parcels, and look whether they were."""

from typing import Annotated

import msgspec
from fastapi import FastAPI, Query, Request, Response

from waypost.care.deliveries import Delivery, DeliveryState
from waypost.care.messages import PING_TYPE, News
from waypost.care.sending import Message
from waypost.care.subscriptions import Webhook
from waypost.model.instants import format_utc
from waypost.web.api.merchants import IDEMPOTENCY_KEY, decode_json, invalid, made_once, merchant_of, read_json
from waypost.web.api.openapi import DATE_TIME, WITH_MERCHANTS_KEY, sends
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.api.webhook_answers import (
    WEBHOOK_CHANGE,
    WEBHOOK_SENT,
    DeliveryPage,
    DeliveryView,
    ReplayAnswer,
    TestAnswer,
    WebhookChange,
    WebhooksAnswer,
    WebhookSecret,
    WebhookSent,
    WebhookView,
    view_delivery,
    view_test,
    view_webhook,
)
from waypost.web.office import Office, read_instant
from waypost.web.problems import Busy

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged")
_SENDING = ("slow_body", "too_large", "unsupported_media_type", "storage_full")
_ONE = "/v1/webhooks/{webhook}"
_MOST_PINGS = 16


def add_webhooks(app: FastAPI, office: Office) -> None:
    """Making, looking at and changing them, and what they were told."""
    routes = Routes(app, "webhooks", WITH_MERCHANTS_KEY, _PROBLEMS)
    _add_webhooks(routes, office)
    _add_changes(routes, office)
    _add_pings(routes, office)
    _add_deliveries(routes, office)
    _add_sending_again(routes, office)


def _add_webhooks(routes: Routes, office: Office) -> None:
    desk = office.desk
    subscriptions = desk.subscriptions

    @routes.add(
        "POST",
        "/v1/webhooks",
        "Be told",
        WebhookSecret,
        "With its secret",
        *_SENDING,
        "conflict",
        "key_reused",
        description=(
            "Of each status that a parcel of yours reaches from now on, a message goes to the address, signed as "
            "Standard Webhooks has it. The secret to verify it by is shown this once; with an `Idempotency-Key`, "
            "repeating it within a day gives the same."
        ),
        extra=sends(WebhookSent, WEBHOOK_SENT) | {"parameters": [IDEMPOTENCY_KEY]},
    )
    async def make_webhook(request: Request) -> Response:
        merchant = await merchant_of(office, request)
        body = await read_json(office, request)
        sent = decode_json(body, WebhookSent)
        id_, asked = made_once(office, "whk", merchant, request, body)

        def make() -> tuple[Webhook, str]:
            return subscriptions.add(merchant, sent.url, sent.statuses, desk.clock(), id_=id_, asked=asked)

        made, secret = await office.intake.run(make)
        return json_answer(WebhookSecret(view_webhook(made), secret))

    @routes.add("GET", "/v1/webhooks", "Your webhooks", WebhooksAnswer, "All of them")
    async def list_webhooks(request: Request) -> Response:
        merchant = await merchant_of(office, request)
        found = await office.lookups.run(subscriptions.list_all, merchant)
        return json_answer(WebhooksAnswer([view_webhook(each) for each in found]))

    @routes.add("GET", _ONE, "One webhook", WebhookView, "As it is", "not_found")
    async def get_webhook(request: Request, webhook: str) -> Response:
        merchant = await merchant_of(office, request)
        return json_answer(view_webhook(await office.lookups.run(subscriptions.get, merchant, webhook)))


def _add_changes(routes: Routes, office: Office) -> None:
    desk = office.desk
    subscriptions = desk.subscriptions

    @routes.add(
        "PATCH",
        _ONE,
        "Change, pause or resume it",
        WebhookView,
        "As it is now",
        *_SENDING,
        "not_found",
        description="What is left out stays. What happens during a pause waits, and is sent after it.",
        extra=sends(WebhookChange, WEBHOOK_CHANGE),
    )
    async def change_webhook(request: Request, webhook: str) -> Response:
        merchant = await merchant_of(office, request)
        sent = decode_json(await read_json(office, request), WebhookChange)

        def change() -> Webhook:
            return subscriptions.change(
                merchant, webhook, desk.clock(), url=sent.url, statuses=sent.statuses, is_paused=sent.paused
            )

        changed = await office.intake.run(change)
        desk.wake_telling(webhook)
        return json_answer(view_webhook(changed))

    @routes.add(
        "DELETE",
        _ONE,
        "Be told no more",
        None,
        "It is gone",
        "not_found",
        description="What it was told goes with it.",
    )
    async def remove_webhook(request: Request, webhook: str) -> Response:
        merchant = await merchant_of(office, request)
        await office.intake.run(subscriptions.remove, merchant, webhook)
        return Response(status_code=204)

    @routes.add(
        "POST",
        _ONE + "/rotate",
        "Another secret",
        WebhookSecret,
        "With the new secret",
        "not_found",
        description="For a day, messages have the signatures of both, so that you can change over.",
    )
    async def rotate_secret(request: Request, webhook: str) -> Response:
        merchant = await merchant_of(office, request)
        changed, secret = await office.intake.run(subscriptions.rotate, merchant, webhook, desk.clock())
        return json_answer(WebhookSecret(view_webhook(changed), secret))


def _add_pings(routes: Routes, office: Office) -> None:
    desk = office.desk
    subscriptions = desk.subscriptions
    pinged: set[str] = set()

    @routes.add(
        "POST",
        _ONE + "/test",
        "Send a ping",
        TestAnswer,
        "What your endpoint answered",
        "not_found",
        description="A signed message of the type `ping`, once and at once, even during a pause.",
    )
    async def send_ping(request: Request, webhook: str) -> Response:
        merchant = await merchant_of(office, request)
        found = await office.lookups.run(subscriptions.get, merchant, webhook)
        if webhook in pinged or len(pinged) >= _MOST_PINGS:
            raise Busy("a ping to it is under way, or too many to others")
        now_ms = desk.clock()
        secrets = await office.lookups.run(subscriptions.open_secrets, webhook, now_ms)
        body = msgspec.json.encode(News(PING_TYPE, format_utc(now_ms), {"webhook": webhook}))
        pinged.add(webhook)
        try:
            answer = await desk.sender.send(
                Message(id=desk.new_id("msg"), url=found.url, body=body, secrets=tuple(secrets))
            )
        finally:
            pinged.discard(webhook)
        return json_answer(view_test(answer))


def _add_deliveries(routes: Routes, office: Office) -> None:
    subscriptions, deliveries = office.desk.subscriptions, office.desk.deliveries

    @routes.add(
        "GET",
        _ONE + "/deliveries",
        "What it was told, newest first",
        DeliveryPage,
        "A page of them",
        "not_found",
        description="And what it is still to be told. They are kept for `keep_days` of the settings.",
    )
    async def list_deliveries(
        request: Request,
        webhook: str,
        state: Annotated[DeliveryState | None, Query(description="How far they are.")] = None,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        merchant = await merchant_of(office, request)

        def look() -> tuple[list[Delivery], str | None]:
            subscriptions.get(merchant, webhook)
            return deliveries.list_page(webhook, state, after, limit)

        page, cursor = await office.lookups.run(look)
        return json_answer(DeliveryPage([view_delivery(each) for each in page], cursor))


def _add_sending_again(routes: Routes, office: Office) -> None:
    desk = office.desk
    subscriptions, deliveries = desk.subscriptions, desk.deliveries

    @routes.add(
        "POST",
        _ONE + "/deliveries/{delivery}/retry",
        "Send one once more",
        DeliveryView,
        "As it is now",
        "not_found",
        description="Whatever became of it; what waits before it of the same parcel goes first.",
    )
    async def retry_delivery(request: Request, webhook: str, delivery: str) -> Response:
        merchant = await merchant_of(office, request)

        def retry() -> Delivery:
            subscriptions.get(merchant, webhook)
            return deliveries.retry(webhook, delivery, desk.clock())

        found = await office.intake.run(retry)
        desk.wake_telling(webhook)
        return json_answer(view_delivery(found))

    @routes.add(
        "POST",
        _ONE + "/replay",
        "Send many once more",
        ReplayAnswer,
        "How many",
        "not_found",
        description=(
            "Everything behind the last `webhook-id` that you have, or from an instant on, in the order of each parcel "
            "and under the same ids."
        ),
    )
    async def replay_deliveries(
        request: Request,
        webhook: str,
        after: Annotated[str | None, Query(max_length=64, description="The `webhook-id` of a delivery.")] = None,
        since: Annotated[
            str | None, Query(description="RFC 3339; made from here on.", json_schema_extra=DATE_TIME)
        ] = None,
    ) -> Response:
        merchant = await merchant_of(office, request)
        since_ms = read_instant(since, "query.since")
        if (after is None) is (since_ms is None):
            raise invalid("query.after", "either `after` or `since` has to be given")

        def replay() -> int:
            subscriptions.get(merchant, webhook)
            return deliveries.replay(webhook, desk.clock(), after=after, since_ms=since_ms)

        count = await office.intake.run(replay)
        desk.wake_telling(webhook)
        return json_answer(ReplayAnswer(count))
