"""What consignees read: in their language, about their parcel alone, with nothing hidden in it."""

import datetime as dt
import email
import email.policy
import html.parser
import re
from typing import Any

import msgspec
import pytest

from waypost.care.mail_terms import MILESTONES
from waypost.care.posting import Letter
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput
from waypost.track.statuses import LANGUAGES
from waypost.web.letters import Letterhead, parse_sender, write_mail

HEAD = Letterhead(
    network="Hilltop Parcels",
    url="https://parcels.example",
    sender="Hilltop <parcels@hilltop.example>",
    reply_to="Help <help@hilltop.example>",
)
LETTER = Letter(
    id="ntc_0123",
    to="ana@example.org",
    language="pt",
    merchant="Estrela",
    reference="SALE-1",
    waybill=Waybill("correios", "OS123456785BR"),
    milestone="ready_to_collect",
    status="awaiting_pickup",
    at="2026-11-24T14:19:00-03:00",
    place="Agência Centro",
    promised_ms=1_795_700_000_000,
    stop="mer_1.abc.def",
)
NOW = dt.datetime(2026, 11, 24, 17, 20, tzinfo=dt.UTC)


def write(head: Letterhead = HEAD, **changed: Any) -> Any:
    """The mail, as whoever gets it reads it."""
    raw = write_mail(msgspec.structs.replace(LETTER, **changed), head, NOW).as_bytes()
    assert max(map(len, raw.splitlines())) <= 998
    assert raw.isascii()
    return email.message_from_bytes(raw, policy=email.policy.default)


def text_of(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content())


def page_of(mail: Any) -> str:
    return str(mail.get_body(("html",)).get_content())


def test_its_headers() -> None:
    mail = write()
    assert {name: str(value) for name, value in mail.items()} == {
        "From": "Estrela · Hilltop Parcels <parcels@hilltop.example>",
        "To": "ana@example.org",
        "Reply-To": "Help <help@hilltop.example>",
        "Subject": "Seu pacote de Estrela está pronto para retirada",
        "Date": "Tue, 24 Nov 2026 17:20:00 +0000",
        "Message-ID": "<ntc_0123@hilltop.example>",
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": "<https://parcels.example/mail/stop/mer_1.abc.def?lang=pt>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Content-Type": mail["Content-Type"],
        "MIME-Version": "1.0",
        "Content-Language": "pt-BR",
    }


def test_text_and_page_say_the_same() -> None:
    mail = write()
    text, page = text_of(mail), page_of(mail)
    for told in (
        "Seu pacote de Estrela espera por você",
        "Agência Centro",
        "24 de nov. de 2026 14:19 (UTC−3)",
        "OS123456785BR (Correios)",
        "SALE-1",
        "https://parcels.example/mail/stop/mer_1.abc.def?lang=pt",
    ):
        assert told in text
        assert told in page
    track = "https://parcels.example/track/OS123456785BR?carrier=correios&lang=pt"
    assert track in text
    assert track.replace("&", "&amp;") in page


def test_who_has_a_page_of_its_own_is_led_there() -> None:
    text = write(page="abc234").get_body(("plain",)).get_content()
    assert "https://parcels.example/p/abc234?lang=pt" in text
    assert "/track/" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("milestone", MILESTONES)
def test_every_milestone_has_words_of_its_own_in_every_language(language: str, milestone: str) -> None:
    mail = write(language=language, milestone=milestone, status="delivered")
    others = [write(language=language, milestone=each, status="delivered")["Subject"] for each in MILESTONES]
    assert others.count(mail["Subject"]) == 1
    assert "Estrela" in mail["Subject"]
    assert "{" not in text_of(mail)
    assert ("Promised by" in text_of(write(milestone=milestone, language="en"))) is (
        milestone not in ("delivered", "ready_to_collect")
    )


class Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [(name, value or "") for name, value in attributes if name in ("href", "src", "background")]


