"""The commands of the twin: what they are called, and what they take."""

from typing import Annotated

import typer

from waypost.app.commands.options import Home, Json

commands = typer.Typer()
twin = typer.Typer(help="An imagined network of couriers: seeded parcels that move, and what if.", no_args_is_help=True)
commands.add_typer(twin, name="twin")

Seed = Annotated[int, typer.Option("--seed", min=0, help="Of what is left to chance: the same gives the same scans.")]
PerDay = Annotated[float, typer.Option("--parcels-per-day", min=1, max=100_000_000, help="Handed over on a usual day.")]
Days = Annotated[float, typer.Option("--days", min=0.01, max=366, help="How many of the twin's days pass.")]
Start = Annotated[
    str | None, typer.Option("--from", metavar="INSTANT", help="Where they begin, RFC 3339; else so that they end now.")
]
WarmUp = Annotated[
    float, typer.Option("--warm-up", min=0, max=60, help="Days before, so that parcels are on their way then.")
]
Prefectures = Annotated[
    int | None, typer.Option("--prefectures", min=6, max=363, help="Only so many, the greatest: a small world.")
]


@twin.command()
def run(
    seed: Seed = 1,
    parcels_per_day: PerDay = 20_000,
    days: Days = 1,
    speed: Annotated[
        float, typer.Option("--speed", min=0, help="Times as fast as real time; 0: as fast as the ledger takes it.")
    ] = 0,
    start: Start = None,
    warm_up: WarmUp = 4,
    prefectures: Prefectures = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Let days of the twin pass, and take in what its carriers send; the same days again change nothing."""
    from waypost.app import twin as doing

    doing.run_twin(
        seed=seed,
        parcels_per_day=parcels_per_day,
        days=days,
        speed=speed,
        start=start,
        warm_up_days=warm_up,
        prefectures=prefectures,
        home=home,
        as_json=as_json,
    )


@twin.command("what-if")
def what_if(
    close: Annotated[
        list[str] | None, typer.Option("--close", metavar="HUB,FROM_HOUR,UNTIL_HOUR", help="A hub stands still.")
    ] = None,
    cut_off: Annotated[
        list[str] | None, typer.Option("--cut-off", metavar="HUB,MINUTES", help="A hub loads so much later.")
    ] = None,
    room: Annotated[
        list[str] | None, typer.Option("--room", metavar="HUB,HUB,TIMES", help="Departures take so many times more.")
    ] = None,
    front: Annotated[
        list[str] | None,
        typer.Option("--front", metavar="LATITUDE,LONGITUDE,KM,HOURS,SLOWER", help="Foul weather from the start on."),
    ] = None,
    demand: Annotated[
        float, typer.Option("--demand", min=-99, max=1000, metavar="PERCENT", help="So many percent more parcels.")
    ] = 0,
    seed: Seed = 1,
    parcels_per_day: PerDay = 20_000,
    days: Days = 1,
    start: Start = None,
    warm_up: WarmUp = 4,
    prefectures: Prefectures = None,
    as_json: Json = False,
) -> None:
    """Let the same days pass twice, once with changes, and show what these do. Needs no home, and touches none."""
    from waypost.app import twin as doing

    changes = doing.Changes(close=close or [], cut_off=cut_off or [], room=room or [], front=front or [], demand=demand)
    doing.run_what_if(
        changes,
        seed=seed,
        parcels_per_day=parcels_per_day,
        days=days,
        start=start,
        warm_up_days=warm_up,
        prefectures=prefectures,
        as_json=as_json,
    )
