"""The start page of a demo: one click into each role, without a password, and what to look at there."""

from typing import Any

from fastapi import FastAPI, Request, Response

from waypost.access.keys import Role
from waypost.track.statuses import get_status
from waypost.web.desk import Guide
from waypost.web.door import headers_in
from waypost.web.gate import check_origin
from waypost.web.office import Office
from waypost.web.pages.console import is_built
from waypost.web.pages.languages import Language
from waypost.web.pages.login import HOMES, browser_of, enter
from waypost.web.pages.paper import Paper, language_of
from waypost.web.pages.session import CONSOLE, START


def add_start(app: FastAPI, office: Office, paper: Paper, guide: Guide) -> None:
    """The page, and the buttons on it."""

    @app.get(START, include_in_schema=False)
    async def show_start(request: Request) -> Response:
        language = language_of(request)
        parcels = await office.lookups.run(_list_parcels, office, guide, language)
        return paper.answer(
            "start.html", language, request, roles=[role.value for role in guide.roles], parcels=parcels
        )

    for role in guide.roles:
        _add_button(app, office, guide, role)


def _add_button(app: FastAPI, office: Office, guide: Guide, role: Role) -> None:
    home = CONSOLE if role is Role.OPERATOR and is_built() else HOMES[role]

    @app.post(f"{START}/{role.value}", include_in_schema=False)
    async def let_in(request: Request) -> Response:
        headers = headers_in(request.scope)
        check_origin(headers)
        token = await office.lookups.run(guide.enter, role, browser_of(headers))
        return await enter(office, request, token, home)


def _list_parcels(office: Office, guide: Guide, language: Language) -> list[dict[str, Any]]:
    """The parcels worth a look, each with where it stands now."""
    parcels = [found.parcels[0] for found in office.desk.tracker.find(guide.numbers) if found.parcels]
    return [
        {
            "number": each.number,
            "carrier": language.carrier(each.carrier),
            "shape": get_status(each.status).shape,
            "status": language.phrase(each.status).label,
        }
        for each in parcels
    ]
