"""What all pages are made of: templates, the stylesheet, links that keep the language, and the page for a problem."""

import hashlib
import importlib.resources
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import jinja2
from fastapi import FastAPI, Request, Response

from waypost.track.statuses import LANGUAGES
from waypost.web.desk import Site
from waypost.web.door import call_of
from waypost.web.pages.languages import Language, choose_language, get_language
from waypost.web.problems import KINDS, NoSuchPath, Problem

_KINDS_OF_FILES = {"css": "text/css; charset=utf-8", "svg": "image/svg+xml"}

_LONGEST_LINK = 4000

#: Problems that have words of their own in the catalogue; others share those for 4xx and 5xx.
_SPOKEN = {"no_such_path", "too_many", "busy", "not_found", "forbidden"}


class Paper:
    """Renders templates. One for each running server."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._assets = {
            file.name: (file.read_bytes(), _KINDS_OF_FILES[file.name.rpartition(".")[2]])
            for file in importlib.resources.files("waypost.web").joinpath("static").iterdir()
            if file.name.rpartition(".")[2] in _KINDS_OF_FILES
        }
        self._marks = {name: hashlib.sha256(data).hexdigest()[:10] for name, (data, _) in self._assets.items()}
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("waypost.web", "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, template: str, language: Language, request: Request, **values: object) -> str:
        """A page.

        Args:
            language: of the page; links keep it if the address asked for it.
        """
        key = call_of(request.scope).key
        values = {"person": key.name if key is not None and key.is_person else None} | values
        return self._render(template, language, request.url.path, request.url.query, values)

    def answer(
        self, template: str, language: Language, request: Request, *, status: int = 200, **values: object
    ) -> Response:
        """The same as a response, which nobody keeps."""
        return html(self.render(template, language, request, **values), language, status)

    def show(self, problem: Problem, query: str, headers: Mapping[str, str]) -> bytes:
        """The page for a problem, for people."""
        asked = dict(parse_qsl(query)).get("lang")
        language = choose_language(asked, headers.get("accept-language", ""))
        key = problem.code if problem.code in _SPOKEN else "our_fault" if problem.status >= 500 else "your_fault"
        values = {
            "problem": problem,
            "heading": language.say(f"problem_{key}"),
            "advice": language.say(f"problem_{key}_advice"),
            "person": None,
        }
        return self._render(
            "problem.html", language, "/", f"lang={asked}" if asked == language.code else "", values
        ).encode()

    def add_assets(self, app: FastAPI) -> None:
        """Serve stylesheet and mark."""

        @app.get("/static/{name}", include_in_schema=False)
        async def get_asset(request: Request, name: str) -> Response:
            if name not in self._assets:
                raise NoSuchPath("nothing answers at this path")
            data, kind = self._assets[name]
            lasting = request.query_params.get("v") == self._marks[name]
            cache = "public, max-age=31536000, immutable" if lasting else "no-cache"
            return Response(data, headers={"content-type": kind, "cache-control": cache})

        @app.get("/robots.txt", include_in_schema=False)
        async def get_robots() -> Response:
            return Response(
                "User-agent: *\nDisallow: /track/\nDisallow: /v1/\nDisallow: /operator\nDisallow: /carrier\n"
                "Disallow: /account\nDisallow: /welcome/\nDisallow: /console\n",
                media_type="text/plain",
            )

    def _render(self, template: str, language: Language, path: str, query: str, values: Mapping[str, object]) -> str:
        asked = dict(parse_qsl(query)).get("lang")
        kept = {"lang": language.code} if asked == language.code else {}

        def href(to: str, **parameters: object) -> str:
            given = {name: value for name, value in parameters.items() if value not in (None, "")} | kept
            return f"{to}?{urlencode(given)}" if given else to

        def translated(code: str) -> str:
            if len(path) + len(query) > _LONGEST_LINK:  # four times over it would be most of the page
                return f"/?lang={code}"
            rest = [(name, value) for name, value in parse_qsl(query) if name != "lang"]
            return f"{path}?{urlencode([*rest, ('lang', code)])}"

        return self._templates.get_template(template).render(
            **values,
            language=language,
            languages=[get_language(code) for code in LANGUAGES],
            say=language.say,
            href=href,
            translated=translated,
            asset=lambda name: f"/static/{name}?v={self._marks[name]}",
            asked_language=asked if kept else None,
            site=self._site,
            kinds=KINDS,
        )


def html(text: str, language: Language, status: int = 200) -> Response:
    """A page that is made for one reader."""
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-language": language.tag,
        "cache-control": "private, no-store",
        "vary": "Accept-Language, Cookie",
    }
    return Response(text, status_code=status, headers=headers)


def language_of(request: Request) -> Language:
    """The language in which a page is answered."""
    return choose_language(request.query_params.get("lang"), request.headers.get("accept-language", ""))
