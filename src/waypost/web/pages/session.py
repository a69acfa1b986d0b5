"""Signing in and out: a browser gives an operator's or a carrier's key once and gets a cookie."""

from collections.abc import Mapping
from urllib.parse import parse_qs, quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from waypost.access.keys import Key, Role
from waypost.model.errors import BadInput
from waypost.web.door import call_of, headers_in
from waypost.web.gate import session_cookie
from waypost.web.office import Office
from waypost.web.pages.paper import Paper, language_of
from waypost.web.problems import ForeignForm, Unsupported

HOME, CARRIER_HOME = "/operator", "/carrier"
_ROLES = {HOME: Role.OPERATOR, CARRIER_HOME: Role.CARRIER}
_MOST_FIELDS = 20


class SignIn(Exception):
    """A page below `home` needs a session; answered with the way to the sign-in page."""

    def __init__(self, home: str = HOME) -> None:
        super().__init__(home)
        self.home = home


def add_sessions(app: FastAPI, office: Office, paper: Paper) -> None:
    """The sign-in pages of operators and carriers, and the forms behind them."""

    @app.exception_handler(SignIn)
    async def ask_for_key(request: Request, wanted: SignIn) -> Response:
        target = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
        lang = f"&lang={quote(request.query_params['lang'])}" if "lang" in request.query_params else ""
        to = f"{wanted.home}/login?next={quote(target, safe='')}{lang}"
        return RedirectResponse(to, 303, {"cache-control": "no-store"})

    for home, role in _ROLES.items():
        _add_session(app, office, paper, home, role)


def _add_session(app: FastAPI, office: Office, paper: Paper, home: str, role: Role) -> None:
    @app.get(f"{home}/login", include_in_schema=False)
    async def show_form(request: Request) -> Response:
        target = _inside(home, request.query_params.get("next", home))
        language = language_of(request)
        return paper.answer("login.html", language, request, home=home, who=role.value, next=target, failed=False)

    @app.post(f"{home}/login", include_in_schema=False)
    async def sign_in(request: Request) -> Response:
        call = call_of(request.scope)
        check_origin(headers_in(request.scope))
        form = await read_form(request, office)
        target = _inside(home, form.get("next", home))
        token = await office.gate.open_session(call, form.get("key", "").strip(), role)
        if token is None:
            values = {"home": home, "who": role.value, "next": target, "failed": True}
            return paper.answer("login.html", language_of(request), request, status=401, **values)
        cookie = session_cookie(token, secure=call.secure, path=home)
        return RedirectResponse(target, 303, {"set-cookie": cookie, "cache-control": "no-store"})

    @app.post(f"{home}/logout", include_in_schema=False)
    async def sign_out(request: Request) -> Response:
        headers = headers_in(request.scope)
        check_origin(headers)
        await office.gate.close_session(headers)
        cookie = session_cookie("", secure=call_of(request.scope).secure, path=home)
        return RedirectResponse(f"{home}/login", 303, {"set-cookie": cookie, "cache-control": "no-store"})


async def get_operator(office: Office, request: Request) -> Key:
    """The operator behind a browser.

    Raises:
        SignIn: nobody has signed in there.
    """
    key = await office.gate.find_session(call_of(request.scope), headers_in(request.scope))
    if key is None:
        raise SignIn
    return key


async def get_carrier(office: Office, request: Request) -> Key:
    """The carrier's key behind a browser.

    Raises:
        SignIn: nobody has signed in there.
    """
    key = await office.gate.find_session(call_of(request.scope), headers_in(request.scope), Role.CARRIER)
    if key is None:
        raise SignIn(CARRIER_HOME)
    return key


def check_origin(headers: Mapping[str, str]) -> None:
    """Refuse forms that another site sends; SameSite keeps the cookie from them as well.

    Raises:
        ForeignForm: the form stands on another site.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
    strange = origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower()
    if strange or site not in ("same-origin", "none"):
        raise ForeignForm("this form was sent from another site")


async def read_form(request: Request, office: Office) -> dict[str, str]:
    """The fields of a form; of one that stands there twice the last.

    Raises:
        Unsupported: it is none.
        BadInput: it has too many fields.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Unsupported(f"Content-Type {kind[:60]!r} is not read here: use application/x-www-form-urlencoded")
    async with office.body(request.scope, request.receive, office.limits.form_bytes) as body:
        try:
            fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise BadInput(f"more than {_MOST_FIELDS} fields in this form") from None
    return {name: values[-1] for name, values in fields.items()}


def _inside(home: str, target: str) -> str:
    """The page to go to after signing in, if it is one of those below `home`."""
    path = target.partition("?")[0].partition("#")[0]
    known = path == home or path.startswith(f"{home}/")
    return target if known and "\\" not in target and target.isprintable() else home
