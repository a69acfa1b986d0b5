"""Signing in and out with a key: a browser gives an operator's, carrier's or merchant's key once and gets a cookie.

For people, who have a login and a password, see `login.py`.
"""

from urllib.parse import parse_qs, quote, unquote

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.routing import Match

from waypost.access.keys import Key, Role
from waypost.model.errors import BadInput
from waypost.web.bodies import see_media_type
from waypost.web.door import call_of, headers_in
from waypost.web.gate import NarrowKey, check_origin, person_cookie, session_cookie
from waypost.web.office import Office
from waypost.web.pages.paper import Paper, language_of
from waypost.web.problems import Forbidden

HOME, CARRIER_HOME, MERCHANT_HOME, CONSOLE = "/operator", "/carrier", "/merchant", "/console"
#: Of a demo.
START = "/start"
_ROLES = {HOME: Role.OPERATOR, CARRIER_HOME: Role.CARRIER, MERCHANT_HOME: Role.MERCHANT}
#: Where the cookie of a key goes: an operator's and a merchant's also to the API, which their consoles ask.
_COOKIE_PATHS = {HOME: "/", CARRIER_HOME: CARRIER_HOME, MERCHANT_HOME: "/"}
#: Pages for the same people that do not lie below their home.
_ALSO = {HOME: (CONSOLE,)}
_MOST_FIELDS = 20


class SignIn(Exception):
    """A page below `home` needs a session; answered with the way to the sign-in page."""

    def __init__(self, home: str = HOME) -> None:
        super().__init__(home)
        self.home = home


def add_sessions(app: FastAPI, office: Office, paper: Paper) -> None:
    """The sign-in pages of operators, carriers and merchants, and the forms behind them."""

    @app.exception_handler(SignIn)
    async def ask_for_key(request: Request, wanted: SignIn) -> Response:
        target = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
        target = inside(wanted.home, target, request)  # a form is not sent again
        lang = f"&lang={quote(request.query_params['lang'])}" if "lang" in request.query_params else ""
        by_key = wanted.home in _ROLES and await office.asks_for_keys()
        page = f"{wanted.home}/login" if by_key else "/login"
        to = f"{page}?next={quote(target, safe='')}{lang}"
        return RedirectResponse(to, 303, {"cache-control": "no-store"})

    for home, role in _ROLES.items():
        _add_session(app, office, paper, home, role)


def _add_session(app: FastAPI, office: Office, paper: Paper, home: str, role: Role) -> None:
    def show(request: Request, target: str, status: int = 200, warning: str = "") -> Response:
        start = START if office.desk.guide is not None else None
        values = {"home": home, "who": role.value, "next": target, "warning": warning, "start": start}
        return paper.answer("login.html", language_of(request), request, status=status, **values)

    @app.get(f"{home}/login", include_in_schema=False)
    async def show_form(request: Request) -> Response:
        return show(request, inside(home, request.query_params.get("next", home), request))

    @app.post(f"{home}/login", include_in_schema=False)
    async def sign_in(request: Request) -> Response:
        call = call_of(request.scope)
        check_origin(headers_in(request.scope))
        form = await read_form(request, office)
        target = inside(home, form.get("next", home), request)
        try:
            token = await office.gate.open_session(call, form.get("key", "").strip(), role)
        except NarrowKey as error:
            return show(request, target, 403, language_of(request).say("sign_in_narrow", scope=error.scope.value))
        if token is None:
            return show(request, target, 401, language_of(request).say(f"{role.value}_sign_in_failed"))
        cookie = session_cookie(token, secure=call.secure, path=_COOKIE_PATHS[home])
        return RedirectResponse(target, 303, {"set-cookie": cookie, "cache-control": "no-store"})

    @app.post(f"{home}/logout", include_in_schema=False)
    async def sign_out(request: Request) -> Response:
        headers = headers_in(request.scope)
        check_origin(headers)
        await office.gate.close_session(headers)
        secure = call_of(request.scope).secure
        people = await office.are_people()
        page = f"{home}/login" if await office.asks_for_keys() else "/login"
        answer = RedirectResponse(page, 303, {"cache-control": "no-store"})
        answer.headers.append("set-cookie", session_cookie("", secure=secure, path=_COOKIE_PATHS[home]))
        if people:
            answer.headers.append("set-cookie", person_cookie("", 0, secure=secure))
        return answer


async def get_operator(office: Office, request: Request) -> Key:
    """The operator behind a browser.

    Raises:
        SignIn: nobody has signed in there.
        Forbidden: it is somebody who is no operator.
        ForeignForm: see `Gate.find_session`.
    """
    return await _get(office, request, Role.OPERATOR, HOME)


async def get_carrier(office: Office, request: Request) -> Key:
    """The carrier's key behind a browser.

    Raises:
        SignIn: nobody has signed in there.
        Forbidden: it is somebody who speaks for no carrier.
        ForeignForm: see `Gate.find_session`.
    """
    return await _get(office, request, Role.CARRIER, CARRIER_HOME)


async def get_merchant(office: Office, request: Request) -> Key:
    """The merchant behind a browser.

    Raises:
        SignIn: nobody has signed in there.
        Forbidden: it is somebody who ships for no merchant.
        ForeignForm: see `Gate.find_session`.
    """
    return await _get(office, request, Role.MERCHANT, MERCHANT_HOME)


async def _get(office: Office, request: Request, role: Role, home: str) -> Key:
    call, headers = call_of(request.scope), headers_in(request.scope)
    key = await office.gate.find_session(call, headers, role)
    if key is not None:
        return key
    if await office.gate.find_person(call, headers) is not None:
        mend = "Sign in as somebody who has it, or ask those who run this network."
        raise Forbidden(f"this page is for those with the role {role.value}", mend=mend)
    raise SignIn(home)


async def read_form(request: Request, office: Office) -> dict[str, str]:
    """The fields of a form; of one that stands there twice the last.

    Raises:
        Unsupported: it is none.
        BadInput: it has too many fields.
    """
    see_media_type(request.headers, "application/x-www-form-urlencoded")
    async with office.body(request.scope, request.receive, office.limits.form_bytes) as body:
        try:
            fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise BadInput(f"more than {_MOST_FIELDS} fields in this form") from None
    return {name: values[-1] for name, values in fields.items()}


def inside(home: str, target: str, request: Request) -> str:
    """The page to go to after signing in: the target, if it is one of `home` and can be asked for; else `home`."""
    path = target.partition("?")[0].partition("#")[0]
    known = any(path == each or path.startswith(f"{each}/") for each in (home, *_ALSO.get(home, ())))
    is_page = known and "\\" not in target and target.isprintable() and _answers_get(request, path)
    return target if is_page else home


def _answers_get(request: Request, path: str) -> bool:
    scope = {**request.scope, "method": "GET", "path": unquote(path)}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
