"""One's account: who one is here, the password, and where one is signed in."""

import datetime as dt
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from waypost.access.passwords import SHORTEST
from waypost.access.people import WeakPassword
from waypost.access.sessions import Session
from waypost.model.errors import NotAllowed
from waypost.web.door import call_of, headers_in
from waypost.web.office import Office
from waypost.web.pages.languages import Language
from waypost.web.pages.login import ACCOUNT, HOMES, say_weakness
from waypost.web.pages.paper import Paper, language_of
from waypost.web.pages.session import SignIn, read_form


def add_account(app: FastAPI, office: Office, paper: Paper) -> None:
    """The page, and the forms on it."""
    desk = office.desk

    async def get_session(request: Request) -> Session:
        call = call_of(request.scope)
        session = await office.gate.find_person(call, headers_in(request.scope))
        if session is None:
            raise SignIn(ACCOUNT)
        call.key = session.person.in_role(session.person.roles[0])
        return session

    async def answer(request: Request, session: Session, *, warning: str = "", done: str = "") -> Response:
        language, person = language_of(request), session.person
        listed = await office.lookups.run(desk.sessions.list_of, person.id, desk.clock())
        return paper.answer(
            "account.html",
            language,
            request,
            status=422 if warning else 200,
            who=person,
            roles=[language.say(f"role_{role.value}") for role in person.roles],
            homes=[home for role, home in HOMES.items() if role in person.roles],
            sessions=[_row(each, session.id, language) for each in listed],
            shortest=SHORTEST,
            warning=warning,
            done=done,
        )

    @app.get(ACCOUNT, include_in_schema=False)
    async def show_account(request: Request) -> Response:
        session = await get_session(request)
        done = language_of(request).say("password_changed") if "changed" in request.query_params else ""
        return await answer(request, session, done=done)

    @app.post(f"{ACCOUNT}/password", include_in_schema=False)
    async def change_password(request: Request) -> Response:
        session, language = await get_session(request), language_of(request)
        form = await read_form(request, office)
        new = form.get("new", "")
        if new != form.get("again", ""):
            return await answer(request, session, warning=language.say("password_differs"))
        given = (session.person.id, form.get("old", ""), new, session.id, call_of(request.scope).address)
        try:
            await office.passwords.run(desk.people.change_password, *given, desk.clock())
        except WeakPassword as error:
            return await answer(request, session, warning=say_weakness(error, language))
        except NotAllowed:
            return await answer(request, session, warning=language.say("password_wrong"))
        return _back(request, "changed=")

    @app.post(f"{ACCOUNT}/sessions/end", include_in_schema=False)
    async def end_others(request: Request) -> Response:
        session = await get_session(request)
        await office.lookups.run(desk.sessions.end_others, session.person.id, session.id, desk.clock())
        return _back(request)

    @app.post(f"{ACCOUNT}/sessions/{{id}}/end", include_in_schema=False)
    async def end_session(request: Request, id: str) -> Response:
        session = await get_session(request)
        await office.lookups.run(desk.sessions.end, session.person.id, id, desk.clock())
        return _back(request)


def _back(request: Request, more: str = "") -> Response:
    asked = request.query_params.get("lang")
    kept = f"lang={language_of(request).code}" if asked == language_of(request).code else ""
    query = "&".join(filter(None, (more, kept)))
    return RedirectResponse(f"{ACCOUNT}?{query}" if query else ACCOUNT, 303, {"cache-control": "no-store"})


def _row(session: Session, here: str, language: Language) -> dict[str, Any]:
    return {
        "id": session.id,
        "here": session.id == here,
        "browser": session.browser or language.say("session_unknown"),
        "made": _utc(session.made_ms, language),
        "seen": _utc(session.seen_ms, language),
    }


def _utc(at_ms: int, language: Language) -> str:
    return language.stamp(dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC))
