"""What if: an operator asks what closing a hub, weather or more demand would do, and reads the answer."""

from fastapi import FastAPI, Request, Response

from waypost.model.errors import NotFound
from waypost.model.instants import DAY_MS
from waypost.web.api.merchants import decode_json, read_json
from waypost.web.api.openapi import WITH_KEY, answers, sends
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.api.what_if_answers import WHAT_IF_SENT, WhatIfList, WhatIfSent, WhatIfView, view_what_if
from waypost.web.office import Office, read_instant
from waypost.web.what_ifs import Question, Stage, WhatIf, WhatIfs

_PATH = "/v1/what-ifs"
_PROBLEMS = ("not_allowed", "forbidden", "not_found", "too_many", "busy")
_BODY_PROBLEMS = ("bad_input", "invalid", "slow_body", "too_large", "unsupported_media_type")
#: A day of a small network takes some seconds.
_AGAIN_S = 2
_OVER = (Stage.DONE, Stage.FAILED)
_IMAGINED = "An imagined network, the twin, is run twice with the same chance: what differs comes from the changes."


def add_what_ifs(app: FastAPI, office: Office) -> None:
    """All of it. Where there is no twin they answer `not_found`; `GET /v1/me` says whether there is one."""
    routes = Routes(app, "what-ifs", WITH_KEY, _PROBLEMS)
    _add_asking(routes, office)
    _add_reading(routes, office)


def _add_asking(routes: Routes, office: Office) -> None:
    @routes.add(
        "POST",
        _PATH,
        "Ask what if",
        None,
        "",
        *_BODY_PROBLEMS,
        description=f"{_IMAGINED} Questions are answered one after another; five may wait.",
        extra=sends(WhatIfSent, WHAT_IF_SENT),
        otherwise={202: answers(WhatIfView, "It waits: its answer comes at `Location`")[200]},
    )
    async def ask_what_if(request: Request) -> Response:
        key = await office.get_operator(request.scope)
        twin = _twin(office)
        sent = decode_json(await read_json(office, request), WhatIfSent)
        now_ms = office.desk.clock()
        from_ms = read_instant(sent.since, "body.from")
        if from_ms is None:
            from_ms = now_ms // DAY_MS * DAY_MS
        question = Question(changes=tuple(sent.changes), from_ms=from_ms, days=sent.days)
        found = await office.lookups.run(twin.ask, question, key.who, now_ms)
        return _answer(found, 202, {"location": f"{_PATH}/{found.id}"})


def _add_reading(routes: Routes, office: Office) -> None:
    @routes.add("GET", _PATH, "What was asked", WhatIfList, "Those that are kept, without their answers")
    async def list_what_ifs(request: Request) -> Response:
        await office.get_operator(request.scope)
        return json_answer(WhatIfList([view_what_if(each, whole=False) for each in _twin(office).list_all()]))

    @routes.add(
        "GET",
        _PATH + "/{what_if}",
        "A what-if",
        WhatIfView,
        "It, with its answer once it is done",
        description="Until then `Retry-After` says in how many seconds to look again.",
    )
    async def get_what_if(request: Request, what_if: str) -> Response:
        await office.get_operator(request.scope)
        return _answer(_twin(office).get(what_if), 200, {})

    @routes.add("DELETE", _PATH + "/{what_if}", "Let a what-if be", None, "It is gone; one that runs is stopped")
    async def drop_what_if(request: Request, what_if: str) -> Response:
        await office.get_operator(request.scope)
        await office.lookups.run(_twin(office).drop, what_if)
        return Response(status_code=204)


def _twin(office: Office) -> WhatIfs:
    if office.desk.what_ifs is None:
        mend = "`waypost demo` has one; `waypost twin what-if` asks another one on the command line."
        raise NotFound("this network has no twin to ask", mend=mend)
    return office.desk.what_ifs


def _answer(found: WhatIf, status: int, headers: dict[str, str]) -> Response:
    again = {} if found.stage in _OVER else {"retry-after": str(_AGAIN_S)}
    return json_answer(view_what_if(found), status, headers | again)
