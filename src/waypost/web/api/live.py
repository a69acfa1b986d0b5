"""The network now, and a stream of what moves in it."""

from typing import Annotated

from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import StreamingResponse
from msgspec.json import encode

from waypost.track.live_views import LivePatch, LiveView
from waypost.web.api.live_answers import LIVE_EXAMPLES
from waypost.web.api.openapi import WITH_KEY
from waypost.web.api.routes import Routes
from waypost.web.door import call_of
from waypost.web.office import Office

_EVENTS = ((LiveView, "snapshot"), (LivePatch, "patch"))
_STREAM = {
    "text/event-stream": {
        "schema": {"description": "Events: `snapshot`, then at most one `patch` a second; their `data` is JSON."},
        "examples": {
            event: {"value": f"id: 5d0c7a31-1\nevent: {event}\ndata: {encode(LIVE_EXAMPLES[kind]).decode()}\n\n"}
            for kind, event in _EVENTS
        },
    }
}
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}  # a proxy is to hand on what comes at once


def add_live(app: FastAPI, office: Office) -> None:
    """Both."""
    routes = Routes(app, "network", WITH_KEY, ("not_allowed", "forbidden", "too_many", "busy"))

    @routes.add(
        "GET",
        "/v1/live",
        "The network now",
        LiveView,
        "Parcels by status, facility and flow",
        "store_damaged",
        description="A second old at most, and says how old what it counts is.",
    )
    async def get_live(request: Request) -> Response:
        await office.get_operator(request.scope)
        return Response(await office.board.show(), media_type="application/json", headers={"cache-control": "no-store"})

    @routes.add(
        "GET",
        "/v1/live/stream",
        "What moves in the network",
        _STREAM,
        "Server-sent events: a `snapshot` as `/v1/live` answers, then a `patch` a second at most with what moved",
        "invalid",
        description=(
            "A `patch` has the counts and ages whole, of statuses, facilities and flows the rows that changed, and "
            "`gone`, the keys of those that are to be removed. A `snapshot` may come at any time and replaces all. "
            "The stream ends now and then: come back with the last id, and it goes on from there."
        ),
    )
    async def stream_live(
        request: Request,
        last_event_id: Annotated[
            str | None,
            Header(
                alias="Last-Event-ID",
                max_length=64,
                description="The id of the last event that came; the stream goes on behind it.",
            ),
        ] = None,
    ) -> Response:
        await office.get_operator(request.scope)
        if call_of(request.scope).is_head:  # nothing is sent, so nobody watches
            return Response(media_type="text/event-stream", headers=_HEADERS)
        return StreamingResponse(office.board.watch(last_event_id), media_type="text/event-stream", headers=_HEADERS)
