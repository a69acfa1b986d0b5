"""Which server is asked, what it is asked again for, and that the key stands nowhere."""

import datetime as dt
import logging
import ssl
import traceback

import httpx
import pytest

from waypost.client import Waypost
from waypost.client.calling import Answer, Caller, _may_repeat, _wait_s, _write, part, read
from waypost.client.problems import Problem, Unreachable, Unreadable, problem_of
from waypost.model.errors import BadInput

KEY = "wp_0123456789abcdef"
NOW = dt.datetime(2026, 11, 22, 13, 0, tzinfo=dt.UTC)


def make(url: str, key: str = KEY, *, allow_http: bool = False) -> Caller:
    return Caller(url, key, timeout_s=1, patience_s=0, allow_http=allow_http)


@pytest.mark.parametrize(
    "url",
    [
        "https://waypost.example",
        "https://waypost.example/",
        "https://waypost.example/below/here/",
        "http://localhost:8400",
        "http://127.0.0.1:8400",
        "http://127.3.2.1",
        "http://[::1]:8400",
    ],
)
def test_addresses_that_are_asked(url: str) -> None:
    caller = make(url)
    assert caller.url == url.rstrip("/")
    caller.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "waypost.example",
        "ftp://waypost.example",
        "https://",
        "https://x:y@waypost.example",
        "https://w.example/?a=b",
        "https://w.example/#x",
        "https://w.example:99999",
        "http://[::1",
        "file:///etc/passwd",
        "\x00",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(BadInput) as wrong:
        make(url)
    assert "y@" not in str(wrong.value)


@pytest.mark.parametrize("host", ["waypost.example", "10.0.0.7", "127.0.0.1.evil.example", "localhost.evil.example"])
def test_a_key_does_not_go_over_a_network_without_tls_unless_somebody_says_so(host: str) -> None:
    with pytest.raises(BadInput, match="for everybody to read"):
        make(f"http://{host}")
    make(f"http://{host}", allow_http=True).close()
    make(f"http://{host}", "").close()


@pytest.mark.parametrize("key", ["wp 1", "wp_1\r\nx: y", "wp_ü", "x" * 513, "\x00"])
def test_keys_that_are_none_are_not_repeated(key: str) -> None:
    with pytest.raises(BadInput) as wrong:
        make("https://waypost.example", key)
    assert key not in str(wrong.value)


def test_a_server_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="no server is named"):
        Waypost()
    monkeypatch.setenv("WAYPOST_URL", "https://waypost.example")
    monkeypatch.setenv("WAYPOST_KEY", KEY)
    with Waypost() as found:
        assert repr(found) == "Waypost('https://waypost.example')"
        assert found._caller._http.headers["authorization"] == f"Bearer {KEY}"
    with Waypost(key="") as public:
        assert "authorization" not in public._caller._http.headers


def test_the_key_stands_in_nothing_that_is_printed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caller = Caller("http://127.0.0.1:1", KEY, timeout_s=1, patience_s=0.6)
    with pytest.raises(Unreachable) as found:
        caller.ask("GET", "/v1/orders")
    told = "".join(traceback.format_exception(found.value)) + caplog.text + repr(caller) + repr(caller._http.headers)
    assert "asked again" in caplog.text
    assert KEY not in told
    caller.close()


def failed(status: int, code: str = "", retry_after: str = "") -> Problem:
    return problem_of(status, {"retry-after": retry_after}, f'{{"code": "{code}"}}'.encode(), NOW)


@pytest.mark.parametrize(
    ("error", "twice", "once"),
    [
        (failed(429), True, True),
        (failed(503, "busy"), True, False),
        (failed(502), True, False),
        (failed(504), True, False),
        (failed(503, "store_damaged"), False, False),
        (failed(502, "carrier_puzzling"), False, False),
        (failed(507, "storage_full"), False, False),
        (failed(500), False, False),
        (failed(400), False, False),
        (failed(409), False, False),
        (Unreachable("gone", may_be_done=False), True, True),
        (Unreachable("broke off", may_be_done=True), True, False),
        (Unreachable("no such name", may_be_done=False, is_final=True), False, False),
    ],
)
def test_what_is_asked_again(error: Problem | Unreachable, twice: bool, once: bool) -> None:
    assert _may_repeat(error, repeats=True) is twice
    assert _may_repeat(error, repeats=False) is once


def test_pauses_grow_and_differ_and_what_the_server_says_is_the_least() -> None:
    gone = Unreachable("gone", may_be_done=False)
    for tries, longest in ((0, 0.25), (1, 0.5), (4, 4), (5, 8), (60, 8)):
        found = [_wait_s(gone, tries) for _ in range(200)]
        assert longest / 2 <= min(found) < max(found) <= longest
    told = [_wait_s(failed(503, "busy", "5"), 3) for _ in range(200)]
    assert 5 <= min(told) < max(told) <= 7


def test_a_certificate_that_nobody_knows_is_not_asked_twice() -> None:
    caller = make("https://waypost.example")
    cause = ssl.SSLCertVerificationError("self-signed")
    error = httpx.ConnectError("certificate verify failed")
    error.__cause__ = cause
    found = caller._unreachable(error)
    assert found.is_final
    assert "SSL_CERT_FILE" in (found.mend or "")
    caller.close()


def test_an_answer_of_another_shape_says_so() -> None:
    for content in (b"", b"<html>", b'{"orders": 1}', b"\xff", b"[" * 100_000):
        with pytest.raises(Unreadable, match="cannot be read"):
            read(Answer(content, {}), dict[str, list[int]])


def test_parts_of_paths_and_parameters() -> None:
    assert part("a/b?c#d é") == "a%2Fb%3Fc%23d%20%C3%A9"
    for odd in ("", ".", ".."):
        with pytest.raises(BadInput):
            part(odd)
    assert _write(True) == "true"
    assert _write(NOW) == "2026-11-22T13:00:00+00:00"
    with pytest.raises(BadInput, match="has no zone"):
        _write(NOW.replace(tzinfo=None))
