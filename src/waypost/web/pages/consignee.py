"""A consignee's page: one parcel, by a link that nobody can guess, with what only who receives it may see.

Every look costs a token of the client's address, whether the link leads anywhere or not; what leads nowhere any more is
answered as what never did. The door sees that no search engine and no other site learns of the address.
"""

import datetime as dt
from typing import Any

from fastapi import FastAPI, Request, Response

from waypost.booking.links import Opened
from waypost.booking.printing.masking import mask_name, mask_phone, mask_street
from waypost.model.errors import NotFound
from waypost.track.views import in_public, scan_in_public
from waypost.web.door import PRIVATE, call_of
from waypost.web.office import Office
from waypost.web.pages.journey import Card, make_card
from waypost.web.pages.languages import Language
from waypost.web.pages.paper import Paper, language_of
from waypost.web.pages.proofs import open_image, show_proof

_MOST_SCANS = 150
_PHONE_DIGITS = 6


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
                "proofs": [show_proof(each, f"{PRIVATE}{token}/proofs", language) for each in proofs],
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
            return open_image(desk.proofs, found, which)

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
        parcel, scans, followed = office.desk.tracker.get_followed(opened.waybill.carrier, opened.waybill.number)
    except NotFound:
        return None
    public = [scan_in_public(scan) for scan in scans]
    arriving = office.tell_arrivals(followed, everything=False)
    return make_card(in_public(parcel), public, language, office.desk.clock(), _MOST_SCANS, arriving)
