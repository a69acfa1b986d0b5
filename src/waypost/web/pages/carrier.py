"""The carrier's page: confirm pick-ups and other scans, hand in a file, and see how the last ones went."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import pyarrow as pa
from fastapi import FastAPI, Request, Response
from msgspec import structs

from waypost.access.keys import Key
from waypost.model.carriers import CARRIER_CODE
from waypost.model.errors import BadInput
from waypost.model.instants import get_zone
from waypost.model.texts import has_control
from waypost.track.files import Filed
from waypost.track.reception import Receipt
from waypost.track.views import ParcelView
from waypost.track.wire import rows_of_table
from waypost.web.api.carriers import take_upload
from waypost.web.door import headers_in
from waypost.web.office import Office
from waypost.web.pages.languages import Language, offset_text
from waypost.web.pages.numbers import split_numbers
from waypost.web.pages.paper import Paper, language_of
from waypost.web.pages.reasons import say_reason
from waypost.web.pages.session import CARRIER_HOME, get_carrier, read_form
from waypost.web.uploads import read_upload

#: What may be confirmed, in the order in which it happens; unified codes, which every carrier's scans may have.
CODES = (
    *("picked_up", "pickup_failed", "arrived_at_hub", "departed_from_hub", "out_for_delivery", "delivered"),
    *("delivery_attempted", "recipient_unavailable", "address_issue", "refused", "awaiting_pickup", "damaged"),
    "in_return_transit",
)
#: Numbers that are confirmed at once; further ones stay in the field.
MOST_NUMBERS = 200
_NEWEST, _SPELLED_OUT, _SUGGESTED = 12, 50, 200
_WAIT_S = 3.0
#: The ends of names that say how a file is read, besides what stands in it.
_ENDINGS = (".csv", ".xlsx", ".ndjson", ".jsonl", ".json")
_COOKIE, _REMEMBERED = "waypost_place", ("carrier", "facility", "zone")
_YEAR_S = 365 * 86_400


def add_carrier(app: FastAPI, office: Office, paper: Paper) -> None:
    """The page, its two forms, and the reports of what was refused."""

    async def answer(
        request: Request, key: Key, form: Mapping[str, str], *, status: int = 200, **values: object
    ) -> Response:
        language = language_of(request)
        told = await office.lookups.run(_read, office, key, form, language)
        empty: dict[str, object] = {"warning": "", "rows": [], "counts": "", "filed": None}
        return paper.answer("carrier.html", language, request, status=status, **told, **(empty | values))

    @app.get(CARRIER_HOME, include_in_schema=False)
    async def show_page(request: Request) -> Response:
        return await answer(request, await get_carrier(office, request), _remembered(request))

    @app.post(f"{CARRIER_HOME}/scans", include_in_schema=False)
    async def confirm(request: Request) -> Response:
        key, language = await get_carrier(office, request), language_of(request)
        form = await read_form(request, office)
        numbers = split_numbers(form.get("numbers", ""))
        numbers, rest = numbers[:MOST_NUMBERS], numbers[MOST_NUMBERS:]
        try:
            if not numbers:
                raise BadInput(language.say("portal_no_numbers"))
            carrier = _carrier_of(key, form)
            at, zone = await office.lookups.run(_when, office, carrier, form)
        except BadInput as error:
            return await answer(request, key, form, status=422, warning=error.message)
        told = [carrier, form.get("code", ""), at, form.get("facility", ""), zone]
        columns = dict(zip(("carrier", "code", "at", "facility", "zone"), told, strict=True))
        table = pa.table({name: [text] * len(numbers) for name, text in columns.items()} | {"number": numbers})
        receipt = await office.intake.run(lambda: office.desk.reception.receive(rows_of_table(table), only=[carrier]))
        office.metrics.accepted.inc(receipt.accepted)
        office.metrics.refused.inc(receipt.refused)
        await office.shows(receipt.end, within_s=min(_WAIT_S, office.limits.wait_s))
        parcels = await office.lookups.run(_find, office, numbers, carrier)
        left = language.say("portal_left", count=len(rest)) if rest else ""
        shown = await answer(
            request,
            key,
            dict(form) | {"numbers": "\n".join(rest)},
            warning=left,
            counts=language.say("portal_counts", taken=receipt.accepted, refused=receipt.refused),
            rows=_rows(numbers, receipt, parcels, language),
        )
        shown.headers["set-cookie"] = _remember(form)
        return shown

    @app.post(f"{CARRIER_HOME}/files", include_in_schema=False)
    async def hand_in(request: Request) -> Response:
        key, headers = await get_carrier(office, request), headers_in(request.scope)
        await office.hold_bulk_back(headers, request.receive)
        async with office.body(request.scope, request.receive, office.limits.file_bytes) as body:
            form, upload = read_upload(headers, body)
            form = _remembered(request) | form
            try:
                carrier = _carrier_of(key, form)
                if upload is None or not upload.content:
                    raise BadInput(language_of(request).say("portal_no_file"))
            except BadInput as error:
                return await answer(request, key, form, status=422, warning=error.message)
            ending = Path(upload.name).suffix.lower()
            ending = ending if ending in _ENDINGS else ".csv"
            filed = await take_upload(office, upload.content, upload.name, ending, carrier, key.name)
        return await answer(request, key, form, filed=_filed(filed, language_of(request)))

    @app.get(f"{CARRIER_HOME}/files/{{id}}/refused.csv", include_in_schema=False)
    async def get_report(request: Request, id: str) -> Response:
        key = await get_carrier(office, request)
        name, report = await office.lookups.run(office.desk.files.get_report, id, key.carriers or None)
        headers = {
            "content-disposition": f"attachment; filename*=UTF-8''{quote(name)}.refused.csv",
            "cache-control": "private, no-store",
        }
        return Response(report, media_type="text/csv", headers=headers)


def _read(office: Office, key: Key, form: Mapping[str, str], language: Language) -> dict[str, Any]:
    """What stands on the page besides what was just done."""
    desk = office.desk
    carrier = form.get("carrier", "") or (key.carriers[0] if key.carriers else "")
    if (
        key.carriers and carrier not in key.carriers
    ):  # a form or a cookie of somebody else's: it shows nothing of theirs
        carrier = key.carriers[0]
    places, _ = desk.facilities.list_page(carrier, None, _SUGGESTED) if CARRIER_CODE.fullmatch(carrier) else ([], None)
    zone = form.get("zone") or desk.reception.find_zone(carrier, form.get("facility")) or ""
    accounts = [name for name, whose in desk.carriers.items() if not key.carriers or whose in key.carriers]
    pushes = desk.pushes.raw.list_page(accounts, None, None, _NEWEST)[0] if accounts else []
    return {
        "key_name": key.name,
        "carriers": [(code, language.carrier(code)) for code in key.carriers],
        "codes": [(code, language.phrase(code).label) for code in CODES],
        "form": {name: form.get(name, "") for name in ("code", "facility", "when", "numbers")}
        | {"carrier": carrier, "zone": zone},
        "places": [(each.code, each.name) for each in places],
        "most": MOST_NUMBERS,
        "files": [_filed(each, language) for each in desk.files.list_newest(key.carriers or None, _NEWEST)],
        "pushes": [
            {"account": each.account, "at": _utc(each.received_ms, language), "outcome": each.outcome.value}
            for each in pushes
        ],
    }


def _carrier_of(key: Key, form: Mapping[str, str]) -> str:
    """For whom the form speaks.

    Raises:
        BadInput: it names none, or one that the key does not speak for.
    """
    carrier = form.get("carrier", "").strip() or (key.carriers[0] if len(key.carriers) == 1 else "")
    if not CARRIER_CODE.fullmatch(carrier) or (key.carriers and carrier not in key.carriers):
        raise BadInput(f"{carrier[:40]!r} is no carrier that this key speaks for")
    return carrier


def _when(office: Office, carrier: str, form: Mapping[str, str]) -> tuple[str, str | None]:
    """The stamp of the form and its zone; now, if it names no time.

    Raises:
        BadInput: there is no such zone.
    """
    zone = form.get("zone", "").strip() or None
    told = form.get("when", "").strip()
    if told:
        return told.replace("T", " "), zone
    local = zone or office.desk.reception.find_zone(carrier, form.get("facility"))
    moment = dt.datetime.fromtimestamp(office.desk.clock() // 1000, get_zone(local) if local else dt.UTC)
    return moment.isoformat(), None


def _find(office: Office, numbers: list[str], carrier: str) -> dict[str, ParcelView]:
    """The parcels of that carrier under some numbers."""
    found: dict[str, ParcelView] = {}
    for each in office.desk.tracker.find([number for number in numbers if number.isprintable()]):
        for parcel in each.parcels:
            if any(waybill.carrier == carrier for waybill in parcel.numbers):
                found.setdefault(each.asked, parcel)
    return found


def _rows(
    numbers: list[str], receipt: Receipt, parcels: Mapping[str, ParcelView], language: Language
) -> list[dict[str, str]]:
    """The refused numbers first: they want doing."""
    refused = {
        each.row: ": ".join(filter(None, (each.field, say_reason(each.reason, language)))) for each in receipt.refusals
    }
    rows = []
    for place, number in enumerate(numbers):
        parcel, why = parcels.get(number), refused.get(place, "")
        row = {"number": number, "why": why, "label": "", "shape": "idle", "at": ""}
        if parcel is not None:
            row |= {"label": language.phrase(parcel.status).label, "shape": parcel.shape}
            if parcel.status_at:
                moment = dt.datetime.fromisoformat(parcel.status_at)
                row["at"] = f"{language.stamp(moment)} {offset_text(moment)}"
        rows.append(row)
    return sorted(rows, key=lambda row: not row["why"])


def _filed(filed: Filed, language: Language) -> dict[str, Any]:
    return {
        "id": filed.id,
        "name": filed.name,
        "source": filed.source,
        "at": _utc(filed.received_ms, language),
        "outcome": filed.outcome.value,
        "counts": language.say("portal_counts", taken=filed.scans, refused=filed.refused),
        "refused": filed.refused,
        "why": say_reason(filed.why, language),
        "rows": [
            structs.replace(each, reason=say_reason(each.reason, language)) for each in filed.refusals[:_SPELLED_OUT]
        ],
        "more": max(filed.refused - _SPELLED_OUT, 0),
    }


def _utc(at_ms: int, language: Language) -> str:
    return language.stamp(dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC))


def _remembered(request: Request) -> dict[str, str]:
    """Where the person stood last time."""
    try:
        told = parse_qs(request.cookies.get(_COOKIE, "")[:1000], max_num_fields=10)
    except ValueError:  # not a cookie of ours
        return {}
    return {name: told[name][-1] for name in _REMEMBERED if name in told and not has_control(told[name][-1])}


def _remember(form: Mapping[str, str]) -> str:
    told = urlencode({name: form[name][:128] for name in _REMEMBERED if form.get(name)})
    return f"{_COOKIE}={told}; Path={CARRIER_HOME}; Max-Age={_YEAR_S}; HttpOnly; SameSite=Strict"
