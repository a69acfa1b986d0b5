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

models = typer.Typer(help="What promises are made with: versions, each with its card.", no_args_is_help=True)
commands.add_typer(models, name="models")

Seed = Annotated[int, typer.Option("--seed", min=0, help="Of what is left to chance.")]
Threads = Annotated[int, typer.Option("--threads", min=1, max=256, help="How many processors to use.")]


@commands.command()
def distances(
    places: Annotated[list[str], typer.Argument(help="NAME=LATITUDE,LONGITUDE each.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show how far places are from one another, by road if the settings name a service that knows."""
    from waypost.app import distances as doing

    doing.show_distances(places, home=home, as_json=as_json)


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
    more_pct: Annotated[
        int, typer.Option("--what-if", min=-99, max=1000, metavar="PERCENT", help="As if so many percent more came.")
    ] = 0,
    seed: Seed = 0,
    threads: Threads = 1,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say how many parcels come a day, and how sure that is; hubs or lanes add up to carriers and these to all."""
    from waypost.app import volume_forecast

    if capacity is not None and by != "hub":
        raise typer.BadParameter("--capacity is of hubs: add --by hub")
    if more_pct and keep:
        raise typer.BadParameter("--what-if is not what is forecast: leave --keep out")
    volume_forecast.run_forecast(
        *(by, days, most, capacity, until),
        seed=seed,
        threads=threads,
        more_pct=more_pct,
        keep=keep,
        home=home,
        as_json=as_json,
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


def parse_day(text: str) -> date:
    """A day as it is named in a call."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day: write it as 2018-02-25") from None


@backtest.command("olist")
def backtest_olist(
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Holds the CSV files of the data set.")],
    test_from: Annotated[
        date, typer.Option("--test-from", parser=parse_day, metavar="DATE", help="Promise what was bought from it on.")
    ],
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="KIND", help="Do not learn from circumstances of a kind; again for another."),
    ] = None,
    weather: Annotated[
        Path | None, typer.Option("--weather", metavar="DIR", help="INMET's files of stations: learn from weather too.")
    ] = None,
    seed: Seed = 0,
    threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Promise real orders as each was bought, with only what was known then, and score that."""
    from waypost.app import olist_backtest

    olist_backtest.run_olist(
        data, test_from, without=without or [], weather=weather, seed=seed, threads=threads, as_json=as_json
    )


@backtest.command("delhivery")
def backtest_delhivery(
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Holds the legs, corridors and rows.")],
    seed: Seed = 0,
    threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Foretell minutes of real linehaul legs, and score that beside what others published for the same ones."""
    from waypost.app import delhivery_backtest

    delhivery_backtest.run_delhivery(data, seed=seed, threads=threads, as_json=as_json)


@commands.command("train")
def train(
    hold: Annotated[bool, typer.Option("--hold", help="Keep the new version, but do not promise by it yet.")] = False,
    at: Annotated[
        str | None, typer.Option("--at", metavar="INSTANT", help="Know only what came before it; RFC 3339.")
    ] = None,
    seed: Seed = 0,
    threads: Threads = 1,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Learn from the scans of the home how long parcels take, and promise by that from now on."""
    from waypost.app import training

    training.run_train(hold=hold, at=at, seed=seed, threads=threads, home=home, as_json=as_json)


@commands.command("promise")
def promise(
    start: Annotated[
        str, typer.Argument(metavar="FROM", help="COUNTRY/PROVINCE/CITY/POSTCODE, as BR/SP/Campinas; the end may go.")
    ],
    end: Annotated[str, typer.Argument(metavar="TO", help="The same.")],
    carrier: Annotated[str, typer.Option("--carrier", help="Its code, as scans name it.")] = "",
    weight_g: Annotated[
        int | None, typer.Option("--weight", min=1, max=10_000_000, metavar="GRAMS", help="Of the parcel.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="INSTANT", help="As if it were ordered then; RFC 3339.")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say when a parcel that is ordered now will be there, and what that rests on."""
    from waypost.app import training

    training.run_promise(start, end, carrier=carrier, weight_g=weight_g, at=at, home=home, as_json=as_json)


@commands.command("arrivals")
def arrivals(
    numbers: Annotated[
        list[str] | None, typer.Argument(metavar="[NUMBER]...", help="Of parcels; without one, the most endangered.")
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, max=10_000, help="So many of the most endangered.")] = 30,
    at: Annotated[str | None, typer.Option("--at", metavar="INSTANT", help="As it was known then; RFC 3339.")] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say when parcels on their way arrive, what may go wrong with them, and where they fell silent together."""
    from waypost.app import arrivals as watching

    raise typer.Exit(watching.run_arrivals(numbers or [], most, at=at, home=home, as_json=as_json))


@models.command("list")
def list_models(as_json: Json = False, home: Home = None) -> None:
    """List the versions that are kept, the newest first."""
    from waypost.app import training

    training.list_models(home=home, as_json=as_json)


_Version = Annotated[
    int, typer.Argument(metavar="VERSION", min=1, max=2**31 - 1, help="As `waypost models list` tells it.")
]


@models.command("show")
def show_model(version: _Version, as_json: Json = False, home: Home = None) -> None:
    """Show the card of a version: what it was learnt from, and how its promises held."""
    from waypost.app import training

    training.show_model(version, home=home, as_json=as_json)


@models.command("promote")
def promote_model(version: _Version, as_json: Json = False, home: Home = None) -> None:
    """Promise by a version from now on."""
    from waypost.app import training

    training.promote_model(version, home=home, as_json=as_json)


@models.command("rollback")
def roll_back_model(as_json: Json = False, home: Home = None) -> None:
    """Promise by the version again that was in use before this one."""
    from waypost.app import training

    training.roll_back_model(home=home, as_json=as_json)
