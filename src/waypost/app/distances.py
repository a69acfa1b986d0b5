"""`waypost distances`: how far places are from one another, by the service of roads that the settings name."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.table import Table

from waypost.app.console import aside, line, out, results
from waypost.app.settings import Roads, read_settings
from waypost.app.spots import parse_spot
from waypost.feeds.asking import Asker
from waypost.feeds.roads import OsrmRoads, ValhallaRoads
from waypost.model.errors import BadInput
from waypost.network.distances import GreatCircles, RememberedRoads, RoadDistances, RoadsOrCircles


def open_roads(settings: Roads) -> RoadDistances:
    """Whoever the settings name; great circles if nobody."""
    if settings.service == "none":
        return GreatCircles()
    asker = Asker("[roads]", settings.url, settings.timeout_s)
    profile = settings.profile
    if settings.service == "osrm":
        return RoadsOrCircles(RememberedRoads(OsrmRoads(asker, profile or "driving")))
    return RoadsOrCircles(RememberedRoads(ValhallaRoads(asker, profile or "auto")))


def show_distances(places: Sequence[str], *, home: Path | None, as_json: bool) -> None:
    """Print how far it is from each place to each other one."""
    spots = [parse_spot(place) for place in places]
    if len(spots) < 2:
        raise BadInput("it takes two places.", mend="Write them as sao-paulo=-23.55,-46.63.")
    where = [(place.latitude or 0.0, place.longitude or 0.0) for _, place in spots]
    found = open_roads(read_settings(home=home).roads).measure(where, where)
    pairs = [(row, column) for row in range(len(spots)) for column in range(len(spots)) if row != column]
    told = [
        {
            "origin": spots[row][0],
            "destination": spots[column][0],
            "km": round(float(found.km[row, column]), 1),
            "minutes": None if np.isnan(found.minutes[row, column]) else round(float(found.minutes[row, column]), 1),
            "by_road": bool(found.by_road[row, column]),
        }
        for row, column in pairs
    ]
    if as_json:
        out({"distances": told, "told": list(found.told)})
        return
    for words in found.told:
        aside.print(line((words, "yellow")), soft_wrap=True)
    table = Table("from", "to", "km", "minutes", "", box=None, pad_edge=False, header_style="dim")
    for each in told:
        minutes = "" if each["minutes"] is None else str(each["minutes"])
        how = "by road" if each["by_road"] else "great circle"
        table.add_row(*(line(str(cell)) for cell in (each["origin"], each["destination"], each["km"], minutes, how)))
    results().print(table)
