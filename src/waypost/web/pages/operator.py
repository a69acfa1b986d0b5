"""The operator's pages: the network at a glance, and one parcel with everything that is known of it."""

import datetime as dt
from typing import Any

from fastapi import FastAPI, Request, Response

from waypost.track.outlook import WatchView
from waypost.track.overview import HOURS_BACK, Overview, StatusCount
from waypost.track.statuses import get_status
from waypost.track.views import Freshness, ParcelView, ScanView
from waypost.web.arriving import Arriving
from waypost.web.office import Office
from waypost.web.pages.chart import Bar, draw_bars, fill_gaps
from waypost.web.pages.journey import make_card, place_text
from waypost.web.pages.languages import Language, offset_text
from waypost.web.pages.paper import Paper, language_of
from waypost.web.pages.proofs import OPERATORS, show_proof
from waypost.web.pages.session import HOME, get_operator

#: Statuses shown at once; the others are a click away.
_MOST_STATUSES = 10


def add_operator(app: FastAPI, office: Office, paper: Paper) -> None:
    """The overview and the page of one parcel."""

    @app.get(HOME, include_in_schema=False)
    async def show_overview(request: Request) -> Response:
        await get_operator(office, request)
        language = language_of(request)
        overview = await office.history.run(office.desk.overview)
        values = _overview_values(overview, office.desk.clock(), language)
        return paper.answer(
            "overview.html",
            language,
            request,
            here="overview",
            freshness=freshness_text(office.desk.tracker.freshness(), language),
            origin=f"{request.url.scheme}://{request.url.netloc}",
            **values,
        )

    @app.get(HOME + "/parcels/{carrier}/{number:path}", include_in_schema=False)
    async def show_parcel(request: Request, carrier: str, number: str) -> Response:
        await get_operator(office, request)
        language = language_of(request)

        def read() -> tuple[ParcelView, list[ScanView], Arriving]:
            parcel, scans, followed = office.desk.tracker.get_followed(carrier, number)
            return parcel, scans, office.tell_arrivals(followed, everything=True)

        parcel, scans, arriving = await office.lookups.run(read)
        proofs = await office.lookups.run(office.desk.proofs.list_of, None, [number])
        watches = await office.lookups.run(office.desk.outlook.find, carrier, number, office.desk.clock())
        return paper.answer(
            "parcel.html",
            language,
            request,
            here="parcels",
            card=make_card(parcel, scans, language, office.desk.clock(), 0, arriving),
            facts=[*_facts(parcel, language), *_prospects(parcel, arriving, language)],
            rows=[_scan_row(scan, language) for scan in scans],
            left_out=parcel.scans - len(scans),
            proofs=[show_proof(each, OPERATORS, language) for each in proofs if each.carrier == carrier],
            watches=[_watch_row(watch, language) for watch in watches],
        )


def freshness_text(freshness: Freshness, language: Language) -> str:
    """How far look-ups are behind the log."""
    return language.say("freshness", position=freshness.position, lag=freshness.lag)


def _overview_values(overview: Overview, now_ms: int, language: Language) -> dict[str, Any]:
    now = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
    hours = [(_instant(each.hour), each.scans) for each in overview.hours]
    newest = max((each.last_at for each in overview.facilities), default=None)
    age = language.ago((now - _instant(newest)).total_seconds()) if newest else "–"
    watch = sum(each.parcels for each in overview.statuses if _needs_attention(each))
    tiles = [
        _tile(language.say("parcels"), language.number(overview.parcels)),
        _tile(language.say("on_the_way"), language.number(_count(overview, "moving"))),
        _tile(language.say("needs_attention"), language.number(watch)),
        _tile(language.say("delivered"), language.number(_count(overview, "done"))),
        _tile(language.say("scans"), language.number(overview.scans), language.say("newest_ago", ago=age)),
    ]
    most = max((each.parcels for each in overview.statuses), default=1)
    return {
        "empty": overview.scans == 0,
        "tiles": tiles,
        "most_statuses": _MOST_STATUSES,
        "statuses": [
            {
                "status": each.status,
                "shape": each.shape,
                "label": language.phrase(each.status).label,
                "count": language.number(each.parcels),
                "width": f"{max(100 * each.parcels / most, 1):.1f}",
                "share": language.percent(each.parcels / max(overview.parcels, 1)),
            }
            for each in overview.statuses
        ],
        "chart": _chart(hours, language),
        "hours": [
            {"label": language.moment(hour), "count": language.number(count)}
            for hour, count in reversed(fill_gaps(hours, HOURS_BACK * 2))
        ],
        "facilities": [
            {
                "facility": each.facility,
                "carrier": each.carrier,
                "name": each.name,
                "below": " · ".join(part for part in (each.city, language.carrier(each.carrier)) if part),
                "scans": language.number(each.scans),
                "parcels": language.number(each.parcels),
                "last": language.stamp(_instant(each.last_at)),
                "iso": each.last_at,
            }
            for each in overview.facilities
        ],
        "lanes": [
            {
                "lane": f"{each.origin} → {each.destination}",
                "carrier": language.carrier(each.carrier),
                "parcels": language.number(each.parcels),
                "p50": language.span(each.p50_h),
                "p90": language.span(each.p90_h),
            }
            for each in overview.lanes
        ],
        "unknown": [
            {
                "carrier": language.carrier(each.carrier),
                "code": each.code,
                "scans": language.number(each.scans),
                "last": language.stamp(_instant(each.last_at)),
                "iso": each.last_at,
            }
            for each in overview.unknown_codes
        ],
    }


