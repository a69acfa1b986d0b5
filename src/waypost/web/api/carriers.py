"""The carriers' pushes."""

from fastapi import FastAPI, Request, Response

from waypost.track.carriers import Push
from waypost.web.api.answers import Alive
from waypost.web.api.openapi import OPEN, answers
from waypost.web.door import call_of, headers_in
from waypost.web.office import Office

PUSH = "/v1/carriers/{account}/push"


def add_carriers(app: FastAPI, office: Office) -> None:
    """Where carriers push scans to."""

    @app.post(
        PUSH,
        tags=["carriers"],
        summary="Scans that a carrier pushes",
        description=(
            "For carriers, each in its own format and signed as the account's settings say. The answer is in the "
            "carrier's own words: that all is well, once its scans are on disk, or why it is not."
        ),
        response_class=Response,
        responses={
            200: {"description": "Thanks, or why not, as the carrier has it", "content": {"*/*": {}}},
            **{
                status: each
                for status, each in answers(
                    Alive, "", "not_found", "slow_body", "too_large", "unsupported_media_type", "invalid", "busy"
                ).items()
                if status != 200
            },
        },
        openapi_extra=OPEN,
    )
    async def take_push(account: str, request: Request) -> Response:
        async with office.body(request.scope, request.receive, office.limits.push_bytes) as body:
            push = Push(
                headers=headers_in(request.scope),
                query=request.scope["query_string"].decode("latin-1"),
                body=body,
                received_ms=office.desk.clock(),
            )
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
        return Response(taken.reply.body, status_code=taken.reply.status, media_type=taken.reply.content_type)
