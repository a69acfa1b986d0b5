"""The operator's list of parcels: filters in the address, page by page, and as a file."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from waypost.model.errors import BadInput
from waypost.track.parcels import Filters
from waypost.track.statuses import list_statuses
from waypost.track.views import ParcelView
from waypost.web.csv_files import MARK, write_csv
from waypost.web.office import Office
from waypost.web.pages.journey import place_text
from waypost.web.pages.languages import Language, offset_text
from waypost.web.pages.operator import freshness_text
from waypost.web.pages.paper import Paper, language_of
from waypost.web.pages.session import HOME, get_operator

PATH = f"{HOME}/parcels"
_PAGE = 50
_EXPORT_PAGE = 500

_COLUMNS = (
    *("carrier", "number", "order_number", "status", "status_at", "group", "city", "region", "country", "facility"),
    *("first_at", "last_at", "promised_by", "scans", "weight_g", "flags"),
)


class Wanted(msgspec.Struct, frozen=True):
    """The filters as they stand in the address; days are UTC."""

    prefix: str | None = None
    carrier: str | None = None
    status: str | None = None
    group: str | None = None
    facility: str | None = None
    since: str | None = None
    until: str | None = None

    def filters(self) -> Filters:
        """As the tracker takes them.

        Raises:
            BadInput: a day is none.
        """
        return Filters(
            carrier=self.carrier,
            status=self.status,
            group=self.group,
            prefix=self.prefix,
            facility=self.facility,
            since_ms=_day_ms(self.since, 0),
            until_ms=_day_ms(self.until, 1),
        )


def add_listing(app: FastAPI, office: Office, paper: Paper) -> None:
    """The list and its file."""

    @app.get(PATH, include_in_schema=False)
    async def show_list(request: Request) -> Response:
        await get_operator(office, request)
        language = language_of(request)
        wanted, after = _wanted(request), request.query_params.get("after")
        parcels: list[ParcelView] = []
        cursor, warning = None, None
        try:
            page = await office.lookups.run(office.desk.tracker.list_parcels, wanted.filters(), after, _PAGE)
            parcels, cursor = page.parcels, page.next
        except BadInput as error:
            warning = error.message
        lang = {"lang": language.code} if request.query_params.get("lang") == language.code else {}
        return paper.answer(
            "parcels.html",
            language,
            request,
            status=200 if warning is None else 400,
            here="parcels",
            freshness=freshness_text(office.desk.tracker.freshness(), language),
            filters=wanted,
            warning=warning,
            status_choices=[
                (each.code, language.phrase(each.code).label) for each in list_statuses() if each.phase >= 0
            ],
            group_choices=[(group, language.say(f"group_{group}")) for group in _groups()],
            parcels=[_row(parcel, language, lang) for parcel in parcels],
            next=cursor and _address(PATH, wanted, after=cursor, **lang),
            first=after and _address(PATH, wanted, **lang),
            export=_address(f"{PATH}.csv", wanted),
        )

    @app.get(f"{PATH}.csv", include_in_schema=False)
    async def export(request: Request) -> Response:
        key, filters = await get_operator(office, request), _wanted(request).filters()
        await office.note(key, "parcels.exported", "parcels.csv")
        first = await office.lookups.run(office.desk.tracker.list_parcels, filters, None, _EXPORT_PAGE)

        async def lines() -> AsyncIterator[bytes]:
            yield MARK + write_csv([_COLUMNS])
            page, sent = first, 0
            while True:
                yield write_csv([_cells(parcel) for parcel in page.parcels])
                sent += len(page.parcels)
                if page.next is None or sent >= office.limits.export_rows:
                    return
                page = await office.lookups.run(office.desk.tracker.list_parcels, filters, page.next, _EXPORT_PAGE)

        headers = {"content-disposition": 'attachment; filename="parcels.csv"', "cache-control": "private, no-store"}
        return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)


def _wanted(request: Request) -> Wanted:
    given = {name: request.query_params.get(name, "").strip() or None for name in Wanted.__struct_fields__}
    return Wanted(**given)


def _groups() -> list[str]:
    return list(dict.fromkeys(each.group for each in list_statuses() if each.phase >= 0))


def _day_ms(text: str | None, later_days: int) -> int | None:
    if text is None:
        return None
    try:
        day = dt.datetime.strptime(text[:40], "%Y-%m-%d").replace(tzinfo=dt.UTC)
        return int((day + dt.timedelta(days=later_days)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise BadInput(f"{text[:40]!r} is no day: write it as 2026-11-22", where="filter") from None


def _address(path: str, wanted: Wanted, **more: str) -> str:
    given = {name: value for name, value in (msgspec.structs.asdict(wanted) | more).items() if value}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in given.items())
    return f"{path}?{query}" if query else path


def _row(parcel: ParcelView, language: Language, lang: dict[str, str]) -> dict[str, Any]:
    last = dt.datetime.fromisoformat(parcel.last_at) if parcel.last_at else None
    place = parcel.place
    path = f"{PATH}/{quote(parcel.carrier, safe='')}/{quote(parcel.number, safe='')}"
    return {
        "link": _address(path, Wanted(), **lang),
        "number": parcel.number,
        "carrier": language.carrier(parcel.carrier),
        "shape": parcel.shape,
        "label": language.phrase(parcel.status).label,
        "place": place and (place.name or place.facility or place.city),
        "city": place_text(place, language),
        "iso": parcel.last_at,
        "last": f"{language.stamp(last)} {offset_text(last)}" if last else None,
        "scans": language.number(parcel.scans),
        "flags": ", ".join(language.say(f"short_{flag}") for flag in parcel.flags),
    }


def _cells(parcel: ParcelView) -> list[str]:
    place = parcel.place
    found: dict[str, object] = {
        **msgspec.structs.asdict(parcel),
        "city": place and place.city,
        "region": place and place.region,
        "country": place and place.country,
        "facility": place and place.facility,
        "flags": " ".join(parcel.flags),
    }
    return ["" if found[name] is None else str(found[name]) for name in _COLUMNS]
