"""Routes that are worked out when they are first asked for: each can be, and none is half of one."""

import threading
from typing import Any

import pytest
from fastapi import FastAPI, Request

from waypost.web.late import LateRoute


def test_each_route_of_the_door_can_be_worked_out(world: Any) -> None:
    routes = [each for each in world.app._inside.routes if isinstance(each, LateRoute)]
    assert len(routes) > 100
    assert sum("dependant" in vars(each) for each in routes) < 10
    assert all(each.dependant is not None for each in routes)


def make_app() -> FastAPI:
    app = FastAPI()
    app.router.route_class = LateRoute
    return app


def test_whoever_looks_while_it_is_worked_out_waits() -> None:
    app, found = make_app(), []

    @app.get("/{number}")
    async def get(request: Request, number: int) -> None: ...

    [route] = [each for each in app.routes if isinstance(each, LateRoute)]
    begin = threading.Barrier(8)

    def look() -> None:
        begin.wait()
        found.append(route.dependant)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 8
    assert len({id(each) for each in found}) == 1


def test_one_that_is_written_wrongly_says_so_each_time() -> None:
    app = make_app()

    @app.get("/", status_code=204, response_model=int)
    async def get() -> None: ...

    [route] = [each for each in app.routes if isinstance(each, LateRoute)]
    said = []
    for _ in range(2):
        with pytest.raises(AssertionError, match="204") as failed:
            _ = route.app  # what answers, which is made last
        said.append(repr(failed.value))
    assert said[0] == said[1]
