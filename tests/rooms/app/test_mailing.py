"""Mail beside the server: paced, each noted before the next, and a mail server's trouble loses nothing."""

import io
import itertools
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.app.commands import Commands
from tests.rooms.care.mail_server import HANG_UP, OK, MailServer, open_mail_server
from tests.rooms.care.world import World

from waypost.app.mailing import Mailing, open_postman
from waypost.app.settings import Settings, read_settings
from waypost.app.wiring import open_house
from waypost.booking.issuing import Address, Item
from waypost.booking.order_book import OrderBook
from waypost.booking.orders import Order
from waypost.care.mail_terms import MILESTONES
from waypost.care.notices import Notice, NoticeState, keep_notices
from waypost.care.tally import Tally
from waypost.model.carriage import Waybill
from waypost.model.errors import SettingsError
from waypost.model.parties import PartyKind
from waypost.web.journal import open_journal
from waypost.web.letters import Letterhead
from waypost.web.smtp import Relay, SmtpPostman

HEAD = Letterhead(network="Hilltop", url="https://parcels.example", sender="parcels@hilltop.example")


class Network(World):
    """The world with what sends mail beside a server."""

    def __init__(self) -> None:
        super().__init__(patience_ms=600_000)
        self.told = io.StringIO()
        self.terms.switch(self.estrela, MILESTONES, self.clock())
        self._numbers = itertools.count(1)

    @contextmanager
    def mailing(self, port: int, per_minute: int = 60_000) -> Iterator[Mailing]:
        relay = Relay(host="127.0.0.1", port=port, tls="none", timeout_s=5)
        postman = SmtpPostman(relay, HEAD, self.clock)
        parts = (self.notices, self.consignees, self.terms, postman, per_minute, self.clock)
        running = Mailing(*parts, open_journal(self.told), Tally(), first_hold_s=0.02)
        running.start()
        try:
            yield running
        finally:
            running.stop()

    def deliver(self, email: str) -> None:
        number = f"WP{next(self._numbers)}"
        self.ship(self.estrela, f"SALE-{number}", number, email=email)
        self.move(number, "delivered")
        self.tell()

    def all(self) -> list[Notice]:
        return sorted(self.notices.list_page(None, None, None, 1000)[0], key=lambda each: each.position)

    def states(self) -> list[NoticeState]:
        return [each.state for each in self.all()]


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    yield made
    made.close()


@pytest.fixture
def server() -> Iterator[MailServer]:
    with open_mail_server() as opened:
        yield opened


