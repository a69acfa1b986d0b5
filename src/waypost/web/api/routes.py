"""Routes of one kind: they share a tag of the description, whose key they need, and what may go wrong with each."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import FastAPI, Response

from waypost.web.api.openapi import Answer, answers

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Response]])


class Routes:
    """Adds routes to an application, each with its row in the description of the API.

    Args:
        key: whose key they need, as `openapi` has it.
        problems: codes of those that any of them may answer.
    """

    def __init__(self, app: FastAPI, tag: str, key: Mapping[str, Any], problems: Sequence[str] = ()) -> None:
        self._app = app
        self._tag = tag
        self._key = key
        self._problems = problems

    def add(
        self,
        method: str,
        path: str,
        summary: str,
        kind: Answer,
        what: str,
        *problems: str,
        description: str | None = None,
        extra: Mapping[str, Any] | None = None,
        otherwise: Mapping[int | str, dict[str, Any]] | None = None,
    ) -> Callable[[Handler], Handler]:
        """Decorates what answers at a path.

        Args:
            kind: what it answers when all is well, and `what` that is in words.
            problems: codes of what else may go wrong.
            extra: what OpenAPI is told besides, such as the body that is sent.
            otherwise: responses that `kind` cannot tell, by their status.
        """
        return self._app.api_route(
            path,
            methods=[method],
            tags=[self._tag],
            summary=summary,
            description=description,
            status_code=204 if kind is None else 200,
            response_class=Response,
            responses=answers(kind, what, *self._problems, *problems) | dict(otherwise or {}),
            openapi_extra={**self._key, **(extra or {})},
        )
