import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from waypost.model.errors import StorageFull
from waypost.track.unpacking import zstd
from waypost.track.wire import Rows
from waypost.web.desk import Limits

NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
ROW = {"carrier": "waypost", "number": "NEW01", "code": "picked_up", "at": "2026-11-22T10:00:00-03:00"}
PACK: dict[str, Callable[[bytes], bytes]] = {"": lambda body: body, "gzip": gzip.compress, "zstd": zstd.compress}
MakeWorld = Callable[..., Any]


def arrow(table: pa.Table, compression: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue().to_pybytes())


def scans_of(world: Any, number: str) -> list[dict[str, Any]]:
    reply = world.get(f"/v1/parcels/{number}/timeline", key=world.operator)
    assert reply.status == 200, reply.text
    return [scan for timeline in reply.json["timelines"] for scan in timeline["scans"]]


def test_a_batch_is_kept_and_found(world: Any) -> None:
    position = world.memory.log.position()
    reply = world.post_scans([ROW, ROW | {"code": "delivered", "at": "2026-11-22T11:00:00-03:00"}], "?wait=5")
    assert (reply.status, reply.json) == (
        200,
        {"position": position, "accepted": 2, "refused": 0, "refusals": [], "indexed": True},
    )
    assert [scan["status"] for scan in scans_of(world, "NEW01")] == ["delivered", "picked_up"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json; charset=utf-8", json.dumps([ROW]).encode()),
        (NDJSON, b"\n" + json.dumps(ROW).encode() + b"\n\n"),
        (ARROW, arrow(pa.table({name: [value] for name, value in ROW.items()}))),
        (PARQUET, parquet(pa.table({name: [value] for name, value in ROW.items()}))),
    ],
)
@pytest.mark.parametrize("encoding", PACK)
def test_every_format_says_the_same(world: Any, kind: str, body: bytes, encoding: str) -> None:
    headers = {"content-type": kind} | ({"content-encoding": encoding} if encoding else {})
    body = PACK[encoding](body)
    with world.indexing():
        reply = world.ask("POST", "/v1/scans?wait=5", headers=headers, body=body, key=world.operator)
    assert (reply.status, reply.json["accepted"]) == (200, 1)
    [scan] = scans_of(world, "NEW01")
    assert (scan["at"], scan["code"], scan["offset_source"]) == (ROW["at"], "picked_up", "reported")


def test_good_rows_go_in_and_bad_ones_say_why(world: Any) -> None:
    bad = [
        ROW | {"at": "2026-02-30T10:00:00Z"},
        ROW | {"number": "N" * 10_000},
        {"carrier": "waypost"},
        {"colour": "red"},
    ]
    reply = world.post_scans([*bad, ROW], "?wait=5")
    assert (reply.status, reply.json["accepted"], reply.json["refused"]) == (200, 1, 4)
    told = [(refusal["row"], refusal["field"]) for refusal in reply.json["refusals"]]
    assert told == [(0, "at"), (1, "number"), (2, "number"), (3, "")]
    assert "does not exist" in reply.json["refusals"][0]["reason"]
    assert len(reply.json["refusals"][1]["value"]) <= 60
    assert len(scans_of(world, "NEW01")) == 1


def test_if_no_row_is_good_it_is_a_problem(world: Any) -> None:
    reply = world.post_scans([ROW | {"at": "tomorrow"}])
    assert (reply.status, reply.json["code"]) == (422, "all_refused")
    assert reply.json["refusals"][0]["field"] == "at"


@pytest.mark.parametrize("body", [b"[]", b""])
def test_nothing_sent_is_nothing_kept(world: Any, body: bytes) -> None:
    kind = "application/json" if body else NDJSON
    reply = world.ask("POST", "/v1/scans", headers={"content-type": kind}, body=body, key=world.operator)
    assert (reply.status, reply.json["accepted"]) == (200, 0)


