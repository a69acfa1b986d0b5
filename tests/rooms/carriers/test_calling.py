import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
import pytest
from tests.rooms.carriers.conftest import Canned, HandClock

from waypost.carriers.accounts import Account, Secret
from waypost.carriers.calling import Call, Caller
from waypost.testing.carriers.faking import Told, Trap
from waypost.track.carriers import CarrierUnreachable, InDoubt

ASK = Call(operation="ask", path="/ask", body=b'{"a": 1}', is_repeatable=True)
DO = Call(operation="do", path="/do", body=b"{}")


def caller_of(canned: Canned, clock: HandClock, **changed: Any) -> Caller:
    account = Account(**{"name": "main", "carrier": "canned", "url": canned.url} | changed)
    return clock.caller(account)


def test_what_is_sent_is_sent_byte_by_byte(carrier: Canned, clock: HandClock) -> None:
    carrier.will_answer(b"yes")
    body = '{ "名" : "\\u540d" }'.encode()
    call = Call(operation="x", path="/a/b", headers={"x-sign": "s+/="}, query={"q": "名"}, body=body)
    answer = caller_of(carrier, clock).call(call)
    assert (answer.status, answer.body) == (200, b"yes")
    (asked,) = carrier.asked
    assert (asked.method, asked.path, asked.query, asked.body) == ("POST", "/a/b", {"q": "名"}, body)
    assert asked.headers["x-sign"] == "s+/="


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 403, 404, 422, 501])
def test_an_answer_is_an_answer_whatever_its_status(carrier: Canned, clock: HandClock, status: int) -> None:
    carrier.answers.append(Told(body=b"no", status=status))
    assert caller_of(carrier, clock).call(ASK).status == status
    assert clock.pauses == []


@pytest.mark.parametrize("trap", [Trap.DOWN, Trap.RESET])
def test_what_passes_is_tried_again(carrier: Canned, clock: HandClock, trap: Trap) -> None:
    carrier.set(trap, trap)
    carrier.will_answer(b"1", b"2", b"3")
    caller_of(carrier, clock).call(ASK)
    assert clock.pauses == [1.0, 2.0]  # twice as long each time


def test_pauses_are_by_chance(carrier: Canned, clock: HandClock) -> None:
    carrier.set(Trap.DOWN)
    carrier.will_answer(b"yes")
    clock.caller(caller_of(carrier, clock).account, chance=0.25).call(ASK)
    assert clock.pauses == [0.25]


def test_after_three_times_it_is_told(carrier: Canned, clock: HandClock) -> None:
    carrier.set(Trap.DOWN, Trap.DOWN, Trap.DOWN)
    carrier.will_answer(b"too late")
    with pytest.raises(CarrierUnreachable, match=r"canned ask \(main\): answers 503, 3 times"):
        caller_of(carrier, clock).call(ASK)
    assert len(carrier.answers) == 1


def test_what_may_have_been_done_is_not_repeated(carrier: Canned, clock: HandClock) -> None:
    carrier.set(Trap.RESET)
    carrier.will_answer(b"done", b"done twice")
    with pytest.raises(CarrierUnreachable, match="ask before again"):
        caller_of(carrier, clock).call(DO)
    assert len(carrier.asked) == 1


def test_what_was_not_got_is_repeated_all_the_same(carrier: Canned, clock: HandClock) -> None:
    """Too many calls: the carrier says that it did not look at it."""
    carrier.answers.extend([Told(body=b"", status=429), Told(body=b"done")])
    assert caller_of(carrier, clock).call(DO).body == b"done"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_may_have_come_after_the_deed(carrier: Canned, clock: HandClock, status: int) -> None:
    carrier.answers.extend([Told(body=b"", status=status), Told(body=b"done twice")])
    with pytest.raises(CarrierUnreachable, match=f"answers {status}"):
        caller_of(carrier, clock).call(DO)
    assert len(carrier.asked) == 1


def test_a_slow_carrier_is_not_waited_for(carrier: Canned, clock: HandClock) -> None:
    gone = threading.Event()
    carrier.will_answer(b"late")
    answer = carrier.answer
    carrier.answer = lambda asked: (gone.wait(10), answer(asked))[1]  # type: ignore[method-assign]
    try:
        with pytest.raises(CarrierUnreachable, match="no answer \\(ReadTimeout\\)"):
            caller_of(carrier, clock, timeout_s=0.05).call(DO)
    finally:
        gone.set()


