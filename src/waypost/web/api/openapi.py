"""The description of the API: schemas from our records, problems from our errors, an example for each."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from waypost.booking.orders import Order
from waypost.booking.proofs import ProofSent
from waypost.booking.rating.quotes import Prefer
from waypost.care.alerts.findings import AlertKind
from waypost.care.alerts.words import State
from waypost.care.messages import News, StatusTold
from waypost.track.overview import Overview
from waypost.track.wire import RawScan
from waypost.web.api.alert_answers import ALERT_EXAMPLES, ActSent, AssignSent, ResolveSent, SnoozeSent
from waypost.web.api.answers import EXAMPLES as _ANSWERS
from waypost.web.api.answers import FacilityRecord, JobSent, WatchedRecord
from waypost.web.api.arrival_answers import ARRIVAL_EXAMPLES
from waypost.web.api.audit_answers import AUDIT_EXAMPLES
from waypost.web.api.forecast_answers import FORECAST_EXAMPLES
from waypost.web.api.lane_answers import LANE_EXAMPLES
from waypost.web.api.live_answers import LIVE_EXAMPLES
from waypost.web.api.mail_answers import MAIL_EXAMPLES, MailChange
from waypost.web.api.me_answers import ME_EXAMPLES
from waypost.web.api.pickup_answers import PICKUP_EXAMPLES
from waypost.web.api.promise_answers import PROMISE_EXAMPLES, PromiseSent
from waypost.web.api.sort_code_answers import SORT_CODE_EXAMPLES, SortCodeSent
from waypost.web.api.way_answers import WAY_EXAMPLES, ChangeSent, PathsSent
from waypost.web.api.webhook_answers import WEBHOOK_EXAMPLES, WebhookChange, WebhookSent
from waypost.web.api.what_if_answers import WHAT_IF_EXAMPLES, WhatIfSent
from waypost.web.bodies import ENCODINGS
from waypost.web.problems import KINDS, MEDIA_TYPE, Problem

EXAMPLES = _ANSWERS | WEBHOOK_EXAMPLES | MAIL_EXAMPLES | SORT_CODE_EXAMPLES | PICKUP_EXAMPLES | AUDIT_EXAMPLES
EXAMPLES |= PROMISE_EXAMPLES | ARRIVAL_EXAMPLES
EXAMPLES |= ALERT_EXAMPLES | LANE_EXAMPLES | WAY_EXAMPLES | FORECAST_EXAMPLES | LIVE_EXAMPLES | ME_EXAMPLES
EXAMPLES |= WHAT_IF_EXAMPLES
_REF = "#/components/schemas/{name}"
_STATUS = {
    "all_refused": 422,
    "bad_input": 400,
    "busy": 503,
    "carrier_puzzling": 502,
    "carrier_refused": 422,
    "carrier_unreachable": 503,
    "conflict": 409,
    "forbidden": 403,
    "invalid": 422,
    "key_reused": 422,
    "label_comes_later": 422,
    "lagging": 429,
    "not_allowed": 401,
    "not_found": 404,
    "not_ready": 503,
    "not_yet": 503,
    "slow_body": 408,
    "storage_full": 507,
    "store_damaged": 503,
    "too_large": 413,
    "too_many": 429,
    "unexpected": 500,
    "unsupported_by_carrier": 422,
    "unsupported_media_type": 415,
}

TAGS = [
    {"name": "scans", "description": "What happened to which parcel, when and where. Sent in batches, kept for good."},
    {"name": "parcels", "description": "Where parcels are. Public at city level; all of it with an operator's key."},
    {"name": "carriers", "description": "What carriers push, each in its own format, and what they are asked after."},
    {"name": "orders", "description": "What merchants ship: handed in, booked, printed, taken back."},
    {"name": "webhooks", "description": "Merchants are told what becomes of their parcels, signed."},
    {"name": "mail", "description": "Consignees are told by mail what becomes of their parcels."},
    {"name": "network", "description": "Facilities, statuses, and the network at a glance."},
    {"name": "alerts", "description": "Trouble that is found in the network, and how it is worked off."},
    {"name": "what-ifs", "description": "What a change would do, tried on an imagined network."},
    {"name": "audit", "description": "Who did what to what, and when."},
    {"name": "keys", "description": "Whose key it is that asks."},
    {"name": "service", "description": "Whether the service is well."},
]
ABOUT = """Waypost keeps every scan of every parcel and says where it is, across carriers.

