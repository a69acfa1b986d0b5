"""What carriers pushed: a list for operators, and single bodies, which hold personal data."""

import base64
from typing import Annotated

import msgspec
from fastapi import FastAPI, Query, Request, Response

from waypost.access.keys import Key
from waypost.model.instants import format_utc
from waypost.track.pushes import KeptPush, Outcome, RawPush
from waypost.web.api.answers import PushBody, PushPage, PushRecord
from waypost.web.api.openapi import WITH_KEY
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.door import call_of
from waypost.web.office import Office

_PROBLEMS = ("not_allowed", "forbidden", "invalid", "too_many", "busy")


def add_pushes(app: FastAPI, office: Office) -> None:
    """The list, and one of them."""
    routes = Routes(app, "carriers", WITH_KEY, _PROBLEMS)

    @routes.add(
        "GET",
        "/v1/pushes",
        "Pushes of carriers that are kept",
        PushPage,
        "A page of them",
        "bad_input",
        description=(
            "Newest first, without their bodies. What was repeated, forged or could not be kept leaves nothing "
            "behind; the metrics count it."
        ),
    )
    async def list_pushes(
        request: Request,
        account: Annotated[str | None, Query(max_length=64, description="Its name in the settings.")] = None,
        outcome: Annotated[Outcome | None, Query(description="What became of it.")] = None,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        await office.get_operator(request.scope)
        raw = office.desk.pushes.raw
        page, cursor = await office.lookups.run(raw.list_page, account and [account], outcome, after, limit)
        return json_answer(PushPage([push_record(each) for each in page], cursor))

    @routes.add(
        "GET",
        "/v1/pushes/{push}",
        "One push as it came",
        PushBody,
        "With its body",
        "not_found",
        "store_damaged",
        description="It holds personal data: the journal says whose key opened it.",
    )
    async def get_push(request: Request, push: str) -> Response:
        key = await office.get_operator(request.scope)
        opened = await open_push(office, request, key, push)
        text, encoding = body_text(opened.body)
        return json_answer(PushBody(push_record(opened.kept), text, encoding))


async def open_push(office: Office, request: Request, key: Key, push: str) -> RawPush:
    """Open a push, and write down who did.

    Raises:
        NotFound: there is none.
    """
    opened: RawPush = await office.lookups.run(office.desk.pushes.raw.open, push)
    office.desk.journal.info(
        "a push was opened",
        request=call_of(request.scope).id,
        push=opened.kept.id,
        account=opened.kept.account,
        key=key.id,
    )
    await office.note(key, "push.opened", opened.kept.id, account=opened.kept.account)
    return opened


def push_record(kept: KeptPush) -> PushRecord:
    """As the API shows it."""
    told = msgspec.structs.asdict(kept)
    return PushRecord(received_at=format_utc(told.pop("received_ms")), **told)


def body_text(body: bytes) -> tuple[str, str]:
    """A body as text and how that was made: as UTF-8, or where it is none in Base64."""
    try:
        return body.decode(), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), "base64"