def test_nobody_there(carrier: Canned, clock: HandClock) -> None:
    caller = caller_of(carrier, clock, url="http://127.0.0.1:1")
    with pytest.raises(CarrierUnreachable, match="no answer \\(ConnectError\\), 3 times"):
        caller.call(DO)


def test_an_answer_without_end_is_none(carrier: Canned, clock: HandClock) -> None:
    carrier.will_answer(bytes((16 << 20) + 1))
    with pytest.raises(CarrierUnreachable, match="no answer \\(ReadError\\)"):
        caller_of(carrier, clock).call(DO)


def test_errors_name_neither_address_nor_body(carrier: Canned, clock: HandClock) -> None:
    call = Call(operation="do", path="/path/aB3dE6", headers={"x-key": "hidden-key"}, body=b'"13800000000"')
    carrier.set(Trap.RESET)
    carrier.will_answer(b"{}")
    with pytest.raises(CarrierUnreachable) as caught:
        caller_of(carrier, clock).call(call)
    assert not any(text in str(caught.value) for text in ("aB3dE6", "hidden-key", "13800000000", carrier.url))


def test_no_more_calls_than_are_allowed(carrier: Canned, clock: HandClock) -> None:
    """120 a minute are two a second: two at once, then one each half second."""
    caller = caller_of(carrier, clock, per_minute=120)
    carrier.will_answer(*[b"x"] * 12)
    begun_s = clock.now_s
    for _ in range(12):
        caller.call(ASK)
    assert clock.now_s - begun_s == pytest.approx(5.0)
    assert clock.pauses == pytest.approx([0.5] * 10)


def test_what_was_not_called_is_not_saved_up(carrier: Canned, clock: HandClock) -> None:
    caller = caller_of(carrier, clock, per_minute=120)
    carrier.will_answer(*[b"x"] * 4)
    clock.now_s += 3_600
    for _ in range(4):
        caller.call(ASK)
    assert len(clock.pauses) == 2


def test_a_slow_rate_lets_one_through_at_once(carrier: Canned, clock: HandClock) -> None:
    caller = caller_of(carrier, clock, per_minute=6)
    carrier.will_answer(b"1", b"2")
    caller.call(ASK)
    assert clock.pauses == []
    caller.call(ASK)
    assert clock.pauses == pytest.approx([10.0])


def test_nobody_waits_for_ever_for_a_turn(carrier: Canned, clock: HandClock) -> None:
    """Several wait at once: each takes its turn before it waits, so the clock is held still here."""
    caller = caller_of(carrier, clock, per_minute=6)
    clock.pause = clock.pauses.append  # type: ignore[method-assign, assignment]
    caller = clock.caller(caller.account)
    carrier.will_answer(*[b"x"] * 5)
    for _ in range(4):
        caller.call(ASK)
    assert clock.pauses == pytest.approx([10.0, 20.0, 30.0])
    with pytest.raises(CarrierUnreachable, match="wait for their turn already") as caught:
        caller.call(ASK)
    assert caught.value.retry_s == pytest.approx(40.0)
    assert len(carrier.asked) == 4


def test_the_slowest_rate_lets_one_wait_for_its_turn(carrier: Canned, clock: HandClock) -> None:
    """However short the patience: else nobody had a second call in a minute."""
    caller = caller_of(carrier, clock, per_minute=1, patience_s=5)
    carrier.will_answer(b"1", b"2", b"3")
    for _ in range(3):
        caller.call(ASK)
    assert clock.pauses == pytest.approx([60.0, 60.0])


def test_the_patient_wait_longer(carrier: Canned, clock: HandClock) -> None:
    caller = caller_of(carrier, clock, per_minute=6, patience_s=45)
    clock.pause = clock.pauses.append  # type: ignore[method-assign, assignment]
    caller = clock.caller(caller.account)
    carrier.will_answer(*[b"x"] * 5)
    for _ in range(5):
        caller.call(ASK)
    assert clock.pauses[-1] == pytest.approx(40.0)


def test_a_carrier_that_is_down_is_left_alone(carrier: Canned, clock: HandClock) -> None:
    """Calls are counted, and not what was tried for each."""
    caller = caller_of(carrier, clock)
    for _ in range(5):
        carrier.set(*[Trap.DOWN] * 3)
        with pytest.raises(CarrierUnreachable, match="3 times"):
            caller.call(ASK)
    carrier.will_answer(b"back")
    with pytest.raises(CarrierUnreachable, match="did not answer 5 times in a row") as caught:
        caller.call(ASK)
    assert caught.value.retry_s == pytest.approx(30.0)
    assert not carrier.asked
    clock.now_s += 30
    assert caller.call(ASK).body == b"back"
    carrier.will_answer(b"and well")
    assert caller.call(ASK).body == b"and well"


