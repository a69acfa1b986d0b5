"""Who sends how many parcels to whom, and when: people, distance, hours, weekdays, seasons and sales days.

The shapes are guesses of ours, told in docs/explanation/how-the-twin-works.md; the sales days are those of
`forecast.calendars`.
"""

import datetime as dt
import itertools
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from waypost.forecast.calendars import list_marks
from waypost.network.distances import great_circle_km
from waypost.twin.places import AreaKind, Places

Floats = npt.NDArray[np.float64]

#: Of a day's parcels, by the hour (in China) at which they are handed over: merchants pack orders of the night and day.
HOURS = (2, 1, 1, 1, 1, 1, 2, 4, 16, 36, 58, 62, 44, 52, 74, 92, 108, 120, 112, 88, 62, 36, 18, 9)
#: Monday to Sunday; the mean is 1.
WEEKDAYS = (1.06, 1.05, 1.03, 1.02, 1.01, 0.95, 0.88)
#: January to December: the weeks around the New Year's festival are quiet, autumn is busy.
MONTHS = (0.92, 0.78, 0.97, 0.98, 1.0, 1.04, 0.98, 0.98, 1.02, 1.04, 1.06, 1.08)
#: Sales days by how much more comes: on the day itself and on those behind it.
SALES = {(11, 11): (4.0, 2.6, 1.9, 1.5, 1.3), (6, 18): (2.4, 1.8, 1.4), (12, 12): (1.8, 1.4)}

#: Provinces, by how much more than their people they send.
_SENDS = {"33": 4.0, "44": 3.0, "35": 2.0, "32": 1.8, "31": 1.8, "13": 1.4, "37": 1.1, "42": 0.8, "41": 0.8}
_ELSEWHERE = 0.5
#: Of all parcels so many leave China, and where they go.
ABROAD = 0.015
_ENDS = {"HK": 0.15, "US": 0.40, "EU": 0.30, "BR": 0.15}
_DECAY, _NEAR_KM = 0.55, 120.0
_MERCHANTS = 20_000
_FAITH = 0.7


class Demand(msgspec.Struct, frozen=True):
    """Who sends to whom.

    Attributes:
        merchant_place, merchant_carrier: where a merchant is, and whom it prefers.
        merchant_table: `alias_table` of merchants, by how much they send.
        share: of each carrier.
        faith: how often a merchant takes the one it prefers.
        to_area: shares of areas (columns) among the parcels of an area (rows).
        area_tables: `alias_table` of each row.
        place_tables, place_first: the same of the places of each area, which stand behind one another from there on.
    """

    merchant_place: npt.NDArray[np.int32]
    merchant_carrier: npt.NDArray[np.int32]
    merchant_weight: Floats
    merchant_table: Floats
    share: Floats
    faith: float
    to_area: Floats
    area_tables: Floats
    place_order: npt.NDArray[np.int32]
    place_first: npt.NDArray[np.int32]
    place_table: Floats

    def flows(self, places: Places) -> Floats:
        """Of all parcels, the share by carrier, area of origin and area of destination."""
        areas, carriers = len(places.areas), len(self.share)
        sent = np.zeros((carriers, areas))
        area = places.area[self.merchant_place]
        np.add.at(sent, (self.merchant_carrier, area), self.merchant_weight * self.faith)
        everywhere = np.bincount(area, self.merchant_weight, areas) * (1 - self.faith)
        sent += self.share[:, None] * everywhere[None, :]
        return np.asarray(sent[:, :, None] * self.to_area[None, :, :])