def wait_until(is_so: Callable[[], Any], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_what_is_due_is_sent_over_one_line_and_counted(network: Network, server: MailServer) -> None:
    for each in range(5):
        network.deliver(f"c{each}@example.org")
    with network.mailing(server.port) as running:
        wait_until(lambda: network.states() == [NoticeState.SENT] * 5)
        standing = running.get_standing()
        assert (standing.sent, standing.failed, standing.dead, standing.waiting) == (5, 0, 0, 0)
        assert standing.seconds > 0
        assert not standing.is_held
    assert server.to == [f"c{each}@example.org" for each in range(5)]
    assert server.lines == 1
    assert network.told.getvalue() == ""


def test_no_more_are_sent_a_minute_than_may_be(network: Network, server: MailServer) -> None:
    for _ in range(4):
        network.deliver("ana@example.org")
    with network.mailing(server.port, per_minute=600):
        server.wait_for(1)
        begun_s = time.monotonic()
        server.wait_for(4)
        assert time.monotonic() - begun_s > 0.25  # three pauses of a tenth of a second, begun before the first came


def test_what_is_overtaken_while_it_stands_in_line_is_not_sent(network: Network, server: MailServer) -> None:
    network.deliver("ana@example.org")
    network.ship(network.estrela, "SALE-B", "WPB", email="bea@example.org")
    network.move("WPB", "picked_up")
    network.tell()
    with network.mailing(server.port, per_minute=120):
        server.wait_for(1)
        network.move("WPB", "delivered")
        network.tell()
        wait_until(lambda: network.states().count(NoticeState.SENT) == 2)
    assert NoticeState.OVERTAKEN in network.states()
    assert [mail["Subject"] for mail in server.mails] == ["Seu pacote de Estrela foi entregue"] * 2


def test_a_mail_that_is_greylisted_waits_and_the_others_go_on(network: Network, server: MailServer) -> None:
    grey = itertools.chain(["451 4.7.1 come again"], itertools.repeat(OK))
    server.at_rcpt = lambda to: next(grey) if to.startswith("grey") else OK
    for name in ("grey", "ana", "bea"):
        network.deliver(f"{name}@example.org")
    with network.mailing(server.port) as running:
        wait_until(lambda: network.states()[1:] == [NoticeState.SENT] * 2)
        [first, *_] = network.all()
        assert (first.state, first.tries, first.answer) == (NoticeState.WAITING, 1, 451)
        network.clock.now_ms = first.next_ms
        wait_until(lambda: network.states() == [NoticeState.SENT] * 3)
        assert (running.get_standing().sent, running.get_standing().failed) == (3, 1)
    assert server.to == ["ana@example.org", "bea@example.org", "grey@example.org"]


def test_an_address_that_is_none_is_written_to_no_more(network: Network, server: MailServer) -> None:
    tried: list[str] = []

    def refuse(to: str) -> str:
        tried.append(to)
        return "550 5.1.1 no such user"

    server.at_rcpt = refuse
    network.deliver("gone@example.org")
    with network.mailing(server.port):
        wait_until(lambda: network.states() == [NoticeState.DEAD])
        wait_until(lambda: network.terms.is_refused(network.ming, "gone@example.org"))
        network.deliver("gone@example.org")
        wait_until(lambda: network.states() == [NoticeState.DEAD] * 2)
    assert tried == ["gone@example.org"]
    assert "takes no mail" in network.all()[1].why
    assert network.told.getvalue().count("a mail was given up") == 2
    assert "gone" not in network.told.getvalue()
    assert "example.org" not in network.told.getvalue()


def test_a_mail_at_which_the_server_always_hangs_up_holds_up_nobody_else(network: Network, server: MailServer) -> None:
    server.at_rcpt = lambda to: HANG_UP if to.startswith("bad") else OK
    for name in ("bad", "ana", "bea"):
        network.deliver(f"{name}@example.org")
    with network.mailing(server.port):
        server.wait_for(2)
        wait_until(lambda: network.states()[1:] == [NoticeState.SENT] * 2)
    assert network.states()[0] is NoticeState.WAITING


def test_while_the_server_is_out_of_reach_nothing_is_lost_and_no_try_is_counted(network: Network) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    network.deliver("ana@example.org")
    with network.mailing(port) as running:
        wait_until(lambda: network.told.getvalue().count("no mail goes out") >= 3)
        assert running.get_standing().is_held
        assert [(each.state, each.tries) for each in network.all()] == [(NoticeState.WAITING, 0)]
    with open_mail_server() as server, network.mailing(server.port) as running:
        server.wait_for(1)
        wait_until(lambda: network.states() == [NoticeState.SENT])
        assert not running.get_standing().is_held


def test_what_nobody_took_in_time_is_given_up(network: Network) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    network.deliver("ana@example.org")
    network.clock.now_ms += 600_001
    with network.mailing(port):
        wait_until(lambda: network.states() == [NoticeState.DEAD])
    assert network.all()[0].why == "no mail server took it in time"


def test_who_wants_no_mail_any_more_gets_none_of_what_waits(network: Network, server: MailServer) -> None:
    network.deliver("ana@example.org")
    network.terms.stop(network.terms.write_stop(network.estrela, "ana@example.org"), network.clock())
    with network.mailing(server.port):
        wait_until(lambda: network.states() == [NoticeState.DEAD])
    assert server.to == []


def test_trouble_with_the_records_is_told_and_what_is_due_stays_due(
    network: Network, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.deliver("ana@example.org")
    calls = itertools.count()
    honest = network.notices.list_due

    def fail(now_ms: int, most: int) -> list[Notice]:
        if next(calls) == 0:
            raise RuntimeError("a fault of ours")
        return honest(now_ms, most)

    monkeypatch.setattr(network.notices, "list_due", fail)
    monkeypatch.setattr("waypost.app.mailing._TROUBLE_S", 0.01)
    with network.mailing(server.port):
        server.wait_for(1)
        wait_until(lambda: network.states() == [NoticeState.SENT])
    assert "a fault of ours" in network.told.getvalue()


# Settings


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"HOST": "mail.example"}, "from is no e-mail address"),
        ({"HOST": "mail.example", "FROM": "a@b.c\nBcc: x@y.z"}, "from is no e-mail address"),
        ({"REPLY_TO": "nobody"}, "reply_to is no e-mail address"),
        ({"HOST": "h", "FROM": "a@b.c", "TLS": "none", "USER": "u", "PASSWORD": "s3cret"}, "unencrypted"),
        ({"PASSWORD": "s3cret", "PASSWORD_FILE": "/x"}, "one of them is enough"),
        ({"CA_FILE": "/no/such"}, "is no file"),
        ({"TLS": "perhaps"}, "mail.tls"),
        ({"PER_MINUTE": "0"}, "mail.per_minute"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, told: dict[str, str], why: str) -> None:
    with pytest.raises(SettingsError, match=why) as caught:
        read_settings({f"WAYPOST_MAIL_{name}": value for name, value in told.items()}, home=tmp_path)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["parcels.example", "ftp://parcels.example", "https://", "https://a.example/?b=c"])
