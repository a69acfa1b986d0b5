"""Customers of Olist and the hub that would serve each: the nearest one.

Hubs are the cities with most customers, each at least so many kilometres from those before it. A customer's hub is the
one nearest to the middle of his postcode (the mean of its points in the geolocation file): so the truth has no noise,
and what has to be learnt is where the borders run. Who learns is told postcode, city and state, never a coordinate.
"""

import csv
import gzip
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]

_EARTH_KM = 6371.0


class Customers(msgspec.Struct, frozen=True):
    """Deliveries by time, and where each went in degrees (latitude, longitude)."""

    deliveries: pa.Table
    points: Floats
    left_out: int


def read_customers(folder: Path, hubs: int, apart_km: float) -> Customers:
    """From the files of Olist; who lives where no point is known is left out, and counted."""
    points: dict[str, list[tuple[float, float]]] = {}
    for row in _read(folder / "olist_geolocation_dataset.csv.gz"):
        latitude, longitude = float(row["geolocation_lat"]), float(row["geolocation_lng"])
        if -34 < latitude < 6 and -74 < longitude < -34:  # some points are not in Brazil
            points.setdefault(row["geolocation_zip_code_prefix"], []).append((latitude, longitude))
    middles = {postcode: np.mean(each, axis=0) for postcode, each in points.items()}
    customers = {row["customer_id"]: row for row in _read(folder / "olist_customers_dataset.csv.gz")}
    orders = sorted(
        (row["order_purchase_timestamp"], row["customer_id"]) for row in _read(folder / "olist_orders_dataset.csv.gz")
    )
    known = [(at, customers[who]) for at, who in orders if customers[who]["customer_zip_code_prefix"] in middles]
    postcodes = [row["customer_zip_code_prefix"] for _, row in known]
    where = np.array([middles[postcode] for postcode in postcodes])
    cities = [f"{row['customer_city']}, {row['customer_state']}" for _, row in known]
    names, sites = _choose_hubs(cities, where, hubs, apart_km)
    codes = [names[each] for each in np.argmin(distances_km(where, sites), axis=1)]
    nothing = [""] * len(known)
    deliveries = pa.table(
        {
            "country": ["BR"] * len(known),
            "postcode": postcodes,
            "province": [row["customer_state"] for _, row in known],
            "city": [row["customer_city"] for _, row in known],
            "county": nothing,
            "street": nothing,
            "code": codes,
            "delivered_ms": pc.cast(pc.strptime([at for at, _ in known], "%Y-%m-%d %H:%M:%S", "ms"), pa.int64()),
        }
    )
    return Customers(deliveries, where, len(orders) - len(known))


def distances_km(points: Floats, others: Floats) -> Floats:
    """Along the great circle: a row for each of the points, a column for each of the others."""
    a, b = np.radians(points)[:, None, :], np.radians(others)[None, :, :]
    half = np.sin((a - b) / 2) ** 2
    along: Floats = (
        2 * _EARTH_KM * np.arcsin(np.sqrt(half[..., 0] + np.cos(a[..., 0]) * np.cos(b[..., 0]) * half[..., 1]))
    )
    return along


def _choose_hubs(cities: list[str], where: Floats, most: int, apart_km: float) -> tuple[list[str], Floats]:
    names, place, counts = np.unique(cities, return_inverse=True, return_counts=True)
    middles = np.stack([np.bincount(place, where[:, axis]) / counts for axis in (0, 1)], axis=1)
    chosen: list[int] = []
    for each in np.argsort(-counts, kind="stable"):
        near = chosen and distances_km(middles[[each]], middles[chosen]).min() < apart_km
        if not near:
            chosen.append(int(each))
        if len(chosen) == most:
            break
    return [str(names[each]) for each in chosen], middles[chosen]


def _read(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
