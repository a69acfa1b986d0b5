"""The operator's page of the audit trail: who did what to what, and when."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response

from waypost.access.trail import Deed, Wanted
from waypost.model.errors import BadInput
from waypost.web.office import Office
from waypost.web.pages.languages import Language
from waypost.web.pages.paper import Paper, language_of
from waypost.web.pages.session import HOME, get_operator

PATH = f"{HOME}/audit"
_PAGE = 50


def add_audit_page(app: FastAPI, office: Office, paper: Paper) -> None:
    """The list."""

    @app.get(PATH, include_in_schema=False)
    async def show_audit(request: Request) -> Response:
        await get_operator(office, request)
        asked = {name: request.query_params.get(name, "").strip()[:128] for name in ("who", "what", "of")}
        after = request.query_params.get("after") or None
        wanted = Wanted(who=asked["who"] or None, what=asked["what"] or None, of=asked["of"] or None)
        try:
            deeds, cursor = await office.lookups.run(office.desk.trail.list_page, wanted, after, _PAGE)
            warning = ""
        except BadInput as error:
            deeds, cursor, warning = [], None, error.message
        names = await office.lookups.run(_list_names, office, deeds) if deeds else {}
        language = language_of(request)
        return paper.answer(
            "audit.html",
            language,
            request,
            status=400 if warning else 200,
            here="audit",
            asked=asked,
            warning=warning,
            rows=[_row(each, names, language) for each in deeds],
            next=cursor,
            is_first=after is None,
        )


def _list_names(office: Office, deeds: Sequence[Deed]) -> dict[str, str]:
    """Names beside ids: they are read where they are kept, so who is forgotten has none here either."""
    ids = {id_ for each in deeds for id_ in (_id_of(each.who), each.of)}
    return office.desk.people.list_names(ids) | office.desk.keys.list_names(ids)


def _id_of(who: str) -> str:
    """As people and keys are kept; the trail says before it which of the two it is."""
    return who.rpartition(":")[2]


def _row(deed: Deed, names: dict[str, str], language: Language) -> dict[str, Any]:
    at = dt.datetime.fromtimestamp(deed.at_ms / 1000, dt.UTC)
    return {
        "iso": at.isoformat(),
        "at": language.stamp(at),
        "who": deed.who,
        "who_name": names.get(_id_of(deed.who), ""),
        "what": deed.what,
        "of": deed.of,
        "of_name": names.get(deed.of, ""),
        "details": ", ".join(f"{name} {text}" for name, text in deed.details.items()),
    }