def test_sent_twice_is_kept_once(world: Any) -> None:
    for _ in range(2):
        reply = world.post_scans([ROW], "?wait=5", headers={"idempotency-key": "batch-17"})
        assert reply.status == 200
    assert len(scans_of(world, "NEW01")) == 1


def test_the_carrier_may_stand_in_the_address(world: Any) -> None:
    row = {name: value for name, value in ROW.items() if name != "carrier"} | {"at": "2026-11-22 10:00:00"}
    assert world.post_scans([row], "?carrier=yto&wait=5").json["accepted"] == 1
    [scan] = scans_of(world, "NEW01")
    assert (scan["carrier"], scan["at"], scan["offset_source"]) == ("yto", "2026-11-22T10:00:00+08:00", "carrier")


def test_who_may_send(world: Any) -> None:
    assert world.post_scans([ROW], key=world.carrier).status == 200
    nobody = world.post_scans([ROW], key=None)
    assert (nobody.status, nobody.json["code"]) == (401, "not_allowed")
    assert nobody.headers["www-authenticate"].startswith("Bearer")
    assert "wp_" in nobody.json["mend"]
    wrong = world.post_scans([ROW], key="wp_guessed")
    assert (wrong.status, wrong.json["detail"]) == (401, "this key is not known here")
    other = world.post_scans([ROW], key=None, headers={"authorization": "Basic dXNlcjpwYXNz"})
    assert other.status == 401


def test_without_a_key_no_body_is_read(world: Any) -> None:
    def untouched() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    headers = {"content-type": NDJSON}
    assert world.ask("POST", "/v1/scans", headers=headers, body=untouched()).status == 401


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"content-type": "text/csv"}, "application/x-ndjson"),
        ({}, "application/json"),
        ({"content-type": NDJSON, "content-encoding": "br"}, "gzip"),
    ],
)
def test_what_is_not_read_is_named(world: Any, headers: dict[str, str], said: str) -> None:
    reply = world.ask("POST", "/v1/scans", headers=headers, body=b"x", key=world.operator)
    assert (reply.status, reply.json["code"]) == (415, "unsupported_media_type")
    assert said in reply.json["detail"]
    assert reply.headers.get("accept-encoding") == ("gzip, zstd" if "content-encoding" in headers else None)


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("?wait=soon", "query.wait"),
        ("?wait=-1", "query.wait"),
        ("?wait=nan", "query.wait"),
        ("?wait=1e9", "query.wait"),
        ("?wait=1_0", "query.wait"),
        ("?wait=%D9%A1", "query.wait"),
        ("?wait=0x1", "query.wait"),
        ("?wait=1e-1", "query.wait"),
        ("?wait=", "query.wait"),
        ("?carrier=No%20Such", "query.carrier"),
        ("?wiat=1", "query.wiat"),
    ],
)
def test_wrong_parameters_are_named(world: Any, query: str, where: str) -> None:
    reply = world.post_scans([ROW], query)
    assert (reply.status, reply.json["code"], reply.json["errors"][0]["where"]) == (422, "invalid", where)


