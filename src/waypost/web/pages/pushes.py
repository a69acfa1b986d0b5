"""The operator's pages of pushes: what carriers push and what becomes of it, and one push as it came."""

import datetime as dt
from typing import Any

from fastapi import FastAPI, Request, Response

from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS
from waypost.track.pushes import UNKEPT, KeptPush, Outcome, OutcomeCount
from waypost.web.api.pushes import body_text, open_push
from waypost.web.office import Office
from waypost.web.pages.languages import Language
from waypost.web.pages.paper import Paper, language_of
from waypost.web.pages.session import HOME, get_operator

PATH = f"{HOME}/pushes"
_PAGE = 50
_KEPT = [outcome for outcome in Outcome if outcome not in UNKEPT]
_SHAPES = {Outcome.TAKEN: "done", Outcome.PARTLY: "risk", Outcome.UNREADABLE: "late"}


def add_push_pages(app: FastAPI, office: Office, paper: Paper) -> None:
    """The list with its counts, and one of them."""

    @app.get(PATH, include_in_schema=False)
    async def show_pushes(request: Request) -> Response:
        await get_operator(office, request)
        language, pushes, now_ms = language_of(request), office.desk.pushes, office.desk.clock()
        account = request.query_params.get("account", "").strip()[:64] or None
        asked = request.query_params.get("outcome", "").strip() or None
        after = request.query_params.get("after") or None
        kept: list[KeptPush] = []
        cursor, warning = None, None
        try:
            outcome = _read_outcome(asked)
            kept, cursor = await office.lookups.run(pushes.raw.list_page, account and [account], outcome, after, _PAGE)
        except BadInput as error:
            warning = error.message
        day = await office.lookups.run(pushes.raw.count_since, now_ms - DAY_MS)
        week = await office.lookups.run(pushes.raw.count_since, now_ms - 7 * DAY_MS)
        unkept = pushes.count_unkept()
        accounts = sorted({*pushes.list_accounts(), *(each.account for each in [*week, *unkept])})
        return paper.answer(
            "pushes.html",
            language,
            request,
            status=200 if warning is None else 400,
            here="pushes",
            warning=warning,
            account=account,
            outcome=asked,
            accounts=accounts,
            kept_outcomes=[each.value for each in _KEPT],
            unkept_outcomes=[each.value for each in UNKEPT],
            counts=[_counts(name, day, week, unkept, language) for name in accounts],
            rows=[_row(each, language) for each in kept],
            next=cursor,
            is_first=after is None,
        )

    @app.get(PATH + "/{push}", include_in_schema=False)
    async def show_push(request: Request, push: str) -> Response:
        key = await get_operator(office, request)
        language = language_of(request)
        opened = await open_push(office, request, key, push)
        text, encoding = body_text(opened.body)
        return paper.answer(
            "push.html",
            language,
            request,
            here="pushes",
            push=_row(opened.kept, language),
            body=text,
            is_text=encoding == "utf-8",
            size=language.number(len(opened.body)),
        )


def _read_outcome(text: str | None) -> Outcome | None:
    if text is None:
        return None
    try:
        return Outcome(text)
    except ValueError:
        raise BadInput(f"there is no outcome {text[:40]!r}", where="filter") from None


def _counts(
    account: str, day: list[OutcomeCount], week: list[OutcomeCount], unkept: list[OutcomeCount], language: Language
) -> dict[str, Any]:
    def of(counts: list[OutcomeCount]) -> dict[str, str]:
        found = {each.outcome.value: each.pushes for each in counts if each.account == account}
        return {outcome.value: language.number(found.get(outcome.value, 0)) for outcome in Outcome}

    return {"account": account, "day": of(day), "week": of(week), "unkept": of(unkept)}


def _row(kept: KeptPush, language: Language) -> dict[str, Any]:
    received = dt.datetime.fromtimestamp(kept.received_ms / 1000, dt.UTC)
    return {
        "id": kept.id,
        "account": kept.account,
        "iso": received.isoformat(),
        "received": language.stamp(received),
        "outcome": kept.outcome.value,
        "shape": _SHAPES.get(kept.outcome, "idle"),
        "scans": language.number(kept.scans),
        "refused": language.number(kept.refused),
        "why": kept.why,
    }
