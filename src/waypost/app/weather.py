"""What the commands of weather do: it comes in from files or from a service, and is shown."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from waypost.app.console import aside, legible, line, out, results, tell_refusals
from waypost.app.records import records_of
from waypost.app.settings import read_settings
from waypost.app.spots import parse_spot
from waypost.feeds.asking import Asker
from waypost.feeds.ghcn import GhcnFiles
from waypost.feeds.inmet import InmetFiles
from waypost.feeds.open_meteo import OpenMeteo, OpenMeteoFiles
from waypost.forecast.records import keep_weather, list_weather
from waypost.forecast.weather import WeatherFound, WeatherSource, join_weather
from waypost.model.errors import BadInput, SettingsError
from waypost.model.instants import format_utc, parse_instant

KINDS = {
    "inmet": "hours of INMET's stations in Brazil, CSV",
    "ghcn": "days of NOAA's GHCN-Daily by station, CSV; --zone says of which clocks",
    "open-meteo": "answers of Open-Meteo, JSON; --issued says when it was foretold, if it was",
}
_MOST_LISTED = 1000


def import_weather(
    kind: str, path: Path, *, zone: str | None, issued: str | None, dry_run: bool, home: Path | None, as_json: bool
) -> int:
    """Keep the weather of files; what is refused hinders no other. The exit code: 1 if something was."""
    return _keep(_open(kind, path, zone, issued).read(), dry_run=dry_run, home=home, as_json=as_json)


def fetch_weather(
    places: Sequence[str],
    days: tuple[dt.date, dt.date] | None,
    *,
    ahead: int,
    now_ms: int,
    dry_run: bool,
    home: Path | None,
    as_json: bool,
) -> int:
    """Ask Open-Meteo for places, and keep what it says.

    Raises:
        SettingsError: nobody said where it is.
    """
    settings = read_settings(home=home).weather
    name, url = ("url", settings.url) if days is None else ("archive_url", settings.archive_url)
    if not url:
        raise SettingsError(
            f"there is no service of weather: [weather] {name} is empty", mend="docs/how-to/keep-weather.md"
        )
    if days is not None and days[0] > days[1]:
        raise BadInput(f"{days[0]} is after {days[1]}", where="--from")
    asker = Asker(f"[weather] {name}", url, settings.timeout_s)
    source = OpenMeteo(asker, dict(map(parse_spot, places)), days=days, ahead=ahead, now_ms=now_ms)
    return _keep(source.read(), dry_run=dry_run, home=home, as_json=as_json)


def show_weather(*, home: Path | None, as_json: bool) -> None:
    """Print of which places weather is kept."""
    with records_of(home) as (_, records), records.read() as connection:
        kept = list_weather(connection)
    if as_json:
        out([_describe(each) for each in kept])
        return
    if not kept:
        aside.print("No weather is kept: `waypost weather import`.")
        return
    table = Table("place", "", "rows", "from", "to", "known until", box=None, pad_edge=False, header_style="dim")
    for each in kept:
        told = [format_utc(each[f"{name}_ms"]) for name in ("begins", "ends", "known")]
        how = "foretold" if each["is_forecast"] else "measured"
        table.add_row(*(line(cell) for cell in (each["place"], how, str(each["rows"]), *told)))
    results().print(table)


def _describe(kept: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in kept.items() if not name.endswith("_ms")}
    return told | {f"{at}_at": format_utc(kept[f"{at}_ms"]) for at in ("begins", "ends", "known")}


def _keep(found: WeatherFound, *, dry_run: bool, home: Path | None, as_json: bool) -> int:
    rows = join_weather([found.rows])
    if not dry_run:
        with records_of(home, make=True) as (_, records), records.begin() as connection:
            keep_weather(connection, rows)
    places = sorted(set(rows.column("place").to_pylist()))
    if as_json:
        told = {"dry_run": dry_run, "rows": rows.num_rows, "places": places}
        out(told | {"refused": len(found.refused), "refusals": found.refused[:_MOST_LISTED]})
    else:
        tell_refusals(found.refused)
        what = f"{rows.num_rows} rows of {len(places)} places"
        print(legible(f"{'would keep' if dry_run else 'kept'}: {what}"))
    return 1 if found.refused else 0


def _open(kind: str, path: Path, zone: str | None, issued: str | None) -> WeatherSource:
    if kind not in KINDS:
        raise BadInput(f"unknown kind of weather {kind[:40]!r}.", mend=f"Known: {', '.join(KINDS)}.")
    if zone is not None and kind != "ghcn":
        raise BadInput(f"files of {kind} say themselves when it was", where="--zone")
    if issued is not None and kind != "open-meteo":
        raise BadInput(f"files of {kind} hold what was measured", where="--issued")
    if kind == "inmet":
        return InmetFiles(path)
    if kind == "open-meteo":
        return OpenMeteoFiles(path, None if issued is None else parse_instant(issued, "--issued").at_ms)
    if zone is None:
        raise BadInput("days of ghcn are those of clocks there: say of which zone", where="--zone")
    return GhcnFiles(path, zone)
