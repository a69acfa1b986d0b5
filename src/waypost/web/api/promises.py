"""Promises: when parcels that are ordered now will be there."""

from collections.abc import Mapping

from fastapi import FastAPI, Request, Response

from waypost.booking.rating.areas import Spot
from waypost.booking.rating.promised import Basis, ask_for, basis_of
from waypost.booking.rating.shipments import Piece, Shipment
from waypost.booking.reading import read_rows
from waypost.model.errors import BadInput
from waypost.model.instants import format_utc
from waypost.track.wire import Refusal
from waypost.web.api.arrays import refuse_long_array
from waypost.web.api.merchants import merchant_of, read_json
from waypost.web.api.openapi import WITH_MERCHANTS_KEY, sends
from waypost.web.api.promise_answers import PROMISES_SENT, PromisedRow, PromisesAnswer, PromiseSent, SpotSent
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.desk import Desk
from waypost.web.office import Office

NOTHING_ASKED = Basis(why="nothing was asked for")
_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "too_many", "busy", "conflict", "store_damaged")
_SENDING = ("slow_body", "too_large", "unsupported_media_type")


def add_promises(app: FastAPI, office: Office) -> None:
    """One endpoint: nothing is kept."""
    routes = Routes(app, "orders", WITH_MERCHANTS_KEY, _PROBLEMS)

    @routes.add(
        "POST",
        "/v1/promises",
        "When parcels would arrive",
        PromisesAnswer,
        "A promise for each",
        *_SENDING,
        description=(
            "Of parcels that are ordered now: the instants by which one, five, eight and nine of ten such parcels are "
            "there, learnt from the scans of this network. Nothing is kept, and no order has to be handed in before."
        ),
        extra=sends(PromiseSent, PROMISES_SENT),
    )
    async def promise(request: Request) -> Response:
        merchant = await merchant_of(office, request)
        body = await read_json(office, request)
        refuse_long_array(body, office.limits.promises_at_once, "promises")
        return json_answer(await office.lookups.run(lambda: _promise_all(office.desk, merchant, body)))


def _promise_all(desk: Desk, merchant: str, body: bytes) -> PromisesAnswer:
    """Each that can be read, and why the others cannot."""
    sent, refusals = read_rows(body, PromiseSent)
    find_city, now_ms = desk.quotes.open().find_city, desk.clock()
    rows, asks = [], []
    for row, each in sent:
        try:
            asks.append(ask_for(_shipment(each, merchant), _carrier(desk.carriers, each), find_city))
            rows.append(row)
        except BadInput as error:
            refusals.append(Refusal(row, error.where or "", error.message.removeprefix(f"{error.where}: ")))
    if not asks:
        return PromisesAnswer(format_utc(now_ms), [], sorted(refusals, key=lambda each: each.row), NOTHING_ASKED)
    promiser = desk.promises.open()
    promises = promiser.promise_all(asks, now_ms)
    return PromisesAnswer(
        format_utc(now_ms),
        [PromisedRow(row, promise) for row, promise in zip(rows, promises, strict=True)],
        sorted(refusals, key=lambda refusal: refusal.row),
        basis_of(promiser),
    )


def _shipment(sent: PromiseSent, merchant: str) -> Shipment:
    sender, consignee = _spot(sent.sender), _spot(sent.consignee)
    return Shipment(sender=sender, consignee=consignee, pieces=[Piece(sent.weight_g)], shipper=merchant)


def _spot(sent: SpotSent) -> Spot:
    return Spot(sent.country, sent.province, sent.city)


def _carrier(carriers: Mapping[str, str], sent: PromiseSent) -> str:
    if not sent.account:
        return sent.carrier
    if sent.carrier:
        raise BadInput("an account has its carrier: name one of the two", where="carrier")
    if sent.account not in carriers:
        raise BadInput(f"there is no account {sent.account!r}", where="account")
    return carriers[sent.account]
