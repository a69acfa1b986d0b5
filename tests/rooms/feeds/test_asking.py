"""Services of the world: whatever is wrong with one is said, and none holds up who asks."""

import socket
import threading
import time

import pytest
from tests.rooms.feeds.services import serve

from waypost.feeds.asking import Asker
from waypost.model.errors import BadInput, Unreachable


def test_question_and_answer_go_as_they_are() -> None:
    with serve(lambda *_: (404, b"no such thing")) as service:
        asker = Asker("roads", service.url + "/under/")
        got, posted = asker.get("/a", {"b": "c d"}), asker.post("/e", b"{}")
    assert [(each.status, each.body) for each in (got, posted)] == [(404, b"no such thing")] * 2
    assert service.asked == [("GET", "/under/a", {"b": "c d"}, b""), ("POST", "/under/e", {}, b"{}")]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_service_that_cannot_now_is_told(status: int) -> None:
    with serve(lambda *_: (status, b"")) as service, pytest.raises(Unreachable, match=f"roads: it answers {status}"):
        Asker("roads", service.url).get("", {})


def test_nobody_there_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unreachable, match="no answer"):
            Asker("roads", url, timeout_s=2.0).get("", {})


def test_an_answer_that_comes_by_drops_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def drip() -> None:
            line, _ = server.accept()
            with line:
                line.recv(1 << 16)
                line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
                while not over.wait(0.05):
                    try:
                        line.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"took more than 0\.5 s"):
            Asker("roads", f"http://127.0.0.1:{server.getsockname()[1]}", timeout_s=0.5).get("", {})
        assert time.monotonic() - began < 5
        over.set()
        thread.join()


@pytest.mark.parametrize(
    "url", ["", "localhost:5000", "ftp://a/b", "http://", "http://a:0", "http://a/?b=c", "http://[::1"]
)
def test_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match="is no address of a service"):
        Asker("roads", url)
