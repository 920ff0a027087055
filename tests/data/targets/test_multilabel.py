"""Label sets: read from lists, JSON, words and columns; tracked, answered and split."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Target
from dlrun.data.dataset import read_dataset
from dlrun.data.targets import multilabel
from dlrun.data.targets.read import choose_task
from dlrun.errors import DataError, RecipeError

TARGET = Target("topics", "multilabel", ("art", "law"))


def series(*values):
    return pd.Series(list(values), name="topics", dtype=object)


@pytest.mark.parametrize(
    "values",
    [
        series(["law"], ["art", "law"], None, []),
        series('["law"]', '["art", "law"]', None, "[]"),
        series("law", "art; law", None, ""),
        series("law", "law|art", np.nan, ""),
        series(("law",), {"art", "law"}, None, np.array([])),
    ],
)
def test_sets_are_read_however_they_are_written(values):
    found = multilabel.read(values)
    assert found.target == TARGET
    assert found.y.tolist() == [[0, 1], [1, 1], [-1, -1], [0, 0]]
    assert multilabel.is_present(found.y).tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (series(["a"], ["b"]), "multilabel"),
        (series([], ["b"], None), "multilabel"),
        (series('["a"]', '["b", "a"]'), "multilabel"),
        (series("a;b", "b"), "classification"),  # a semicolon alone proves nothing
        (series("[a]", "[b]"), "classification"),
    ],
)
def test_lists_of_words_are_recognised(values, task, make_recipe):
    recipe = make_recipe({"source": "table.csv", "target": "topics"})
    assert choose_task(recipe, values)[0] == task


def test_lists_of_numbers_are_still_no_target(make_recipe):
    recipe = make_recipe({"source": "table.csv", "target": "topics"})
    with pytest.raises(DataError, match="'topics' holds series, which cannot be predicted"):
        choose_task(recipe, series([1.0, 2.0], [3.0]))


def test_columns_are_joined(make_recipe, tmp_path):
    pd.DataFrame({"x": range(6), "a": [1, 0, 1, 0, 1, 0], "b": ["yes", "no", None] * 2}).to_csv(
        tmp_path / "t.csv", index=False
    )
    data = {"source": str(tmp_path / "t.csv"), "target": ["a", "b"]}
    dataset = read_dataset(make_recipe(data))
    assert dataset.target == Target("a, b", "multilabel", ("a", "b"))
    assert dataset.y.tolist() == [[1, 1], [0, 0], [0, 1], [1, 0]]
    assert [column.name for column in dataset.columns] == ["x"]
    assert "Dropped 2 of 6 rows that have no 'a, b'." in [note.text for note in dataset.notes]
    with pytest.raises(DataError, match="there is no column 'c'"):
        read_dataset(make_recipe({**data, "target": ["a", "c"]}))
    with pytest.raises(DataError, match=r"'a' is the target\. Take it off this list"):
        read_dataset(make_recipe({**data, "exclude": ["a"]}))
    with pytest.raises(DataError, match="column 'x' holds '2', but the column of a label holds 0"):
        read_dataset(make_recipe({**data, "target": ["a", "x"]}))
    with pytest.raises(RecipeError, match="a target in several columns is joined in memory"):
        read_dataset(make_recipe({**data, "stream": True}))


def test_predictions_come_back_from_the_tracked_table():
    y = np.array([[0, 1], [1, 1], [0, 0]])
    predictions = Predictions(np.array([[0.2, 0.7], [0.5, 0.4], [0.1, 0.2]]))
    table = pd.DataFrame(multilabel.table_columns(y, predictions, TARGET))
    assert [*map(json.loads, table["truth"])] == [["law"], ["art", "law"], []]
    assert [*map(json.loads, table["prediction"])] == [["law"], ["art"], []]
    again, found = multilabel.from_table(table, TARGET.labels)
    assert again.tolist() == y.tolist()
    assert found.values.tolist() == predictions.values.tolist()
    assert list(multilabel.answers(predictions, TARGET)) == [*multilabel.answer_types(TARGET)]


def test_rare_sets_share_a_stratum():
    y = np.array([[0, 1]] * 5 + [[1, 1]] * 6 + [[0, 0], [1, 0]])
    strata = multilabel.strata(y)
    assert len(set(strata[:5])) == len(set(strata[5:11])) == 1
    assert strata[11:].tolist() == [-1, -1]


def test_noise_keeps_the_label_sets():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, (40, 3))
    noisy = multilabel.with_label_noise(y, TARGET, np.arange(20), rng)
    assert sorted(map(tuple, noisy.tolist())) == sorted(map(tuple, y.tolist()))
    assert (noisy[20:] == y[20:]).all()
    assert (noisy != y).any()


def test_a_column_that_says_a_label_is_found():
    y = np.array([[0, 1], [1, 1], [0, 0], [1, 0]] * 5)
    assert multilabel.is_given_by(pd.Series(["n", "y", "n", "y"] * 5), y)
    assert not multilabel.is_given_by(pd.Series(["n", "y", "y", "y"] * 5), y)
    assert not multilabel.is_given_by(pd.Series(["n", "y", "n", "y"]), y[:4])  # by chance
