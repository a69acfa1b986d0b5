"""Proofs of delivery on pages: in words, and their images."""

import datetime as dt

import msgspec
from fastapi import FastAPI, Request, Response

from waypost.booking.proofs import Proof, Proofs
from waypost.model.errors import NotFound
from waypost.model.instants import format_instant
from waypost.web.door import call_of
from waypost.web.office import Office
from waypost.web.pages.languages import Language, offset_text
from waypost.web.pages.session import HOME, get_operator

OPERATORS = HOME + "/proofs"


class ProofShown(msgspec.Struct, frozen=True, kw_only=True):
    """A proof in words; `picture` and `signature` are addresses, "" for none."""

    iso: str
    moment: str
    name: str
    relation: str
    picture: str
    signature: str


def add_proofs(app: FastAPI, office: Office) -> None:
    """The images, for operators."""

    @app.get(OPERATORS + "/{proof}/{which}", include_in_schema=False)
    async def show_image(request: Request, proof: str, which: str) -> Response:
        key = await get_operator(office, request)
        proofs = office.desk.proofs
        shown = await office.lookups.run(lambda: open_image(proofs, proofs.get(None, proof), which))
        journal = office.desk.journal
        journal.info("a proof was looked at", request=call_of(request.scope).id, proof=proof[:48], key=key.id)
        return shown


def show_proof(proof: Proof, below: str, language: Language) -> ProofShown:
    """A proof whose images are `below` an address."""
    iso = format_instant(proof.at_ms, proof.offset_min)
    at = dt.datetime.fromisoformat(iso)
    return ProofShown(
        iso=iso,
        moment=f"{language.moment(at)} {offset_text(at)}",
        name=proof.received_by,
        relation=language.say(f"relation_{proof.relation}") if proof.relation else "",
        picture=f"{below}/{proof.id}/picture" if proof.picture_type else "",
        signature=f"{below}/{proof.id}/signature" if proof.has_signature else "",
    )


def open_image(proofs: Proofs, proof: Proof, which: str) -> Response:
    """One of its images, which nobody keeps.

    Raises:
        NotFound: there is none.
        StoreDamaged: it does not open.
    """
    if which not in ("picture", "signature"):
        raise NotFound("a proof has a picture and a signature, and nothing else")
    image = proofs.open_picture(proof) if which == "picture" else proofs.open_signature(proof)
    return Response(image.content, media_type=image.content_type, headers={"cache-control": "private, no-store"})
