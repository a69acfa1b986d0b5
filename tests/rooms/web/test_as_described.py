"""The whole OpenAPI document against the door, with keys of each role: what is answered is what is described."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.rooms.web.everybody import House, open_house
from tests.rooms.web.test_whose_keys import WHO_MAY

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_house() as opened:
        yield opened


@pytest.fixture(scope="module")
def schema(house: House) -> Any:
    document = house.world.get("/v1/openapi.json").json
    for operations in document["paths"].values():
        for operation in operations.values():
            del operation["responses"]["default"]  # which would describe everything
    return schemathesis.openapi.from_dict(document)


def answer_of(house: House, who: str, case: Any) -> Response:
    """Send a case to the door, as `requests` would write it."""
    prepared = requests.Request(**case.as_transport_kwargs(base_url="http://test")).prepare()
    url = urlsplit(str(prepared.url))
    headers = {name.lower(): value for name, value in prepared.headers.items()}
    headers = {name: value if isinstance(value, str) else value.decode("latin-1") for name, value in headers.items()}
    if house.keys[who]:
        headers.pop("authorization", None)  # one that was made up
    body = prepared.body if isinstance(prepared.body, bytes) else (prepared.body or "").encode()
    path = unquote(url.path).replace("?", "x")
    reply = house.world.ask(prepared.method, f"{path}?{url.query}", headers=headers, body=body, key=house.keys[who])
    house.world.now_ms += 1000
    told = {name: [value] for name, value in reply.headers.items()}
    return Response(reply.status, told, reply.body, prepared, 0.0, verify=False)


@pytest.mark.parametrize("name", sorted(WHO_MAY))
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_what_is_answered_is_what_is_described(
    name: str, mode: GenerationMode, house: House, schema: Any, heavy: bool
) -> None:
    method, _, path = name.partition(" ")
    operation = schema[path][method.upper()]
    may = sorted(WHO_MAY[name] & {"operator", "carrier", "merchant"}) or ["operator"]
    known = {
        "order": [house.booked, house.drafted],
        "job": [house.job],
        "push": [house.push],
        "account": ["rural"],
        "number": ["SHARED01"],
        "parcel": [house.parcel],
        "pickup": [house.pickup],
    }

    answered: list[int] = []

    @settings(max_examples=120 if heavy else 12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def send(case: Any, data: Any) -> None:
        for parameter, values in known.items():
            if parameter in (case.path_parameters or {}) and data.draw(st.booleans()):
                case.path_parameters[parameter] = data.draw(st.sampled_from(values))
        who = data.draw(st.sampled_from([*may * 4, "nobody", "bound"]))
        answer = answer_of(house, who, case)
        answered.append(answer.status_code)
        if answer.status_code == 503 and b":not_yet" in answer.content:
            return  # the index of this world may be behind what other tests sent: that is described, and no fault
        case.validate_response(answer, checks=CHECKS)

    try:
        send()
    except Unsatisfiable:  # nothing of it can be wrong
        assert mode is GenerationMode.NEGATIVE
        return
    statuses = {answer for answer in answered if answer not in (401, 403)}
    assert statuses, "nobody came in"
