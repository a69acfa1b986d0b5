"""`waypost backtest`: forecasts held against what came, beside plain peers."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from waypost.app.commands.options import Json

backtest = typer.Typer(help="Hold forecasts against what came, beside plain peers.", no_args_is_help=True)


@backtest.command("volume")
def backtest_volume(
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Holds the files of the M4 competition.")],
    group: Annotated[
        Literal["hourly", "weekly"] | None, typer.Option("--group", help="Only these series; both without it.")
    ] = None,
    without_peers: Annotated[
        bool, typer.Option("--without-peers", help="Only Waypost and the seasonal naive.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of what is left to chance.")] = 0,
    threads: Annotated[int, typer.Option("--threads", min=1, max=256, help="How many processors to use.")] = 1,
    as_json: Json = False,
) -> None:
    """Forecast the hourly and weekly series of the M4 competition, and score that as the competition did."""
    from waypost.app import volume_backtest

    groups: list[Literal["hourly", "weekly"]] = ["hourly", "weekly"] if group is None else [group]
    volume_backtest.run_volume(data, groups, with_peers=not without_peers, seed=seed, threads=threads, as_json=as_json)
