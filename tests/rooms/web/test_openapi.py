import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.drawing import examples

from waypost.track.bundles import MOST_BEARING

KEYED = {
    "get /v1/carriers",
    "get /v1/carriers/{account}/watches",
    "put /v1/carriers/{account}/watches",
    "delete /v1/carriers/{account}/watches/{number}",
    "get /v1/carriers/scorecards",
    "get /v1/audit",
    "get /v1/pushes",
    "get /v1/pushes/{push}",
    "get /v1/scans",
    "get /v1/sort-codes",
    "put /v1/sort-codes/{parcel}",
    "post /v1/scans",
    "get /v1/overview",
    "get /v1/live",
    "get /v1/live/stream",
    "get /v1/arrivals",
    "get /v1/alerts",
    "get /v1/alerts/{alert}",
    "get /v1/alerts/{alert}/parcels",
    "post /v1/alerts/{alert}/acknowledge",
    "post /v1/alerts/{alert}/assign",
    "post /v1/alerts/{alert}/snooze",
    "post /v1/alerts/{alert}/resolve",
    "post /v1/alerts/{alert}/reopen",
    "get /v1/what-ifs",
    "post /v1/what-ifs",
    "get /v1/what-ifs/{what_if}",
    "delete /v1/what-ifs/{what_if}",
    "get /v1/lanes",
    "get /v1/forecasts",
    "get /v1/forecasts/volume",
    "post /v1/paths",
    "get /v1/timetable-changes",
    "post /v1/timetable-changes",
    "delete /v1/timetable-changes/{change}",
    "get /v1/lanes/times",
    "get /v1/facilities",
    "put /v1/facilities",
    "get /metrics",
    "post /v1/carriers/{account}/files",
    "post /v1/carriers/{account}/proofs",
}

OF_BOTH = {"get /v1/me", "get /v1/proofs", "get /v1/proofs/{proof}/picture", "get /v1/proofs/{proof}/signature"}

OF_MERCHANTS = {
    "post /v1/orders",
    "get /v1/orders",
    "get /v1/orders/{order}",
    "post /v1/orders/files",
    "post /v1/manifests",
    "get /v1/manifests",
    "get /v1/manifests/{manifest}",
    "get /v1/orders/{order}/slip",
    "put /v1/orders/{order}/parcels",
    "get /v1/orders/{order}/quote",
    "delete /v1/orders/{order}/people",
    "get /v1/orders/{order}/parcels/{piece}/page",
    "post /v1/orders/{order}/parcels/{piece}/page/renew",
    "get /v1/jobs/{job}/labels",
    "put /v1/orders/{order}",
    "post /v1/orders/{order}/confirm",
    "post /v1/orders/{order}/cancel",
    "post /v1/orders/{order}/return",
    "get /v1/orders/{order}/parcels/{piece}/label",
    "post /v1/jobs",
    "post /v1/quotes",
    "post /v1/promises",
    "post /v1/pickups",
    "get /v1/pickups",
    "get /v1/pickups/{pickup}",
    "post /v1/pickups/{pickup}/cancel",
    "get /v1/jobs/{job}",
    "post /v1/webhooks",
    "get /v1/webhooks",
    "get /v1/webhooks/{webhook}",
    "patch /v1/webhooks/{webhook}",
    "delete /v1/webhooks/{webhook}",
    "post /v1/webhooks/{webhook}/rotate",
    "post /v1/webhooks/{webhook}/test",
    "get /v1/webhooks/{webhook}/deliveries",
    "post /v1/webhooks/{webhook}/deliveries/{delivery}/retry",
    "post /v1/webhooks/{webhook}/replay",
    "get /v1/mail",
    "patch /v1/mail",
    "get /v1/mail/notices",
    "post /v1/mail/notices/{notice}/retry",
}


@pytest.fixture
def document(world: Any) -> Any:
    return world.get("/v1/openapi.json").json


def operations(document: Any) -> dict[str, Any]:
    return {
        f"{method} {path}": operation
        for path, found in document["paths"].items()
        for method, operation in found.items()
    }


