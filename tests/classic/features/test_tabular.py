"""Numbers, categories and dates become the matrix that suits an estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.catalog.features import Encoding
from dlrun.classic.features.pipeline import make_features
from dlrun.classic.features.spec import FeatureSpec
from dlrun.classic.features.tabular import CategoryCodes, DateParts
from dlrun.contract.dataset import Column
from dlrun.errors import TrainingError
from dlrun.recipe.preprocessing import Preprocessing


def features(frame: pd.DataFrame, encoding: Encoding, types: str, **preprocessing: Any) -> Any:
    """Fit features to a frame; `types` has one letter per column: n, c or d."""
    names = {"n": "number", "c": "category", "d": "datetime"}
    columns = tuple(Column(name, names[kind]) for name, kind in zip(frame, types, strict=True))
    prepared = Preprocessing.model_validate(preprocessing)
    made = make_features(columns, (), FeatureSpec(encoding, prepared, n_rows=len(frame), seed=0))
    return made.fit(frame)


def dense(matrix: Any) -> np.ndarray:
    return matrix.toarray() if scipy.sparse.issparse(matrix) else matrix


TRAIN = pd.DataFrame({"x": [1.0, 2.0, np.nan, 6.0], "c": pd.Categorical(["b", "a", "b", None])})
NEW = pd.DataFrame({"x": [np.nan], "c": pd.Categorical(["unseen"])})


def test_onehot_scales_numbers_and_gives_each_value_a_column() -> None:
    made = features(TRAIN, "onehot", "nc")
    expected = np.array(
        # missing, a, b | x scaled after the median 2 took the gap; was x missing, scaled
        [[0, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0]],
    )
    matrix = dense(made.transform(TRAIN))
    np.testing.assert_array_equal(matrix[:, :3], expected)
    filled = np.array([1, 2, 2, 6])
    np.testing.assert_allclose(matrix[:, 3], (filled - filled.mean()) / filled.std())
    assert matrix[2, 4] > 0 > matrix[0, 4]
    np.testing.assert_array_equal(dense(made.transform(NEW))[:, :3], [[0, 0, 0]])


def test_ordinal_numbers_values_and_does_not_scale() -> None:
    made = features(TRAIN, "ordinal", "nc")
    expected = [[1, 1, 0], [0, 2, 0], [1, 2, 1], [-1, 6, 0]]
    np.testing.assert_array_equal(made.transform(TRAIN), expected)
    np.testing.assert_array_equal(made.transform(NEW), [[2, 2, 1]])


def test_native_keeps_what_is_missing() -> None:
    made = features(TRAIN, "native", "nc")
    expected = [[1, 1], [0, 2], [1, np.nan], [np.nan, 6]]
    np.testing.assert_array_equal(made.transform(TRAIN), expected)
    np.testing.assert_array_equal(made.transform(NEW), [[2, np.nan]])


@pytest.mark.parametrize(("setting", "filled"), [("median", 2.0), ("mean", 3.0), ("zero", 0.0)])
def test_the_recipe_says_what_fills_a_gap(setting: str, filled: float) -> None:
    made = features(TRAIN[["x"]], "ordinal", "n", number={"impute": setting})
    np.testing.assert_array_equal(made.transform(TRAIN[["x"]])[:, 0], [1, 2, filled, 6])


@pytest.mark.parametrize("encoding", ["onehot", "onehot_dense", "ordinal", "native"])
def test_the_recipe_may_forbid_gaps(encoding: Encoding) -> None:
    with pytest.raises(TrainingError) as caught:
        features(TRAIN, encoding, "nc", number={"impute": "error"})
    assert str(caught.value) == (
        "column x: 1 of 4 values are missing, and preprocessing.number.impute is error. "
        "Allowed: median, mean, zero, error"
    )


@pytest.mark.parametrize(
    ("setting", "low", "high"), [("minmax", 0, 1), ("none", 1, 6), ("quantile", -5.2, 5.2)]
)
def test_the_recipe_says_how_numbers_are_scaled(setting: str, low: float, high: float) -> None:
    frame = TRAIN[["x"]].dropna()
    made = features(frame, "onehot", "n", number={"scale": setting})
    scaled = dense(made.transform(frame))[:, 0]
    assert (scaled.min(), scaled.max()) == pytest.approx((low, high), abs=0.01)


def test_a_column_without_any_value_is_kept_as_zeros() -> None:
    frame = pd.DataFrame({"x": [np.nan, np.nan], "c": pd.Categorical([None, None])})
    frame["c"] = frame["c"].cat.set_categories(pd.Index(["never"], dtype="str"))
    matrix = dense(features(frame, "onehot", "nc").transform(frame))
    assert np.isfinite(matrix).all()


def test_rare_values_share_the_slot_of_unseen_ones() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(["a", "a", "b", "b", "c", None])})
    made = features(frame, "ordinal", "c", category={"min_count": 2})
    np.testing.assert_array_equal(made.transform(frame)[:, 0], [0, 0, 1, 1, 2, -1])
    matrix = dense(features(frame, "onehot", "c", category={"min_count": 2}).transform(frame))
    assert matrix.shape == (6, 4)  # missing, a, b, rare


def test_native_keeps_the_254_most_frequent_values() -> None:
    names = [f"v{i:03}" for i in range(300)]
    frame = pd.DataFrame({"c": pd.Categorical(names + names[:254])})
    codes = features(frame, "native", "c").transform(frame)[:, 0]
    np.testing.assert_array_equal(codes[:254], np.arange(254))
    assert set(codes[254:300]) == {254}


def test_dense_features_stay_narrow_and_sparse_ones_stay_sparse() -> None:
    names = [f"v{i}" for i in np.random.default_rng(0).integers(0, 1000, 5000)]
    frame = pd.DataFrame({"c": pd.Categorical(names), "x": np.arange(5000.0)})
    assert features(frame, "onehot_dense", "cn").transform(frame).shape == (5000, 34)
    matrix = features(frame, "onehot", "cn").transform(frame)
    assert scipy.sparse.issparse(matrix)
    assert matrix.nnz <= 2 * 5000


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "β", "a b", "z" * 40, None]), min_size=1, max_size=12),
    st.lists(st.sampled_from(["a", "β", "new", None]), min_size=1, max_size=12),
)
def test_a_code_is_that_of_the_value_however_pandas_stores_it(
    train: list[str | None], new: list[str | None]
) -> None:
    categories = pd.Index(["z" * 40, "new", "β", "a b", "a"], dtype="str")
    coder = CategoryCodes().fit(pd.DataFrame({"c": pd.Categorical(train, categories=categories)}))
    known = sorted({value for value in train if value is not None})
    expected = [
        -1 if value is None else known.index(value) if value in known else len(known)
        for value in new
    ]
    narrow = pd.Categorical(new, categories=pd.Index(sorted({v for v in new if v}), dtype="str"))
    for stored in (narrow, pd.Categorical(new, categories=categories)):
        codes = coder.transform(pd.DataFrame({"c": stored}))[:, 0]
        np.testing.assert_array_equal(codes, expected)


DAYS = pd.DataFrame({"d": pd.to_datetime(["2024-02-29 06:00", "2024-03-04 06:00", None])})


def test_dates_come_apart_into_the_parts_that_vary() -> None:
    parts = DateParts().fit(DAYS)
    assert parts.parts_ == [["month", "day", "weekday", "day_of_year"]]
    np.testing.assert_array_equal(
        parts.transform(DAYS), [[2, 29, 3, 60], [3, 4, 0, 64], [np.nan] * 4]
    )


def test_the_recipe_names_the_parts() -> None:
    made = features(DAYS, "native", "d", datetime={"parts": ["year", "hour"]})
    np.testing.assert_array_equal(made.transform(DAYS), [[2024, 6], [2024, 6], [np.nan] * 2])


def test_a_date_that_never_varies_still_makes_a_column() -> None:
    frame = DAYS[:1]
    assert features(frame, "onehot", "d").transform(frame).shape == (1, 1)


def test_categories_come_first() -> None:
    frame = pd.DataFrame({"x": [7.0, 8.0], "d": DAYS["d"][:2], "c": pd.Categorical(["a", "b"])})
    np.testing.assert_array_equal(features(frame, "native", "ndc").transform(frame)[:, 0], [0, 1])