def test_a_key_for_repeating_has_a_length(world: Any) -> None:
    reply = world.post_scans([ROW], headers={"idempotency-key": "k" * 300})
    assert (reply.status, reply.json["errors"][0]["where"]) == (422, "header.Idempotency-Key")


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("application/json", b'{"carrier": "waypost"}', "no JSON array"),
        ("application/json", b'[{"carrier": "waypost"', "no JSON array"),
        ("application/json", b"\xff\xfe[]", "no JSON array"),
        ("application/json", b"[" * 100_000, "no JSON array"),
        (ARROW, b"no arrow", "no whole Arrow stream"),
        (ARROW, arrow(pa.table({"number": ["x" * 100_000]}))[:-9000], "no whole Arrow stream"),
        (ARROW, arrow(pa.table({"number": ["x" * 100_000]}), "zstd"), "compressed"),
        (ARROW, arrow(pa.table({"number": ["x" * 100_000]}), "lz4"), "compressed"),
        (ARROW, arrow(pa.table({"number": [7]})), "has to be text"),
        (ARROW, arrow(pa.table({"weight": ["7"]})), "unknown or repeated column 'weight'"),
        (PARQUET, b"", "no whole Parquet file"),
        (PARQUET, b"PAR1 and nothing more PAR1", "no whole Parquet file"),
        (PARQUET, parquet(pa.table({"number": ["x" * 100_000]}))[:-900], "no whole Parquet file"),
        (PARQUET, parquet(pa.table({"number": [7]})), "has to be text"),
        (PARQUET, parquet(pa.table({"weight": ["7"]})), "unknown or repeated column 'weight'"),
        (PARQUET, arrow(pa.table({"number": ["7"]})), "no whole Parquet file"),
    ],
)
def test_a_body_that_is_no_batch(world: Any, kind: str, body: bytes, said: str) -> None:
    reply = world.ask("POST", "/v1/scans", headers={"content-type": kind}, body=body, key=world.operator)
    assert (reply.status, reply.json["code"]) == (400, "bad_input"), reply.text
    assert said in reply.json["detail"]


