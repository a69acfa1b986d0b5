"""`waypost admin mail preview | test | notices` and `party mail`: they work beside a running server too."""

import datetime as dt
import secrets
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

import msgspec

from waypost.access.parties import Parties
from waypost.app.console import legible, line, out, results
from waypost.app.mailing import letterhead_of, open_postman
from waypost.app.records import records_of
from waypost.app.seals import Seals
from waypost.app.settings import Settings, read_settings
from waypost.app.wiring import now_ms
from waypost.care.consignees import Consignees
from waypost.care.mail_terms import MILESTONES, MailSwitch, MailTerms
from waypost.care.notices import Notices, NoticeState
from waypost.care.patience import Patience
from waypost.care.posting import Letter
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS, format_instant, format_utc
from waypost.model.mailboxes import parse_mailbox
from waypost.model.parties import PartyKind
from waypost.network.facilities import Facilities
from waypost.track.statuses import LANGUAGES
from waypost.web.letters import Letterhead, write_mail

_STATUSES = {
    "accepted": "picked_up",
    "out_for_delivery": "out_for_delivery",
    "exception": "delivery_attempted",
    "ready_to_collect": "awaiting_pickup",
    "delivered": "delivered",
}
_NOBODY = "consignee@example.org"


def preview_mail(language: str, milestone: str, *, in_html: bool, home: Path | None, as_json: bool) -> None:
    """Print a mail about a parcel that is made up, as the settings have it written."""
    settings = read_settings(home=home)
    mail = _write(_sample(language, milestone, _NOBODY), settings)
    text, page = (_part(mail, kind) for kind in ("plain", "html"))
    if as_json:
        out({"headers": {name: str(value) for name, value in mail.items()}, "text": text, "html": page})
    elif in_html:
        print(page, end="")
    else:
        shown = ("From", "To", "Reply-To", "Subject", "List-Unsubscribe")
        heads = [f"{name}: {legible(str(mail[name]))}" for name in shown if mail[name]]
        print("\n".join([*heads, "", text]), end="")


def send_test(address: str, language: str, milestone: str, *, home: Path | None, as_json: bool) -> int:
    """Send such a mail by the mail server of the settings; an exit code."""
    settings = read_settings(home=home)
    to = parse_mailbox(address)
    postman = open_postman(settings, now_ms)
    posted = postman.post(_sample(language, milestone, to))
    postman.rest()
    if as_json:
        out({"is_taken": posted.is_well, "answer": posted.status, "why": posted.why, "seconds": posted.seconds})
    elif posted.is_well:
        print(f"{settings.mail.host} took it after {posted.seconds:.1f} s")
    else:
        results().print(line("not sent: ", (posted.why, "bold")))
    return 0 if posted.is_well else 1


def list_notices(
    state: str | None, party: str | None, after: str | None, limit: int, *, home: Path | None, as_json: bool
) -> None:
    """Print what consignees were told, newest first, and are to be told."""
    try:
        meant = None if state is None else NoticeState(state)
    except ValueError:
        raise BadInput(f"unknown state {state!r:.40}", mend=f"States: {', '.join(NoticeState)}.") from None
    with records_of(home) as (settings, records):
        seals = Seals(settings.home, records)
        page, cursor = Notices(records, Patience(DAY_MS, lambda: 0.5)).list_page(party, meant, after, limit)
        terms = MailTerms(records, seals, secrets.token_bytes)
        found = Consignees(records, seals, terms, Facilities(records)).find_recipients(page)
    if as_json:
        told = [
            msgspec.to_builtins(notice) | msgspec.to_builtins(recipient) | {"piece": notice.piece + 1}
            for notice, recipient in zip(page, found, strict=True)
        ]
        out({"notices": told, "next": cursor})
        return
    for notice, recipient in zip(page, found, strict=True):
        answer = legible(notice.why or "")
        print(
            f"{notice.id}  {format_utc(notice.made_ms)}  {notice.state.value:9} {notice.milestone:16} "
            f"{legible(notice.waybill.number)}  {recipient.to}  {answer}".rstrip()
        )
    if cursor is not None:
        print(f"More: --after {cursor}")


def switch_mail(party: str, milestones: Sequence[str], *, is_on: bool | None, home: Path | None, as_json: bool) -> None:
    """Show of what a merchant's consignees are told by mail, or change it."""
    if milestones and is_on is False:
        raise BadInput("--milestone and --off exclude each other")
    with records_of(home) as (settings, records):
        found = Parties(records, secrets.token_bytes).get(party)
        if found.kind is not PartyKind.MERCHANT:
            raise BadInput(f"{party} is a {found.kind.value}", mend="Merchants have consignees.")
        terms = MailTerms(records, Seals(settings.home, records), secrets.token_bytes)
        if milestones or is_on is not None:
            switch = terms.switch(party, (milestones or MILESTONES) if is_on is not False else (), now_ms())
        else:
            switch = terms.get(party)
    _tell_switch(switch, settings, as_json=as_json)


def _tell_switch(switch: MailSwitch, settings: Settings, *, as_json: bool) -> None:
    is_served = bool(settings.mail.host)
    if as_json:
        out({"party": switch.party, "milestones": list(switch.milestones), "is_served": is_served})
        return
    print(f"{switch.party}: {', '.join(switch.milestones) or 'mail is off'}")
    if switch.milestones and not is_served:
        print("There is no mail server yet, so nobody is told: see [mail] in the settings.")


def _sample(language: str, milestone: str, to: str) -> Letter:
    """A letter about a parcel that is made up."""
    for name, text, known in (("language", language, LANGUAGES), ("milestone", milestone, MILESTONES)):
        if text not in known:
            raise BadInput(f"unknown {name} {text[:40]!r}", mend=f"There are: {', '.join(known)}.")
    now = now_ms()
    return Letter(
        id=f"tst_{secrets.token_hex(16)}",
        to=to,
        language=language,
        merchant="Example Shop",
        reference="TEST-1",
        waybill=Waybill("waypost", "WP000000000"),
        milestone=milestone,
        status=_STATUSES[milestone],
        at=format_instant(now, 0),
        place="Example Station, Main Street 1",
        promised_ms=now + DAY_MS,
        stop="example",
    )


def _write(letter: Letter, settings: Settings) -> EmailMessage:
    head = letterhead_of(settings)
    if not head.sender:  # before there is a mail server, too, one may look at mails
        head = Letterhead(network=head.network, url=head.url, sender="network@example.org", reply_to=head.reply_to)
    return write_mail(letter, head, dt.datetime.fromtimestamp(now_ms() / 1000, dt.UTC))


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())
