"""`waypost train`, `models`, `promise`: beside a running server, which promises by a new version at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from waypost.app.cities import open_cities
from waypost.app.console import aside, line, out, results
from waypost.app.quoting import read_spot
from waypost.app.records import records_of
from waypost.app.tracking import open_to_read
from waypost.app.wiring import now_ms
from waypost.booking.rating.promised import ask_for, basis_of, check_carrier
from waypost.booking.rating.shipments import Piece, Shipment
from waypost.forecast.models import KeptModel, Models
from waypost.forecast.past import Past
from waypost.forecast.promising import RestsOn
from waypost.forecast.steps import Steps
from waypost.forecast.training import Card, Trained, train, with_watch
from waypost.model.errors import BadInput, StoreError
from waypost.model.instants import DAY_MS, format_utc, parse_instant

_RESTS_ON = {
    RestsOn.LANE: "parcels of this lane that came in the last 45 days",
    RestsOn.REGION: "parcels to this region that came in the last 45 days",
    RestsOn.ALL: "how far it is, and what all parcels took: hardly any went there lately",
}


def run_train(*, hold: bool, at: str | None, seed: int, threads: int, home: Path | None, as_json: bool) -> None:
    """Learn from what is kept in a home, keep it as the next version, and say how well it does."""
    at_ms = now_ms() if at is None else parse_instant(at).at_ms
    if at_ms > now_ms():
        raise BadInput("nothing is known of what comes", where="--at", mend="Give an instant that has been.")
    before = _find_before(home)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=aside, transient=True, disable=not aside.is_terminal) as progress:
        task = progress.add_task("reading what was carried", total=1.0)
        with open_to_read(home) as house:
            past, steps = house.read_past(at_ms), house.read_steps(at_ms)
        progress.update(task, description="learning")
        trained = learn(
            past,
            steps,
            at_ms,
            before=before,
            seed=seed,
            threads=threads,
            tell=lambda share: progress.update(task, completed=share),
        )
    with records_of(home) as (_, records):
        models = Models(records)
        version = models.keep(trained, now_ms())
        if not hold:
            models.promote(version, now_ms())
        kept = models.get(version)
    if as_json:
        out(_told(kept))
        return
    _print_card(kept)
    if hold:
        print(f"kept and not in use: `waypost models promote {version}` puts it there")
    else:
        print("in use from now on; `waypost models rollback` leads back")


def learn(
    past: Past,
    steps: Steps,
    at_ms: int,
    *,
    before: Trained | None = None,
    seed: int = 0,
    threads: int = 1,
    tell: Callable[[float], None] = lambda share: None,
) -> Trained:
    """Learn to promise and to watch from what was known at an instant; `tell` is called with the share that is done."""
    at = at_ms / DAY_MS
    trained = train(
        past.trips, at, shares=past.shares, areas=past.areas, before=before, seed=seed, threads=threads, tell=tell
    )
    return with_watch(trained, steps, at, seed=seed, threads=threads)


def _find_before(home: Path | None) -> Trained | None:
    """What is in use, to be compared with; what cannot be read is told and left."""
    with records_of(home) as (_, records):
        try:
            in_use = Models(records).find_in_use()
        except StoreError as error:
            aside.print(line((f"The version in use is not compared with: {error.message}", "yellow")))
            return None
    return None if in_use is None else in_use[1]


def list_models(*, home: Path | None, as_json: bool) -> None:
    """Print the versions that are kept."""
    with records_of(home) as (_, records):
        kept = Models(records).list_all()
    if as_json:
        out([_told(each) for each in kept])
        return
    if not kept:
        print("nothing was trained yet: `waypost train`")
        return
    table = Table("version", "learnt at", "from", "delivered", "MAE days", "P90 held", "in use since")
    for each in kept:
        told = ("its card cannot be read", "", "", "-", "-") if each.card is None else _sum_up(each.card)
        since = format_utc(each.promoted_ms) if each.promoted_ms is not None else ""
        table.add_row(str(each.version), *told, since)
    results().print(table)


def _sum_up(card: Card) -> tuple[str, ...]:
    scores = card.scores or {}
    return (
        card.learnt_at,
        f"{card.first} to {card.last}",
        str(card.delivered),
        f"{scores['mae_days']:.2f}" if scores else "-",
        f"{scores['coverage_p90']:.1%}" if scores else "-",
    )


def show_model(version: int, *, home: Path | None, as_json: bool) -> None:
    """Print the card of a version."""
    with records_of(home) as (_, records):
        kept = Models(records).get(version)
    if as_json:
        out(_told(kept))
    else:
        _print_card(kept)


def promote_model(version: int, *, home: Path | None, as_json: bool) -> None:
    """Put a version in use."""
    with records_of(home) as (_, records):
        Models(records).promote(version, now_ms())
    _say_in_use(version, as_json)


def roll_back_model(*, home: Path | None, as_json: bool) -> None:
    """Put the version in use that was before this one."""
    with records_of(home) as (_, records):
        version = Models(records).roll_back(now_ms())
    _say_in_use(version, as_json)


def run_promise(
    start: str, end: str, *, carrier: str, weight_g: int | None, at: str | None, home: Path | None, as_json: bool
) -> None:
    """Promise one parcel and say what that rests on."""
    shipment = Shipment(sender=read_spot(start), consignee=read_spot(end), pieces=[Piece(weight_g)] if weight_g else [])
    with open_to_read(home) as house:
        at_ms = now_ms() if at is None else parse_instant(at).at_ms
        promiser = house.promises.open() if at is None else house.promises.at(at_ms)
        check_carrier(carrier, promiser, house.has_carrier)
        ask = ask_for(shipment, carrier, open_cities(house.facilities))
    [promise] = promiser.promise_all([ask], at_ms)
    learnt_at = promiser.trained.card.learnt_at
    if at is not None and at_ms < parse_instant(learnt_at).at_ms:
        aside.print(line((f"Version {promiser.version} was learnt after that and knows more: {learnt_at}.", "yellow")))
    if as_json:
        out({"ordered_at": format_utc(at_ms), "promise": promise, "promised": basis_of(promiser)})
        return
    print(f"as likely before as after {_minute(promise.p50_at)}; nine of ten by {_minute(promise.p90_at)}")
    print(f"  one of ten before {_minute(promise.p10_at)}, eight of ten by {_minute(promise.p80_at)}")
    many = "" if promise.rests_on is RestsOn.ALL else f"{promise.parcels} or more "
    print(f"  rests on {many}{_RESTS_ON[promise.rests_on]}")
    if promise.unknown:
        print(f"  made without what no parcel had before: {', '.join(promise.unknown)}")
    if promise.held is not None:
        tested = f"{promise.held_of} or more promises to this region that were tested"
        print(f"  of {tested} {promise.held:.0%} held at nine of ten")
    print(f"  by version {promiser.version}, learnt at {learnt_at}")


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ") + " UTC"


def _say_in_use(version: int, as_json: bool) -> None:
    if as_json:
        out({"in_use": version})
    else:
        print(f"version {version} is in use")


def _told(kept: KeptModel) -> dict[str, Any]:
    return {
        "version": kept.version,
        "in_use": kept.in_use,
        "made_at": format_utc(kept.made_ms),
        "bytes": kept.bytes,
        "card": kept.card,
    }


def _print_card(kept: KeptModel) -> None:
    card, console = kept.card, results()
    assert card is not None, "`Models.get` gives none without"
    share = "" if card.shares == 1 else f" (one of {card.shares})"
    console.print(line(f"version {kept.version}, learnt at {card.learnt_at}"))
    console.print(
        line(f"from {card.trips} parcels{share} ordered from {card.first} to {card.last}; {card.delivered} had come")
    )
    if card.unwatched:
        console.print(line(f"nothing was learnt of parcels on their way: {card.unwatched}"))
    else:
        console.print(line(f"ETAs of parcels on their way from {card.steps} scans"))
    strongest = ", ".join(f"{name} {share:.0%}" for name, share in list(card.weights.items())[:8])
    console.print(line(f"what says most: {strongest}"))
    if card.scores is None or card.tested is None:
        console.print(line("how well it does cannot be said yet: too few promises came to their end"))
        return
    console.print(line(f"promises of {card.tested[0]} to {card.tested[1]}, each made with what was known then:"))
    console.print(_scores(card))
    if card.uncompared:
        console.print(line(f"not compared with the one before: {card.uncompared}"))
    if card.regions:
        worst = sorted(card.regions.items(), key=lambda each: each[1][0])[:5]
        told = ", ".join(f"{region} {held:.0%} of {many}" for region, (held, many) in worst)
        console.print(line(f"P90 held least to: {told}"))


def _scores(card: Card) -> Table:
    table = Table("promise", "parcels", "MAE days", "pinball", "P50 held", "P80 held", "P90 held", "mean P90 days")
    told = {"this": card.scores, "median of the lane": card.medians, "in use before": card.before}
    if card.beside != card.scores:
        told["this, on the same as before"] = card.beside
    for name, each in told.items():
        if each is not None:
            held = [f"{each[f'coverage_p{level}']:.1%}" for level in (50, 80, 90)]
            figures = (f"{each['mae_days']:.2f}", f"{each['pinball']:.3f}", *held, f"{each['mean_p90_days']:.1f}")
            table.add_row(name, str(each["orders"]), *figures)
    return table
