"""Compiled trees say what LightGBM says of them."""

from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pytest

from waypost.forecast.forest import Forest
from waypost.forecast.trips import Floats
from waypost.model.errors import BadInput

ROWS = 3_000


def _table(seed: int, *, known: float = 0.9) -> pa.Table:
    """Two numbers, words, small whole numbers, and one that nothing depends on; some are not known."""
    chance = np.random.default_rng(seed)
    columns = {
        "far": chance.normal(0, 1, ROWS),
        "near": np.round(chance.normal(0, 1, ROWS), 1),
        "word": chance.integers(0, 70, ROWS).astype(np.float64),
        "pieces": chance.integers(-2, 3, ROWS).astype(np.float64),
        "noise": chance.normal(0, 1, ROWS),
    }
    return pa.table({name: np.where(chance.random(ROWS) < known, row, np.nan) for name, row in columns.items()})


def _labels(table: pa.Table) -> Floats:
    far, near, word, pieces, _ = (np.nan_to_num(np.asarray(column), nan=1.5) for column in table.columns[:5])
    return np.asarray(np.sin(3 * far) + near * (word % 7 < 3) + np.abs(pieces))


def _learn(table: pa.Table, rounds: int = 60, **settings: Any) -> lightgbm.Booster:
    told = {"num_leaves": 15, "verbose": -1, "num_threads": 1, "seed": 1, "min_data_in_leaf": 20, **settings}
    return lightgbm.train(told, lightgbm.Dataset(table, _labels(table), categorical_feature=["word"]), rounds)


def _both(trees: lightgbm.Booster, table: pa.Table) -> tuple[Floats, Floats]:
    return Forest.of(trees).foretell(table), np.asarray(trees.predict(table, num_threads=1), np.float64)


@pytest.mark.parametrize("leaves", [2, 15, 64])
@pytest.mark.parametrize("known", [1.0, 0.8])
def test_it_says_the_same_to_the_last_bit(leaves: int, known: float) -> None:
    trees = _learn(_table(0, known=known), num_leaves=leaves)
    for seed in (0, 1):
        ours, theirs = _both(trees, _table(seed, known=known))
        assert np.array_equal(ours, theirs)
        assert ours.std() > 0.1


def test_what_was_always_known_may_be_missing_later() -> None:
    ours, theirs = _both(_learn(_table(0, known=1.0)), _table(1, known=0.5))
    assert np.array_equal(ours, theirs)


def test_strange_values() -> None:
    trees = _learn(_table(0))
    strange = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e300, -1.0, 69.0, 70.0, 1e6, 3.7, 1e-40]
    table = pa.table({name: np.roll(strange, place) for place, name in enumerate(_table(0).column_names)})
    ours, theirs = _both(trees, table)
    assert np.array_equal(ours, theirs)


def test_values_right_at_a_limit() -> None:
    """Rounded values stand exactly where tests ask, and one step beside."""
    trees = _learn(_table(0))
    limits = trees.trees_to_dataframe().query("split_feature == 'near'").threshold.astype(float).unique()
    near = np.r_[limits, np.nextafter(limits, np.inf), np.nextafter(limits, -np.inf)]
    table = pa.table({name: near if name == "near" else np.zeros(len(near)) for name in _table(0).column_names})
    ours, theirs = _both(trees, table)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("value", [-0.5, 0.5, -3.0, 1e9, float("nan")])
def test_a_column_that_nothing_asks_for_changes_nothing(value: float) -> None:
    table = _table(0)
    constant = table.append_column("constant", pa.array(np.ones(ROWS)))
    words = {"categorical_feature": ["word", "same"]}
    learnt = constant.append_column("same", pa.array(np.ones(ROWS)))
    data = lightgbm.Dataset(learnt, _labels(table), **words)
    trees = lightgbm.train({"verbose": -1, "num_threads": 1, "min_data_in_leaf": 20}, data, 20)
    asked = learnt
    for name in ("constant", "same"):
        place = asked.schema.get_field_index(name)
        asked = asked.set_column(place, name, pa.array(np.full(ROWS, value)))
    ours, theirs = _both(trees, asked)
    assert np.array_equal(ours, theirs)
    assert np.array_equal(ours, Forest.of(trees).foretell(learnt))


def test_columns_are_found_by_their_names() -> None:
    table = _table(0)
    forest = Forest.of(_learn(table))
    assert np.array_equal(forest.foretell(table), forest.foretell(table.select(table.column_names[::-1])))


def test_nothing_to_learn_from_is_one_leaf() -> None:
    table = _table(0)
    trees = lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(table, np.full(ROWS, 3.0)), 5)
    ours, theirs = _both(trees, table)
    assert np.array_equal(ours, theirs)


def test_no_rows() -> None:
    table = _table(0)
    assert Forest.of(_learn(table, rounds=3)).foretell(table.slice(0, 0)).shape == (0,)


def test_gains_are_those_of_lightgbm() -> None:
    trees = _learn(_table(0))
    forest = Forest.of(trees)
    assert forest.names == trees.feature_name()
    assert forest.gains == pytest.approx(trees.feature_importance("gain"), rel=1e-4)


def test_more_leaves_than_bits_are_refused() -> None:
    with pytest.raises(BadInput, match="64 leaves"):
        Forest.of(_learn(_table(0), num_leaves=80, min_data_in_leaf=1))


def test_zero_for_unknown_is_refused() -> None:
    with pytest.raises(BadInput, match="zero"):
        Forest.of(_learn(_table(0), zero_as_missing=True))


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "binary"},
        {"objective": "poisson"},
        {"objective": "regression", "reg_sqrt": True},
        {"objective": "multiclass", "num_class": 3},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
    ],
)
def test_trees_whose_sum_is_not_the_answer_are_refused(settings: dict[str, Any]) -> None:
    table = _table(0)
    data = lightgbm.Dataset(table, np.asarray(_labels(table) > 1, np.float64))
    trees = lightgbm.train({"verbose": -1, "num_threads": 1, **settings}, data, 5)
    with pytest.raises(BadInput, match="not their sum"):
        Forest.of(trees)


@pytest.mark.parametrize("text", ["", "tree", "tree\nfeature_names=a\nTree=0\nnum_leaves=2\nleaf_value=1 2\n"])
def test_what_lightgbm_did_not_write_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        Forest(text)