def test_an_address_of_the_site_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match=r"site\.url"):
        read_settings({"WAYPOST_SITE_URL": url}, home=tmp_path)


def test_the_password_is_read_from_its_file_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    settings = read_settings({"WAYPOST_MAIL_PASSWORD_FILE": str(tmp_path / "secret")}, home=tmp_path)
    assert settings.mail.read_password() == "s3cret"
    shown = read_settings({"WAYPOST_MAIL_PASSWORD": "s3cret"}, home=tmp_path)
    assert shown.mail.read_password() == "s3cret"
    assert "s3cret" not in repr(shown)
    (tmp_path / "secret").write_text("")
    with pytest.raises(SettingsError, match="is empty"):
        settings.mail.read_password()


def test_a_file_without_certificates_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    mail = {"HOST": "h", "FROM": "a@b.example", "CA_FILE": str(tmp_path / "ca.pem")}
    settings = read_settings({f"WAYPOST_MAIL_{name}": value for name, value in mail.items()}, home=tmp_path)
    with pytest.raises(SettingsError, match="holds no certificates"):
        open_postman(settings, lambda: 0)


# Commands


def test_a_mail_can_be_looked_at_before_there_is_a_server(commands: Commands) -> None:
    told = commands.ask("admin", "mail", "preview", "--language", "es", "--milestone", "out_for_delivery")
    assert told["headers"]["Subject"] == "Su paquete de Example Shop está en reparto"
    assert "En reparto" in told["text"]
    assert told["html"].startswith("<!doctype html>")
    shown = commands.call("admin", "mail", "preview").stdout.decode()
    assert "Subject: Your parcel from Example Shop was delivered" in shown
    assert commands.call("admin", "mail", "preview", "--html").stdout.decode().startswith("<!doctype html>")
    assert "There are: en, zh, es, pt" in commands.fail("admin", "mail", "preview", "--language", "tlh", code=2)
    assert "There are: accepted" in commands.fail("admin", "mail", "preview", "--milestone", "lost", code=2)


