"""Mail over real sockets: encrypted, verified, and whatever a mail server does instead of taking it."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.care.endpoints import open_rude
from tests.rooms.care.mail_server import HANG_UP, OK, PASSWORD, USER, WAIT, make_certificate, open_mail_server

from waypost.care.posting import Fate, Letter
from waypost.model.carriage import Waybill
from waypost.web.letters import Letterhead
from waypost.web.smtp import Relay, SmtpPostman

HEAD = Letterhead(network="Hilltop", url="https://parcels.example", sender="Hilltop <parcels@hilltop.example>")
#: Of the server, which talks to itself.
pytestmark = pytest.mark.filterwarnings("ignore:Session.login_data is deprecated")
NOW = 1_795_000_000_000


def letter(to: str = "ana@example.org", id_: str = "ntc_1") -> Letter:
    return Letter(
        id=id_,
        to=to,
        language="pt",
        merchant="Estrela",
        reference="SALE-1",
        waybill=Waybill("correios", "OS123456785BR"),
        milestone="delivered",
        status="delivered",
        at="2026-11-24T14:19:00-03:00",
        stop="token",
    )


def open_postman(port: int, **more: Any) -> SmtpPostman:
    relay = {"host": "127.0.0.1", "port": port, "tls": "none", "timeout_s": 5.0} | more
    return SmtpPostman(Relay(**relay), HEAD, lambda: NOW)


def test_over_starttls_with_a_user_one_line_serves_many(tmp_path: Path) -> None:
    file, context = make_certificate(tmp_path)
    with open_mail_server(context, asks_user=True) as server:
        postman = open_postman(server.port, tls="starttls", ca_file=file, user=USER, password=PASSWORD)
        came = [postman.post(letter(id_=f"ntc_{each}")) for each in range(3)]
        postman.rest()
        assert [(each.fate, each.status, each.why) for each in came] == [(Fate.TAKEN, 250, "")] * 3
        assert [mail["Message-ID"] for mail in server.mails] == [f"<ntc_{each}@hilltop.example>" for each in range(3)]
        assert server.to == ["ana@example.org"] * 3
        assert server.lines == 2  # one line, greeted before and after it was encrypted
        assert postman.post(letter()).fate is Fate.TAKEN  # on another line
        postman.rest()


def test_over_tls_from_the_start(tmp_path: Path) -> None:
    file, context = make_certificate(tmp_path)
    with open_mail_server(context, from_the_start=True) as server:
        postman = open_postman(server.port, tls="tls", ca_file=file)
        assert postman.post(letter()).fate is Fate.TAKEN
        postman.rest()


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize(("name", "is_known"), [("127.0.0.1", False), ("other.example", True)])
def test_a_certificate_that_is_not_good_gets_no_mail_and_no_password(
    tmp_path: Path, tls: str, name: str, is_known: bool
) -> None:
    file, context = make_certificate(tmp_path, name)
    with open_mail_server(context, from_the_start=tls == "tls", asks_user=tls == "starttls") as server:
        more = {"ca_file": file} if is_known else {}
        posted = open_postman(server.port, tls=tls, user=USER, password=PASSWORD, **more).post(letter())
        assert posted.fate is Fate.HELD
        assert "certificate is not good" in posted.why
        assert server.raw == []


def test_a_server_without_starttls_gets_nothing() -> None:
    with open_mail_server() as server:
        posted = open_postman(server.port, tls="starttls").post(letter())
        assert (posted.fate, posted.why) == (Fate.HELD, "the mail server knows no STARTTLS")
        assert server.raw == []


def test_a_wrong_password_holds_all_mail_and_is_not_told(tmp_path: Path) -> None:
    file, context = make_certificate(tmp_path)
    with open_mail_server(context, asks_user=True) as server:
        postman = open_postman(server.port, tls="starttls", ca_file=file, user=USER, password="wrong secret")
        posted = postman.post(letter())
        assert (posted.fate, posted.status) == (Fate.HELD, 535)
        assert posted.why == "the mail server does not take user and password (535)"


@pytest.mark.parametrize(
    ("answer", "fate", "why"),
    [
        ("451 4.7.1 greylisted, ana@example.org", Fate.LATER, "refused with 451 4.7.1 when told the address"),
        ("550 5.1.1 ana@example.org unknown", Fate.NOBODY, "refused with 550 5.1.1 when told the address"),
        ("550 no such user", Fate.NOBODY, "refused with 550 when told the address"),
        ("550 5.7.1 not from you", Fate.NEVER, "refused with 550 5.7.1 when told the address"),
        ("552 5.2.2 full", Fate.NEVER, "refused with 552 5.2.2 when told the address"),
        ("421 4.3.2 going down", Fate.LATER, "refused with 421 4.3.2 when told the address"),
        (HANG_UP, Fate.LATER, "the mail server gave no answer (SMTPServerDisconnected) when told the address"),
    ],
)
def test_what_is_answered_to_an_address_is_told_by_its_code(answer: str, fate: Fate, why: str) -> None:
    with open_mail_server() as server:
        postman = open_postman(server.port)
        server.at_rcpt = lambda to: answer
        posted = postman.post(letter())
        assert (posted.fate, posted.why) == (fate, why)
        assert posted.seconds > 0
        server.at_rcpt = lambda to: OK
        assert postman.post(letter()).fate is Fate.TAKEN  # the next one is not held up by it
        postman.rest()
        assert len(server.raw) == 1


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        ("452 4.3.1 no room", Fate.LATER),
        ("554 5.7.1 spam", Fate.NEVER),
        ("550 5.1.1 late to know", Fate.NEVER),
        ("421 4.3.2 going down", Fate.LATER),
        (HANG_UP, Fate.LATER),
    ],
)
def test_what_is_answered_to_a_mail(answer: str, fate: Fate) -> None:
    with open_mail_server() as server:
        postman = open_postman(server.port)
        server.at_data = lambda to: answer
        assert postman.post(letter()).fate is fate
        server.at_data = lambda to: OK
        assert postman.post(letter()).fate is Fate.TAKEN
        postman.rest()
        ids = {mail["Message-ID"] for mail in server.mails}
        assert len(ids) == 1  # what was taken twice, for the line broke off, is one mail


@pytest.mark.parametrize("step", ["at_rcpt", "at_data"])
def test_a_slow_server_is_left_in_time(step: str) -> None:
    with open_mail_server() as server:
        setattr(server, step, lambda to: WAIT)
        begun_s = time.monotonic()
        posted = open_postman(server.port, timeout_s=0.5).post(letter())
        assert posted.fate is Fate.LATER
        assert posted.why == "no answer within 0.5 s"
        assert time.monotonic() - begun_s < 5


def greet_slowly(line: socket.socket) -> None:
    """A byte now and then, so that no time-out between two of them ever comes."""
    line.sendall(b"220-")
    while True:
        line.sendall(b"a")
        time.sleep(0.05)


def speak_no_smtp(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    line.close()


def shout(line: socket.socket) -> None:
    while True:
        line.sendall(b"x" * 4096)


def say_nothing(line: socket.socket) -> None:
    threading.Event().wait(60)


@pytest.mark.parametrize("act", [greet_slowly, speak_no_smtp, shout, say_nothing])
def test_what_is_no_mail_server_holds_all_mail_within_a_time(act: Callable[[socket.socket], None]) -> None:
    with open_rude(act) as url:
        port = int(url.rsplit(":", 1)[1].strip("/"))
        begun_s = time.monotonic()
        posted = open_postman(port, timeout_s=0.7).post(letter())
        assert posted.fate is Fate.HELD
        assert time.monotonic() - begun_s < 5


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid", "a..b", "\u00fc" * 80])
def test_a_server_that_is_not_there_holds_all_mail(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    posted = open_postman(port, host=host, timeout_s=2.0).post(letter())
    assert posted.fate is Fate.HELD
    assert posted.why


def test_a_letter_that_cannot_be_written_is_nobody_elses_trouble() -> None:
    with open_mail_server() as server:
        postman = open_postman(server.port)
        bad = letter()
        bad = Letter(**{name: getattr(bad, name) for name in bad.__struct_fields__} | {"merchant": "A\r\nBcc: x@y.z"})
        posted = postman.post(bad)
        assert posted.fate is Fate.NEVER
        assert posted.why == "what the mail says fits into no header"
        assert server.lines == 0


def test_what_is_secret_is_not_shown() -> None:
    relay = Relay(host="h", port=1, tls="none", timeout_s=1, user="u", password="secret")
    assert "secret" not in repr(relay)
    assert "ana" not in repr(letter())
