"""What a server, or something before it, says becomes an error in our words."""

import datetime as dt
import pickle

import msgspec
import pytest

from waypost.client.problems import Problem, ServerFailed, problem_of
from waypost.model.errors import BadInput, Conflict, NotAllowed, NotFound, StoreError, TooLarge, TooMany, WaypostError

NOW = dt.datetime(2026, 11, 22, 13, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadInput),
        (401, NotAllowed),
        (403, NotAllowed),
        (404, NotFound),
        (409, Conflict),
        (413, TooLarge),
        (422, BadInput),
        (429, TooMany),
        (502, StoreError),
        (503, StoreError),
        (507, StoreError),
    ],
)
def test_each_status_is_the_error_of_the_same_mistake(status: int, kind: type[WaypostError]) -> None:
    document = {"code": "some_code", "detail": "that will not do", "mend": "Do another.", "instance": "urn:x"}
    found = problem_of(status, {}, msgspec.json.encode(document), NOW)
    assert isinstance(found, kind)
    assert isinstance(found, Problem)
    assert (found.status, found.code, str(found)) == (status, "some_code", "that will not do. Do another.")
    assert found.instance == "urn:x"
    again = pickle.loads(pickle.dumps(found))
    assert (type(again), again.code, again.status, str(again)) == (type(found), "some_code", status, str(found))


def test_fields_and_rows_are_told() -> None:
    document = {
        "code": "invalid",
        "detail": "query.limit: too large",
        "mend": "Mend each.",
        "errors": [{"where": "query.limit", "reason": "too large", "value": "9999"}],
        "refusals": [{"row": 3, "field": "at", "reason": "is no date"}],
        "carriers": ["yto"],
        "one more": 1,
    }
    found = problem_of(422, {}, msgspec.json.encode(document), NOW)
    assert isinstance(found, BadInput)
    assert found.where == "query.limit"
    assert [each.value for each in found.errors] == ["9999"]
    assert [each.row for each in found.refusals] == [3]
    assert found.carriers == ["yto"]


@pytest.mark.parametrize("body", [b"", b"<html>bad gateway</html>", b"[1]", b'{"detail": 7}', b"\xff", b"[" * 100_000])
def test_what_is_no_document_of_ours_is_told_by_its_status(body: bytes) -> None:
    found = problem_of(502, {}, body, NOW)
    assert isinstance(found, ServerFailed)
    assert found.message == "the server answers 502 Bad Gateway"
    assert "proxy" in (found.mend or "")
    assert problem_of(299 + 300, {}, body, NOW).message == "the server answers 599"
    assert problem_of(403, {}, body, NOW).code == "forbidden"
    assert problem_of(404, {}, body, NOW).code == "not_found"


def test_a_redirect_says_where_it_leads() -> None:
    found = problem_of(301, {"location": "https://elsewhere.example/v1/orders"}, b"", NOW)
    assert str(found) == (
        "the server answers 301: it is not at this address. "
        "Give the address that it leads to: https://elsewhere.example/v1/orders"
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("Sun, 22 Nov 2026 13:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 12:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("٣", None),
        ("99999999999999999999", 999999999.0),
    ],
)
def test_when_to_ask_again(text: str, seconds: float | None) -> None:
    assert problem_of(503, {"retry-after": text}, b"", NOW).retry_after_s == seconds


def test_a_long_text_is_cut() -> None:
    found = problem_of(400, {}, msgspec.json.encode({"detail": "x" * 100_000, "mend": "y" * 100_000}), NOW)
    assert len(str(found)) < 5_000