def test_a_mail_can_be_sent_to_oneself(commands: Commands, server: MailServer) -> None:
    assert "[mail] host is empty" in commands.fail("admin", "mail", "test", "me@example.org", code=2)
    mail = {"HOST": "127.0.0.1", "PORT": str(server.port), "TLS": "none", "FROM": "Hill <parcels@hilltop.example>"}
    commands.environ |= {f"WAYPOST_MAIL_{name}": value for name, value in mail.items()}
    assert commands.ask("admin", "mail", "test", "me@example.org", "--language", "zh")["is_taken"] is True
    [got] = server.mails
    assert (server.to, got["Subject"]) == (["me@example.org"], "您在Example Shop的包裹已签收")
    assert "127.0.0.1 took it after" in commands.call("admin", "mail", "test", "me@example.org").stdout.decode()
    server.at_rcpt = lambda to: "550 5.1.1 me@example.org is unknown"
    refused = commands.call("admin", "mail", "test", "me@example.org")
    assert (refused.returncode, refused.stdout.decode()) == (
        1,
        "not sent: refused with 550 5.1.1 when told the address\n",
    )
    assert "e-mail address" in commands.fail("admin", "mail", "test", "me@localhost", code=2)


def test_mail_of_a_merchant_is_switched_and_shown(commands: Commands) -> None:
    party = commands.ask("admin", "party", "add", "Estrela")["id"]
    assert commands.ask("admin", "party", "mail", party)["milestones"] == []
    assert commands.ask("admin", "party", "mail", party, "--on")["milestones"] == list(MILESTONES)
    chosen = commands.ask("admin", "party", "mail", party, "--milestone", "delivered")
    assert chosen == {"party": party, "milestones": ["delivered"], "is_served": False}
    told = commands.call("admin", "party", "mail", party).stdout.decode()
    assert told.startswith(f"{party}: delivered\nThere is no mail server yet")
    assert commands.call("admin", "party", "mail", party, "--off").stdout.decode() == f"{party}: mail is off\n"
    commands.fail("admin", "party", "mail", party, "--off", "--milestone", "delivered", code=2)
    commands.fail("admin", "party", "mail", party, "--milestone", "lost", code=2)
    commands.fail("admin", "party", "mail", "mer_none", code=1)
    carrier = commands.ask("admin", "party", "add", "Post", "--kind", "carrier")["id"]
    assert "Merchants have consignees" in commands.fail("admin", "party", "mail", carrier, "--on", code=2)


def test_notices_are_listed_masked_and_by_pages(commands: Commands) -> None:
    with open_house(Settings(home=commands.home)) as house:
        party = house.parties.add(PartyKind.MERCHANT, "Estrela", 1).id
        home = Address(name="Ana", country="BR", street="Rua 1", city="Rio", email="ana@example.org")
        order = Order(reference="O1", sender=home, consignee=home, items=(Item(description="Hat"),))
        book = OrderBook(house.memory.records, house.seals)
        [entry] = book.enter(party, [(0, order)], 1).entries
        with house.memory.records.begin() as connection:
            for piece in range(3):
                assert keep_notices(connection, [notice(party, entry.id, piece)], 1) == 1
    told = commands.ask("admin", "mail", "notices", "--limit", "2", "--state", "waiting")
    assert [(each["to"], each["language"]) for each in told["notices"]] == [("a***@***.org", "pt")] * 2
    rest = commands.ask("admin", "mail", "notices", "--after", told["next"])
    assert [each["piece"] for each in told["notices"] + rest["notices"]] == [3, 2, 1]
    assert rest["next"] is None
    assert commands.ask("admin", "mail", "notices", "--party", "mer_x")["notices"] == []
    shown = commands.call("admin", "mail", "notices", "--limit", "1").stdout.decode()
    assert "a***@***.org" in shown
    assert "More: --after" in shown
    assert "ana@" not in shown
    commands.fail("admin", "mail", "notices", "--state", "lost", code=2)


def notice(party: str, order: str, piece: int) -> Notice:
    return Notice(
        id=f"ntc_{piece}",
        party=party,
        order=order,
        piece=piece,
        position=piece,
        waybill=Waybill("yto", f"YT{piece}"),
        milestone="delivered",
        status="delivered",
        at_ms=1,
        offset_min=0,
        facility="",
        made_ms=1_790_000_000_000 + piece,
        next_ms=1,
        begun_ms=1,
    )
