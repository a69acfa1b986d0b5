"""While the index lags, bulk waits outside and small batches go in."""

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from waypost.track.views import Freshness
from waypost.web.desk import Limits
from waypost.web.pressure import Pressure, is_bulk

NDJSON = "application/x-ndjson"
LIMITS = Limits(bulk_lag=100, bulk_bytes=2_000)
MakeWorld = Callable[..., Any]


def batch(rows: int, name: str = "NEW") -> bytes:
    """In this world the index gets on only if somebody waits for it: what is posted without `wait` is lag."""
    return b"\n".join(
        json.dumps(
            {"carrier": "waypost", "number": f"{name}{row}", "code": "picked_up", "at": "2026-11-22T10:00:00Z"}
        ).encode()
        for row in range(rows)
    )


def post(world: Any, body: bytes | Iterator[bytes], query: str = "", **headers: str) -> Any:
    if isinstance(body, bytes):
        headers.setdefault("content-length", str(len(body)))
    return world.ask(
        "POST", f"/v1/scans{query}", headers={"content-type": NDJSON} | headers, body=body, key=world.carrier
    )


class Untouched:
    """A body that nobody may read."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        raise AssertionError("the body was read")


def lagging(make_world: MakeWorld, scans: int = 101, limits: Limits = LIMITS) -> Any:
    world = make_world(limits=limits)
    assert post(world, batch(scans)).json["indexed"] is False
    return world


def test_bulk_waits_and_nothing_of_it_is_kept(make_world: MakeWorld) -> None:
    world = lagging(make_world)
    position = world.memory.log.position()
    reply = post(world, Untouched(), **{"content-length": "2001", "expect": "100-continue"})
    assert (reply.status, reply.json["code"], reply.headers["retry-after"]) == (429, "lagging", "1")
    assert reply.headers["content-type"] == "application/problem+json"
    assert "look-ups are more than 100 scans behind" in reply.json["detail"]
    assert "up to 2000 bytes are taken meanwhile" in reply.json["mend"]
    assert str(position) not in reply.text
    assert world.memory.log.position() == position


def test_the_body_of_who_did_not_ask_first_goes_by(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(*_: object, **__: object) -> None:
        raise AssertionError("the body was gathered")

    world = lagging(make_world)
    monkeypatch.setattr("waypost.web.bodies.Body.__aenter__", unread)
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b" " * (1 << 20)

    for length, passed in ((4 << 20, 17), (100 << 20, 34)):  # it stops behind the largest body that may be sent
        assert post(world, pieces(), **{"content-length": str(length)}).json["code"] == "lagging"
        assert sent == passed


def test_a_body_that_does_not_end_does_not_hold_the_answer_up(make_world: MakeWorld) -> None:
    world = lagging(make_world, limits=Limits(bulk_lag=1, body_s=0.5), scans=2)
    stalled = world.ask("POST", "/v1/scans", headers={"content-type": NDJSON}, body=b"{", stall=True, key=world.carrier)
    assert (stalled.status, stalled.json["code"]) == (429, "lagging")


def test_small_batches_are_taken_as_ever(make_world: MakeWorld) -> None:
    world = lagging(make_world)
    for name in ("A", "B", "C"):
        reply = post(world, batch(5, name))
        assert (reply.status, reply.json["accepted"]) == (200, 5)
    small = gzip.compress(batch(5, "D"))
    assert post(world, small, **{"content-encoding": "gzip"}).json["accepted"] == 5


@pytest.mark.parametrize(("scans", "status"), [(100, 200), (101, 429)])
def test_the_bound_is_the_last_lag_at_which_bulk_is_taken(make_world: MakeWorld, scans: int, status: int) -> None:
    world = lagging(make_world, scans)
    assert post(world, batch(50, "MORE")).status == status


def test_bulk_goes_in_again_once_the_index_has_caught_up(make_world: MakeWorld) -> None:
    world = lagging(make_world)
    assert post(world, batch(50, "MORE")).status == 429
    assert world.memory.index.catch_up(world.memory.log.position(), 5)
    assert post(world, batch(50, "MORE")).json["accepted"] == 50
    timelines = [world.get(f"/v1/parcels/{number}/timeline").status for number in ("NEW100", "NEW0")]
    assert timelines == [200, 200]  # what was acknowledged before is there


def test_keys_come_before_the_lag(make_world: MakeWorld) -> None:
    world = lagging(make_world)
    headers = {"content-type": NDJSON, "content-length": "5000"}
    assert world.ask("POST", "/v1/scans", headers=headers, body=Untouched()).status == 401


def test_refusals_are_counted(make_world: MakeWorld) -> None:
    world = lagging(make_world)
    for _ in range(3):
        post(world, batch(50, "MORE"))
    post(world, batch(1, "ONE"))
    lines = world.get("/metrics", key=world.operator).text.splitlines()
    assert "waypost_bulk_refused_total 3.0" in lines
    assert 'waypost_http_problems_total{code="lagging"} 3.0' in lines
    assert "waypost_index_lag_scans 102.0" in lines


@pytest.mark.parametrize(
    ("headers", "bulk"),
    [
        ({"content-length": "1000"}, False),
        ({"content-length": "1001"}, True),
        ({"content-length": "0"}, False),
        ({"content-length": "125", "content-encoding": "gzip"}, False),
        ({"content-length": "126", "content-encoding": "GZIP"}, True),
        ({"content-length": "126", "content-encoding": "identity"}, False),
        ({"content-length": "126", "content-type": "application/vnd.apache.parquet"}, True),
        ({"transfer-encoding": "chunked"}, True),
        ({"content-length": "1" * 5_000}, True),
        ({"content-length": "-1"}, True),
        ({"content-length": "٣"}, True),
    ],
)
def test_what_is_bulk(headers: dict[str, str], bulk: bool) -> None:
    assert is_bulk(headers, 1000) is bulk


class Index:
    """An index at some position behind a log of some length, watched by a clock that is turned by hand."""

    def __init__(self, bulk_lag: int = 1_000) -> None:
        self.now_ms, self.position, self.log = 50_000, 0, 0
        self.pressure = Pressure(lambda: Freshness.between(self.position, self.log), bulk_lag, lambda: self.now_ms)

    def at(self, after_ms: int, position: int, log: int) -> int | None:
        self.now_ms, self.position, self.log = self.now_ms + after_ms, position, log
        return self.pressure.find_wait()


def test_how_long_to_wait_is_what_the_index_needs_at_its_pace() -> None:
    index = Index()
    assert index.at(0, 0, 1_000) is None
    assert index.at(2_000, 200, 2_000) == 8  # 800 too many at 100 a second
    assert index.at(2_000, 1_400, 3_000) == 2  # 600 at 350
    assert index.at(1_000, 3_000, 3_500) is None


def test_an_index_that_was_not_seen_at_work_is_taken_to_be_quick() -> None:
    index = Index()
    assert index.at(0, 0, 251_000) == 3
    assert index.at(500, 0, 251_000) == 3  # half a second says nothing yet
    assert index.at(500, 0, 251_000) == 60


def test_the_wait_has_bounds() -> None:
    index = Index()
    assert index.at(0, 0, 1_001) == 1
    assert index.at(5_000, 5, 10_000_000) == 60
    assert index.at(5_000, 5_000_000, 5_001_001) == 1


def test_only_what_the_index_did_lately_counts() -> None:
    index = Index()
    index.at(0, 0, 1_000_000)
    for second in range(1, 30):
        index.at(1_000, second, 1_000_000)
    assert index.at(1_000, 30, 1_000_000) == 60
    for second in range(1, 12):
        wait_s = index.at(1_000, 30 + 50_000 * second, 1_000_000)
    assert wait_s == 9  # 448,970 too many at 50,000 a second: nothing is left of the slow half minute


def test_an_index_with_little_to_do_is_not_taken_to_be_slow() -> None:
    index = Index()
    for second in range(20):
        assert index.at(1_000, second, second + 10) is None
    assert index.at(1_000, 30, 101_030) == 1


def test_the_rest_between_two_rushes_does_not_count() -> None:
    index = Index()
    assert index.at(0, 0, 900) is None
    assert index.at(1_000, 900, 900) is None
    assert index.at(60_000, 900, 101_900) == 1


def test_a_watched_index_takes_no_more_room_with_time() -> None:
    index = Index()
    for turn in range(50_000):
        index.at(7, turn, 1_000_000)
    assert len(index.pressure._seen) <= 105
