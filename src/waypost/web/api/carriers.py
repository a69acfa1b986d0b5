"""The carriers' pushes."""

from fastapi import FastAPI, Request, Response

from waypost.track.carriers import Push, Reply
from waypost.web.door import headers_in
from waypost.web.office import Office

PUSH = "/v1/carriers/{account}/push"


def add_carriers(app: FastAPI, office: Office) -> None:
    """Where carriers push scans to."""

    @app.post(
        PUSH,
        tags=["carriers"],
        summary="Scans that a carrier pushes",
        description=(
            "For carriers, each in its own format, signed with what the account's settings hold, and answered in its "
            "own words: that the push is well once its scans are on disk, or why it is not. It needs no key of Waypost's."
        ),
        response_class=Response,
        include_in_schema=True,
    )
    async def take_push(account: str, request: Request) -> Response:
        headers = headers_in(request.scope)
        async with office.body(request.scope, request.receive, office.limits.push_bytes) as body:
            push = Push(
                headers=headers,
                query=request.scope["query_string"].decode("latin-1"),
                body=bytes(body),
                received_ms=office.desk.clock(),
            )
        reply: Reply = await office.intake.run(office.desk.pushes.take, account, push)
        return Response(reply.body, status_code=reply.status, media_type=reply.content_type)
