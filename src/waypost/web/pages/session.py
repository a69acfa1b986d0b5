"""Signing in and out: a browser gives an operator's key once and gets a cookie."""

from collections.abc import Mapping
from urllib.parse import parse_qs, quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from waypost.access.keys import Key
from waypost.model.errors import BadInput
from waypost.web.door import call_of, headers_in
from waypost.web.gate import session_cookie
from waypost.web.office import Office
from waypost.web.pages.paper import Paper, language_of
from waypost.web.problems import ForeignForm, Unsupported

HOME = "/operator"
_MOST_FIELDS = 20


class SignIn(Exception):
    """This page needs a session; answered with the way to the sign-in page."""


def add_sessions(app: FastAPI, office: Office, paper: Paper) -> None:
    """The sign-in page, and the forms behind it."""

    @app.exception_handler(SignIn)
    async def ask_for_key(request: Request, _: Exception) -> Response:
        target = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
        lang = f"&lang={quote(request.query_params['lang'])}" if "lang" in request.query_params else ""
        return RedirectResponse(f"{HOME}/login?next={quote(target, safe='')}{lang}", 303, {"cache-control": "no-store"})

    @app.get(f"{HOME}/login", include_in_schema=False)
    async def show_form(request: Request) -> Response:
        target = _inside(request.query_params.get("next", HOME))
        return paper.answer("login.html", language_of(request), request, next=target, failed=False)

    @app.post(f"{HOME}/login", include_in_schema=False)
    async def sign_in(request: Request) -> Response:
        call = call_of(request.scope)
        check_origin(headers_in(request.scope))
        form = await _read_form(request, office)
        target = _inside(form.get("next", HOME))
        token = await office.gate.open_session(call, form.get("key", "").strip())
        if token is None:
            language = language_of(request)
            return paper.answer("login.html", language, request, status=401, next=target, failed=True)
        cookie = session_cookie(token, secure=call.secure)
        return RedirectResponse(target, 303, {"set-cookie": cookie, "cache-control": "no-store"})

    @app.post(f"{HOME}/logout", include_in_schema=False)
    async def sign_out(request: Request) -> Response:
        headers = headers_in(request.scope)
        check_origin(headers)
        await office.gate.close_session(headers)
        cookie = session_cookie("", secure=call_of(request.scope).secure)
        return RedirectResponse(f"{HOME}/login", 303, {"set-cookie": cookie, "cache-control": "no-store"})


async def get_operator(office: Office, request: Request) -> Key:
    """The operator behind a browser.

    Raises:
        SignIn: nobody has signed in there.
    """
    key = await office.gate.find_session(call_of(request.scope), headers_in(request.scope))
    if key is None:
        raise SignIn
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


async def _read_form(request: Request, office: Office) -> dict[str, str]:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Unsupported(f"Content-Type {kind[:60]!r} is not read here: use application/x-www-form-urlencoded")
    async with office.body(request.scope, request.receive, office.limits.form_bytes) as body:
        try:
            fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise BadInput(f"more than {_MOST_FIELDS} fields in this form") from None
    return {name: values[-1] for name, values in fields.items()}


def _inside(target: str) -> str:
    """The page to go to after signing in, if it is one of the operator's."""
    path = target.partition("?")[0].partition("#")[0]
    known = path == HOME or path.startswith(f"{HOME}/")
    return target if known and "\\" not in target and target.isprintable() else HOME
