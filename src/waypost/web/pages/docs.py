"""A plain list of the API for people; programs read `/v1/openapi.json`."""

from typing import Any

from fastapi import FastAPI, Request, Response

from waypost.web.api.openapi import TAGS
from waypost.web.pages.paper import Paper, language_of


def add_docs(app: FastAPI, paper: Paper) -> None:
    """The list."""

    @app.get("/docs", include_in_schema=False)
    async def show_docs(request: Request) -> Response:
        tags = [{**tag, "calls": _calls(app.openapi(), tag["name"])} for tag in TAGS]
        return paper.answer("docs.html", language_of(request), request, tags=tags)


def _calls(document: dict[str, Any], tag: str) -> list[dict[str, str]]:
    return [
        {"method": method.upper(), "path": path, "summary": operation["summary"], "key": _key(operation["security"])}
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if tag in operation["tags"]
    ]


def _key(security: list[dict[str, list[str]]]) -> str:
    if not security:
        return "none"
    return "optional" if {} in security else "needed"
