"""The benchmark of causes: it plants what it says, and counts what was named."""

import pytest
from benchmarks.causes import KINDS, World, count_false, measure, plant, run_trial


@pytest.fixture(scope="module")
def world() -> World:
    return World(1, 700)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_planted_is_named(world: World, kind: str) -> None:
    told = [run_trial(world, kind, seed) for seed in (1, 2)]
    assert [each["kind"] for each in told] == [kind] * 2
    assert 0 in {each["place"] for each in told}


def test_a_planted_cause_holds_parcels_up(world: World) -> None:
    import numpy as np

    planted = plant(world, "carrier", np.random.default_rng(1))
    imagined, quiet = world.imagine(12, 5, planted), world.imagine(12, 5)
    assert imagined.planted_parcels.sum() > 50
    assert set(imagined.carrier[imagined.planted_parcels]) == {planted.carrier}
    assert not quiet.planted_parcels.any()


@pytest.mark.heavy
def test_quiet_days_are_counted(world: World) -> None:
    false, days = count_false(world, 7)
    assert days == 10
    assert false < 10


@pytest.mark.heavy
def test_figures_add_up() -> None:
    figures = measure(2, 700, 1, maps=1)
    assert figures["trials"] == 8
    assert [each["kind"] for each in figures["kinds"]] == list(KINDS)
    assert figures["all"]["first"] == sum(each["first"] for each in figures["kinds"]) / 4
    assert len(figures["missed"]) == round(8 * (1 - figures["all"]["first"]))
