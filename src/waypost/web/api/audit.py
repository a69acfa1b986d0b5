"""The audit trail, for operators."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.access.trail import Deed, Wanted
from waypost.model.instants import format_utc
from waypost.web.api.audit_answers import AuditPage, DeedRecord
from waypost.web.api.openapi import DATE_TIME, WITH_KEY
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.office import Office, read_instant

_PROBLEMS = ("not_allowed", "forbidden", "invalid", "too_many", "busy")


def add_audit(app: FastAPI, office: Office) -> None:
    """The list."""
    routes = Routes(app, "audit", WITH_KEY, _PROBLEMS)

    @routes.add(
        "GET",
        "/v1/audit",
        "Who did what",
        AuditPage,
        "A page of it",
        "bad_input",
        description=(
            "Newest first: who signed in or could not, keys, people and parties that were made, changed and ended, "
            "and what was opened, printed and exported. It names ids; nobody's words stand in it."
        ),
    )
    async def list_deeds(
        request: Request,
        who: Annotated[str | None, Query(max_length=48, description="`key:ID`, `person:ID`, `command`.")] = None,
        what: Annotated[
            str | None, Query(max_length=48, description="One deed, `key.made`; all of a kind, `key.`.")
        ] = None,
        of: Annotated[str | None, Query(max_length=128, description="The id of what it was done to.")] = None,
        since: Annotated[
            str | None, Query(max_length=64, description="From this instant on.", json_schema_extra=DATE_TIME)
        ] = None,
        until: Annotated[
            str | None, Query(max_length=64, description="Before this instant.", json_schema_extra=DATE_TIME)
        ] = None,
        after: Annotated[str | None, Query(max_length=64, description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        await office.get_operator(request.scope)
        wanted = Wanted(
            who=who,
            what=what,
            of=of,
            since_ms=read_instant(since, "query.since"),
            until_ms=read_instant(until, "query.until"),
        )
        page, cursor = await office.lookups.run(office.desk.trail.list_page, wanted, after, limit)
        return json_answer(AuditPage([_record(each) for each in page], cursor))


def _record(deed: Deed) -> DeedRecord:
    return DeedRecord(deed.id, format_utc(deed.at_ms), deed.who, deed.what, deed.of, deed.details)
