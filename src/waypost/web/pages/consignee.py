"""A consignee's page: one parcel, by a link that nobody can guess, with what only who receives it may see.

Every look costs a token of the client's address, whether the link leads anywhere or not; what leads nowhere any more is
answered as what never did. The door sees that no search engine and no other site learns of the address.
"""

import datetime as dt
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from waypost.booking.links import Opened
from waypost.booking.printing.masking import mask_name, mask_phone, mask_street
from waypost.booking.proofs import Proof
from waypost.model.errors import NotFound
from waypost.model.instants import format_instant
from waypost.track.views import in_public, scan_in_public
from waypost.web.door import PRIVATE, call_of
from waypost.web.office import Office
from waypost.web.pages.journey import Card, make_card
from waypost.web.pages.languages import Language, offset_text
from waypost.web.pages.paper import Paper, language_of

_MOST_SCANS = 150
_PHONE_DIGITS = 6


class _Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A proof of delivery in words; `picture` and `signature` are addresses, "" for none."""

    iso: str
    moment: str
    name: str
    relation: str
    picture: str
    signature: str


def add_consignee(app: FastAPI, office: Office, paper: Paper) -> None:
    """The page and its images."""
    desk = office.desk

    @app.get(PRIVATE + "{token}", include_in_schema=False)
    async def show(request: Request, token: str) -> Response:
        language = language_of(request)
        office.numbers.take(call_of(request.scope).address)

        def read() -> dict[str, Any]:
            opened = desk.links.open(token, desk.clock())
            proofs = desk.proofs.list_of_parcel(opened.parcel.reference)
            return _whom(opened, language) | {
                "card": _card(office, opened, language),
                "proofs": [_proof(each, token, language) for each in proofs],
            }

        told = await office.lookups.run(read)
        now = dt.datetime.fromtimestamp(desk.clock() / 1000, dt.UTC)
        return paper.answer("consignee.html", language, request, **told, now=f"{language.moment(now)} UTC")

    @app.get(PRIVATE + "{token}/proofs/{proof}/{which}", include_in_schema=False)
    async def show_image(request: Request, token: str, proof: str, which: str) -> Response:
        office.numbers.take(call_of(request.scope).address)

        def read() -> Response:
            opened = desk.links.open(token, desk.clock())
            found = desk.proofs.get(None, proof)
            if (found.order, found.piece) != (opened.kept.id, opened.parcel.piece):
                raise NotFound("this link leads to no such proof")
            if which not in ("picture", "signature"):
                raise NotFound("a proof has a picture and a signature, and nothing else")
            image = desk.proofs.open_picture(found) if which == "picture" else desk.proofs.open_signature(found)
            return Response(
                image.content, media_type=image.content_type, headers={"cache-control": "private, no-store"}
            )

        return await office.lookups.run(read)


def _whom(opened: Opened, language: Language) -> dict[str, Any]:
    order = opened.kept.order
    whom = order.consignee
    place = [whom.city, whom.province if whom.province != whom.city else "", language.country(whom.country)]
    return {
        "merchant": opened.merchant,
        "name": mask_name(whom.name),
        "phone": mask_phone(whom.phone, _PHONE_DIGITS),
        "street": mask_street(whom.street),
        "place": ", ".join(each for each in place if each),
        "reference": order.reference,
        "piece": opened.parcel.piece + 1,
        "pieces": len(opened.kept.parcels),
    }


def _card(office: Office, opened: Opened, language: Language) -> Card | None:
    """What the tracking page shows of the parcel; None if nothing is known of it."""
    try:
        parcel, scans = office.desk.tracker.get_parcel(opened.waybill.carrier, opened.waybill.number)
    except NotFound:
        return None
    public = [scan_in_public(scan) for scan in scans]
    return make_card(in_public(parcel), public, language, office.desk.clock(), _MOST_SCANS)


def _proof(proof: Proof, token: str, language: Language) -> _Proof:
    iso = format_instant(proof.at_ms, proof.offset_min)
    at = dt.datetime.fromisoformat(iso)
    own = f"{PRIVATE}{token}/proofs/{proof.id}"
    return _Proof(
        iso=iso,
        moment=f"{language.moment(at)} {offset_text(at)}",
        name=proof.received_by,
        relation=language.say(f"relation_{proof.relation}") if proof.relation else "",
        picture=f"{own}/picture" if proof.picture_type else "",
        signature=f"{own}/signature" if proof.has_signature else "",
    )
