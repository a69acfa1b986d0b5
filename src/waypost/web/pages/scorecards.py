"""The operator's page of carriers: how well each tells what happens, and the codes that nobody knows."""

import csv
import datetime as dt
import io
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response

from waypost.model.errors import BadInput
from waypost.track.scorecards import MOST_SAMPLED, Part, Scorecard, Scorecards
from waypost.track.shifts import FEWEST_SCANS, Shift
from waypost.web.api.scorecards import DAYS, since_days
from waypost.web.csv_files import csv_answer
from waypost.web.office import Office
from waypost.web.pages.languages import Language
from waypost.web.pages.listing import PATH as PARCELS
from waypost.web.pages.paper import Paper, language_of
from waypost.web.pages.session import HOME, get_operator

PATH = f"{HOME}/carriers"
_CHOICES = (7, 30, 90)

#: The figures of a card in the order of the table, by group: what they are called in the catalogue.
GROUPS = {
    "fresh": ("median", "p90", "p99", "over_hour", "over_day"),
    "complete": ("accepted", "moved", "out", "ended", "silent"),
    "times": ("early", "shift"),
    "codes": ("unknown",),
    "order": ("impossible", "disordered"),
}
#: Of these the more the better.
_GOOD = ("accepted", "moved", "out", "ended")


def add_scorecards(app: FastAPI, office: Office, paper: Paper) -> None:
    """The page and its file."""

    async def read(days: int) -> Scorecards:
        return await office.scores.run(office.desk.insight.scorecards, since_days(office.desk.clock(), days), None)

    @app.get(PATH, include_in_schema=False)
    async def show_scorecards(request: Request) -> Response:
        await get_operator(office, request)
        language = language_of(request)
        days, warning = DAYS, None
        try:
            days = _days(request)
        except BadInput as error:
            warning = f"{error.message}: these are the last {DAYS} days"
        cards = await read(days)
        return paper.answer(
            "carriers.html",
            language,
            request,
            status=200 if warning is None else 400,
            here="carriers",
            warning=warning,
            days=days,
            choices=_CHOICES,
            groups=GROUPS,
            about={name: _about(name, cards, language) for names in GROUPS.values() for name in names},
            rows=[_row(card, cards, language) for card in cards.carriers],
            codes=[row for card in cards.carriers for row in _codes(card, language)],
            until=language.stamp(dt.datetime.fromisoformat(cards.until)),
            sampled=[language.carrier(card.carrier) for card in cards.carriers if card.sampled < 1],
            most_sampled=MOST_SAMPLED,
        )

    @app.get(f"{PATH}.csv", include_in_schema=False)
    async def export(request: Request) -> Response:
        key, days = await get_operator(office, request), _days(request)
        cards = await read(days)
        await office.note(key, "scorecards.exported", "carriers.csv", days=str(days))
        flat = [_flat(card) for card in cards.carriers]
        return csv_answer(flat, list(flat[0]) if flat else ["carrier"], "carriers.csv")


def _days(request: Request) -> int:
    """Of how many days the cards are asked for.

    Raises:
        BadInput: of no number that there is a choice for.
    """
    asked = request.query_params.get("days", "").strip() or str(DAYS)
    if asked not in map(str, _CHOICES):
        raise BadInput(f"days={asked[:40]!r} is none of {', '.join(map(str, _CHOICES))}")
    return int(asked)


def _parts(card: Scorecard) -> dict[str, Part]:
    fresh, told = card.freshness, card.completeness
    return {
        "over_hour": fresh.over_hour,
        "over_day": fresh.over_day,
        "accepted": told.accepted,
        "moved": told.moved,
        "out": told.out_for_delivery,
        "ended": told.ended,
        "silent": told.silent,
        "early": card.early,
        "unknown": card.unknown,
        "impossible": card.impossible,
        "disordered": card.out_of_order,
    }


def _row(card: Scorecard, cards: Scorecards, language: Language) -> dict[str, Any]:
    parts = _parts(card)
    cells = {name: _cell(part, name, language) for name, part in parts.items()}
    fresh = card.freshness
    live = language.say("of_live", count=fresh.scans)
    for name, seconds in (("median", fresh.p50_s), ("p90", fresh.p90_s), ("p99", fresh.p99_s)):
        cells[name] = {
            "text": "–" if seconds is None else language.lapse(seconds),
            "below": live if fresh.scans else "",
        }
    cells["shift"] = {
        "text": _shift_text(card.shift, language),
        "below": language.say("of_live", count=card.shift.scans) if card.shift.scans else "",
    }
    if card.unknown.count:
        cells["unknown"]["anchor"] = f"#codes-{card.carrier}"
    if parts["accepted"].of:
        delivered = {"carrier": card.carrier, "status": "delivered", "since": cards.since[:10]}
        for name in ("accepted", "moved", "out"):
            cells[name]["parcels"] = delivered
    return {
        "carrier": card.carrier,
        "name": language.carrier(card.carrier),
        "parcels": language.say("count_parcels", count=card.parcels),
        "scans": language.say("count_scans", count=card.scans),
        "since": cards.since[:10],
        "cells": cells,
    }


def _cell(part: Part, name: str, language: Language) -> dict[str, Any]:
    if part.share is None:
        return {"text": "–", "below": ""}
    return {
        "text": language.part(part.count, part.of),
        "below": language.say("count_of", count=part.count, of=part.of),
        "width": f"{100 * part.share:.1f}",
        "shape": "moving" if name in _GOOD else "risk",
    }


def _shift_text(shift: Shift, language: Language) -> str:
    if shift.minutes is None:
        return language.say("shift_none" if shift.verdict == "none" else "shift_too_few")
    return language.shift(shift.minutes)


def _about(name: str, cards: Scorecards, language: Language) -> str:
    return language.say(f"about_{name}", days=cards.silent_days, fewest=FEWEST_SCANS)


def _codes(card: Scorecard, language: Language) -> list[dict[str, Any]]:
    return [
        {
            "carrier": card.carrier,
            "name": language.carrier(card.carrier),
            "code": each.code,
            "scans": language.number(each.scans),
            "first": language.stamp(dt.datetime.fromisoformat(each.first_at)),
            "first_iso": each.first_at,
            "last": language.stamp(dt.datetime.fromisoformat(each.last_at)),
            "last_iso": each.last_at,
            "number": each.number,
            "link": f"{PARCELS}/{quote(card.carrier, safe='')}/{quote(each.number, safe='')}",
            "line": _table_line(each.code),
        }
        for each in card.unknown_codes
    ]


def _table_line(code: str) -> str:
    """The row for a table of one's own, up to the status, which only people know."""
    told = io.StringIO()
    csv.writer(told, lineterminator="").writerow([code, "STATUS", "2", ""])
    return told.getvalue()


def _flat(card: Scorecard) -> dict[str, str]:
    """A card as a row of a file: of each share how many and of how many."""
    fresh = card.freshness
    found: dict[str, object] = {
        "carrier": card.carrier,
        "parcels": card.parcels,
        "scans": card.scans,
        "live_scans": fresh.scans,
        "p50_s": fresh.p50_s,
        "p90_s": fresh.p90_s,
        "p99_s": fresh.p99_s,
        "shift": card.shift.verdict,
        "shift_minutes": card.shift.minutes,
    }
    for name, part in _parts(card).items():
        found |= {name: part.count, f"{name}_of": part.of}
    found["unknown_codes"] = " ".join(each.code for each in card.unknown_codes)
    return {name: "" if value is None else str(value) for name, value in found.items()}
