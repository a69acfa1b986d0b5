"""Seeded trips of which one knows how they came about."""

import numpy as np

from waypost.forecast.trips import Trips, make_trips
from waypost.model.instants import DAY_MS

START = 17_000.0  # days since 1970


def imagine(rows: int = 4000, days: float = 200, seed: int = 0, slow_from: float | None = None) -> Trips:
    """Parcels between three regions, near ones quicker; from a day of the stretch on all take half as long again."""
    chance = np.random.default_rng(seed)
    ordered = START + np.sort(chance.uniform(0, days, rows))
    ends = chance.integers(0, 3, (2, rows))
    taken = np.exp(1.3 + 0.5 * np.abs(ends[0] - ends[1]) + chance.normal(0, 0.3, rows))
    if slow_from is not None:
        taken = np.where(ordered - START >= slow_from, 1.5 * taken, taken)
    stamps = {
        "ordered_at": ordered,
        "handed_over_at": ordered + 0.3 * taken,
        "delivered_at": ordered + taken,
        "promised_at": ordered + 20,
    }
    columns = {name: np.round(at * DAY_MS).astype("datetime64[ms]") for name, at in stamps.items()}
    where = {
        f"{end}_{axis}": ends[place] * (4.0 if axis == "latitude" else 1.0)
        for place, end in enumerate(("origin", "destination"))
        for axis in ("latitude", "longitude")
    }
    return make_trips(
        {
            "number": [str(row) for row in range(rows)],
            **columns,
            "offset_min": np.zeros(rows, np.int16),
            "is_void": chance.random(rows) < 0.01,
            "shipper": [f"s{each}" for each in chance.integers(0, 20, rows)],
            "origin_region": [f"r{each}" for each in ends[0]],
            "destination_region": [f"r{each}" for each in ends[1]],
            **where,
        }
    )
