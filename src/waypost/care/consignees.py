"""Consignees: who of them is to be told what by mail, and the letter that comes of it."""

import hashlib
from collections.abc import Callable, Sequence

import msgspec
from babel.languages import get_official_languages
from sqlalchemy import select
from sqlalchemy.engine import Connection

from waypost.access.records import parties
from waypost.access.sealing import Seal
from waypost.booking.orders import Order
from waypost.booking.records import orders
from waypost.care.mail_terms import MailTerms, is_any_on, list_switched, note_missed
from waypost.care.news import Change
from waypost.care.notices import Notice, NoticeState, keep_notices
from waypost.care.posting import Letter
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, StoreDamaged
from waypost.model.mailboxes import mask_mailbox, parse_mailbox
from waypost.network.facilities import Facilities
from waypost.store.protocols import Records
from waypost.track.records import find_parcels
from waypost.track.statuses import LANGUAGES, Status
from waypost.track.timeline import local_text

#: Exceptions on the way to the consignee; of others, such as a pick-up that failed, the merchant has to know.
_OF_CONSIGNEES = frozenset({"delivery", "exception"})
_FALL_BACK = "en"


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """For whom a notice is, as far as its merchant is shown that: a masked address, "" if the order was erased."""

    to: str
    language: str


class MailAudience:
    """Answers `care.news.Audience`: consignees of merchants that have mail on.

    Args:
        seal: opens what orders say.
        news_ms: what happened longer ago is not told.
    """

    def __init__(self, seal: Callable[[], Seal], news_ms: int) -> None:
        self._seal = seal
        self._news_ms = news_ms

    def is_there(self, connection: Connection) -> bool:
        """See `Audience`."""
        return is_any_on(connection)

    def keep(self, connection: Connection, changes: Sequence[Change], now_ms: int) -> int:
        """See `Audience`."""
        fresh = [each for each in changes if each.at_ms >= now_ms - self._news_ms]
        switched = list_switched(connection, sorted({each.owned.merchant for each in fresh})) if fresh else {}
        new = []
        for change in fresh:
            milestone = find_milestone(change.status)
            if milestone in switched.get(change.owned.merchant, ()) and milestone is not None:
                why = self._find_fault(connection, change.owned.order)
                if why is not None:
                    new.append(_draft(change, milestone, now_ms, why))
        return keep_notices(connection, new, now_ms)

    def note_gap(self, connection: Connection, now_ms: int) -> None:
        """See `Audience`."""
        note_missed(connection, now_ms)

    def _find_fault(self, connection: Connection, id_: str) -> str | None:
        """Why the consignee of an order cannot be written to; "" if nothing is wrong, None if nobody asked for it."""
        try:
            order = read_order(connection, self._seal, id_)
        except StoreDamaged as error:
            return error.message
        if order is None or not order.consignee.email:
            return None
        try:
            parse_mailbox(order.consignee.email)
        except BadInput as error:
            return error.message
        return ""


