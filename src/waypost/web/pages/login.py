"""Signing in and out as a person, with a login and a password; and the link by which a password is chosen."""

from collections.abc import Mapping

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from waypost.access.keys import Role
from waypost.access.passwords import SHORTEST
from waypost.access.people import WeakPassword
from waypost.access.sessions import Person
from waypost.model.errors import NotAllowed, NotFound
from waypost.web.door import call_of, headers_in
from waypost.web.gate import check_origin, person_cookie
from waypost.web.office import Office
from waypost.web.pages.languages import Language
from waypost.web.pages.paper import Paper, language_of
from waypost.web.pages.session import CARRIER_HOME, HOME, MERCHANT_HOME, inside, read_form

ACCOUNT = "/account"
HOMES = {Role.OPERATOR: HOME, Role.CARRIER: CARRIER_HOME, Role.MERCHANT: MERCHANT_HOME}
#: What a browser says of itself, and what we call it; the first that fits.
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iOS"), ("Windows", "Windows"), ("Mac OS", "macOS"))


def add_login(app: FastAPI, office: Office, paper: Paper) -> None:
    """The sign-in page of people, signing out, and invitations."""

    @app.get("/login", include_in_schema=False)
    async def show_login(request: Request) -> Response:
        return show_form(office, paper, request, known_target(request.query_params.get("next", ""), request))

    @app.post("/login", include_in_schema=False)
    async def log_in(request: Request) -> Response:
        call, headers = call_of(request.scope), headers_in(request.scope)
        check_origin(headers)
        form = await read_form(request, office)
        target, login = known_target(form.get("next", ""), request), form.get("login", "")
        given = (login, form.get("password", ""), call.address, browser_of(headers), office.desk.clock())
        try:
            token = await office.passwords.run(office.desk.people.log_in, *given)
        except NotAllowed:
            return show_form(office, paper, request, target, login=login, failed="login_failed")
        return await enter(office, request, token, target)

    @app.post("/logout", include_in_schema=False)
    async def log_out(request: Request) -> Response:
        headers = headers_in(request.scope)
        check_origin(headers)
        await office.gate.close_session(headers)
        cookie = person_cookie("", 0, secure=call_of(request.scope).secure)
        return RedirectResponse("/login", 303, {"set-cookie": cookie, "cache-control": "no-store"})

    @app.get("/welcome/{token}", include_in_schema=False)
    async def show_invitation(request: Request, token: str) -> Response:
        person = await office.lookups.run(office.desk.people.find_invited, token, office.desk.clock())
        if person is None:
            office.gate.count_wrong(call_of(request.scope))
        return _welcome(paper, request, person)

    @app.post("/welcome/{token}", include_in_schema=False)
    async def choose_password(request: Request, token: str) -> Response:
        headers, language = headers_in(request.scope), language_of(request)
        check_origin(headers)
        form = await read_form(request, office)
        people, now_ms = office.desk.people, office.desk.clock()
        person = await office.lookups.run(people.find_invited, token, now_ms)
        if person is None or form.get("new", "") != form.get("again", ""):
            return _welcome(paper, request, person, language.say("password_differs"))
        try:
            given = (token, form.get("new", ""), browser_of(headers), now_ms)
            opened = await office.passwords.run(people.accept, *given)
        except WeakPassword as error:
            return _welcome(paper, request, person, say_weakness(error, language))
        except NotFound:  # it was used, or ended, at that moment
            return _welcome(paper, request, None)
        return await enter(office, request, opened, "")


def show_form(
    office: Office, paper: Paper, request: Request, target: str, *, login: str = "", failed: str = ""
) -> Response:
    """The sign-in page; `failed` is what it says went wrong, by its name in the catalogue."""
    openid = office.desk.openid
    values = {"next": target, "login": login, "failed": failed, "openid": openid and openid.provider.name}
    return paper.answer("enter.html", language_of(request), request, status=401 if failed else 200, **values)


def _welcome(paper: Paper, request: Request, person: Person | None, warning: str = "") -> Response:
    status = 404 if person is None else 422 if warning else 200
    values = {"invited": person, "warning": warning if person else "", "shortest": SHORTEST}
    return paper.answer("welcome.html", language_of(request), request, status=status, **values)


async def enter(office: Office, request: Request, token: str, target: str) -> Response:
    """Hand a browser the token of the session that was opened for its user, and send it to a page."""
    session = await office.lookups.run(office.desk.sessions.find, token, office.desk.clock())
    home = _home_of(session.person) if session is not None else ACCOUNT
    cookie = person_cookie(token, office.desk.sessions.lasting_ms, secure=call_of(request.scope).secure)
    return RedirectResponse(target or home, 303, {"set-cookie": cookie, "cache-control": "no-store"})


def say_weakness(error: WeakPassword, language: Language) -> str:
    """Why a password is not taken, for people."""
    return language.say(f"password_{error.reason}")


def browser_of(headers: Mapping[str, str]) -> str:
    """Roughly which browser it is, as people would call it: enough to know one's own again, and no more."""
    told = headers.get("user-agent", "")
    browser = next((name for mark, name in _BROWSERS if mark in told), "")
    system = next((name for mark, name in _SYSTEMS if mark in told), "Linux" if "Linux" in told else "")
    return ", ".join(filter(None, (browser, system)))


def _home_of(person: Person) -> str:
    return next((home for role, home in HOMES.items() if role in person.roles), ACCOUNT)


def known_target(target: str, request: Request) -> str:
    """The page to go to after signing in, if it is one of ours; else nothing."""
    homes = (*HOMES.values(), ACCOUNT)
    return next((target for home in homes if inside(home, target, request) == target), "")
