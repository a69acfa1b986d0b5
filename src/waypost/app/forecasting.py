"""`waypost forecast`: what will happen."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from waypost.app.commands.options import Home, Json

forecast = typer.Typer(help="Say what will happen.", no_args_is_help=True)


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
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of what is left to chance.")] = 0,
    threads: Annotated[int, typer.Option("--threads", min=1, max=256, help="How many processors to use.")] = 1,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say how many parcels come a day, and how sure that is; hubs or lanes add up to carriers and these to all."""
    from waypost.app import volume_forecast

    if capacity is not None and by != "hub":
        raise typer.BadParameter("--capacity is of hubs: add --by hub")
    volume_forecast.run_forecast(
        by, days, most, capacity, until, seed=seed, threads=threads, home=home, as_json=as_json
    )
