"""How surely the cause is named when parcels are late together, on trips that are made up and in which one was planted.

Each trial plants one cause (foul weather over an area, a hub that hardly anything leaves, a carrier that is slow in a
region or everywhere, a vehicle that gets stuck) and looks once, nine tenths of the way through it. Foul weather that
does no harm passes in each. Days in which nothing was planted are looked at every six hours, for false alerts.
"""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from waypost.forecast.late_together import Cause, LateTogether, find_late_together
from waypost.forecast.reasons import ReasonCode
from waypost.forecast.silence import SilenceModel, learn_silence
from waypost.forecast.steps import Steps
from waypost.model.instants import DAY_MS
from waypost.testing.trips import FIRST_DAY, Imagined, Planted, imagine_trips

KINDS = ("weather", "hub", "carrier", "vehicle")
_MAPS = 4
_HUBS, _CARRIERS = 8, 2
#: Days that are learnt from, of a trial before the cause begins and after, and of quiet.
_LEARN, _BEFORE, _AFTER, _QUIET = 24, 8, 4, 18
#: Days that trouble lasts; that of a vehicle a day more, for it is seen only once it should have arrived.
_LASTS = 1.5, 2.5
_AREA_KM, _REGION_KM = 500.0, 700.0
_NAMES = ("imagined", "imagined1")


class Front(msgspec.Struct, frozen=True):
    """Foul weather at some hubs, from an instant until another, in days."""

    hubs: frozenset[int]
    begins: float
    ends: float


class World:
    """One map, and what was learnt of its trips."""

    def __init__(self, number: int, parcels_a_day: int) -> None:
        self.number, self.parcels_a_day = number, parcels_a_day
        quiet = self.imagine(_LEARN, seed=1000 + number)
        self.at_km = quiet.at_km
        self.silence: SilenceModel = learn_silence(quiet.steps(), FIRST_DAY + _LEARN)

    def imagine(self, days: int, seed: int, planted: Planted | None = None) -> Imagined:
        """Trips of that map."""
        parcels = self.parcels_a_day * days
        more: dict[str, Any] = {"hubs": _HUBS, "carriers": _CARRIERS, "map_seed": self.number, "stuck": 0}
        return imagine_trips(parcels, days, seed=seed, planted=planted, **more)

    def near(self, hub: int, km: float) -> tuple[int, ...]:
        """The hubs around one, itself among them."""
        far = np.hypot(*(self.at_km - self.at_km[hub]).T)
        return tuple(np.flatnonzero(far <= km).tolist())


def plant(world: World, kind: str, chance: np.random.Generator) -> Planted:
    """One cause, of a length and at a place by chance."""
    begins = FIRST_DAY + _BEFORE + float(chance.uniform(0, 1))
    hub, carrier = int(chance.integers(_HUBS)), int(chance.integers(_CARRIERS))
    match kind:
        case "weather":
            return Planted(kind, begins, begins + float(chance.uniform(*_LASTS)), world.near(hub, _AREA_KM))
        case "hub":
            return Planted(kind, begins, begins + float(chance.uniform(*_LASTS)), (hub,), carrier)
        case "carrier":
            region = world.near(hub, _REGION_KM)
            everywhere = chance.random() < 0.5 or len(region) < 3
            hubs = tuple(range(_HUBS)) if everywhere else region
            return Planted(kind, begins, begins + float(chance.uniform(*_LASTS)), hubs, carrier)
    return Planted(kind, begins, begins + 1 + float(chance.uniform(*_LASTS)))


def blame(fronts: list[Front]) -> Any:
    """What is asked of the weather."""

    def ask(facility: str, since_ms: int, until_ms: int) -> ReasonCode | None:
        hub = int(facility.rpartition("H")[2])
        since, until = since_ms / DAY_MS, until_ms / DAY_MS
        foul = any(hub in each.hubs and each.begins < until and each.ends > since for each in fronts)
        return ReasonCode.STORM if foul else None

    return ask


def harmless(world: World, now: float, chance: np.random.Generator) -> Front:
    """Foul weather in the last days that holds nothing up."""
    begins = now - float(chance.uniform(0.5, 3))
    hubs = world.near(int(chance.integers(_HUBS)), _AREA_KM)
    return Front(frozenset(hubs), begins, begins + float(chance.uniform(0.5, 1.5)))


def look(world: World, imagined: Imagined, now: float, fronts: list[Front]) -> tuple[Steps, list[LateTogether]]:
    """What is found at an instant, by what is known then."""
    known = imagined.steps(now)
    return known, find_late_together(world.silence, known, now, weather=blame(fronts))


def is_it(cause: Cause, planted: Planted, imagined: Imagined) -> bool:
    """Whether a cause is what was planted. Of a carrier its name counts, not how far around it is slow."""
    owner = None if planted.carrier is None else _NAMES[planted.carrier]
    hub = None if cause.facility is None else int(cause.facility.rpartition("H")[2])
    match planted.kind:
        case "weather":
            return cause.kind == "weather" and hub in planted.hubs
        case "hub":
            return cause.kind == "hub" and hub in planted.hubs and cause.carrier == owner
        case "carrier":
            return cause.kind == "carrier" and cause.carrier == owner
    truck = imagined.truck
    assert truck is not None
    return (
        cause.kind == "departure"
        and (hub, cause.towards and int(cause.towards.rpartition("H")[2])) == (truck.origin, truck.destination)
        and abs((cause.departed or 0) - truck.departed) < 0.05
    )