def test_one_that_tries_in_vain_leaves_it_alone_again(carrier: Canned, clock: HandClock) -> None:
    caller = caller_of(carrier, clock)
    carrier.set(*[Trap.DOWN] * 18)
    for _ in range(5):
        with pytest.raises(CarrierUnreachable):
            caller.call(ASK)
    clock.now_s += 30
    with pytest.raises(CarrierUnreachable, match="3 times"):
        caller.call(ASK)
    carrier.will_answer(b"back")
    with pytest.raises(CarrierUnreachable, match="did not answer 6 times in a row"):
        caller.call(ASK)
    clock.now_s += 30
    assert caller.call(ASK).body == b"back"


def test_the_impatient_count_what_they_tried(carrier: Canned, clock: HandClock) -> None:
    """Whoever has no time for a second try leaves a carrier alone that is down, as others do."""
    caller = caller_of(carrier, clock, patience_s=0)
    carrier.set(*[Trap.DOWN] * 6)
    for _ in range(5):
        with pytest.raises(CarrierUnreachable, match="answers 503, and there is no time for another try"):
            caller.call(ASK)
    with pytest.raises(CarrierUnreachable, match="did not answer 5 times in a row"):
        caller.call(ASK)
    clock.now_s += 30
    with pytest.raises(CarrierUnreachable, match="answers 503"):
        caller.call(ASK)
    carrier.will_answer(b"back")
    with pytest.raises(CarrierUnreachable, match="did not answer 6 times in a row"):
        caller.call(ASK)
    clock.now_s += 30
    assert caller.call(ASK).body == b"back"


def test_a_quota_is_no_failure(carrier: Canned, clock: HandClock) -> None:
    caller = caller_of(carrier, clock)
    for _ in range(7):
        carrier.answers.extend([Told(body=b"", status=429)] * 3)
        with pytest.raises(CarrierUnreachable, match="answers 429, 3 times"):
            caller.call(ASK)
    carrier.will_answer(b"yes")
    assert caller.call(ASK).body == b"yes"


@pytest.mark.parametrize(
    ("told", "pause_s"),
    [("7", 7.0), ("Fri, 02 Jan 2026 03:04:25 GMT", 20.0), ("Fri, 02 Jan 2026 03:00:00 GMT", 1.0), ("soon", 1.0)],
)
def test_the_carrier_says_when(carrier: Canned, clock: HandClock, told: str, pause_s: float) -> None:
    """In seconds or as a date (it is 03:04:05 here); what nobody can read is no answer to that."""
    carrier.answers.extend([Told(body=b"", status=429, headers={"retry-after": told}), Told(body=b"done")])
    assert caller_of(carrier, clock).call(DO).body == b"done"
    assert clock.pauses == pytest.approx([pause_s])


def test_who_cannot_wait_that_long_is_told_how_long(carrier: Canned, clock: HandClock) -> None:
    caller = caller_of(carrier, clock)
    carrier.answers.append(Told(body=b"", status=429, headers={"retry-after": "999999999999"}))
    for _ in range(3):  # and nobody else asks before
        with pytest.raises(CarrierUnreachable) as caught:
            caller.call(ASK)
        assert caught.value.retry_s == pytest.approx(3600.0)
    assert (len(carrier.asked), clock.pauses) == (1, [])
    clock.now_s += 3600
    carrier.will_answer(b"yes")
    assert caller.call(ASK).body == b"yes"


def test_a_date_without_a_calendar_is_none(carrier: Canned, clock: HandClock) -> None:
    headers = {"retry-after": "Fri, 99 Foo 99999 99:99:99 GMT"}
    carrier.answers.extend([Told(body=b"", status=503, headers=headers), Told(body=b"yes")])
    assert caller_of(carrier, clock).call(ASK).body == b"yes"


