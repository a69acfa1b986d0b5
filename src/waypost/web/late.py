"""Routes that are worked out when they are first asked for.

FastAPI reads the signature of each handler and makes a model of all it takes and answers, which is most of the time
that an application takes to begin; most requests, and most tests, are for few of its routes.
"""

from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import compile_path


class LateRoute(APIRoute):
    """One of them: its path and methods are known from the beginning, all else once anything else is looked at."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **told: Any) -> None:
        self._told: tuple[str, Callable[..., Any], dict[str, Any]] = (path, endpoint, told)
        self.path, self.endpoint, self.include_in_schema = path, endpoint, told["include_in_schema"]
        self.methods = {method.upper() for method in told["methods"] or ("GET",)}
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)

    def __getattr__(self, name: str) -> Any:
        """What is not there yet."""
        told = self.__dict__.pop("_told", None)  # taken away first, for what follows looks at itself too
        if told is None:
            raise AttributeError(name)
        path, endpoint, more = told
        super().__init__(path, endpoint, **more)
        return getattr(self, name)
