"""Scans: handed in, in batches, and listed by place and time."""

import re
import threading
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import parse_qs

import msgspec
import pyarrow as pa
from fastapi import FastAPI, Query, Request, Response

from waypost.access.keys import Role
from waypost.model.carriers import CARRIER_CODE
from waypost.track.parquet import read_parquet
from waypost.track.plain import read_array, read_lines
from waypost.track.reception import Receipt
from waypost.track.scan_search import ScanFilters
from waypost.track.views import ScanPage
from waypost.track.wire import Rows, read_arrow_stream
from waypost.web.api.answers import SCANS_SENT
from waypost.web.api.arrow import refuse_costly_stream
from waypost.web.api.openapi import DATE_TIME, WITH_KEY, answers
from waypost.web.api.routes import Routes
from waypost.web.bodies import ENCODINGS
from waypost.web.door import App, Receive, Scope, Send, call_of, headers_in, send_whole
from waypost.web.office import Office, read_instant
from waypost.web.problems import AllRefused, Invalid, Unsupported, Wrong

PATH = "/v1/scans"

_KEY_LENGTH = 255
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")  # `float` takes 1_0 and the digits of every script too


def _read_arrow(body: bytes, limit: int) -> Rows:
    refuse_costly_stream(body)
    return read_arrow_stream(body, limit)


#: A body of this size, or in Arrow or Parquet of any, may take many times as much while it is read and checked: so many
#: at a time.
_HEAVY_BYTES = 1 << 20
_HEAVY_AT_ONCE = 2


_READERS: dict[str, Callable[[bytes, int], Rows]] = {
    "application/json": read_array,
    "application/x-ndjson": read_lines,
    "application/vnd.apache.arrow.stream": _read_arrow,
    "application/vnd.apache.parquet": read_parquet,
}


def take_scans(office: Office) -> App:
    """The bare ASGI application behind `POST /v1/scans`: no framework stands between the body and the log."""
    heavy = threading.BoundedSemaphore(_HEAVY_AT_ONCE)

    async def post_scans(scope: Scope, receive: Receive, send: Send) -> None:
        call, headers = call_of(scope), headers_in(scope)
        call.route = PATH
        key = await office.gate.get_key(call, headers, Role.OPERATOR, Role.CARRIER)
        read = _reader_for(headers.get("content-type", ""))
        only = key.carriers or None
        wait_s, carrier = _read_query(scope["query_string"], office.limits.wait_s)
        if carrier is None and len(key.carriers) == 1:
            [carrier] = key.carriers
        if len(headers.get("idempotency-key", "")) > _KEY_LENGTH:
            reason = f"is longer than {_KEY_LENGTH} characters"
            raise Invalid(f"Idempotency-Key {reason}", [Wrong("header.Idempotency-Key", reason)])
        await office.hold_bulk_back(headers, receive)
        async with office.body(scope, receive, office.limits.body_bytes) as body:
            office.metrics.body_bytes.inc(len(body))

            def take() -> Receipt:
                reception, most = office.desk.reception, office.limits.batch_rows
                if read in (read_array, read_lines) and len(body) < _HEAVY_BYTES:
                    return reception.receive(read(body, most), carrier=carrier, only=only)
                with heavy:  # not while it is written
                    try:
                        intake = reception.check(read(body, most), carrier=carrier, only=only)
                    finally:
                        pa.default_memory_pool().release_unused()
                return reception.keep(intake)

            receipt = await office.intake.run(take)
        office.metrics.accepted.inc(receipt.accepted)
        office.metrics.refused.inc(receipt.refused)
        if receipt.refused and not receipt.accepted:
            raise AllRefused(receipt.refusals)
        if await office.shows(receipt.end, within_s=wait_s):
            receipt = msgspec.structs.replace(receipt, indexed=True)
        await send_whole(send, 200, "application/json", msgspec.json.encode(receipt))

    return post_scans


def _reader_for(content_type: str) -> Callable[[bytes, int], Rows]:
    kind = content_type.split(";")[0].strip().lower()
    if kind not in _READERS:
        raise Unsupported(f"Content-Type {kind[:60]!r} is not read here: use {', '.join(_READERS)}")
    return _READERS[kind]


