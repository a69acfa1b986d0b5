import io
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.checks import CHECKS, LONGEST_LINE, Verdict, merge_checks, read_lines, run_lines
from waypost.model.errors import Conflict


def check(kind: str, text: str) -> dict[str, Any]:
    verdict: dict[str, Any] = json.loads(msgspec.json.encode(CHECKS[kind](text)))
    return verdict


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("awb.validate", "020-12345675", "020-12345676"),
        ("container.validate", "CSQU3054383", "CSQU3054384"),
        ("gs1_element_string.validate", "^010952123454321310AB", "010952123454321310AB"),
        ("gtin.validate", "6291041500213", "6291041500214"),
        ("s10.validate", "RB123456785GB", "RB123456785XX"),
        ("sscc.validate", "376104250021234569", "37610425002123456⁹"),
        ("uld.validate", "PMC01473R7", "PMC01473"),
    ],
)
def test_a_verdict_has_a_reason_when_it_is_not_valid(kind: str, good: str, bad: str) -> None:
    assert check(kind, good) == {"valid": True}
    verdict = check(kind, bad)
    assert verdict["valid"] is False
    assert verdict["reason"]


def test_the_issue_s_kinds_are_there() -> None:
    assert {
        *("tracking_number.detect", "sscc.validate", "gs1_element_string.validate"),
        *("awb.validate", "container.validate", "gtin.check_digit"),
    } <= set(CHECKS)


def test_carriers_are_detected() -> None:
    assert check("tracking_number.detect", "320610804900") == {"valid": True, "couriers": ["fedex", "purolator"]}
    wrong = check("tracking_number.detect", "1Z5R89390357567128")
    assert wrong == {"valid": False, "couriers": [], "reason": "UPS: check digit 8 should be 7"}
    nothing = check("tracking_number.detect", "hello")
    assert nothing["reason"] == "no known carrier has numbers of this form"
    assert check("tracking_number.detect", "1" * 10_000)["couriers"] == []


def test_a_check_digit_is_computed() -> None:
    assert check("gtin.check_digit", "629104150021") == {"check_digit": 3}
    whole = check("gtin.check_digit", "12345678")
    assert whole["check_digit"] is None
    assert "whole GTIN" in whole["reason"]


@given(st.sampled_from(sorted(CHECKS)), st.text(max_size=80) | st.text(alphabet="^()0123456789ABZ- ", max_size=80))
def test_every_text_gets_a_verdict(kind: str, text: str) -> None:
    verdict = check(kind, text)
    good = verdict["check_digit"] is not None if kind == "gtin.check_digit" else verdict["valid"]
    assert good == ("reason" not in verdict)
    assert good or verdict["reason"]
    if "couriers" in verdict:
        assert good == bool(verdict["couriers"])


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", sorted(CHECKS))
@pytest.mark.parametrize("text", ["9" * 10_000, "\0" * 10_000, "^10" * 3_000, "('\"<script>;--" * 700, "٣" * 10_000])
def test_hostile_texts_are_answered_at_once(kind: str, text: str) -> None:
    for _ in range(20):
        assert check(kind, text)["reason"]


def test_registries_are_merged() -> None:
    merged = merge_checks(CHECKS, {"moon.phase": lambda text: Verdict(valid=text == "full")})
    assert set(merged) == {*CHECKS, "moon.phase"}
    assert merged["moon.phase"]("full") == Verdict(valid=True)


def test_a_kind_named_twice_is_refused() -> None:
    with pytest.raises(Conflict, match=r"two rooms check sscc\.validate"):
        merge_checks(CHECKS, {"sscc.validate": CHECKS["gtin.validate"]})


def answer(*lines: str | bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run_lines(lines, CHECKS)]


def test_lines_are_answered_in_order() -> None:
    assert answer(
        '{"id": 1, "kind": "sscc.validate", "input": "376104250021234569"}',
        '{"id": 2, "kind": "moon.phase", "input": ""}',
        "",
        b'{"id": 3, "kind": "gtin.check_digit", "input": "629104150021"}\n',
    ) == [
        {"id": 1, "verdict": {"valid": True}},
        {"id": 2, "unsupported": True},
        {"id": 3, "verdict": {"check_digit": 3}},
    ]


@pytest.mark.parametrize(
    "identity", ['"a"', "null", "1.0", "true", '[1, {"b": []}]', '{"c": 1}', "123456789012345678901"]
)
def test_the_id_is_given_back_whatever_it_is(identity: str) -> None:
    [line] = run_lines([f'{{"id": {identity}, "kind": "awb.validate", "input": "02012345675"}}'], CHECKS)
    assert line == f'{{"id":{identity},"verdict":{{"valid":true}}}}'