* A number is not unique: look-ups answer a list. A scan is about a carrier and a number.
* Instants are RFC 3339 with the offset of the place. What was sent without an offset says where its offset came from.
* Errors are problem documents (RFC 9457) with a stable `code` and a `mend` that says what to do.
* Lists are read page by page: send `next` of a page as `after`.
* `as_of` says how far look-ups are behind what was sent."""

DATE_TIME: dict[str, Any] = {"format": "date-time"}
_ENCODINGS_READ = {
    "description": "If it is the encoding that is not read: those that are.",
    "schema": {"type": "string", "examples": [", ".join(ENCODINGS)]},
}
WITH_KEY: dict[str, Any] = {"security": [{"key": []}]}
WITH_MERCHANTS_KEY: dict[str, Any] = {"security": [{"merchant": []}]}
WITH_EITHER_KEY: dict[str, Any] = {"security": [{"key": []}, {"merchant": []}]}
WITH_OR_WITHOUT_KEY: dict[str, Any] = {"security": [{}, {"key": []}]}
OPEN: dict[str, Any] = {"security": []}


#: What a route answers when all is well: a record, one of several, other media types with what OpenAPI says of them, or
#: nothing.
Answer = type | Sequence[type] | Mapping[str, Any] | None


def answers(kind: Answer, what: str, *problems: str) -> dict[int | str, dict[str, Any]]:
    """The responses of a route: what it answers when all is well, and the codes of problems that it may answer."""
    found: dict[int | str, dict[str, Any]] = {204: {"description": what}}
    if kind is not None:
        content = kind if isinstance(kind, Mapping) else describe(kind)
        found = {200: {"description": what, "content": content}}
    by_status: dict[int, list[str]] = {}
    for code in (*problems, "unexpected"):
        by_status.setdefault(_STATUS[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        found[status] = _problems(status, tuple(codes))
    found["default"] = {
        "description": "Any other problem",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}},
    }
    return found


def sends(kind: type, example: Any, *, called: str = "one", **of_array: int) -> dict[str, Any]:
    """Describes a body of JSON, with an example; that of a list is an array, and `of_array` says how long it may be."""
    ref = {"$ref": _REF.format(name=kind.__name__)}
    schema = {"type": "array", **of_array, "items": ref} if isinstance(example, list) else ref
    value = msgspec.to_builtins(example)
    if isinstance(value, dict):
        value = {name: each for name, each in value.items() if each is not None}
    content = {"application/json": {"schema": schema, "examples": {called: {"value": value}}}}
    return {"requestBody": {"required": True, "content": content}}


def sends_file(kinds: Iterable[str]) -> dict[str, Any]:
    """Describes a body that is a file, of one of some media types."""
    content = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in kinds}
    return {"requestBody": {"required": True, "content": content}}


def describe_api(app: FastAPI, version: str, bare: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The whole OpenAPI document; `bare` are paths that the framework does not know."""
    document = get_openapi(
        title="Waypost",
        version=version,
        description=ABOUT,
        tags=TAGS,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    for path, operations in bare.items():
        document["paths"].setdefault(path, {}).update(operations)
    components = document.setdefault("components", {})
    kinds = [
        *EXAMPLES,
        ActSent,
        AlertKind,
        AssignSent,
        ResolveSent,
        SnoozeSent,
        WhatIfSent,
        State,
        ChangeSent,
        PathsSent,
        FacilityRecord,
        JobSent,
        MailChange,
        News,
        Order,
        Prefer,
        PromiseSent,
        SortCodeSent,
        ProofSent,
        StatusTold,
        WatchedRecord,
        WebhookChange,
        WebhookSent,
        Overview,
        Problem,
        RawScan,
    ]
    components["schemas"] = msgspec.json.schema_components(kinds, ref_template=_REF)[1]
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key that begins with `wp_`. The first start prints an operator's key once.",
        },
        "merchant": {
            "type": "http",
            "scheme": "bearer",
            "description": "A merchant's key: `waypost admin make-key NAME --role merchant --party ID` makes one.",
        },
    }
    return document


def describe(kinds: type | Sequence[type]) -> dict[str, Any]:
    """A record, or one of several, as JSON with examples."""
    listed = list(kinds) if isinstance(kinds, Sequence) else [kinds]
    examples = {kind.__name__: {"value": msgspec.to_builtins(EXAMPLES[kind])} for kind in listed if kind in EXAMPLES}
    return {"application/json": {"schema": _either(listed)} | ({"examples": examples} if examples else {})}


def _either(kinds: list[type]) -> dict[str, Any]:
    refs = [{"$ref": _REF.format(name=kind.__name__)} for kind in kinds]
    return refs[0] if len(refs) == 1 else {"oneOf": refs}


@cache
def _problems(status: int, codes: tuple[str, ...]) -> dict[str, Any]:
    examples = {
        code: {
            "value": {
                "type": f"urn:waypost:problem:{code}",
                "title": KINDS[code][0],
                "status": status,
                "detail": KINDS[code][0],
                "instance": "urn:waypost:request:4f0c5b1a2e7d4c3a9b8e6d5f4a3b2c1d",
                "code": code,
                "mend": KINDS[code][1],
            }
        }
        for code in codes
    }
    content = {"schema": {"$ref": _REF.format(name="Problem")}, "examples": examples}
    described = {"description": " / ".join(KINDS[code][0] for code in codes), "content": {MEDIA_TYPE: content}}
    if "unsupported_media_type" in codes:
        described["headers"] = {"Accept-Encoding": _ENCODINGS_READ}
    return described
