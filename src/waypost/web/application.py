"""The whole door, joined from its parts."""

from importlib.metadata import version
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from waypost.web.api import (
    alerts,
    arrivals,
    audit,
    booking,
    carriers,
    forecasts,
    lanes,
    live,
    mail,
    manifests,
    me,
    network,
    openapi,
    orders,
    papers,
    parcels,
    people,
    pickups,
    promises,
    proofs,
    pushes,
    quotes,
    scans,
    scorecards,
    service,
    sort_codes,
    watches,
    ways,
    webhooks,
    what_ifs,
)
from waypost.web.desk import Desk, Limits
from waypost.web.door import Door, HandErrorsOut
from waypost.web.late import LateRoute
from waypost.web.office import Office
from waypost.web.pages.account import add_account
from waypost.web.pages.audit import add_audit_page
from waypost.web.pages.carrier import add_carrier
from waypost.web.pages.consignee import add_consignee
from waypost.web.pages.console import add_console
from waypost.web.pages.docs import add_docs
from waypost.web.pages.listing import add_listing
from waypost.web.pages.login import add_login
from waypost.web.pages.mail import add_mail_pages
from waypost.web.pages.openid import add_openid
from waypost.web.pages.operator import add_operator
from waypost.web.pages.paper import Paper
from waypost.web.pages.proofs import add_proofs
from waypost.web.pages.pushes import add_push_pages
from waypost.web.pages.scorecards import add_scorecards
from waypost.web.pages.session import add_sessions
from waypost.web.pages.start import add_start
from waypost.web.pages.tracking import add_tracking
from waypost.web.problems import WrongMethod

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def make_app(desk: Desk) -> Door:
    """The ASGI application over a house. Its `close` waits for store calls that run."""
    office = Office(desk)
    paper = Paper(desk.site)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.router.route_class = LateRoute
    app.add_middleware(HandErrorsOut)
    _hand_errors_out(app)

    arrivals.add_arrivals(app, office)  # before look-ups, of which one takes in every path
    parcels.add_parcels(app, office)
    scans.add_scans(app, office)
    network.add_network(app, office)
    live.add_live(app, office)
    lanes.add_lanes(app, office)
    forecasts.add_forecasts(app, office)
    ways.add_ways(app, office)
    alerts.add_alerts(app, office)
    what_ifs.add_what_ifs(app, office)
    carriers.add_carriers(app, office)
    orders.add_orders(app, office)
    booking.add_booking(app, office)
    papers.add_papers(app, office)
    people.add_people(app, office)
    proofs.add_proofs(app, office)
    manifests.add_manifests(app, office)
    pickups.add_pickups(app, office)
    webhooks.add_webhooks(app, office)
    mail.add_mail(app, office)
    quotes.add_quotes(app, office)
    promises.add_promises(app, office)
    scorecards.add_scorecards(app, office)
    watches.add_watches(app, office)
    sort_codes.add_sort_codes(app, office)
    pushes.add_pushes(app, office)
    audit.add_audit(app, office)
    me.add_me(app, office)
    service.add_service(app, office)
    _add_description(app, desk.limits)

    add_docs(app, paper)
    add_tracking(app, office, paper)
    add_mail_pages(app, office, paper)
    add_consignee(app, office, paper)
    add_sessions(app, office, paper)
    add_login(app, office, paper)
    add_openid(app, office, paper)
    if desk.guide is not None:
        add_start(app, office, paper, desk.guide)
    add_account(app, office, paper)
    add_listing(app, office, paper)
    add_scorecards(app, office, paper)
    add_push_pages(app, office, paper)
    add_audit_page(app, office, paper)
    add_operator(app, office, paper)
    add_proofs(app, office)
    add_console(app, office)
    add_carrier(app, office, paper)
    paper.add_assets(app)

    bare = {("POST", scans.PATH): scans.take_scans(office)}
    for account in desk.pushes.list_accounts():
        bare["POST", carriers.PUSH.format(account=account)] = carriers.take_push(office, account)
    return Door(app, bare, desk, office.metrics, paper.show, office.close, office.board.end)


def _hand_errors_out(app: FastAPI) -> None:
    """The framework has answers of its own to some errors; all of them are the door's to answer."""

    async def hand_out(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == 405:
            raise WrongMethod(request.method[:20], _allowed(app, request))
        raise error

    app.add_exception_handler(HTTPException, hand_out)
    app.add_exception_handler(RequestValidationError, hand_out)


def _allowed(app: FastAPI, request: Request) -> list[str]:
    """The methods that a path has."""
    allowed = ["POST"] if request.url.path == scans.PATH else []
    for method in _METHODS:
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in app.routes):
            allowed.append(method)
    return allowed


def _add_description(app: FastAPI, limits: Limits) -> None:
    limits_text = (
        f"At most {limits.batch_rows} rows and {limits.body_bytes} bytes (unpacked) at once; the body has to be here "
        f"within {limits.body_s:g} s."
    )
    made: dict[str, Any] = {}

    def describe() -> dict[str, Any]:
        if not made:
            bare = {scans.PATH: {"post": scans.describe_posting(limits_text)}}
            made.update(openapi.describe_api(app, version("waypost"), bare))
        return made

    app.openapi = describe  # type: ignore[method-assign]

    @app.get("/v1/openapi.json", include_in_schema=False)
    async def get_description() -> Response:
        return Response(msgspec.json.encode(describe()), media_type="application/json")
