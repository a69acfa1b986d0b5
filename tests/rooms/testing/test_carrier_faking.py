"""What all fakes of carriers share: a server, traps, pushes."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import httpx
import pytest

from waypost.testing.carriers.faking import (
    Asked,
    Fake,
    FakeParcel,
    FakeScan,
    Refused,
    Told,
    Trap,
    as_json,
    is_decimal,
    read_form,
    read_json,
    rewrite,
    write_form,
)


class Parrot(Fake):
    """Says what it is told, and thanks for `thanks` pushes before it is fed up."""

    name: ClassVar[str] = "parrot"

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.heard: list[Asked] = []
        self.thanks = 1_000

    def answer(self, asked: Asked) -> Told:
        self.heard.append(asked)
        if asked.path == "/no":
            raise Refused(as_json({"no": True}), "it does not like it")
        if asked.path == "/break":
            raise KeyError("feathers")
        if asked.path == "/make":
            return as_json(self.make(asked.body.decode()).number)
        if asked.path == "/later":
            self.later(lambda: self.push("P1"))
        if asked.path == "/push":
            self.thanks -= 1
            return Told(body=b"yes" if self.thanks >= 0 else b"no")
        return Told(body=asked.body, content_type="text/plain")

    def write_push(self, parcel: FakeParcel, scans: list[FakeScan]) -> Asked:
        (scan,) = scans
        return write_form("/push", {"number": parcel.number, "code": scan.code})

    def is_thanked(self, status: int, body: bytes) -> bool:
        return (status, body) == (200, b"yes")

    def write_number(self, count: int) -> str:
        return f"P{count}"


@pytest.fixture
def parrot() -> Iterator[Parrot]:
    with Parrot() as parrot:
        parrot.push_url = parrot.url
        yield parrot


@pytest.fixture
def http(parrot: Parrot) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=parrot.url, trust_env=False, verify=False, timeout=20) as http:
        yield http


def test_it_hears_what_was_sent(parrot: Parrot, http: httpx.Client) -> None:
    answer = http.put("/a/b?x=1&y=&z=%20", content="é".encode(), headers={"X-Some-Thing": "1"})
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, "é".encode(), "text/plain")
    heard = parrot.heard[-1]
    assert (heard.method, heard.path, heard.query) == ("PUT", "/a/b", {"x": "1", "y": "", "z": " "})
    assert heard.headers["x-some-thing"] == "1"


def test_a_refusal_and_a_broken_fake_are_told_apart(parrot: Parrot, http: httpx.Client) -> None:
    assert http.post("/no").json() == {"no": True}
    assert http.post("/break").status_code == 500
    assert http.post("/fine", content=b"1").content == b"1"
    assert parrot.refused == ["it does not like it", "the fake broke: KeyError: 'feathers'"]


@pytest.mark.parametrize(
    ("trap", "status", "body"),
    [(Trap.DOWN, 503, b""), (Trap.QUOTA, 429, b""), (Trap.EXPIRED, 401, b""), (Trap.EMPTY, 200, b"")],
)
def test_one_request_falls_into_one_trap(
    parrot: Parrot, http: httpx.Client, trap: Trap, status: int, body: bytes
) -> None:
    parrot.set(trap, trap)
    for _ in range(2):
        answer = http.post("/x", content=b"1")
        assert (answer.status_code, answer.content) == (status, body)
    assert parrot.heard == []  # nothing was done
    assert http.post("/x", content=b"1").content == b"1"


def test_a_page_where_json_was_promised(parrot: Parrot, http: httpx.Client) -> None:
    parrot.set(Trap.HTML)
    answer = http.post("/x")
    assert answer.headers["content-type"] == "text/html"
    assert b"<html>" in answer.content


def test_a_cut_line_is_cut_after_it_was_done(parrot: Parrot, http: httpx.Client) -> None:
    parrot.set(Trap.RESET)
    with pytest.raises(httpx.TransportError):
        http.post("/make", content=b"O1")
    assert [parcel.reference for parcel in parrot.parcels.values()] == ["O1"]


def test_a_slow_answer_holds_up_nobody_else(parrot: Parrot, http: httpx.Client) -> None:
    parrot.slow_s = 0.3
    parrot.set(Trap.SLOW)
    with pytest.raises(httpx.TimeoutException):
        http.post("/x", content=b"1", timeout=0.05)
    assert http.post("/x", content=b"2", timeout=0.25).content == b"2"
    assert [heard.body for heard in parrot.heard] == [b"1", b"2"]


def test_traps_can_be_taken_away(parrot: Parrot, http: httpx.Client) -> None:
    parrot.set(Trap.DOWN, Trap.DOWN)
    http.post("/x")
    parrot.clear()
    assert http.post("/x").status_code == 200


def test_big_bodies(parrot: Parrot, http: httpx.Client) -> None:
    big = bytes(4 << 20)
    assert http.post("/x", content=big).content == big
    assert http.post("/x", content=big + b"1").status_code == 413
    assert http.post("/x", content=(part for part in (b"1", b"2"))).status_code == 411
    assert http.post("/x", content=b"1").content == b"1"
    assert parrot.refused == ["HTTP 413 for the body", "HTTP 411 for the body"]


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "²"])
def test_a_length_that_is_none(parrot: Parrot, length: str) -> None:
    with socket.create_connection(parrot.url.removeprefix("http://").split(":"), timeout=20) as line:
        line.sendall(f"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n".encode("latin-1"))
        assert line.recv(1000).startswith(b"HTTP/1.1 400")
    assert parrot.heard == []


def test_many_at_once_get_one_waybill_for_each_reference(parrot: Parrot) -> None:
    begin = threading.Barrier(8)

    def make(of: int) -> list[str]:
        with httpx.Client(base_url=parrot.url, trust_env=False, verify=False, timeout=20) as http:
            begin.wait()
            return [http.post("/make", content=f"O{turn}".encode()).json() for turn in range(20)]

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(make, range(8)))
    assert len(parrot.parcels) == 20
    assert all(numbers == told[0] for numbers in told)


def test_pushes_go_one_scan_at_a_time_and_stop_at_a_no(parrot: Parrot) -> None:
    number = parrot.make("O1").number
    with pytest.raises(ValueError, match="nothing happened"):
        parrot.push(number)
    parrot.move(number, *(FakeScan(code=code, at_ms=0) for code in "ABC"))
    assert parrot.push(number).content == b"yes"
    assert [read_form(heard)["code"] for heard in parrot.heard] == ["A", "B", "C"]
    parrot.thanks = 1
    assert parrot.push(number).content == b"no"
    assert len(parrot.heard) == 5
    parrot.push(number, FakeScan(code="D", at_ms=0))
    assert read_form(parrot.heard[-1]) == {"number": number, "code": "D"}


def test_what_is_put_off_comes_after_the_answer(parrot: Parrot, http: httpx.Client) -> None:
    parrot.move(parrot.make("O1").number, FakeScan(code="A", at_ms=0))
    assert http.post("/later", content=b"1").content == b"1"
    for _ in range(200):
        if len(parrot.heard) == 2:
            break
        threading.Event().wait(0.01)
    assert [heard.path for heard in parrot.heard] == ["/later", "/push"]


def test_a_push_that_does_not_get_through_is_noted(parrot: Parrot) -> None:
    parrot.push_url = "http://127.0.0.1:1"
    parrot.move(parrot.make("O1").number, FakeScan(code="A", at_ms=0))
    parrot.later(lambda: parrot.push("P1"))
    parrot.finish()
    assert parrot.refused == ["a push did not get through: ConnectError"]


def test_a_fake_that_never_served_stops() -> None:
    parrot = Parrot()
    parrot.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(parrot.url, trust_env=False)


def test_forms() -> None:
    fields = {"a": "1 +&=%", "b": "", "c": "两"}
    form = write_form("/", fields)
    assert read_form(form) == fields
    for body, kind in [
        (b"a=1&a=2", "application/x-www-form-urlencoded"),
        (b"a", "application/x-www-form-urlencoded"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"a=1", "application/json"),
        (b"a=1", ""),
    ]:
        with pytest.raises(ValueError, match=r".+"):
            read_form(Asked(method="POST", path="/", query={}, headers={"content-type": kind}, body=body))


def test_json_is_read_strictly() -> None:
    assert read_json('{"a": [1]}') == {"a": [1]}
    for bad in ("", "NaN", "[Infinity]", "[" * 100_000, b"\xff", "{} {}"):
        with pytest.raises(ValueError, match=r".+"):
            read_json(bad)


def test_rewritten_texts_are_those_of_other_writers() -> None:
    found = {text for _, text in rewrite('{"b":"两", "a":1}')}
    assert {'{"b": "两", "a": 1}', '{"b":"两","a":1}', '{"a":1,"b":"两"}'} <= found
    assert '{"b":"\\u4e24","a":1}' in found
    assert list(rewrite("no json")) == []


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (1, True),
        ("1.25", True),
        (1.25, True),
        (0, True),
        (300, True),
        (300.01, False),
        (1.2345, False),
        (-1, False),
        ("-1", False),
        ("1e2", False),
        ("1.", False),
        ("", False),
        ("１", False),
        (True, False),
        (None, False),
        ([1], False),
        (float("nan"), False),
    ],
)
def test_decimals(value: object, is_one: bool) -> None:
    assert is_decimal(value, 3, most=300) is is_one