def test_an_answer_drop_by_drop_is_not_waited_for(clock: HandClock) -> None:
    """Each drop comes in time; all of them would take for ever. In the head as in the body."""
    for head in (b"HTTP/1.1 200 OK\r\nx-long: ", b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n"):
        with dripping(head) as url:
            account = Account(name="main", carrier="canned", url=url, timeout_s=0.3)
            begun_s = time.monotonic()
            with pytest.raises(InDoubt, match=r"no answer \(ReadTimeout\)"):
                clock.caller(account).call(DO)
            assert time.monotonic() - begun_s < 3


def leads_to(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """The name many.test has these addresses."""
    look_up = socket.getaddrinfo

    def find(host: str, port: int, *arguments: Any, **more: Any) -> Any:
        names = hosts if host == "many.test" else (host,)
        return [found for name in names for found in look_up(name, port, *arguments, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", find)


def test_all_addresses_of_a_name_share_the_time(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    leads_to(monkeypatch, *["127.0.0.1"] * 8)
    with deaf() as port:
        account = Account(name="main", carrier="canned", url=f"http://many.test:{port}", timeout_s=0.2)
        begun_s = time.monotonic()
        with pytest.raises(CarrierUnreachable, match=r"no answer \(ConnectTimeout\), 3 times"):
            clock.caller(account).call(DO)
        assert time.monotonic() - begun_s < 2


def test_an_address_where_nobody_is_gives_way_to_the_next(
    carrier: Canned, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads_to(monkeypatch, "127.0.0.2", "127.0.0.1")
    carrier.will_answer(b"yes")
    caller = caller_of(carrier, clock, url=carrier.url.replace("127.0.0.1", "many.test"))
    assert (caller.call(DO).body, clock.pauses) == (b"yes", [])


def test_a_deaf_address_leaves_time_for_the_next(
    carrier: Canned, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads_to(monkeypatch, "127.0.0.2", "127.0.0.1")
    carrier.will_answer(b"yes")
    caller = caller_of(carrier, clock, url=carrier.url.replace("127.0.0.1", "many.test"), timeout_s=2)
    with deaf("127.0.0.2", int(carrier.url.rpartition(":")[2].strip("/"))):
        assert (caller.call(DO).body, clock.pauses) == (b"yes", [])


def test_many_threads_keep_the_rate(carrier: Canned, clock: HandClock) -> None:
    """And each gets its own answer."""
    carrier.answer = lambda asked: Told(body=asked.body)  # type: ignore[method-assign]
    caller = caller_of(carrier, clock, per_minute=600)
    begun_s, told = clock.now_s, {}

    def ask(count: int) -> None:
        told[count] = caller.call(msgspec.structs.replace(ASK, body=b"%d" % count)).body

    threads = [threading.Thread(target=ask, args=(count,)) for count in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == {count: b"%d" % count for count in range(50)}
    assert clock.now_s - begun_s >= 4.0 - 1e-6  # ten at once, ten a second after them


def test_what_may_have_been_done_is_told_so(carrier: Canned, clock: HandClock) -> None:
    """Even if the last try got nowhere."""
    carrier.set(Trap.RESET)
    carrier.answers.extend([Told(body=b"done"), Told(body=b"", status=429), Told(body=b"", status=429)])
    with pytest.raises(InDoubt, match="answers 429, 3 times"):
        caller_of(carrier, clock).call(ASK)


def test_secrets_are_masked_in_what_a_carrier_writes(carrier: Canned, clock: HandClock) -> None:
    secrets = {"secret": Secret("top-secret"), "longer": Secret("top-secret-and-more"), "short": Secret("no")}
    caller = caller_of(carrier, clock, secrets=secrets)
    caller.lend("of-today")
    text = "no: 'top-secret-and-more' and 'top-secret' and 'of-today'"
    assert caller.mask(text) == "no: '…' and '…' and '…'"
    caller.hide(["a-part"])
    for count in range(7):
        caller.lend("of-now")
        caller.lend(f"of-hour-{count}")
    assert caller.mask("a-part, of-now, of-hour-6, of-hour-0") == "…, …, …, …"


def test_an_answer_ends_the_count(carrier: Canned, clock: HandClock) -> None:
    caller = caller_of(carrier, clock)
    for _ in range(4):
        for _ in range(4):
            carrier.set(Trap.DOWN, Trap.DOWN, Trap.DOWN)
            with pytest.raises(CarrierUnreachable, match="3 times"):
                caller.call(ASK)
        carrier.will_answer(b"x")
        assert caller.call(ASK).body == b"x"


@contextmanager
def deaf(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """The port of one that takes no line any more: those that it has not taken yet are too many."""
    with ExitStack() as lines:
        listening = lines.enter_context(socket.create_server((host, port), backlog=0))
        for _ in range(4):
            line = lines.enter_context(socket.socket())
            line.setblocking(False)
            line.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


@contextmanager
def dripping(head: bytes) -> Iterator[str]:
    """A carrier that answers one byte each twentieth of a second, without end."""
    done = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        line, _ = listening.accept()
        with line:
            line.recv(65_536)
            line.sendall(head)
            while not done.wait(0.05):
                try:
                    line.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        done.set()
        thread.join()
        listening.close()