def test_half_a_line_costs_one_row(world: Any) -> None:
    line = json.dumps(ROW).encode()
    body = line + b"\n" + b'{"number": "caf\xe9"}\n' + line[: len(line) // 2]
    reply = world.ask("POST", "/v1/scans", headers={"content-type": NDJSON}, body=body, key=world.operator)
    assert (reply.status, reply.json["accepted"]) == (200, 1)
    assert [refusal["row"] for refusal in reply.json["refusals"]] == [1, 2]
    assert reply.json["refusals"][0]["reason"] == "is not UTF-8"
    assert "truncated" in reply.json["refusals"][1]["reason"]


def test_too_many_rows(make_world: MakeWorld) -> None:
    world = make_world(limits=Limits(batch_rows=3))
    reply = world.post_scans([ROW] * 4)
    assert (reply.status, reply.json["code"], reply.json["detail"]) == (413, "too_large", "more than 3 scans at once")
    assert world.post_scans([ROW] * 3).status == 200


@pytest.mark.parametrize("body", [b"[" + b"{}," * 50_000 + b"{}]", b"[" + b"0," * 2_000_000 + b"0"])
def test_tiny_rows_are_counted_before_anything_is_made_of_them(
    world: Any, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    def unused(*_: object) -> Rows:
        raise AssertionError("the rows were read")

    monkeypatch.setattr("waypost.track.plain.read_each", unused)
    monkeypatch.setattr("waypost.track.plain.read_json_array", unused)
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    reply = world.ask("POST", "/v1/scans", headers=headers, body=gzip.compress(body), key=world.operator)
    assert (reply.status, reply.json["detail"]) == (413, "more than 50000 scans at once")


def test_many_tiny_lines_are_refused_together(world: Any) -> None:
    headers = {"content-type": NDJSON, "content-encoding": "gzip"}
    body = gzip.compress(b"0\n" * 2_000_000)
    reply = world.ask("POST", "/v1/scans", headers=headers, body=body, key=world.operator)
    assert (reply.status, reply.json["detail"]) == (413, "more than 50000 scans at once")


def test_batches_of_no_rows_have_a_limit(world: Any) -> None:
    empty = arrow(pa.table({"number": pa.array([], pa.string())}))
    start, end = empty[:-8], empty[-8:]
    one = pa.record_batch({"number": pa.array([], pa.string())}).serialize().to_pybytes()
    headers = {"content-type": ARROW}
    for batches, status in [(9_999, 200), (10_000, 400)]:
        body = start + one * batches + end
        reply = world.ask("POST", "/v1/scans", headers=headers, body=body, key=world.operator)
        assert reply.status == status, reply.text
    assert "more than 10000 messages" in reply.json["detail"]


def test_rows_of_parquet_are_refused_one_by_one(world: Any) -> None:
    numbers = [ROW["number"], None, "N" * 10_000_000]
    table = pa.table({name: [value] * 3 for name, value in ROW.items()} | {"number": numbers})
    headers = {"content-type": PARQUET}
    body = parquet(table, compression="zstd")
    reply = world.ask("POST", "/v1/scans", headers=headers, body=body, key=world.operator)
    assert (reply.status, reply.json["accepted"]) == (200, 1), reply.text
    assert [(refusal["row"], refusal["field"]) for refusal in reply.json["refusals"]] == [(1, "number"), (2, "number")]


def test_parquet_that_unpacks_to_too_much(make_world: MakeWorld) -> None:
    world, headers = make_world(limits=Limits(batch_rows=3)), {"content-type": PARQUET}
    for table, status, detail in (
        (pa.table({"number": ["N1"] * 3}), 422, "none of the 3 scans was taken"),
        (pa.table({"number": ["N1"] * 4}), 413, "more than 3 scans at once"),
        (pa.table({"number": ["N" * 40_000_000] * 2}), 413, "body: row group 0 unpacks to more than 64 MiB."),
    ):
        body = parquet(table, compression="zstd", use_dictionary=False)
        reply = world.ask("POST", "/v1/scans", headers=headers, body=body, key=world.operator)
        assert (reply.status, reply.json["detail"]) == (status, detail)


def test_a_hundred_megabytes_are_not_taken(world: Any) -> None:
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b" " * (1 << 20)

    reply = world.ask("POST", "/v1/scans", headers={"content-type": NDJSON}, body=pieces(), key=world.operator)
    assert (reply.status, reply.json["code"], reply.headers["connection"]) == (413, "too_large", "close")
    assert sent == 17
    assert world.ask("POST", "/v1/scans", headers={"content-type": NDJSON}, key=world.operator).status == 200


def test_a_slow_body(make_world: MakeWorld) -> None:
    world = make_world(limits=Limits(body_s=0.05))
    reply = world.ask(
        "POST", "/v1/scans", headers={"content-type": NDJSON}, body=[b"{"], stall=True, key=world.operator
    )
    assert (reply.status, reply.json["code"]) == (408, "slow_body")


def test_a_full_disk_is_said(make_world: MakeWorld) -> None:
    class Full:
        def receive(self, rows: Rows, **whose: object) -> None:
            raise StorageFull("no room in /var/lib/secret/place", mend="rm /var/lib/secret/place")

    world = make_world(reception=Full())
    reply = world.post_scans([ROW])
    assert (reply.status, reply.json["code"], reply.headers["retry-after"]) == (507, "storage_full", "60")
    assert "secret" not in reply.text
    assert "/var/lib/secret/place" in world.journal.getvalue()


def test_one_who_waits_holds_nobody_else_up(make_world: MakeWorld) -> None:
    world = make_world(limits=Limits(intake_threads=1, waiting=1, wait_s=30))  # nothing indexes for now
    replies: list[Any] = []
    kind = {"content-type": NDJSON}

    def post() -> None:
        body = json.dumps(ROW).encode()
        replies.append(world.ask("POST", "/v1/scans?wait=20", headers=kind, body=body, key=world.operator))

    first = threading.Thread(target=post)
    first.start()
    until = time.monotonic() + 20
    while world.memory.log.position() < 1:
        assert time.monotonic() < until
        first.join(0.005)
    first.join(1)  # it has its place among those who wait by then
    assert world.post_scans([ROW]).json["indexed"] is False
    post()  # no more than one may wait: the others are told at once
    assert [reply.json["indexed"] for reply in replies] == [False]
    with world.indexing():
        first.join(20)
    assert [reply.json["indexed"] for reply in replies] == [False, True]


def test_waiting_in_vain_ends_in_time(make_world: MakeWorld) -> None:
    world = make_world()
    body = json.dumps(ROW).encode()
    reply = world.ask("POST", "/v1/scans?wait=0.02", headers={"content-type": NDJSON}, body=body, key=world.operator)
    assert (reply.status, reply.json["accepted"], reply.json["indexed"]) == (200, 1, False)


def test_more_than_can_be_done_is_turned_away(make_world: MakeWorld) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow:
        def receive(self, rows: Rows, **whose: object) -> None:
            entered.set()
            assert leave.wait(20)
            raise StorageFull("never mind")

    world = make_world(reception=Slow(), limits=Limits(intake_threads=1, waiting=0))
    replies: list[Any] = []
    first = threading.Thread(target=lambda: replies.append(world.post_scans([ROW])))
    first.start()
    assert entered.wait(20)
    busy = world.post_scans([ROW])
    leave.set()
    first.join(20)
    assert (busy.status, busy.json["code"], busy.headers["retry-after"]) == (503, "busy", "1")
    assert replies[0].status == 507


def test_the_list_goes_by_place_and_time(world: Any) -> None:
    reply = world.get("/v1/scans?country=br&since=2026-11-20T00:00:00-03:00&limit=2", key=world.operator)
    assert reply.status == 200, reply.text
    assert [scan["code"] for scan in reply.json["scans"]] == ["customs_released", "warp_drive_engaged"]
    rest = world.get(f"/v1/scans?country=BR&limit=9&after={reply.json['next']}", key=world.operator).json
    assert [scan["code"] for scan in rest["scans"]] == ["delivered", "customs_declared", "picked_up"]
    assert rest["next"] is None
    assert rest["as_of"]["lag"] == 0


def test_the_list_is_for_operators(world: Any) -> None:
    assert world.get("/v1/scans").status == 401
    forbidden = world.get("/v1/scans", key=world.carrier)
    assert (forbidden.status, forbidden.json["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("query", "status", "where"),
    [
        ("since=yesterday", 422, "query.since"),
        ("until=2026-02-30T00:00:00Z", 422, "query.until"),
        ("limit=0", 422, "query.limit"),
        ("limit=501", 422, "query.limit"),
        ("limit=ten", 422, "query.limit"),
        ("country=Brazil", 422, "query.country"),
        ("status=flying", 400, None),
        ("after=!!", 400, None),
    ],
)
def test_filters_that_cannot_be_used(world: Any, query: str, status: int, where: str | None) -> None:
    reply = world.get(f"/v1/scans?{query}", key=world.operator)
    assert reply.status == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    if where:
        assert reply.json["errors"][0]["where"] == where


def test_heavy_bodies_are_worked_on_two_at_a_time_and_kept_outside_that(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Working copies are many times the body: sixteen of them would not fit."""
    entered, leave, inside, most = threading.Semaphore(0), threading.Event(), 0, 0
    lock, check = threading.Lock(), world.reception.check

    def watch(rows: Any, **more: Any) -> Any:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        entered.release()
        assert leave.wait(20)
        with lock:
            inside -= 1
        return check(rows, **more)

    monkeypatch.setattr(world.reception, "check", watch)
    line = json.dumps(ROW | {"note": "n" * 900}).encode() + b"\n"
    headers = {"content-type": NDJSON}

    def post(size: int) -> int:
        status: int = world.ask("POST", "/v1/scans", headers=headers, body=line * size, key=world.operator).status
        return status

    with ThreadPoolExecutor(5) as threads:
        heavy = [threads.submit(post, 1100) for _ in range(4)]
        assert entered.acquire(timeout=20)
        assert entered.acquire(timeout=20)
        light = threads.submit(post, 1)  # is not held up by them
        assert entered.acquire(timeout=20)
        assert most == 3
        assert not entered.acquire(timeout=0.2)
        leave.set()
        assert [each.result(20) for each in [*heavy, light]] == [200] * 5
    assert most == 3