def test_an_unknown_kind_may_take_any_input() -> None:
    assert answer('{"id": 1, "kind": "route.plan", "input": {"a": [1]}}') == [{"id": 1, "unsupported": True}]


@pytest.mark.parametrize(
    ("line", "identity", "error"),
    [
        ('{"id": 7, "kind": "sscc.validate"', None, "line 2: Input data was truncated"),
        ('{"id": 7, "kind": "sscc.validate"}', 7, "line 2: Object missing required field `input`"),
        ('{"id": 7, "kind": 5, "input": ""}', 7, "line 2: Expected `str`, got `int` - at `$.kind`"),
        ('{"id": 7, "kind": "sscc.validate", "input": 5}', 7, "line 2: the input must be a string"),
        ("[1]", None, "line 2: Expected `object`, got `array`"),
        ("sscc.validate", None, "line 2: JSON is malformed"),
        (b"\xff\xfe", None, "line 2: JSON is malformed"),
        (b'{"id": "\xff", "kind": "awb.validate", "input": ""}', None, "line 2: 'utf-8' codec can't decode"),
        (b'{"id": {"a\xff": 1}, "kind": "awb.validate"', None, "line 2: "),
        (b'{"id": 7, "kind": "awb.validate", "input": "\xff"}', 7, "line 2: 'utf-8' codec can't decode"),
        ('{"id": "\ud800", "kind": "awb.validate", "input": ""}', None, "line 2: 'utf-8' codec can't encode"),
        ("[" * 100_000, None, "line 2: "),
        ('{"id": 7, "kind": "awb.validate", "input": "\\ud800"}', None, "line 2: "),
    ],
)
def test_a_broken_line_gets_an_error_and_stops_nothing(line: str | bytes, identity: Any, error: str) -> None:
    good = '{"id": 1, "kind": "awb.validate", "input": "02012345675"}'
    before, broken, after = answer(good, line, good)
    assert before == after == {"id": 1, "verdict": {"valid": True}}
    assert broken["error"].startswith(error)
    assert broken["id"] == identity
    assert "verdict" not in broken


def test_a_check_that_fails_costs_only_its_own_line() -> None:
    def fail(text: str) -> Verdict:
        raise ZeroDivisionError(text)

    lines = ['{"id": 1, "kind": "x", "input": "a"}', '{"id": 2, "kind": "y", "input": ""}']
    assert [json.loads(line) for line in run_lines(lines, {"x": fail})] == [
        {"id": 1, "error": "line 1: x failed: ZeroDivisionError: a"},
        {"id": 2, "unsupported": True},
    ]


class Endless(io.RawIOBase):
    """Zeros without end, and a count of how many were asked for."""

    read_bytes = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        assert size is not None
        assert 0 < size <= LONGEST_LINE + 1
        self.read_bytes += size
        return b"\0" * size


@pytest.mark.parametrize("over", [1, 2, 100_000, 1 << 22])
def test_a_line_that_is_too_long_is_passed_over(over: int) -> None:
    good = b'{"id": 1, "kind": "gtin.check_digit", "input": "629104150021"}'
    for filler in (b"9", b" "):
        stream = io.BytesIO(b"\n".join([good, filler * (LONGEST_LINE + over), good, good + filler * LONGEST_LINE]))
        before, broken, after, last = [json.loads(line) for line in run_lines(read_lines(stream), CHECKS)]
        assert before == after == {"id": 1, "verdict": {"check_digit": 3}}
        assert broken == {"id": None, "error": "line 2: is longer than 1048576 bytes"}
        assert last == {"id": None, "error": "line 4: is longer than 1048576 bytes"}


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
def test_a_line_may_be_as_long_as_the_limit(end: bytes) -> None:
    line = b'{"id": 1, "kind": "gtin.check_digit", "input": "629104150021"}'.ljust(LONGEST_LINE)
    answers = [json.loads(each) for each in run_lines(read_lines(io.BytesIO(line + end)), CHECKS)]
    assert answers == [{"id": 1, "verdict": {"check_digit": 3}}]


def test_a_line_without_end_is_answered_in_bounded_memory() -> None:
    stream = Endless()
    answers = run_lines(read_lines(stream), CHECKS)  # type: ignore[arg-type]
    assert json.loads(next(answers))["error"] == "line 1: is longer than 1048576 bytes"
    assert stream.read_bytes == LONGEST_LINE + 1