def make_demand(places: Places, shares: Sequence[float], seed: int) -> Demand:
    """The demand of a world: the same for the same seed."""
    rng = np.random.default_rng([seed, 1])
    sends = np.array([_SENDS.get(code[:2], _ELSEWHERE) for code in places.codes]) * places.people
    kinds = np.array([area.kind for area in places.areas])
    sends[kinds[places.area] != AreaKind.PREFECTURE] = 0.0
    share = np.asarray(shares, np.float64) / np.sum(shares)
    merchants = min(_MERCHANTS, 60 * int((sends > 0).sum()))
    weight = np.asarray(np.arange(1.0, merchants + 1.0) ** -0.6, np.float64)
    weight /= weight.sum()
    to_area = _attract(places, kinds)
    order = np.argsort(places.area, kind="stable").astype(np.int32)
    first = np.searchsorted(places.area[order], np.arange(len(places.areas) + 1)).astype(np.int32)
    of_areas = [alias_table(places.people[order[a:b]]) for a, b in itertools.pairwise(first)]
    return Demand(
        merchant_place=rng.choice(len(sends), merchants, p=sends / sends.sum()).astype(np.int32),
        merchant_carrier=rng.choice(len(share), merchants, p=share).astype(np.int32),
        merchant_weight=weight,
        merchant_table=alias_table(weight),
        share=share,
        faith=_FAITH,
        to_area=to_area,
        area_tables=np.stack([alias_table(row) for row in to_area]),
        place_order=order,
        place_first=first,
        place_table=np.concatenate(of_areas),
    )


def _attract(places: Places, kinds: npt.NDArray[np.int64]) -> Floats:
    """Which share of the parcels of each area goes to each other: people, and less the farther they are."""
    people = places.people_of_areas()
    north, east = (np.array([getattr(area, name) for area in places.areas]) for name in ("latitude", "longitude"))
    km = great_circle_km(north[:, None], east[:, None], north[None, :], east[None, :])
    home = kinds == AreaKind.PREFECTURE
    pull = np.where(home[None, :], people[None, :] * (km + _NEAR_KM) ** -_DECAY, 0.0)
    pull *= (1 - ABROAD) / pull.sum(axis=1, keepdims=True)
    sides = np.array([area.country if area.country in ("HK", "US", "BR") else "EU" for area in places.areas])
    for side, part in _ENDS.items():
        there = ~home & (sides == side)
        pull[:, there] = ABROAD * part * people[there] / people[there].sum()
    return np.asarray(pull)


def alias_table(weights: npt.ArrayLike) -> Floats:
    """A table in which one look tells what was drawn (Vose): entry k holds k's own chance, and who is behind it."""
    weight = np.asarray(weights, np.float64)
    chance = weight / weight.sum() * len(weight)
    other = np.arange(len(weight))
    small, great = [list(np.flatnonzero(part)) for part in (chance < 1.0, chance >= 1.0)]
    while small and great:
        less, more = small.pop(), great[-1]
        other[less] = more
        chance[more] -= 1.0 - chance[less]
        if chance[more] < 1.0:
            small.append(great.pop())
    for rest in (*small, *great):
        chance[rest], other[rest] = 1.0, rest
    return np.asarray(other + np.minimum(chance, 1.0 - 1e-12) * 0.999999999)


def day_factor(day: dt.date) -> float:
    """How much more than on a usual day is handed over on a day."""
    factor = WEEKDAYS[day.weekday()] * MONTHS[day.month - 1]
    return factor * sales_factor(day)


def sales_factor(day: dt.date) -> float:
    """How much more because of a sales day of China, today or a few days ago."""
    longest = max(map(len, SALES.values()))
    first = day - dt.timedelta(days=longest - 1)
    sales = [dt.date.fromisoformat(each.day) for each in list_marks(first, longest, ["CN"]) if each.kind == "sales"]
    felt = [SALES.get((when.month, when.day), ()) for when in sales]
    found = [rows[(day - when).days] for when, rows in zip(sales, felt, strict=True) if (day - when).days < len(rows)]
    return max(found, default=1.0)


def rates_of_day(day: dt.date, parcels_per_day: float) -> Floats:
    """Parcels handed over in each minute of a day in China."""
    hours = np.repeat(np.array(HOURS, np.float64), 60)
    return np.asarray(hours / hours.sum() * (parcels_per_day * day_factor(day)), np.float64)
