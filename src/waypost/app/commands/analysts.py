"""Commands of analysts: what will happen, and how well that was foreseen."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from waypost.app.commands.options import Home, Json

commands = typer.Typer()
forecast = typer.Typer(help="Say what will happen.", no_args_is_help=True)
commands.add_typer(forecast, name="forecast")
backtest = typer.Typer(help="Hold forecasts against what came, beside plain peers.", no_args_is_help=True)
commands.add_typer(backtest, name="backtest")

Seed = Annotated[int, typer.Option("--seed", min=0, help="Of what is left to chance.")]
Threads = Annotated[int, typer.Option("--threads", min=1, max=256, help="How many processors to use.")]


@forecast.command("volume")
def forecast_volume(
    by: Annotated[Literal["hub", "lane", "carrier"], typer.Option("--by", help="What to tell apart.")] = "hub",
    days: Annotated[int, typer.Option("--days", min=1, max=60, help="How many days ahead.")] = 14,
    most: Annotated[
        int, typer.Option("--most", min=1, max=5000, help="So many of the busiest are told apart; the rest together.")
    ] = 200,
    capacity: Annotated[
        Path | None, typer.Option("--capacity", metavar="FILE", help="Parcels an hour of hubs: tell hours beyond.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Know only the days before it, as 2026-11-23.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep it for who asks a server, with how far such forecasts were off.")
    ] = False,
    seed: Seed = 0,
    threads: Threads = 1,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say how many parcels come a day, and how sure that is; hubs or lanes add up to carriers and these to all."""
    from waypost.app import volume_forecast

    if capacity is not None and by != "hub":
        raise typer.BadParameter("--capacity is of hubs: add --by hub")
    volume_forecast.run_forecast(
        by, days, most, capacity, until, seed=seed, threads=threads, keep=keep, home=home, as_json=as_json
    )


@commands.command()
def lanes(
    origin: Annotated[
        str | None, typer.Option("--from", metavar="AREA", help="COUNTRY-region as CN-ZJ, or the country alone.")
    ] = None,
    destination: Annotated[str | None, typer.Option("--to", metavar="AREA", help="The same of the other end.")] = None,
    carriers: Annotated[
        list[str] | None, typer.Option("--carrier", help="Only lanes of it; again for another.")
    ] = None,
    days: Annotated[
        int, typer.Option("--days", min=1, max=3660, help="Handed over within so many days before the newest scan.")
    ] = 90,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show how long parcels take from area to area; of one lane by week too, and where they wait."""
    from waypost.app import lanes as lanes_

    lanes_.run_lanes(origin, destination, carriers or [], days, home=home, as_json=as_json)


@backtest.command("volume")
def backtest_volume(
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Holds the files of the M4 competition.")],
    group: Annotated[
        Literal["hourly", "weekly"] | None, typer.Option("--group", help="Only these series; both without it.")
    ] = None,
    without_peers: Annotated[
        bool, typer.Option("--without-peers", help="Only Waypost and the seasonal naive.")
    ] = False,
    seed: Seed = 0,
    threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Forecast the hourly and weekly series of the M4 competition, and score that as the competition did."""
    from waypost.app import volume_backtest

    groups: list[Literal["hourly", "weekly"]] = ["hourly", "weekly"] if group is None else [group]
    volume_backtest.run_volume(data, groups, with_peers=not without_peers, seed=seed, threads=threads, as_json=as_json)


def _parse_day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day: write it as 2018-02-25") from None


@backtest.command("olist")
def backtest_olist(
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Holds the CSV files of the data set.")],
    test_from: Annotated[
        date, typer.Option("--test-from", parser=_parse_day, metavar="DATE", help="Promise what was bought from it on.")
    ],
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="KIND", help="Do not learn from circumstances of a kind; again for another."),
    ] = None,
    seed: Seed = 0,
    threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Promise real orders as each was bought, with only what was known then, and score that."""
    from waypost.app import olist_backtest

    olist_backtest.run_olist(data, test_from, without=without or [], seed=seed, threads=threads, as_json=as_json)