def test_nothing_is_fetched_and_nobody_is_watched() -> None:
    links = Links()
    links.feed(page := page_of(write()))
    assert links.tags <= {*["html", "head", "meta", "title", "body", "table", "tr", "td", "th", "h1", "p", "a", "br"]}
    assert {name for name, _ in links.found} == {"href"}
    assert [value.split("?")[0] for _, value in links.found] == [
        "https://parcels.example/track/OS123456785BR",
        "https://parcels.example/mail/stop/mer_1.abc.def",
    ]
    assert "url(" not in page
    assert re.findall(r"https?://[^/\"]+", page) == ["https://parcels.example"] * 2


def test_what_others_write_stays_text() -> None:
    bad = '<script>alert(1)</script><img src=x>"&{merchant}'
    page = page_of(write(merchant=bad, reference=bad, place=bad, waybill=Waybill(bad, bad)))
    links = Links()
    links.feed(page)
    assert not links.tags & {"script", "img"}
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("bad", ["A\r\nBcc: eve@example.org", "A\nB", "A\r"])
@pytest.mark.parametrize("field", ["merchant", "id"])
def test_a_line_break_makes_no_header(field: str, bad: str) -> None:
    with pytest.raises(BadInput, match="fits into no header"):
        write(**{field: bad})


@pytest.mark.parametrize("odd", ["X =?utf-8?q?a=0D=0ABcc=3A_x=40y.z?=", "=?utf-8?b?AAAA?="])
def test_a_name_that_says_it_is_encoded_stays_as_it_is(odd: str) -> None:
    raw = write_mail(msgspec.structs.replace(LETTER, merchant=odd), HEAD, NOW).as_bytes()
    head = raw.partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc" not in head
    assert b"\0" not in head
    read = email.message_from_bytes(raw, policy=email.policy.default)
    assert str(read["From"]).startswith('"' + odd.replace("=?", "= ?")[:8]) or odd.replace("=?", "= ?") in str(
        read["From"]
    )


def test_the_link_that_ends_mail_stands_whole_in_its_header() -> None:
    """Programs that post to it do not decode it (RFC 2369)."""
    raw = write_mail(msgspec.structs.replace(LETTER, stop="mer_1." + "a" * 120), HEAD, NOW).as_bytes()
    assert b"\r\nList-Unsubscribe: <https://parcels.example/mail/stop/mer_1." + b"a" * 120 + b"?lang=pt>\r\n" in raw


@pytest.mark.parametrize("name", ['Evil" <eve@example.org>', "Ming 明 · 商店", "x" * 120, "a@b.c", "=?utf-8?q?x?="])
def test_a_name_stays_a_name(name: str) -> None:
    mail = write(merchant=name)
    [sender] = mail["From"].addresses
    assert sender.addr_spec == "parcels@hilltop.example"
    assert len(mail["To"].addresses) == 1
    assert mail["Bcc"] is mail["Cc"] is None


def test_without_an_address_of_the_site_there_are_no_links() -> None:
    mail = write(Letterhead(network="Hilltop", url="", sender="a@hilltop.example"))
    assert "http" not in text_of(mail) + page_of(mail)
    assert "OS123456785BR" in text_of(mail)
    assert mail["List-Unsubscribe"] is mail["Reply-To"] is None
    plain = write(msgspec.structs.replace(HEAD, url="http://parcels.example"))
    assert plain["List-Unsubscribe"] is not None
    assert plain["List-Unsubscribe-Post"] is None  # RFC 8058 wants TLS


def test_what_is_written_twice_has_one_id() -> None:
    assert write()["Message-ID"] == write(status="delivered")["Message-ID"] != write(id="ntc_2")["Message-ID"]


@pytest.mark.parametrize("text", ["", "Hilltop", "Hilltop <>", "a@b.c\r\nBcc: x@y.z", "<a@b>", "Hill <a b@c.d>"])
def test_a_sender_whom_nobody_could_answer_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_sender(text)
