"""Forecasts of volumes that are kept, beside what came since."""

from typing import Annotated

import numpy as np
from fastapi import FastAPI, Query, Request, Response

from waypost.access.keys import Role
from waypost.forecast.counts import By
from waypost.forecast.parcels import Line
from waypost.forecast.volume_shelf import KeptForecast
from waypost.forecast.volumes_since import VolumeAnswer, put_beside, warn_of_age
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.instants import format_utc
from waypost.network.areas import plain_lane
from waypost.web.api.forecast_answers import ForecastList, ForecastRecord
from waypost.web.api.lanes import get_teller
from waypost.web.api.openapi import WITH_KEY
from waypost.web.api.routes import Routes
from waypost.web.api.scans import json_answer
from waypost.web.office import Office

_PROBLEMS = ("bad_input", "not_allowed", "forbidden", "invalid", "too_many", "busy", "store_damaged")
_HOUR_MS = 3_600_000


def add_forecasts(app: FastAPI, office: Office) -> None:
    """Which there are, and one of them."""
    routes = Routes(app, "network", WITH_KEY, _PROBLEMS)

    @routes.add("GET", "/v1/forecasts", "Forecasts that are kept", ForecastList, "The newest first")
    async def list_forecasts(request: Request) -> Response:
        await get_teller(office, request)
        found = await office.lookups.run(office.desk.insight.list_volumes)
        return json_answer(ForecastList([_record(each) for each in found]))

    @routes.add(
        "GET",
        "/v1/forecasts/volume",
        "How many parcels come a day",
        VolumeAnswer,
        "A page of its lines: the network, then each carrier followed by what is below it",
        "not_found",
        description=(
            "The newest that `waypost forecast volume --keep` made, beside what came since. Without one the answer is "
            "404. A carrier's key that speaks for some carriers sees their lines."
        ),
    )
    async def get_volume(
        request: Request,
        by: Annotated[By, Query(description="What is told apart.")] = "hub",
        days: Annotated[int, Query(ge=1, le=60, description="No more of its days.")] = 60,
        carrier: Annotated[str | None, Query(max_length=32)] = None,
        name: Annotated[str | None, Query(max_length=300, description="Of a hub or a lane.")] = None,
        forecast: Annotated[str | None, Query(max_length=32, description="The id of an older one.")] = None,
        after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=office.limits.page_rows)] = 100,
    ) -> Response:
        key = await get_teller(office, request)
        seen = frozenset(key.carriers) if key.role is Role.CARRIER else None
        begun = read_cursor(after, tuple[str, int])
        asked = forecast if begun is None else begun[0]
        kept, counts = await office.scores.run(office.desk.insight.volume, by, asked)

        def is_wanted(line: Line) -> bool:
            is_seen = seen is None or line.carrier in seen
            return is_seen and carrier in (None, line.carrier) and (name is None or _is_named(line, name))

        lines = kept.forecast.lines
        places = np.flatnonzero([is_wanted(line) for line in lines]).tolist()
        rest = [place for place in places if begun is None or place > begun[1]]
        page = rest[:limit]
        now_ms, told = office.desk.clock(), kept.forecast
        answer = VolumeAnswer(
            id=kept.id,
            by=told.by,
            made_at=format_utc(kept.made_ms),
            age_h=round((now_ms - kept.made_ms) / _HOUR_MS, 1),
            learnt_from=told.learnt_from,
            learnt_to=told.learnt_to,
            scans_end=format_utc(kept.scans_end_ms),
            warning=warn_of_age(kept.scans_end_ms, lines[0].days[-1].day, now_ms),
            marks=kept.marks,
            card=kept.card if seen is None else None,
            overloads=[each for each in kept.overloads if seen is None or each.carrier in seen],
            lines=[put_beside(lines[place], counts, days) for place in page],
            next=write_cursor((kept.id, page[-1])) if len(rest) > limit else None,
        )
        return json_answer(answer)


def _is_named(line: Line, name: str) -> bool:
    if line.name is None or line.level != "lane":
        return line.name == name
    return plain_lane(line.name) == plain_lane(name)


def _record(kept: KeptForecast) -> ForecastRecord:
    told = kept.forecast
    days = told.lines[0].days
    return ForecastRecord(
        kept.id, "volume", told.by, format_utc(kept.made_ms), told.learnt_to, days[0].day, days[-1].day
    )