def _chart(hours: list[tuple[dt.datetime, int]], language: Language) -> str:
    filled = fill_gaps(hours, HOURS_BACK * 2)
    if not filled:
        return ""
    bars = [Bar(hour, count, f"{language.moment(hour)} UTC: {language.number(count)}") for hour, count in filled]
    greatest = max(filled, key=lambda each: each[1])
    about = language.say(
        "chart_about",
        since=language.moment(filled[0][0]),
        until=language.moment(filled[-1][0]),
        most=greatest[1],
        when=language.moment(greatest[0]),
    )
    ticks, day, place = [], None, -100
    for here, (hour, _) in enumerate(filled):
        fresh = hour.date() != day and here - place >= len(filled) / 6
        ticks.append(language.short_day(hour) if fresh else "")
        if fresh:
            day, place = hour.date(), here
    return draw_bars(bars, language.say("per_hour"), about, language.short_number(greatest[1]), ticks)


def _facts(parcel: ParcelView, language: Language) -> list[tuple[str, str]]:
    numbers = ", ".join(f"{language.carrier(each.carrier)} {each.number}" for each in parcel.numbers)
    weight = language.say("grams", count=parcel.weight_g) if parcel.weight_g is not None else None
    flags = ", ".join(language.say(f"short_{flag}") for flag in parcel.flags)
    found = [
        ("numbers_of_it", numbers),
        ("order_number", parcel.order_number),
        ("origin", place_text(parcel.origin, language)),
        ("destination", place_text(parcel.destination, language)),
        ("newest_place", place_text(parcel.place, language, everything=True)),
        ("weight", weight),
        ("note", parcel.note),
        ("flags", flags),
        ("parcel_id", parcel.id),
    ]
    return [(language.say(key), value) for key, value in found if value]


def _prospects(parcel: ParcelView, arriving: Arriving, language: Language) -> list[tuple[str, str]]:
    """What operators are told of a parcel on its way beside the window."""
    found = arriving.of.get((parcel.carrier, parcel.number))
    if found is None:
        return []
    shares = [("eta_wrong", found.wrong), ("eta_risk_late", found.late)]
    instants = [("eta_middle", found.p50_at), ("eta_next_scan", found.next_scan_by)]
    return [
        *((language.say(key), f"{language.stamp(at)} {offset_text(at)}") for key, at in _known(instants)),
        *((language.say(key), language.percent(share)) for key, share in shares if share is not None),
    ]


def _known(instants: list[tuple[str, str | None]]) -> list[tuple[str, dt.datetime]]:
    return [(key, _instant(text)) for key, text in instants if text is not None]


def _scan_row(scan: ScanView, language: Language) -> dict[str, Any]:
    at = dt.datetime.fromisoformat(scan.at)
    place = scan.place
    recorded = dt.datetime.fromisoformat(scan.recorded_at) if scan.recorded_at else None
    return {
        "iso": scan.at,
        "utc": scan.utc,
        "moment": language.stamp(at),
        "offset": offset_text(at),
        "source": language.say(f"source_{scan.offset_source}"),
        "shape": "idle" if "corrected" in scan.flags else get_status(scan.status).shape,
        "label": language.phrase(scan.status).label,
        "code": scan.code,
        "carrier": scan.carrier,
        "number": scan.number,
        "place": place and (place.name or place.facility or place.city),
        "city": place_text(place, language),
        "note": scan.note or "",
        "flags": [(language.say(f"short_{flag}"), language.say(f"flag_{flag}")) for flag in scan.flags],
        "corrected": "corrected" in scan.flags,
        "corrects": scan.corrects,
        "recorded": f"{language.stamp(recorded)} UTC" if recorded else language.say("not_recorded"),
        "id": scan.id,
    }


def _watch_row(watch: WatchView, language: Language) -> dict[str, str | None]:
    def stamp(text: str | None) -> str | None:
        return text and f"{language.stamp(_instant(text))} UTC"

    return {
        "account": watch.account,
        "last": stamp(watch.last_checked),
        "last_iso": watch.last_checked,
        "told": language.say(f"told_{watch.told}") if watch.last_checked else "",
        "next": stamp(watch.next_check),
        "next_iso": watch.next_check,
        "why": language.say(f"why_{watch.why}", chance=watch.chance or 0),
    }


def _tile(label: str, value: str, note: str | None = None) -> dict[str, str | None]:
    return {"label": label, "value": value, "note": note}


def _count(overview: Overview, shape: str) -> int:
    return sum(each.parcels for each in overview.statuses if each.shape == shape)


def _needs_attention(counted: StatusCount) -> bool:
    """Whether parcels of that status are in trouble and still under way: what is returned or cancelled is settled."""
    return counted.shape in ("risk", "late", "stop") and get_status(counted.status).phase == 0


def _instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
