import asyncio
import contextlib
import http.client
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from waypost.model.errors import Closed, SettingsError
from waypost.track.overview import Overview
from waypost.web.desk import Limits
from waypost.web.serve import claim_port, serve, serve_until


@contextmanager
def running(world: Any, grace_s: float = 10) -> Iterator[tuple[int, Callable[[], None], threading.Thread]]:
    """A real server in a thread: its port, what stops it, and the thread."""
    ready = threading.Event()
    found: dict[str, Any] = {}

    async def run() -> None:
        stop = asyncio.Event()
        found["stop"] = (asyncio.get_running_loop(), stop)

        def tell(address: str) -> None:
            found["port"] = int(address.rsplit(":", 1)[1])
            ready.set()

        await serve_until(stop, world.app, "127.0.0.1", 0, ready=tell, grace_s=grace_s)

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(20)
    loop, event = found["stop"]

    def stop() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(event.set)

    try:
        yield found["port"], stop, thread
    finally:
        stop()
        thread.join(20)
        assert not thread.is_alive()


def test_what_takes_long_is_broken_off_before_it_is_waited_for(make_world: Callable[..., Any]) -> None:
    entered, broken_off, steps = threading.Event(), threading.Event(), []

    def wait() -> Overview:
        entered.set()
        steps.append("broken off" if broken_off.wait(20) else "waited for")
        raise Closed("History was closed.")

    world = make_world(overview=wait)
    asking = []

    def ask(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/v1/overview", headers={"authorization": f"Bearer {world.operator}"})
        with contextlib.suppress(OSError, http.client.HTTPException):  # it may be cut off before it is answered
            connection.getresponse()

    def begin(address: str) -> None:
        asking.append(threading.Thread(target=ask, args=[int(address.rsplit(":", 1)[1])]))
        asking[0].start()
        threading.Thread(target=stop).start()

    def stop() -> None:
        assert entered.wait(20)
        os.kill(os.getpid(), signal.SIGTERM)

    serve(world.app, port=0, ready=begin, halt=broken_off.set, close=lambda: steps.append("closed"), grace_s=0.2)
    asking[0].join(60)
    assert steps == ["broken off", "closed"]


def test_it_answers_and_stops(world: Any) -> None:
    with running(world) as (port, stop, thread):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/track/WP100000001BR")
        reply = connection.getresponse()
        assert (reply.status, b"Released by customs" in reply.read()) == (200, True)
        connection.close()
        stop()
        thread.join(20)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_running_request_ends_before_the_server_does(make_world: Callable[..., Any]) -> None:
    entered, leave = threading.Event(), threading.Event()

    def wait() -> Overview:
        entered.set()
        assert leave.wait(20)
        return Overview(
            statuses=[], hours=[], facilities=[], lanes=[], unknown_codes=[], scans=7, parcels=1, position=7
        )

    world = make_world(overview=wait)
    with running(world) as (port, stop, thread):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/v1/overview", headers={"authorization": f"Bearer {world.operator}"})
        assert entered.wait(20)
        stop()
        leave.set()
        reply = connection.getresponse()
        assert (reply.status, b'"scans":7' in reply.read()) == (200, True)
        connection.close()
        thread.join(20)


def test_too_large_and_too_slow_over_a_real_connection(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=Limits(body_bytes=100_000, body_s=0.2))
    headers = {"authorization": f"Bearer {world.operator}", "content-type": "application/x-ndjson"}
    with running(world) as (port, _, _):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.putrequest("POST", "/v1/scans")
        for name, value in (headers | {"content-length": "100001"}).items():
            connection.putheader(name, value)
        connection.endheaders()
        reply = connection.getresponse()
        assert (reply.status, reply.getheader("content-type")) == (413, "application/problem+json")
        connection.close()

        slow = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        slow.putrequest("POST", "/v1/scans")
        for name, value in (headers | {"content-length": "1000"}).items():
            slow.putheader(name, value)
        slow.endheaders(b'{"carrier": ')
        reply = slow.getresponse()
        assert (reply.status, b"slow_body" in reply.read()) == (408, True)
        slow.close()


def test_bulk_that_has_to_wait_gets_its_answer_though_nobody_reads_the_body(make_world: Callable[..., Any]) -> None:
    world = make_world(limits=Limits(bulk_lag=1))
    row = {"carrier": "waypost", "number": "NEW", "code": "picked_up", "at": "2026-11-22T10:00:00Z"}
    assert world.post_scans([row, row]).json["indexed"] is False
    headers = {"authorization": f"Bearer {world.operator}", "content-type": "application/x-ndjson"}
    with running(world) as (port, _, _):
        for _ in range(3):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("POST", "/v1/scans", body=b" " * (8 << 20), headers=headers)
            reply = connection.getresponse()
            assert (reply.status, b'"code":"lagging"' in reply.read()) == (429, True)
            assert 1 <= int(reply.getheader("retry-after", "0")) <= 60
            connection.close()
        patient = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        patient.putrequest("POST", "/v1/scans")
        for name, value in (headers | {"content-length": str(8 << 20), "expect": "100-continue"}).items():
            patient.putheader(name, value)
        patient.endheaders()
        assert patient.getresponse().status == 429  # told before it sent a byte of the body
        patient.close()


@pytest.mark.parametrize(
    ("framing", "sent"),
    [
        ("content-length: 1000", b'{"number":'),
        ("transfer-encoding: chunked", b"3\r\n{}\n\r\nno length\r\n"),
        ("transfer-encoding: chunked", b"3\r\n{}\n\r\n"),
    ],
)
def test_a_body_that_breaks_off_is_answered_in_our_words(world: Any, framing: str, sent: bytes) -> None:
    head = f"POST /v1/scans HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {world.operator}\r\n"
    head += f"content-type: application/x-ndjson\r\n{framing}\r\n\r\n"
    with running(world) as (port, _, _), socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head.encode() + sent)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            whole = answer.read()  # the server closes it: nothing can be read after such a body
    assert whole.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in whole
    assert b'"code":"cut_off"' in whole


def test_a_port_in_use_is_said(world: Any) -> None:
    with running(world) as (port, _, _), pytest.raises(SettingsError, match=f"cannot listen at 127.0.0.1:{port}"):
        claim_port("127.0.0.1", port)


def test_an_address_that_is_not_ours_is_said() -> None:
    with pytest.raises(SettingsError, match=r"cannot listen at 192\.0\.2\.1:0"):
        claim_port("192.0.2.1", 0)


def test_any_free_port() -> None:
    assert claim_port("127.0.0.1", 0) > 1023
