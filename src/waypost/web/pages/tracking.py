"""The public tracking page: one box for many numbers, and what is known under each. No key, no personal data."""

import datetime as dt
from collections import Counter
from functools import cache
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from waypost.model.scans import VOID
from waypost.track.parcels import MAX_TEXT
from waypost.track.views import Found, ParcelView, Timeline
from waypost.web.arriving import Arriving
from waypost.web.door import call_of
from waypost.web.office import Office
from waypost.web.pages.console import find_basemap
from waypost.web.pages.journey import Card, make_card
from waypost.web.pages.languages import Language
from waypost.web.pages.map import Cities, Outlines, draw_map, join_stops, read_outlines
from waypost.web.pages.numbers import split_numbers
from waypost.web.pages.paper import Paper, language_of

#: Scans of a parcel that is asked for alone, and of one among many.
_MOST_SCANS = 150
_FEW_SCANS = 4

#: Parcels shown under one number.
_MOST_PARCELS = 8


class Result(msgspec.Struct, frozen=True):
    """What the page says to one number: parcels and whether more bear it, or whose format the number has."""

    asked: str
    cards: list[Card]
    carriers: list[str]
    more: bool = False
    too_long: bool = False


def add_tracking(app: FastAPI, office: Office, paper: Paper) -> None:
    """The page and its addresses."""
    world = _World(office)

    @app.get("/", include_in_schema=False)
    async def start(request: Request) -> Response:
        language = language_of(request)
        return paper.answer("track.html", language, request, **_frame(language, office, [], [], []))

    @app.get("/track", include_in_schema=False)
    async def track(request: Request, n: str = "", carrier: str | None = None) -> Response:
        asked = split_numbers(n)
        if not asked:
            return RedirectResponse("/" if "lang" not in request.query_params else f"/?{request.url.query}", 303)
        return await _show(request, asked, carrier)

    @app.get("/track/{number:path}", include_in_schema=False)
    async def track_one(request: Request, number: str, carrier: str | None = None, map: str = "") -> Response:
        return await _show(request, split_numbers(number), carrier, with_map=map == "1")

    async def _show(request: Request, asked: list[str], carrier: str | None, *, with_map: bool = False) -> Response:
        language = language_of(request)
        most = office.limits.numbers_at_once
        warnings = [language.say("too_many_numbers", most=most, count=len(asked) - most)] if len(asked) > most else []
        asked = asked[:most]
        found, arriving = await _find(request, [number for number in asked if len(number) <= MAX_TEXT], carrier)
        results = [
            _result(*found[number], arriving, language, office.desk.clock(), few=len(asked) > 1)
            if number in found
            else Result(number[:MAX_TEXT] + "…", [], [], too_long=True)
            for number in asked
        ]
        frame = _frame(language, office, asked, results, warnings)
        parcels = [parcel for each, _ in found.values() for parcel in each.parcels]
        if len(parcels) == 1 and with_map:
            frame["map"] = await office.lookups.run(_draw_way, parcels[0], language, office, world)
        answer = paper.answer("track.html", language, request, **frame)
        answer.headers["x-robots-tag"] = "noindex"
        return answer

    async def _find(
        request: Request, asked: list[str], carrier: str | None
    ) -> tuple[dict[str, tuple[Found, list[Timeline]]], Arriving]:
        """What is known under each number, of a carrier, or where it has none, of all; and when parcels arrive."""
        if not asked:
            return {}, Arriving()
        call = call_of(request.scope)
        found, arriving = await office.find_arriving(
            call, asked, everything=False, carrier=carrier, or_any=True, most=_MOST_PARCELS
        )
        return dict(zip(asked, found, strict=True)), arriving


def _draw_way(parcel: ParcelView, language: Language, office: Office, world: "_World") -> Markup:
    """The way of a parcel so far over the land; empty where it was in no city of which one knows where it lies.

    What goes wrong with it is written down: the page is shown without it.
    """
    try:
        read, scans = office.desk.tracker.get_parcel(parcel.carrier, parcel.number)
        if read.id != parcel.id:  # another parcel has come to bear the number
            return Markup()
        seen = [scan for scan in reversed(scans) if scan.code != VOID and "corrected" not in scan.flags and scan.place]
        stops = [world.cities.find(scan.place) for scan in seen]
        way = join_stops([stop for stop in stops if stop is not None])
        if not way:
            return Markup()
        title = language.say("map_of", cities=" → ".join(stop.name for stop in way))
        return draw_map(way, world.outlines(), title, is_there=stops[-1] is not None)
    except Exception as error:
        office.desk.journal.error("a map is not drawn", exc_info=error)
        return Markup()


class _World:
    """What maps are drawn from, read when the first is."""

    def __init__(self, office: Office) -> None:
        desk = office.desk
        self.cities = Cities(desk.facilities.list_all, desk.ticks)
        self.outlines = cache(lambda: _read_outlines(desk.site.basemap))


def _read_outlines(path: str) -> Outlines | None:
    basemap = find_basemap(path)
    return None if basemap is None else read_outlines(basemap)


def _result(
    found: Found, timelines: list[Timeline], arriving: Arriving, language: Language, now_ms: int, *, few: bool
) -> Result:
    most = _FEW_SCANS if few or len(timelines) > 1 else _MOST_SCANS
    cards = [
        make_card(parcel, timeline.scans, language, now_ms, most, arriving)
        for parcel, timeline in zip(found.parcels, timelines, strict=True)
    ]
    return Result(found.asked, cards, [language.carrier(code) for code in found.carriers], found.more > 0)


def _frame(
    language: Language, office: Office, asked: list[str], results: list[Result], warnings: list[str]
) -> dict[str, Any]:
    now = dt.datetime.fromtimestamp(office.desk.clock() / 1000, dt.UTC)
    title = asked[0][:MAX_TEXT] if len(asked) == 1 else language.say("ask")
    return {
        "title": title,
        "asked": [number[:MAX_TEXT] for number in asked],
        "results": results,
        "warnings": warnings,
        "summary": _summary(results, language),
        "map": None,  # not asked for
        "rows": min(max(len(asked), 1), 6) if asked else 4,
        "most": office.limits.numbers_at_once,
        "longest": MAX_TEXT,
        "now": f"{language.moment(now)} UTC",
    }


def _summary(results: list[Result], language: Language) -> str:
    """How many parcels are where, for somebody who asked for many."""
    cards = [card for result in results for card in result.cards]
    kinds = Counter(
        "done" if card.shape == "done" else "watch" if card.shape != "moving" and card.shape != "idle" else "moving"
        for card in cards
    )
    kinds["unknown"] = sum(not result.cards for result in results)
    parts = [
        language.say(f"sum_{kind}", count=kinds[kind]) for kind in ("moving", "watch", "done", "unknown") if kinds[kind]
    ]
    return " · ".join(parts)
