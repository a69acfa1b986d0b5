"""What the API says of mail to consignees, as records, with one example each."""

from typing import Annotated

import msgspec

from waypost.care.consignees import Recipient
from waypost.care.mail_terms import MILESTONES, MailSwitch
from waypost.care.notices import Notice, NoticeState
from waypost.model.instants import format_known, format_utc
from waypost.track.views import WaybillView

Milestones = Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=64)]


class MailChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of what consignees are told by mail from now on; none: of nothing."""

    milestones: Milestones


class MailView(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the consignees of a merchant are told by mail.

    Attributes:
        is_served: the network has a mail server. Without one nobody is told, whatever is switched on.
        milestones: what they are told of; none: mail is off.
        missed_at: when it came out that some changes had gone, of which nobody was told.
    """

    is_served: bool
    milestones: list[str]
    changed_at: str | None
    missed_at: str | None


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a consignee is told of a parcel.

    Attributes:
        piece: which parcel of the order, from 1.
        to: the address, masked; "" if what the order says was erased. `language` in which it is written.
        next_try: when it is sent at the earliest, if it waits.
        answer: the SMTP code that the last try ended with, None without one; `why` that was in vain.
        ended_at: when the mail server took it, or it was given up or overtaken.
    """

    id: str
    state: NoticeState
    order: str
    piece: int
    waybill: WaybillView
    milestone: str
    status: str
    to: str
    language: str
    made_at: str
    next_try: str | None
    tries: int
    answer: int | None
    why: str
    ended_at: str | None


class NoticePage(msgspec.Struct, frozen=True):
    """Some notices, newest first; `next` is the cursor for more, None at the end."""

    notices: list[NoticeView]
    next: str | None


def view_mail(switch: MailSwitch, *, is_served: bool) -> MailView:
    """As its merchant sees it."""
    return MailView(
        is_served=is_served,
        milestones=list(switch.milestones),
        changed_at=format_known(switch.changed_ms),
        missed_at=format_known(switch.missed_ms),
    )


def view_notice(notice: Notice, recipient: Recipient) -> NoticeView:
    """As its merchant sees it."""
    return NoticeView(
        id=notice.id,
        state=notice.state,
        order=notice.order,
        piece=notice.piece + 1,
        waybill=WaybillView(notice.waybill.carrier, notice.waybill.number),
        milestone=notice.milestone,
        status=notice.status,
        to=recipient.to,
        language=recipient.language,
        made_at=format_utc(notice.made_ms),
        next_try=format_utc(notice.next_ms) if notice.state is NoticeState.WAITING else None,
        tries=notice.tries,
        answer=notice.answer,
        why=notice.why,
        ended_at=format_known(notice.ended_ms),
    )


_NOTICE = NoticeView(
    id="ntc_1f0e2d3c4b5a69788796a5b4c3d2e1f0",
    state=NoticeState.WAITING,
    order="ord_5b0f3c2a9d8e7f61a2b3",
    piece=1,
    waybill=WaybillView("correios", "OS123456785BR"),
    milestone="out_for_delivery",
    status="out_for_delivery",
    to="a***@***.br",
    language="pt",
    made_at="2026-11-24T11:20:05Z",
    next_try="2026-11-24T11:21:10Z",
    tries=1,
    answer=451,
    why="refused with 451 4.7.1 when told the address",
    ended_at=None,
)
MAIL_EXAMPLES: dict[type, msgspec.Struct] = {
    MailView: MailView(is_served=True, milestones=list(MILESTONES), changed_at="2026-11-22T13:04:00Z", missed_at=None),
    NoticeView: _NOTICE,
    NoticePage: NoticePage([_NOTICE], None),
}
MAIL_CHANGE = MailChange(milestones=["out_for_delivery", "ready_to_collect", "delivered"])