class Consignees:
    """Looks up for whom notices are.

    Args:
        seal: opens what orders say.
        find_page: of a merchant's order and the place of a parcel in it the token of the consignee's own page; None:
            there is none.
    """

    def __init__(
        self,
        records: Records,
        seal: Callable[[], Seal],
        terms: MailTerms,
        facilities: Facilities,
        find_page: Callable[[str, str, int], str | None] = lambda merchant, order, piece: None,
    ) -> None:
        self._records = records
        self._seal = seal
        self._terms = terms
        self._facilities = facilities
        self._find_page = find_page

    def draft_letter(self, notice: Notice) -> Letter | str:
        """The mail of a notice, or why there is none.

        Raises:
            StoreDamaged: what the order says does not open.
        """
        waybill = notice.waybill
        with self._records.read() as connection:
            order = read_order(connection, self._seal, notice.order)
            asked = select(parties.c.name).where(parties.c.id == notice.party, parties.c.ended_ms.is_(None))
            merchant: str | None = connection.execute(asked).scalar_one_or_none()
            known = [each for each in find_parcels(connection, [waybill.number]) if each.waybill == waybill]
        if order is None:
            return "what the order says was erased"
        if merchant is None:
            return "its merchant takes part no more"
        if notice.milestone not in self._terms.get(notice.party).milestones:
            return "its merchant does not have it told any more"
        try:
            to = parse_mailbox(order.consignee.email)
        except BadInput as error:
            return f"consignee.email {error.message}"
        if self._terms.is_refused(notice.party, to):
            return "this address takes no mail, or its owner wants none"
        place = self._facilities.find(waybill.carrier, notice.facility) if notice.facility else None
        return Letter(
            id=notice.id,
            to=to,
            language=choose_language(order.language, order.consignee.country),
            merchant=merchant,
            reference=order.reference,
            waybill=waybill,
            milestone=notice.milestone,
            status=notice.status,
            at=local_text(notice.at_ms, notice.offset_min, place),
            place=place.name if place else "",
            promised_ms=known[0].promised_ms if known else None,
            page=self._find_page(notice.party, notice.order, notice.piece) or "",
            stop=self._terms.write_stop(notice.party, to),
        )

    def find_recipients(self, notices: Sequence[Notice]) -> list[Recipient]:
        """For whom some notices are, masked."""
        found: dict[str, Recipient] = {}
        with self._records.read() as connection:
            for id_ in {each.order for each in notices}:
                try:
                    order = read_order(connection, self._seal, id_)
                except StoreDamaged:
                    order = None
                if order is None:
                    found[id_] = Recipient(to="", language="")
                    continue
                language = choose_language(order.language, order.consignee.country)
                found[id_] = Recipient(to=mask_mailbox(order.consignee.email), language=language)
        return [found[each.order] for each in notices]

    def forgive(self, notice: Notice) -> None:
        """Write to the address of a notice again, if it took no mail."""
        with self._records.read() as connection:
            order = read_order(connection, self._seal, notice.order)
        if order is not None:
            try:
                self._terms.forgive(parse_mailbox(order.consignee.email))
            except BadInput:
                return  # nothing was ever sent there


def find_milestone(status: Status) -> str | None:
    """What a consignee may be told of a status."""
    if status.milestone == "exception" and status.group not in _OF_CONSIGNEES:
        return None
    return status.milestone


def choose_language(asked: str, country: str) -> str:
    """The language to write in: the one that the order asks for, else the first official one of the country.

    Where that is none of `LANGUAGES`, it is English.
    """
    if asked:
        return asked
    official = [each.split("_")[0] for each in get_official_languages(country, de_facto=True)]
    return official[0] if official and official[0] in LANGUAGES else _FALL_BACK


def read_order(connection: Connection, seal: Callable[[], Seal], id_: str) -> Order | None:
    """What an order says; None if it was erased.

    Raises:
        StoreDamaged: it does not open.
    """
    asked = select(orders.c.body).where(orders.c.id == id_, orders.c.erased_ms.is_(None))
    body = connection.execute(asked).scalar_one_or_none()
    return None if body is None else decode(seal().open(body, id_), Order)


def _draft(change: Change, milestone: str, now_ms: int, why: str) -> Notice:
    """A notice; one that says `why` is given up as it comes, so that its merchant sees it."""
    owned = change.owned
    digest = hashlib.blake2b(f"{owned.order}\x1f{owned.piece}\x1f{milestone}".encode(), digest_size=16)
    return Notice(
        id=f"ntc_{digest.hexdigest()}",
        party=owned.merchant,
        order=owned.order,
        piece=owned.piece,
        position=change.position,
        waybill=change.waybill,
        milestone=milestone,
        status=change.status.code,
        at_ms=change.at_ms,
        offset_min=change.offset_min,
        facility=change.facility,
        made_ms=now_ms,
        next_ms=now_ms,
        begun_ms=now_ms,
        state=NoticeState.DEAD if why else NoticeState.WAITING,
        ended_ms=now_ms if why else None,
        why=why,
    )
