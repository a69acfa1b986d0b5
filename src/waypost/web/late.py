"""Routes that are worked out when they are first asked for.

FastAPI reads the signature of each handler and makes a model of all it takes and answers, which is most of the time
that an application takes to begin; most requests, and most tests, are for few of its routes.
"""

import threading
from collections.abc import Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.routing import compile_path


class LateRoute(APIRoute):
    """One of them: its path and methods are known from the beginning, all else once anything else is looked at."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **told: Any) -> None:
        self._told: tuple[str, Callable[..., Any], dict[str, Any]] | None = (path, endpoint, told)
        self._lock = threading.RLock()
        self._is_begun = False
        self.path, self.endpoint, self.include_in_schema = path, endpoint, told["include_in_schema"]
        self.methods = {method.upper() for method in told["methods"] or ("GET",)}
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)

    def __getattr__(self, name: str) -> Any:
        """What is not there yet; whoever else looks meanwhile waits for it."""
        with self.__dict__["_lock"]:
            if name not in self.__dict__ and self._told is not None and not self._is_begun:
                self._work_out(*self._told)
            if name in self.__dict__:
                return self.__dict__[name]
        raise AttributeError(name)

    def _work_out(self, path: str, endpoint: Callable[..., Any], told: dict[str, Any]) -> None:
        self._is_begun = True  # it looks at itself meanwhile
        try:
            super().__init__(path, endpoint, **told)
            self._told = None
        finally:
            self._is_begun = False  # what failed fails again with the same words
