"""Who asks: so that a program, or a page, knows what to offer."""

from fastapi import FastAPI, Request, Response

from waypost.access.keys import Role
from waypost.web.api.me_answers import Me
from waypost.web.api.openapi import WITH_EITHER_KEY
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.door import call_of, headers_in
from waypost.web.office import Office


def add_me(app: FastAPI, office: Office) -> None:
    """The key, or the person behind a browser."""
    routes = Routes(app, "keys", WITH_EITHER_KEY, ("not_allowed", "forbidden", "too_many", "busy"))

    @routes.add("GET", "/v1/me", "Who asks", Me, "What the key, or the session of a browser, is good for")
    async def get_me(request: Request) -> Response:
        call, headers = call_of(request.scope), headers_in(request.scope)
        key = await office.gate.get_key(call, headers, *Role)
        session = await office.gate.find_person(call, headers) if key.is_person else None
        roles = [key.role] if session is None else list(session.person.roles)
        carriers = key.carriers if session is None else session.person.carriers
        answer = Me(
            name=key.name,
            is_person=key.is_person,
            roles=roles,
            carriers=list(carriers),
            scope=key.scope,
            network=office.desk.site.name,
            who=key.who,
            has_twin=office.desk.what_ifs is not None,
        )
        return json_answer(answer)
