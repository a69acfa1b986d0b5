"""`./scripts/bench promise`: promises a second of one core in batches, how long a single one takes, and what takes it.

Trips are generated (seeded): lanes between places of Brazil's size, about as many parcels as a mid-size network learns
from. The peer is LightGBM alone: the same trees asked the same questions, which it is given as columns.
"""

import argparse
import gc
import json
import os
import time
from typing import Any

import lightgbm
import numpy as np

from waypost.forecast.circumstances import describe
from waypost.forecast.promises import MOST_DAYS, Foreseen
from waypost.forecast.promising import WINDOW, Ask, Promiser
from waypost.forecast.training import Card, Trained
from waypost.forecast.transit import learn_transit
from waypost.forecast.trips import Trips, make_trips
from waypost.model.instants import DAY_MS, format_utc

NOW = 20_000.0  # days since 1970


def draw_trips(parcels: int, regions: int, areas: int, shippers: int, seed: int) -> Trips:
    """Parcels of 200 days between regions on a plane, ordered by the hour of day, near ones quicker."""
    chance = np.random.default_rng(seed)
    place = chance.uniform(-15, 15, (2, regions))
    ends = chance.integers(0, regions, (2, parcels))
    ordered = np.sort(NOW - chance.uniform(0, 200, parcels))
    far = np.hypot(*(place[:, ends[0]] - place[:, ends[1]]))
    taken = np.exp(0.8 + 0.06 * far + chance.normal(0, 0.35, parcels))
    waited = 0.3 * taken * chance.uniform(0.5, 1, parcels)
    stamps = {"ordered_at": ordered, "handed_over_at": ordered + waited, "delivered_at": ordered + taken}
    columns: dict[str, Any] = {}
    for name, at in stamps.items():
        stamped = np.round(at * DAY_MS).astype("datetime64[ms]")
        stamped[at >= NOW] = np.datetime64("NaT")
        columns[name] = stamped
    for end, row in (("origin", 0), ("destination", 1)):
        columns[f"{end}_region"] = [f"BR-{each}" for each in ends[row].tolist()]
        columns[f"{end}_latitude"], columns[f"{end}_longitude"] = place[:, ends[row]]
    return make_trips(
        columns
        | {
            "number": [str(row) for row in range(parcels)],
            "offset_min": np.full(parcels, -180, np.int16),
            "is_void": chance.random(parcels) < 0.01,
            "shipper": [f"s{each}" for each in chance.integers(0, shippers, parcels).tolist()],
            "service": [f"c{each}" for each in chance.integers(0, 5, parcels).tolist()],
            "destination_country": ["BR"] * parcels,
            "destination_area": [f"a{each}" for each in chance.integers(0, areas, parcels).tolist()],
            "weight_g": np.round(np.exp(chance.normal(6, 1, parcels))),
        }
    )


def learn(trips: Trips, seed: int) -> Trained:
    """What promises need, without the back-test that a card is written from."""
    facts = describe(trips)
    transit = learn_transit(facts, trips, NOW, seed=seed)
    foreseen = Foreseen(trips)
    rows = trips.between(NOW - MOST_DAYS, NOW)
    foreseen.put(rows, transit.foresee(facts, rows))
    card = Card(
        learnt_at=format_utc(round(NOW * DAY_MS)),
        trips=len(trips),
        delivered=len(rows),
        first="",
        last="",
        shares=1,
        kinds=[],
        weights={},
    )
    return Trained(transit, {name: list(words) for name, words in facts.words.items()}, foreseen.table(rows), card)


def measure(parcels: int, batch: int, singles: int, seed: int) -> dict[str, Any]:
    """All figures; seconds are of the processor for batches, and of the clock for single promises."""
    trips = draw_trips(parcels, 27, 800, 2_000, seed)
    begun = time.process_time()
    trained = learn(trips, seed)
    learnt_s, begun = time.process_time() - begun, time.process_time()
    promiser = Promiser(trained, trips, NOW)
    ready_s = time.process_time() - begun
    chance = np.random.default_rng(seed)
    asked = trips.at(chance.integers(0, parcels, batch), NOW)
    rows = np.arange(batch)
    facts = describe(asked, recents=promiser.look_up(asked), words=trained.words)
    learnt = (trained.transit.middle_trees, trained.transit.sooner_trees, trained.transit.later_trees)
    forests = [lightgbm.Booster(model_str=trees.text) for trees in learnt]
    whole_s, trees_s = [], []
    for _ in range(5):
        gc.collect()
        begun = time.process_time()
        promised = promiser.promise(asked)
        whole_s.append(time.process_time() - begun)
        begun = time.process_time()
        table = facts.table(trained.transit.names, rows)
        told = [forest.predict(table) for forest in forests]
        trees_s.append(time.process_time() - begun)
    assert promised.days.shape == (batch, len(WINDOW))
    assert np.array_equal(told[0] + trained.transit.start, trained.transit.foresee(facts, rows).middle)
    asks = [
        Ask(service="c1", origin_region="BR-1", destination_region=f"BR-{row % 27}", destination_area=f"a{row % 800}")
        for row in range(singles)
    ]
    single_ms = []
    for ask in asks:
        begun = time.perf_counter()
        promiser.promise_all([ask], round(NOW * DAY_MS))
        single_ms.append((time.perf_counter() - begun) * 1000)
    p50, p99 = np.percentile(single_ms, [50, 99])
    return {
        "trips": parcels,
        "batch": batch,
        "learnt_cpu_s": round(learnt_s, 2),
        "ready_cpu_s": round(ready_s, 2),
        "promises_per_cpu_s": round(batch / float(np.median(whole_s))),
        "trees_alone_per_cpu_s": round(batch / float(np.median(trees_s))),
        "times_as_fast": round(float(np.median(trees_s) / np.median(whole_s)), 2),
        "single_p50_ms": round(float(p50), 2),
        "single_p99_ms": round(float(p99), 2),
    }


def main() -> None:
    """Measure and say so."""
    parser = argparse.ArgumentParser(prog="./scripts/bench promise", description=__doc__)
    parser.add_argument("--parcels", type=int, default=100_000, help="that are learnt from")
    parser.add_argument("--batch", type=int, default=20_000, help="promises at once")
    parser.add_argument("--singles", type=int, default=1_000, help="promises that are asked for alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    told = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found = measure(told.parcels, told.batch, told.singles, told.seed)
    if told.json:
        print(json.dumps(found))
        return
    print(f"{found['promises_per_cpu_s']:,} promises a second of one core, {found['batch']:,} at once;")
    print(
        f"  LightGBM alone, the same trees: {found['trees_alone_per_cpu_s']:,}; {found['times_as_fast']} times as fast"
    )
    print(f"a single one: p50 {found['single_p50_ms']} ms, p99 {found['single_p99_ms']} ms")
    print(f"learnt from {found['trips']:,} trips in {found['learnt_cpu_s']} s; ready again in {found['ready_cpu_s']} s")


if __name__ == "__main__":
    main()
