"""Signing in where another provider says who somebody is."""

import secrets
from functools import partial
from urllib.parse import quote, unquote

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from waypost.access.keys import Role
from waypost.access.people import People
from waypost.access.trail import WAYPOST
from waypost.model.errors import BadInput, Conflict, NotFound
from waypost.web.door import call_of, headers_in
from waypost.web.gate import cookie_in
from waypost.web.office import Office
from waypost.web.openid import Claims, NotBelieved, OpenId
from waypost.web.pages.login import browser_of, enter, known_target, show_form
from waypost.web.pages.paper import Paper
from waypost.web.problems import NoSuchPath

PATH = "/login/openid"
_COOKIE, _LASTS_S = "waypost_openid", 600


def add_openid(app: FastAPI, office: Office, paper: Paper) -> None:
    """The way there, and the way back."""

    def provider() -> OpenId:
        if office.desk.openid is None:
            raise NoSuchPath("no other provider says who people are here")
        return office.desk.openid

    def refuse(request: Request, error: NotBelieved) -> Response:
        said = "openid_unknown" if error.reason == "unknown" else "openid_failed"
        office.desk.journal.warning(
            "nobody was signed in", request=call_of(request.scope).id, reason=error.reason, detail=error.message
        )
        return show_form(office, paper, request, "", failed=said)

    @app.get(PATH, include_in_schema=False)
    async def go_there(request: Request) -> Response:
        token, target = secrets.token_hex(32), known_target(request.query_params.get("next", ""), request)
        try:
            there = await office.elsewhere.run(provider().begin, token)
        except NotBelieved as error:
            return refuse(request, error)
        cookie = _cookie(f"{token}.{quote(target, safe='')}", _LASTS_S, secure=call_of(request.scope).secure)
        return RedirectResponse(there, 303, {"set-cookie": cookie, "cache-control": "no-store"})

    @app.get(f"{PATH}/callback", include_in_schema=False)
    async def come_back(request: Request) -> Response:
        openid, headers = provider(), headers_in(request.scope)
        token, _, target = (cookie_in(headers, _COOKIE) or "").partition(".")
        desk, now_ms = office.desk, office.desk.clock()
        try:
            claims = await office.elsewhere.run(openid.finish, token, dict(request.query_params))
            given = (desk.people, openid, claims, browser_of(headers), now_ms)
            opened = await office.lookups.run(admit, *given)
        except NotBelieved as error:
            office.gate.count_wrong(call_of(request.scope))  # before it is written down, which is for good
            reason = error.reason
            if reason != "state":  # which anybody may send without having begun anything
                noted = partial(desk.trail.note, "unknown", "person.login_failed", "openid", now_ms, reason=reason)
                await office.lookups.run(noted)
            answer = refuse(request, error)
        else:
            answer = await enter(office, request, opened, known_target(unquote(target), request))
        answer.headers.append("set-cookie", _cookie("", 0, secure=call_of(request.scope).secure))
        return answer


def admit(people: People, openid: OpenId, claims: Claims, browser: str, now_ms: int) -> str:
    """The token of a session for whom a provider speaks of, who is added or brought up to date.

    Raises:
        NotBelieved: they are not let in.
    """
    roles = claims.roles
    if roles == ():
        raise NotBelieved("unknown", "the claims give none of our roles")
    carriers = claims.carriers if roles and Role.CARRIER in roles else ()
    if roles and Role.CARRIER in roles and not carriers:  # none would mean all
        raise NotBelieved("unknown", "the claims do not say for which carriers somebody speaks")
    party = claims.party if roles and Role.MERCHANT in roles else None
    person = people.find_subject(claims.subject)
    try:
        if person is None:
            if not openid.provider.makes_people or roles is None:
                raise NotBelieved("unknown", "the provider speaks of somebody whom nobody has let in here")
            if people.is_kept_out(claims.subject):
                raise NotBelieved("unknown", "the provider speaks of somebody who was ended here")
            subject = claims.subject
            told = (claims.login, claims.name, roles, now_ms, carriers)
            person = people.add(*told, party=party, subject=subject, by=WAYPOST)
        elif roles is not None and (person.roles, person.carriers, person.party) != (roles, carriers, party):
            people.change_roles(person.id, roles, now_ms, carriers, party=party, by=WAYPOST)
        return people.let_in(person.id, browser, now_ms, "openid")
    except (BadInput, Conflict, NotFound) as error:  # a party that is not there, a login that somebody else has
        raise NotBelieved("claims", f"the claims cannot be used: {error.message}") from None


def _cookie(value: str, lasts_s: int, *, secure: bool) -> str:
    flags = "; Secure" if secure else ""
    return f"{_COOKIE}={value}; Path={PATH}; Max-Age={lasts_s}; HttpOnly; SameSite=Lax{flags}"
