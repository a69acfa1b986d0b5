"""What requests of merchants have in common: whose key it is, and the JSON that it sends."""

import hashlib
from typing import Annotated, TypeVar

import msgspec
from fastapi import Path, Request

from waypost.access.keys import Role
from waypost.booking.reading import tell_place
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, NotFound
from waypost.web.bodies import see_media_type
from waypost.web.door import call_of, headers_in
from waypost.web.office import Office
from waypost.web.problems import Invalid, Wrong

T = TypeVar("T")

_MOST_KEY = 255
#: As OpenAPI has it.
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Any text of yours, another for each request; the same only to send one again.",
    "schema": {"type": "string", "maxLength": _MOST_KEY},
}


async def merchant_of(office: Office, request: Request) -> str:
    """The merchant whose key a request has.

    Raises:
        NotAllowed, Forbidden, TooMany: see `Gate.get_key`.
        NotFound: it takes part no more.
    """
    key = await office.gate.get_key(call_of(request.scope), headers_in(request.scope), Role.MERCHANT)
    if key.party is None:
        raise NotFound("the merchant of this key is gone")
    return key.party


def who_asks(request: Request) -> str:
    """Whose key a request has, as the audit trail names it. The key was looked at before."""
    key = call_of(request.scope).key
    assert key is not None
    return key.who


def made_once(office: Office, kind: str, whose: str, request: Request, body: bytes = b"") -> tuple[str, str]:
    """The id for what a request makes, and by what the request is known when it is repeated (see `store.repeats`).

    Without a key of its sender's it makes something else each time.

    Args:
        whose: the same key of another is another.
        body: that was read as JSON already.

    Raises:
        Invalid: the key is too long.
    """
    key = headers_in(request.scope).get("idempotency-key", "")
    if len(key) > _MOST_KEY:
        raise invalid("header.Idempotency-Key", f"is longer than {_MOST_KEY} characters")
    if not key:
        return office.desk.new_id(kind), ""
    secret = hashlib.blake2b(key.encode(), key=whose.encode()).digest()  # a body that is guessed cannot be tried
    told = sorted(request.query_params.multi_items()), decode(body) if body else None
    asked = hashlib.blake2b(msgspec.json.encode(told, order="deterministic"), key=secret, digest_size=16)
    return f"{kind}_{hashlib.blake2b(key.encode(), key=whose.encode(), digest_size=8).hexdigest()}", asked.hexdigest()


async def read_json(office: Office, request: Request) -> bytes:
    """The body of a request that sends JSON.

    Raises:
        Unsupported: it says that it sends something else.
    """
    see_media_type(request.headers, "application/json")
    async with office.body(request.scope, request.receive, office.limits.body_bytes) as body:
        return body


def decode_json(body: bytes, kind: type[T]) -> T:
    """A body as a record.

    Raises:
        Invalid: it is JSON, but not of that shape.
        BadInput: it is none.
    """
    try:
        return decode(body, kind)
    except msgspec.ValidationError as error:
        raise invalid(*tell_place(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"the body is no JSON: {error}", where="body") from None


#: Which parcel of an order a path is about.
Piece = Annotated[int, Path(ge=1, description="Which parcel of the order, from 1.")]


def invalid(where: str, reason: str) -> Invalid:
    """One thing that is wrong."""
    return Invalid(f"{where}: {reason}", [Wrong(where, reason)])
