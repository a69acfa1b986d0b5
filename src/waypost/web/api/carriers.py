"""What carriers hand in: pushes of scans and of labels, and files."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.access.keys import Role
from waypost.model.errors import BadInput, NotFound
from waypost.model.texts import has_control
from waypost.track.carriers import Push, Reply
from waypost.track.feed import MOST_SPELLED_OUT, FileRefusal
from waypost.track.files import Filed, legible
from waypost.track.pushes import Arrived, Outcome
from waypost.track.wire import Refusal
from waypost.web.api.answers import FileAnswer
from waypost.web.api.openapi import OPEN, WITH_KEY, Answer, sends_file
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.bodies import see_media_type
from waypost.web.door import App, Receive, Scope, Send, call_of, headers_in, send_whole
from waypost.web.office import Office
from waypost.web.problems import AllRefused, Forbidden, Invalid, Wrong

PUSH = "/v1/carriers/{account}/push"
LABELS = "/v1/carriers/{account}/labels"
FILES = "/v1/carriers/{account}/files"
_PUSHING = ("not_found", "slow_body", "too_large", "unsupported_media_type", "invalid", "busy")
#: The media types of files, and how their names end.
KINDS_OF_FILES = {"text/csv": ".csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx"}


async def take_upload(office: Office, body: bytes, name: str, ending: str, carrier: str, source: str) -> Filed:
    """Take a file that came whole as a body; `ending` is one that names its kind."""

    def take() -> Filed:
        return office.desk.files.take_body(
            body, ending, name=name, carrier=carrier, source=source, now_ms=office.desk.clock()
        )

    filed = await office.intake.run(take)
    office.metrics.accepted.inc(filed.scans)
    office.metrics.refused.inc(filed.refused)
    return filed


def _spelled(filed: Filed) -> Sequence[FileRefusal]:
    return filed.refusals[:MOST_SPELLED_OUT]


def add_carriers(app: FastAPI, office: Office) -> None:
    """Where carriers push scans and labels to."""
    _add_files(app, office)
    _add_pushes(app, office)


def _add_files(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "carriers", WITH_KEY)

    @routes.add(
        "POST",
        FILES,
        "A file of scans of a carrier",
        FileAnswer,
        "What became of the file",
        *("bad_input", "not_allowed", "forbidden", "not_found", "slow_body", "too_large", "all_refused", "invalid"),
        *("unsupported_media_type", "too_many", "lagging", "busy", "storage_full"),
        description=(
            "CSV or XLSX with the columns of the neutral format, for carriers that have no API of their own. The "
            "answer says for each row that was not taken why, by its line; the others are on disk by then. Sending the "
            "same file again changes nothing. The key is an operator's, or one that speaks for the account's carrier."
        ),
        extra=sends_file(KINDS_OF_FILES),
    )
    async def take_file(
        account: str,
        request: Request,
        name: Annotated[str, Query(max_length=200, description="As you call the file.")] = "",
    ) -> Response:
        call, headers = call_of(request.scope), headers_in(request.scope)
        key = await office.gate.get_key(call, headers, Role.OPERATOR, Role.CARRIER)
        carrier = office.desk.carriers.get(account)
        if key.carriers and carrier not in key.carriers:  # nor does it learn which accounts of others there are
            raise Forbidden("this key speaks for no such account", mend="Use one that does, or an operator's.")
        if carrier is None:
            raise NotFound(f"there is no account {account[:60]!r}")
        if has_control(name):
            wrong = Wrong("query.name", "has control characters", legible(name)[:60])
            raise Invalid(f"{wrong.where} {wrong.reason}", [wrong])
        kind = see_media_type(headers, *KINDS_OF_FILES)
        await office.hold_bulk_back(headers, request.receive)
        async with office.body(request.scope, request.receive, office.limits.file_bytes) as body:
            ending = KINDS_OF_FILES[kind]
            filed = await take_upload(office, body, name or f"upload{ending}", ending, carrier, account)
        if filed.outcome is Outcome.UNREADABLE:
            raise BadInput(filed.why)
        if filed.refused and not filed.scans:
            raise AllRefused([Refusal(each.line, each.field, each.reason, each.value) for each in _spelled(filed)])
        answer = FileAnswer(accepted=filed.scans, refused=filed.refused, refusals=_spelled(filed), end=filed.end)
        return json_answer(answer)


def _add_pushes(app: FastAPI, office: Office) -> None:
    routes = Routes(app, "carriers", OPEN, _PUSHING)
    thanks: tuple[Answer, str] = ({"*/*": {}}, "Thanks, or why not, as the carrier has it")

    @routes.add(
        "POST",
        PUSH,
        "Scans that a carrier pushes",
        *thanks,
        description=(
            "For carriers, each in its own format and signed as the account's settings say. The answer is in the "
            "carrier's own words: that all is well, once its scans are on disk, or why it is not."
        ),
    )
    async def find_no_account(account: str) -> Response:
        """Accounts that are pushed scans are served before the framework: see `take_push`."""
        raise NotFound(f"there is no account {account[:60]!r} that is pushed scans")

    @routes.add(
        "POST",
        LABELS,
        "A label that a carrier pushes",
        *thanks,
        description=(
            "For carriers that make the paper later than the waybill, each in its own format. It is verified, and kept "
            "encrypted for who prints it. The answer is in the carrier's own words."
        ),
    )
    async def take_label(account: str, request: Request) -> Response:
        async with office.body(request.scope, request.receive, office.limits.push_bytes) as body:
            push = _push_of(request.scope, body, office)
            taken = await office.intake.run(office.desk.labels.take, account, push)
        if taken.why:
            office.desk.journal.warning(
                "a label was not taken", request=call_of(request.scope).id, account=account, why=taken.why
            )
        office.metrics.labels.labels(account, "forged" if taken.is_forged else "failed" if taken.why else "taken").inc()
        return _reply(taken.reply)


def take_push(office: Office, account: str) -> App:
    """The bare ASGI application behind an account's `PUSH`: no framework stands between a push and the log."""

    async def post_push(scope: Scope, receive: Receive, send: Send) -> None:
        call_of(scope).route = PUSH
        async with office.body(scope, receive, office.limits.push_bytes) as body:
            taken = await office.pushes.do(Arrived(account, _push_of(scope, body, office)))
        office.metrics.pushes.labels(account, taken.outcome.value).inc()
        office.metrics.accepted.inc(taken.scans)
        office.metrics.refused.inc(taken.refused)
        if taken.why:  # most carriers are told so under status 200
            office.desk.journal.warning(
                "a push was not taken whole",
                request=call_of(scope).id,
                account=account,
                outcome=taken.outcome.value,
                why=taken.why,
            )
        await send_whole(send, taken.reply.status, taken.reply.content_type, taken.reply.body)

    return post_push


def _push_of(scope: Scope, body: bytes, office: Office) -> Push:
    return Push(
        headers=headers_in(scope),
        query=scope["query_string"].decode("latin-1"),
        body=body,
        received_ms=office.desk.clock(),
    )


def _reply(reply: Reply) -> Response:
    return Response(reply.body, status_code=reply.status, media_type=reply.content_type)
