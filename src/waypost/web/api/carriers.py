"""The carriers' pushes: of scans, and of labels."""

from typing import Any

from fastapi import FastAPI, Request, Response

from waypost.track.carriers import Push, Reply
from waypost.web.api.answers import Alive
from waypost.web.api.openapi import OPEN, answers
from waypost.web.door import call_of, headers_in
from waypost.web.office import Office

PUSH = "/v1/carriers/{account}/push"
LABELS = "/v1/carriers/{account}/labels"


def add_carriers(app: FastAPI, office: Office) -> None:
    """Where carriers push scans and labels to."""

    @app.post(
        PUSH,
        tags=["carriers"],
        summary="Scans that a carrier pushes",
        description=(
            "For carriers, each in its own format and signed as the account's settings say. The answer is in the "
            "carrier's own words: that all is well, once its scans are on disk, or why it is not."
        ),
        response_class=Response,
        responses=_answers("Thanks, or why not, as the carrier has it"),
        openapi_extra=OPEN,
    )
    async def take_push(account: str, request: Request) -> Response:
        async with office.body(request.scope, request.receive, office.limits.push_bytes) as body:
            push = _push_of(request, body, office)
            taken = await office.intake.run(office.desk.pushes.take, account, push)
        office.metrics.pushes.labels(account, taken.outcome.value).inc()
        office.metrics.accepted.inc(taken.scans)
        office.metrics.refused.inc(taken.refused)
        if taken.why:  # most carriers are told so under status 200
            office.desk.journal.warning(
                "a push was not taken whole",
                request=call_of(request.scope).id,
                account=account,
                outcome=taken.outcome.value,
                why=taken.why,
            )
        return _reply(taken.reply)

    @app.post(
        LABELS,
        tags=["carriers"],
        summary="A label that a carrier pushes",
        description=(
            "For carriers that make the paper later than the waybill, each in its own format. It is verified, and kept "
            "encrypted for who prints it. The answer is in the carrier's own words."
        ),
        response_class=Response,
        responses=_answers("Thanks, or why not, as the carrier has it"),
        openapi_extra=OPEN,
    )
    async def take_label(account: str, request: Request) -> Response:
        async with office.body(request.scope, request.receive, office.limits.push_bytes) as body:
            push = _push_of(request, body, office)
            taken = await office.intake.run(office.desk.labels.take, account, push)
        if taken.why:
            office.desk.journal.warning(
                "a label was not taken", request=call_of(request.scope).id, account=account, why=taken.why
            )
        office.metrics.labels.labels(account, "forged" if taken.is_forged else "failed" if taken.why else "taken").inc()
        return _reply(taken.reply)


def _push_of(request: Request, body: bytes, office: Office) -> Push:
    return Push(
        headers=headers_in(request.scope),
        query=request.scope["query_string"].decode("latin-1"),
        body=body,
        received_ms=office.desk.clock(),
    )


def _reply(reply: Reply) -> Response:
    return Response(reply.body, status_code=reply.status, media_type=reply.content_type)


def _answers(well: str) -> dict[int | str, dict[str, Any]]:
    problems = answers(Alive, "", "not_found", "slow_body", "too_large", "unsupported_media_type", "invalid", "busy")
    return {
        200: {"description": well, "content": {"*/*": {}}},
        **{status: each for status, each in problems.items() if status != 200},
    }
