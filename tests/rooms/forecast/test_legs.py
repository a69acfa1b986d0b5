"""Minutes of legs, learnt from corridors."""

import numpy as np
import pytest

from waypost.forecast.legs import LegModel, Legs, Words
from waypost.forecast.trips import Floats, Ints
from waypost.model.errors import BadInput

FACILITIES = 24
#: Legs of the same corridor lie so far apart, and corridors between the same two facilities, as logarithms.
WITHIN, BETWEEN = 0.1, 0.2


class World:
    """Corridors whose pace is that of their two ends and a little of their own."""

    def __init__(self, seed: int = 0) -> None:
        self.chance = np.random.default_rng(seed)
        self.slow = self.chance.normal(0.5, 0.6, FACILITIES)
        pairs = np.array([(a, b) for a in range(FACILITIES) for b in range(FACILITIES) if a != b])
        self.pairs = pairs[self.chance.random(len(pairs)) < 0.8]
        self.paces = self.slow[self.pairs].mean(axis=1) + self.chance.normal(0, BETWEEN, len(self.pairs))
        self.road_min = self.chance.uniform(20, 600, len(self.pairs))

    def legs(self, rows: Ints) -> Legs:
        """Legs on some corridors."""
        minutes = self.road_min[rows] * np.exp(self.paces[rows] + self.chance.normal(0, WITHIN, len(rows)))
        source, destination = (name(self.pairs[rows, end]) for end in (0, 1))
        return Legs(source, destination, np.zeros(len(rows), np.bool_), self.road_min[rows], minutes)

    def split(self) -> tuple[Legs, Floats, Legs, Ints]:
        """Corridors with the medians of their legs and how many, these legs, and the corridors nobody drove."""
        rows = np.arange(len(self.pairs))
        cold, driven = rows[::5], np.setdiff1d(rows, rows[::5])
        counts = self.chance.integers(1, 15, len(driven))
        legs = self.legs(np.repeat(driven, counts))
        ends = np.cumsum(counts)
        medians = [np.median(legs.minutes[end - count : end]) for end, count in zip(ends, counts, strict=True)]
        first = self.legs(driven)
        corridors = Legs(first.source, first.destination, first.is_direct, first.road_min, np.array(medians))
        return corridors, counts.astype(np.float64), legs, cold


def name(numbers: Ints) -> Words:
    return np.array([f"hub-{number:02}" for number in numbers])


def off(model: LegModel, legs: Legs) -> float:
    return float(np.abs(np.log(model.foresee(legs) / legs.minutes)).mean())


def test_corridors_that_nobody_drove_are_foretold_from_others_at_their_ends() -> None:
    world = World()
    corridors, counts, legs, cold = world.split()
    model = LegModel(corridors, counts, legs)
    asked = world.legs(cold)
    assert (model.find(asked) == -1).all()
    usual = np.median(legs.minutes / legs.road_min)
    assert off(model, asked) < 0.7 * np.abs(np.log(usual * asked.road_min / asked.minutes)).mean()


def test_corridors_that_were_driven_are_foretold_by_their_own_legs() -> None:
    world = World()
    corridors, counts, legs, _ = world.split()
    model = LegModel(corridors, counts, legs)
    driven = np.flatnonzero(np.isin(np.arange(len(world.pairs)), np.arange(len(world.pairs))[::5], invert=True))
    asked = world.legs(driven)
    assert model.find(asked).tolist() == list(range(len(corridors)))
    assert off(model, asked) < 1.1 * WITHIN


def test_the_nearer_legs_lie_the_less_their_corridor_is_drawn_to_others() -> None:
    corridors, counts, legs, _ = World().split()
    apart = legs.minutes * np.exp(np.random.default_rng(1).normal(0, 0.5, len(legs)))
    loose = Legs(legs.source, legs.destination, legs.is_direct, legs.road_min, apart)
    near, far = LegModel(corridors, counts, legs), LegModel(corridors, counts, loose)
    assert 0.05 < near.drawn_legs < 1 < far.drawn_legs


def test_facilities_that_nobody_knows_are_foretold_too() -> None:
    corridors, counts, legs, _ = World().split()
    asked = Legs(
        np.array(["zzz", "aaa"]), np.array(["aaa", "hub-01"]), np.zeros(2, np.bool_), np.full(2, 100.0), np.ones(2)
    )
    told = LegModel(corridors, counts, legs).foresee(asked)
    assert ((told > 100) & (told < 300)).all()


def test_the_same_seed_tells_the_same() -> None:
    world = World()
    corridors, counts, legs, cold = world.split()
    asked = world.legs(cold)
    one, same = (LegModel(corridors, counts, legs, seed=3).foresee(asked) for _ in range(2))
    assert one.tolist() == same.tolist()


def test_too_little_is_refused() -> None:
    corridors, counts, legs, _ = World().split()

    def first(legs: Legs, many: int) -> Legs:
        return Legs(*(getattr(legs, field)[:many] for field in legs.__struct_fields__))

    with pytest.raises(BadInput, match="there are 10 corridors; it takes 50"):
        LegModel(first(corridors, 10), counts[:10], legs)
    with pytest.raises(BadInput, match="no corridor has 8 legs or more"):
        LegModel(corridors, counts, first(legs, 0))
    with pytest.raises(BadInput, match="no corridor has 8 legs or more"):
        LegModel(corridors, np.minimum(counts, 7), legs)