def run_trial(world: World, kind: str, seed: int) -> dict[str, Any]:
    """Plant one cause and say what was named."""
    chance = np.random.default_rng(seed)
    planted = plant(world, kind, chance)
    imagined = world.imagine(_BEFORE + _AFTER, seed, planted)
    now = planted.begins + 0.9 * (planted.ends - planted.begins)
    fronts = [harmless(world, now, chance)]
    if kind == "weather":
        fronts.append(Front(frozenset(planted.hubs), planted.begins, planted.ends))
    _, found = look(world, imagined, now, fronts)
    causes = found[0].causes if found else []
    places = [place for place, cause in enumerate(causes) if is_it(cause, planted, imagined)]
    place = places[0] if places else None
    named = causes[0].kind.value if causes else "nothing"
    weight = causes[place].weight if place is not None else 0.0
    return {"kind": kind, "seed": seed, "place": place, "named": named, "weight": weight, "found": len(found)}


def count_false(world: World, seed: int) -> tuple[int, float]:
    """The alerts of days in which nothing was planted, those of the same parcels as one; and how many days."""
    chance = np.random.default_rng(seed)
    imagined = world.imagine(_QUIET, seed)
    alerts: list[set[str]] = []
    looks = np.arange(FIRST_DAY + _BEFORE, FIRST_DAY + _QUIET, 0.25)
    for now in looks.tolist():
        known, found = look(world, imagined, now, [harmless(world, now, chance)])
        for each in found:
            numbers = set(known.table.column("number").take(each.rows).to_pylist())
            if not any(len(numbers & alert) >= 0.5 * min(len(numbers), len(alert)) for alert in alerts):
                alerts.append(numbers)
    return len(alerts), len(looks) / 4


def measure(
    trials: int, parcels_a_day: int, seed: int, maps: int = _MAPS, kinds: Sequence[str] = KINDS
) -> dict[str, Any]:
    """All figures; so many trials of each kind."""
    begun = time.process_time()
    worlds = [World(number + 1, parcels_a_day) for number in range(maps)]
    told = [
        run_trial(worlds[trial % maps], kind, seed + 10_000 * place + trial)
        for place, kind in enumerate(kinds)
        for trial in range(trials)
    ]
    quiet = [count_false(world, seed + 90_000 + world.number) for world in worlds]
    false, days = sum(each[0] for each in quiet), sum(each[1] for each in quiet)
    return {
        "trials": len(told),
        "parcels_a_day": parcels_a_day,
        "kinds": [_sum(kind, [each for each in told if each["kind"] == kind]) for kind in kinds],
        "all": _sum("all", told),
        "quiet_days": days,
        "false_alerts": false,
        "false_alerts_a_day": round(false / days, 2),
        "cpu_s": round(time.process_time() - begun, 1),
        "missed": [each for each in told if each["place"] != 0],
    }


def _sum(kind: str, told: list[dict[str, Any]]) -> dict[str, Any]:
    many = len(told)
    return {
        "kind": kind,
        "trials": many,
        "first": round(sum(each["place"] == 0 for each in told) / many, 3),
        "among_three": round(sum(each["place"] is not None and each["place"] < 3 for each in told) / many, 3),
        "nothing_found": round(sum(not each["found"] for each in told) / many, 3),
        "weight": round(float(np.mean([each["weight"] for each in told])), 2),
    }


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    figures = measure(args.trials, args.parcels, args.seed, args.maps, args.kinds)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
        return
    heads = ("planted", "trials", "named first", "among the first three", "nothing found", "weight of it")
    table = Table(*heads, title="Causes that were planted, and named")
    for each in (*figures["kinds"], figures["all"]):
        shares = (f"{each[name]:.0%}" for name in ("first", "among_three", "nothing_found"))
        table.add_row(each["kind"], str(each["trials"]), *shares, f"{each['weight']:.2f}")
    console = Console()
    console.print(table)
    console.print(
        f"{figures['false_alerts']} false alerts on {figures['quiet_days']:g} quiet days of "
        f"{figures['parcels_a_day']} parcels: {figures['false_alerts_a_day']} a day; {figures['cpu_s']} s of a core",
        highlight=False,
    )


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench causes", description=__doc__)
    add = parser.add_argument
    add("--trials", type=int, default=50, help="of each kind (default: %(default)s)")
    add("--parcels", type=int, default=1200, help="a day (default: %(default)s)")
    add("--maps", type=int, default=_MAPS, help="networks, each learnt by itself (default: %(default)s)")
    add("--kinds", nargs="+", choices=KINDS, default=KINDS, help="of causes (default: all)")
    add("--seed", type=int, default=1, help="of all chance (default: %(default)s)")
    add("--json", action="store_true", help="print JSON, with the trials in which something else was named first")
    return parser.parse_args()


if __name__ == "__main__":
    main()
