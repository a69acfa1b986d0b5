"""Proofs of delivery: carriers hand them in, operators and the merchant whose order it is look at them."""

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.access.keys import Key, Role
from waypost.booking.images import Picture
from waypost.booking.proofs import Proof, ProofSent
from waypost.model.errors import NotFound
from waypost.web.api.answers import PROOF_SENT, ProofsAnswer, ProofTaken, view_proof
from waypost.web.api.merchants import IDEMPOTENCY_KEY, decode_json, invalid, made_once, read_json
from waypost.web.api.openapi import WITH_EITHER_KEY, WITH_KEY, sends
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.door import call_of, headers_in
from waypost.web.office import Office
from waypost.web.problems import Forbidden

_PROBLEMS = ("not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged", "not_found")
_SENDING = ("bad_input", "conflict", "slow_body", "too_large", "unsupported_media_type", "storage_full")
_IMAGES = {
    kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/jpeg", "image/png", "image/webp")
}
_MOST_NUMBERS = 30


def add_proofs(app: FastAPI, office: Office) -> None:
    """To hand proofs in and to look at them."""
    of_carriers = Routes(app, "carriers", WITH_KEY, _PROBLEMS)
    of_orders = Routes(app, "orders", WITH_EITHER_KEY, _PROBLEMS)
    desk = office.desk

    @of_carriers.add(
        "POST",
        "/v1/carriers/{account}/proofs",
        "Prove a delivery",
        ProofTaken,
        "It is kept",
        *_SENDING,
        "key_reused",
        description=(
            "Who took a parcel, a picture, a signature. The parcel was booked through the account, and the key is an "
            "operator's or speaks for its carrier. Images are looked at and made anew: what stands beside the picture, "
            "such as where it was taken, is not kept. With an `Idempotency-Key`, repeating it keeps one."
        ),
        extra=sends(ProofSent, PROOF_SENT) | {"parameters": [IDEMPOTENCY_KEY]},
    )
    async def take_proof(account: str, request: Request) -> Response:
        key = await office.gate.get_key(call_of(request.scope), headers_in(request.scope), Role.OPERATOR, Role.CARRIER)
        carrier = desk.carriers.get(account)
        if key.carriers and carrier not in key.carriers:  # nor does it learn which accounts of others there are
            raise Forbidden("this key speaks for no such account", mend="Use one that does, or an operator's.")
        if carrier is None:
            raise NotFound(f"there is no account {account[:60]!r}")
        body = await read_json(office, request)

        def take() -> Proof:
            sent = decode_json(body, ProofSent)
            id_, asked = made_once(office, "pod", _short(account), request, body)
            return desk.proofs.add(account, sent, id_, desk.clock(), asked)

        taken = await office.intake.run(take)
        desk.journal.info("a delivery was proved", request=call_of(request.scope).id, account=account, proof=taken.id)
        return json_answer(ProofTaken(taken.id))

    @of_orders.add("GET", "/v1/proofs", "Proofs of delivery of some waybills", ProofsAnswer, "The newest first")
    async def list_proofs(
        request: Request,
        number: Annotated[list[str], Query(description="Of a waybill; again for another.")],
    ) -> Response:
        key = await _key_of(office, request)
        if not 1 <= len(number) <= _MOST_NUMBERS:
            raise invalid("query.number", f"ask for 1 to {_MOST_NUMBERS} at once")
        found = await office.lookups.run(desk.proofs.list_of, key.party, number)
        return json_answer(ProofsAnswer([view_proof(each) for each in found]))

    _add_images(app, office)


def _add_images(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "orders", WITH_EITHER_KEY, _PROBLEMS)
    proofs = office.desk.proofs

    @routes.add("GET", "/v1/proofs/{proof}/picture", "The picture of a delivery", _IMAGES, "The picture")
    async def get_picture(request: Request, proof: str) -> Response:
        return await _show(office, request, proof, proofs.open_picture)

    @routes.add(
        "GET",
        "/v1/proofs/{proof}/signature",
        "The signature of who took a parcel",
        _IMAGES,
        "The signature",
    )
    async def get_signature(request: Request, proof: str) -> Response:
        return await _show(office, request, proof, proofs.open_signature)


async def _show(office: Office, request: Request, id_: str, open_: Callable[[Proof], Picture]) -> Response:
    key = await _key_of(office, request)
    image = await office.lookups.run(lambda: open_(office.desk.proofs.get(key.party, id_)))
    office.desk.journal.info("a proof was looked at", request=call_of(request.scope).id, proof=id_[:48], key=key.id)
    return Response(image.content, media_type=image.content_type, headers={"cache-control": "no-store"})


async def _key_of(office: Office, request: Request) -> Key:
    """An operator's key, which sees all, or a merchant's, whose `party` is whose it sees."""
    key = await office.gate.get_key(call_of(request.scope), headers_in(request.scope), Role.OPERATOR, Role.MERCHANT)
    if key.role is Role.MERCHANT and key.party is None:
        raise NotFound("the merchant of this key is gone")
    return key


def _short(account: str) -> str:
    """What a key of a digest can be: as long as that may be, and another for each account."""
    return hashlib.blake2b(account.encode(), digest_size=16).hexdigest()
