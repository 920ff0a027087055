from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Column, Target
from dlrun.data.occlusion import explain_by_occlusion
from dlrun.data.reference import make_reference
from dlrun.data.types.decode import as_cells
from dlrun.testing.samples import SAMPLES

NUMBER = Target("y", "regression")


def explain(columns, frame, reference, score, target=NUMBER, outputs=None):
    """Occlude with a model that scores each row's cells, and counts its calls."""
    calls = []

    def predict(rows):
        calls.append(len(rows))
        return Predictions(np.array([score(*cells) for cells in rows.itertuples(index=False)]))

    outputs = np.zeros(len(frame), np.int64) if outputs is None else outputs
    found = explain_by_occlusion(predict, columns, target, frame, outputs, reference)
    return found, calls


def share(weights, place):
    """The share of the absolute weight in one place."""
    return abs(weights[place]).sum() / abs(weights).sum()


def test_columns_that_are_ignored_weigh_nothing_and_one_call_serves_all():
    columns = (Column("a", "number"), Column("b", "number"), Column("c", "category"))
    colours = pd.Categorical(["red", "green"])
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [5.0, 5.0], "c": colours})
    other = pd.DataFrame({"a": [10.0], "b": [0.0], "c": pd.Categorical(["blue"])})
    found, calls = explain(columns, frame, other, lambda a, b, c: 2 * a + (c == "red"))
    assert [[float(c.weights) for c in each.columns] for each in found] == [
        [-18, 0, 1],
        [-16, 0, 0],
    ]
    assert [(each.method, each.value, each.unit) for each in found] == [
        ("occlusion", 3.0, ""),
        ("occlusion", 4.0, ""),
    ]
    assert all(np.isnan(each.residual) for each in found)
    assert calls == [8]


def test_a_class_is_explained_in_log_odds_also_where_it_is_all_but_certain():
    frame, other = pd.DataFrame({"a": [9.0, -9.0]}), pd.DataFrame({"a": [0.0]})

    def score(a):
        return 1 / (1 + np.exp([a, -a]))

    classes, column = Target("y", "classification", ("no", "yes")), Column("a", "number")
    found, _ = explain((column,), frame, other, score, classes, np.array([1, 0]))
    assert [float(each.columns[0].weights) for each in found] == pytest.approx([9, 9], abs=0.01)
    assert {each.unit for each in found} == {"log-odds"}


def test_one_word_has_the_weight():
    column = Column("t", "text")
    frame = pd.DataFrame({"t": pd.Series(["a truly awful film", ""], dtype="str")})
    empty = pd.DataFrame({"t": pd.Series([""], dtype="str")})
    found, _ = explain((column,), frame, empty, lambda text: -3.0 * ("awful" in text))
    assert found[0].columns[0].parts == ("a", "truly", "awful", "film")
    assert found[0].columns[0].weights.tolist() == [0, 0, -3, 0]
    assert found[1].columns[0].weights.shape == (0,)


def test_a_long_text_loses_several_words_at_a_time():
    frame = pd.DataFrame({"t": pd.Series([" ".join(map(str, range(300)))], dtype="str")})
    found, calls = explain((Column("t", "text"),), frame, frame, lambda text: len(text.split()))
    assert calls == [121]
    assert found[0].columns[0].weights.sum() == 300


@pytest.mark.parametrize(
    ("column", "cell", "place"),
    [
        (Column("c", "image", (16, 16, 3)), np.zeros((16, 16, 3), np.uint8), (slice(4, 6), 4)),
        (Column("c", "audio", (64,), 8000), np.zeros(64, np.float32), slice(8, 10)),
        (Column("c", "series", (64, 2)), np.zeros((64, 2), np.float32), (slice(8, 10), 1)),
    ],
    ids=["image", "audio", "series"],
)  # fmt: skip
def test_a_planted_stretch_or_patch_has_the_weight(column, cell, place):
    planted = {
        "image": (slice(8, 12), slice(8, 10)),
        "audio": slice(32, 40),
        "series": (slice(32, 40), 1),
    }[column.type]
    changed = cell.copy()
    changed[planted] = 1
    row, other = (pd.DataFrame({"c": as_cells([each], 1)}) for each in (changed, cell))
    ((found,), _) = explain((column,), row, other, lambda each: float(each[planted].sum()))
    assert share(found.columns[0].weights, place) == 1


@pytest.mark.parametrize("name", SAMPLES)
def test_rows_of_every_type_are_occluded_and_stay_typed(name):
    data = SAMPLES[name]().dataset("regression")
    rows = data.frame.head(3)

    def predict(frame):
        kinds = {key: values.dtype.kind for key, values in frame.items()}
        assert kinds == {key: values.dtype.kind for key, values in rows.items()}
        return Predictions(np.zeros(len(frame)))

    found = explain_by_occlusion(
        predict, data.columns, NUMBER, rows, np.zeros(3, np.int64), make_reference(data)
    )
    assert [[part.column for part in each.columns] for each in found] == [[*rows]] * 3