def _read_query(query: bytes, most_s: float) -> tuple[float, str | None]:
    parameters = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    wrong = [Wrong(f"query.{name[:40]}", "is unknown here") for name in parameters if name not in ("wait", "carrier")]
    wait, carrier = parameters.get("wait", ["0"])[-1], parameters.get("carrier", [None])[-1]
    wait_s = float(wait) if _SECONDS.fullmatch(wait) else -1.0
    if not 0 <= wait_s <= most_s:
        wrong.append(Wrong("query.wait", f"has to be a number of seconds from 0 to {most_s:g}", wait[:60]))
    if carrier is not None and not CARRIER_CODE.fullmatch(carrier):
        wrong.append(Wrong("query.carrier", "is no carrier code: up to 32 of a-z, 0-9, _ and -", carrier[:60]))
    if wrong:
        raise Invalid("; ".join(f"{each.where} {each.reason}" for each in wrong[:5]), wrong)
    return wait_s, carrier


def add_scans(app: FastAPI, office: Office) -> None:
    """The list of scans."""
    routes = Routes(app, "scans", WITH_KEY)

    @routes.add(
        "GET",
        PATH,
        "Scans by place and time",
        ScanPage,
        "A page of scans",
        *("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged"),
        description="Newest first, corrected ones left out, over all parcels.",
    )
    async def list_scans(
        request: Request,
        carrier: Annotated[str | None, Query(max_length=32)] = None,
        facility: Annotated[str | None, Query(max_length=128, description="The carrier's code of it.")] = None,
        city: Annotated[str | None, Query(max_length=120, description="By the register of facilities.")] = None,
        country: Annotated[str | None, Query(min_length=2, max_length=2)] = None,
        status: Annotated[str | None, Query(max_length=40, description="A unified status.")] = None,
        since: Annotated[
            str | None, Query(description="RFC 3339; scans from here on.", json_schema_extra=DATE_TIME)
        ] = None,
        until: Annotated[
            str | None, Query(description="RFC 3339; scans before it.", json_schema_extra=DATE_TIME)
        ] = None,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        await office.get_operator(request.scope)
        filters = ScanFilters(
            carrier=carrier,
            facility=facility,
            city=city,
            country=country and country.upper(),
            status=status,
            since_ms=read_instant(since, "query.since"),
            until_ms=read_instant(until, "query.until"),
        )
        return json_answer(await office.history.run(office.desk.scan_search.list_scans, filters, after, limit))


def json_answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON."""
    all_headers = {"cache-control": "no-store"} | (headers or {})
    return Response(msgspec.json.encode(value), status, all_headers, "application/json")


def describe_posting(limits_text: str) -> dict[str, Any]:
    """The OpenAPI operation of `POST /v1/scans`."""
    sent = {"type": "array", "items": {"$ref": "#/components/schemas/RawScan"}}
    problems = ("bad_input", "not_allowed", "forbidden", "slow_body", "too_large", "unsupported_media_type")
    responses = answers(
        Receipt,
        "What became of each row: those accepted are on disk, each of the others says why not",
        *problems,
        "all_refused",
        "invalid",
        "too_many",
        "lagging",
        "busy",
        "storage_full",
    )
    return {
        "operationId": "post_scans",
        "tags": ["scans"],
        "summary": "Hand scans in",
        "description": (
            "A batch of scans, of the carriers that the key may speak for. The answer says for each row that was not "
            "taken why; the others are on disk by then. A scan is known by its content, so a batch that is sent again "
            "changes nothing: repeating a request is safe, with or without an `Idempotency-Key`. " + limits_text
        ),
        "security": [{"key": []}],
        "parameters": [
            {
                "name": "wait",
                "in": "query",
                "description": "Seconds to wait until look-ups show these scans; `indexed` says whether they do.",
                "schema": {"type": "number", "minimum": 0, "default": 0},
            },
            {
                "name": "carrier",
                "in": "query",
                "description": "For rows that name no carrier; a key for one carrier alone needs none.",
                "schema": {"type": "string", "pattern": CARRIER_CODE.pattern},
            },
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "Accepted for the sake of clients that always send one.",
                "schema": {"type": "string", "maxLength": _KEY_LENGTH},
            },
            {
                "name": "Content-Encoding",
                "in": "header",
                "description": f"{', '.join(ENCODINGS)}, or none.",
                "schema": {"type": "string", "enum": [*ENCODINGS, "identity"]},
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": sent, "examples": {"two": {"value": SCANS_SENT}}},
                "application/x-ndjson": {
                    "schema": {"type": "string", "description": "One object of that kind a line."},
                    "examples": {
                        "two": {"value": "\n".join(msgspec.json.encode(scan).decode() for scan in SCANS_SENT)}
                    },
                },
                "application/vnd.apache.arrow.stream": {
                    "schema": {"type": "string", "format": "binary", "description": "Columns of the same names."}
                },
                "application/vnd.apache.parquet": {
                    "schema": {"type": "string", "format": "binary", "description": "A file with the same columns."}
                },
            },
        },
        "responses": {str(status): response for status, response in responses.items()},
    }