def test_what_is_described(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    assert set(operations(document)) == KEYED | {
        *OF_MERCHANTS,
        *OF_BOTH,
        "get /v1/parcels",
        "get /v1/parcels/{number}",
        "get /v1/parcels/{number}/arrival",
        "get /v1/parcels/{number}/timeline",
        "get /v1/statuses",
        "post /v1/carriers/{account}/labels",
        "post /v1/carriers/{account}/push",
        "get /healthz",
        "get /readyz",
    }
    for name, operation in operations(document).items():
        assert operation["summary"], name
        assert (operation["security"] == [{"key": []}]) == (name in KEYED), name


def test_every_problem_is_a_problem_document(document: Any) -> None:
    for name, operation in operations(document).items():
        for status, response in operation["responses"].items():
            if status == "default" or int(status) >= 400:
                [(kind, content)] = response["content"].items()
                assert kind == "application/problem+json", name
                assert content["schema"]["$ref"].endswith("/Problem"), name
        assert "default" in operation["responses"], name


def test_every_reference_leads_somewhere(document: Any) -> None:
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert names <= set(document["components"]["schemas"])
    assert {"ParcelView", "ScanView", "Receipt", "Refusal", "RawScan", "Problem", "Overview"} <= names | set(
        document["components"]["schemas"]
    )


def test_answers_have_examples(document: Any) -> None:
    for name, operation in operations(document).items():
        if "204" in operation["responses"]:
            continue
        content = operation["responses"]["200"]["content"].get("application/json")
        if content is not None and name != "get /v1/overview":
            assert content["examples"], name
    sent = operations(document)["post /v1/scans"]["requestBody"]["content"]
    assert len(sent["application/json"]["examples"]["two"]["value"]) == 2


def test_the_examples_that_are_sent_are_taken(world: Any, document: Any) -> None:
    contents = operations(document)["post /v1/scans"]["requestBody"]["content"]
    for kind in ("application/json", "application/x-ndjson"):
        example = contents[kind]["examples"]["two"]["value"]
        body = example if isinstance(example, str) else json.dumps(example)
        reply = world.ask("POST", "/v1/scans", headers={"content-type": kind}, body=body.encode(), key=world.operator)
        described = operations(document)["post /v1/scans"]["responses"]["200"]["content"]["application/json"]
        example = described["examples"]["Receipt"]["value"]
        assert (reply.json["accepted"], reply.json["refusals"]) == (example["accepted"], example["refusals"])
    facilities = operations(document)["put /v1/facilities"]["requestBody"]["content"]["application/json"]["examples"]
    body = json.dumps(facilities["one"]["value"]).encode()
    reply = world.ask(
        "PUT", "/v1/facilities", headers={"content-type": "application/json"}, body=body, key=world.operator
    )
    assert reply.json == {"kept": 1}


TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["WP100000001BR", "2026-11-22T10:00:00+08:00", "delivered", "1", "0", "-1", "\x00", "a\nb", "😀", "%"]
    ),
)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), keyed=st.booleans())
def test_whatever_is_asked_the_answer_is_a_described_one(world: Any, document: Any, data: Any, keyed: bool) -> None:
    readable = {name: operation for name, operation in operations(document).items() if name.startswith("get ")}
    name = data.draw(st.sampled_from(sorted(readable)))
    operation = readable[name]
    query = []
    path = name.removeprefix("get ")
    for parameter in operation.get("parameters", []):
        value = data.draw(TEXTS)
        value = value.encode("utf-8", "replace").hex(" ").replace(" ", "%")
        if parameter["in"] == "path":
            path = path.replace("{number}", bytes.fromhex(value.replace("%", "")).decode() or "x")
        elif data.draw(st.booleans()):
            query.append(f"{parameter['name']}={'%' + value if value else ''}")
    reply = world.get(f"{path.replace('?', '')}?{'&'.join(query)}", key=world.operator if keyed else None)
    world.now_ms += 60_000  # this is no test of the rate limits
    assert str(reply.status) in operation["responses"], (name, query, reply.text)
    assert reply.status < 500, reply.text
    if reply.status >= 400:
        assert reply.headers["content-type"] == "application/problem+json"
        assert set(reply.json) >= {"type", "title", "status", "detail", "instance", "code", "mend"}


def test_up_to_where_bearers_are_counted_is_said(document: Any) -> None:
    kinds = document["components"]["schemas"]
    for name in ("ParcelAnswer", "TimelineAnswer"):
        assert f"Of more than {MOST_BEARING:,} bearers in all, `more` says at least" in kinds[name]["description"]
