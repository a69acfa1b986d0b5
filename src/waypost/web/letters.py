"""Letters to consignees, as mails: a text and a plain page of the same, in the language of the letter.

Nothing in them is fetched from anywhere, nothing tells whether they were read, and there are two links at most: to the
tracking page, and to the page that ends such mail.
"""

import datetime as dt
import functools
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, parseaddr
from urllib.parse import quote, urlencode

import jinja2
import msgspec

from waypost.care.posting import Letter
from waypost.model.errors import BadInput
from waypost.model.mailboxes import parse_mailbox
from waypost.model.texts import has_control
from waypost.web.door import PRIVATE
from waypost.web.pages.languages import get_language, offset_text


class _Link(UnstructuredHeader, BaseHeader):
    """A header that is a link: whole and as it is, however long (RFC 2369), where others are folded and encoded."""

    def fold(self, *, policy: Policy) -> str:
        """The line of it."""
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _Link)
#: Seven bits, whatever the server can do; and lines as RFC 5322 has them.
_POLICY = SMTP.clone(cte_type="7bit", header_factory=_HEADERS)
#: Text that says of itself that it is encoded would be decoded, and may then be more than text (RFC 2047).
_ENCODED = "=?"
#: Milestones behind which nobody waits for a day of arrival.
_ARRIVED = frozenset({"delivered", "ready_to_collect"})


class Letterhead(msgspec.Struct, frozen=True, kw_only=True):
    """What all letters have in common.

    Attributes:
        network: its name, as people read it.
        url: under which consignees reach the pages, "" if there is no such address.
        sender, reply_to: addresses.
    """

    network: str
    url: str
    sender: str
    reply_to: str = ""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What a letter says, before it is text or HTML.

    Attributes:
        facts: a word for each, and what there is to say.
        track, stop: links, "" for none.
    """

    subject: str
    lead: str
    facts: list[tuple[str, str]]
    why: str
    track: str
    stop: str


def parse_sender(text: str) -> tuple[str, str]:
    """Name and address of somebody who writes, as in `Hilltop Parcels <parcels@hilltop.example>`.

    Raises:
        BadInput: nobody could answer to it.
    """
    name, address = parseaddr(text)
    if has_control(text) or not address:
        raise BadInput("is no e-mail address, with or without a name before it")
    return name, parse_mailbox(address)


def write_page(letter: Letter, head: Letterhead) -> Page:
    """What a letter says."""
    language = get_language(letter.language)
    at = dt.datetime.fromisoformat(letter.at)
    names = {"merchant": letter.merchant, "number": letter.waybill.number, "network": head.network}
    facts = [
        (language.say("mail_status"), language.phrase(letter.status).label),
        (language.say("mail_when"), f"{language.moment(at)} ({offset_text(at)})"),
    ]
    if letter.place and letter.milestone in ("ready_to_collect", "out_for_delivery"):
        facts.append((language.say("mail_place"), letter.place))
    if letter.promised_ms is not None and letter.milestone not in _ARRIVED:
        promised = dt.datetime.fromtimestamp(letter.promised_ms / 1000, at.tzinfo)
        facts.append((language.say("mail_promised"), language.date(promised)))
    facts += [
        (language.say("mail_number"), f"{letter.waybill.number} ({language.carrier(letter.waybill.carrier)})"),
        (language.say("mail_order"), letter.reference),
    ]
    asked = urlencode({"carrier": letter.waybill.carrier, "lang": language.code})
    path = f"/track/{quote(letter.waybill.number, safe='')}?{asked}"
    if letter.page:
        path = f"{PRIVATE}{letter.page}?lang={language.code}"
    return Page(
        subject=language.say(f"mail_{letter.milestone}", **names),
        lead=language.say(f"mail_{letter.milestone}_more", **names),
        facts=facts,
        why=language.say("mail_why", **names),
        track=f"{head.url}{path}" if head.url else "",
        stop=f"{head.url}/mail/stop/{letter.stop}?lang={language.code}" if head.url and letter.stop else "",
    )


def write_mail(letter: Letter, head: Letterhead, now: dt.datetime) -> EmailMessage:
    """The mail of a letter.

    Raises:
        BadInput: a header would hold what no header may.
    """
    language, page = get_language(letter.language), write_page(letter, head)
    _, sender = parse_sender(head.sender)
    mail = EmailMessage(policy=_POLICY)
    try:
        mail["From"] = Address(display_name=_as_it_is(f"{letter.merchant} · {head.network}"), addr_spec=sender)
        mail["To"] = Address(addr_spec=letter.to)
        if head.reply_to:
            name, address = parse_sender(head.reply_to)
            mail["Reply-To"] = Address(display_name=_as_it_is(name), addr_spec=address)
        mail["Subject"] = _as_it_is(page.subject)
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        if page.stop:
            mail["List-Unsubscribe"] = f"<{page.stop}>"
        if page.stop.startswith("https:"):  # RFC 8058 has no other
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    except ValueError:  # a line break in a header, say
        raise BadInput("what the mail says fits into no header") from None
    values = {"page": page, "language": language, "say": language.say, "network": head.network}
    mail.set_content(_templates().get_template("mail.txt").render(values))
    mail.add_alternative(_templates().get_template("mail.html").render(values), subtype="html")
    mail["Content-Language"] = language.tag  # not before: what there is of Content- moves to the parts
    return mail


def _as_it_is(text: str) -> str:
    return text.replace(_ENCODED, "= ?")


@functools.cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("waypost.web", "templates"),
        autoescape=jinja2.select_autoescape(("html",)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
