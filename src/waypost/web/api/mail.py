"""Mail to consignees: merchants say of what theirs are told, and look whether they were."""

from typing import Annotated

from fastapi import FastAPI, Query, Request, Response

from waypost.care.consignees import Recipient
from waypost.care.notices import Notice, NoticeState
from waypost.web.api.mail_answers import (
    MAIL_CHANGE,
    MailChange,
    MailView,
    NoticePage,
    NoticeView,
    view_mail,
    view_notice,
)
from waypost.web.api.merchants import decode_json, merchant_of, read_json
from waypost.web.api.openapi import WITH_MERCHANTS_KEY, sends
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.office import Office

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged")
_SENDING = ("slow_body", "too_large", "unsupported_media_type", "storage_full")


def add_mail(app: FastAPI, office: Office) -> None:
    """The switch, and what became of notices."""
    routes = Routes(app, "mail", WITH_MERCHANTS_KEY, _PROBLEMS)
    desk, post = office.desk, office.desk.post
    is_served = post.standing is not None

    @routes.add("GET", "/v1/mail", "Whether your consignees are told by mail", MailView, "As it is")
    async def get_mail(request: Request) -> Response:
        merchant = await merchant_of(office, request)
        return json_answer(view_mail(await office.lookups.run(post.terms.get, merchant), is_served=is_served))

    @routes.add(
        "PATCH",
        "/v1/mail",
        "Have your consignees told by mail, or not",
        MailView,
        "As it is now",
        *_SENDING,
        description=(
            "Of each of these milestones that a parcel of yours reaches from now on, its consignee gets a mail, once, "
            "if the order has `consignee.email`. No milestones: mail is off."
        ),
        extra=sends(MailChange, MAIL_CHANGE),
    )
    async def change_mail(request: Request) -> Response:
        merchant = await merchant_of(office, request)
        sent = decode_json(await read_json(office, request), MailChange)
        changed = await office.intake.run(post.terms.switch, merchant, sent.milestones, desk.clock())
        return json_answer(view_mail(changed, is_served=is_served))

    @routes.add(
        "GET",
        "/v1/mail/notices",
        "What your consignees were told, newest first",
        NoticePage,
        "A page of them",
        description="And what they are still to be told. They are kept for `keep_days` of the settings.",
    )
    async def list_notices(
        request: Request,
        state: Annotated[NoticeState | None, Query(description="How far they are.")] = None,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        merchant = await merchant_of(office, request)

        def look() -> NoticePage:
            page, cursor = post.notices.list_page(merchant, state, after, limit)
            found = zip(page, post.consignees.find_recipients(page), strict=True)
            return NoticePage([view_notice(notice, recipient) for notice, recipient in found], cursor)

        return json_answer(await office.lookups.run(look))

    @routes.add(
        "POST",
        "/v1/mail/notices/{notice}/retry",
        "Try one once more that was given up",
        NoticeView,
        "As it is now",
        "not_found",
        "conflict",
        description="If its address took no mail, it is tried again too. Who wants no mail gets none.",
    )
    async def retry_notice(request: Request, notice: str) -> Response:
        merchant = await merchant_of(office, request)

        def retry() -> tuple[Notice, Recipient]:
            found = post.notices.retry(merchant, notice, desk.clock())
            post.consignees.forgive(found)
            return found, post.consignees.find_recipients([found])[0]

        return json_answer(view_notice(*await office.intake.run(retry)))
