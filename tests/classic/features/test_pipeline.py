"""Columns of all types stand side by side in one matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from modalities import mixed, text

from dlrun.catalog.features import FEATURES, Encoding
from dlrun.catalog.parts import load_part
from dlrun.classic.features.pipeline import ColumnVarianceScaler, make_features
from dlrun.classic.features.spec import FeatureSpec
from dlrun.contract.dataset import Dataset
from dlrun.recipe.features import features_for
from dlrun.recipe.preprocessing import Preprocessing

MIXED = mixed("classification")


def fit(encoding: Encoding, *chosen: str, dataset: Dataset = MIXED) -> Any:
    spec = FeatureSpec(encoding, Preprocessing(), len(dataset), seed=0)
    return make_features(dataset.columns, chosen, spec).fit_transform(dataset.frame)


@pytest.mark.parametrize("row", FEATURES.values(), ids=lambda row: row.name)
def test_the_module_of_a_column_type_has_the_steps_of_its_features(row) -> None:
    assert callable(getattr(load_part("dlrun.classic.features", row.module), f"{row.name}_steps"))


def test_the_first_name_of_a_type_is_taken_when_none_is_chosen() -> None:
    assert features_for("series", ()) == ("flat",)
    assert features_for("series", ("hog", "summary")) == ("summary",)
    assert features_for("text", ("embed", "hog", "tfidf")) == ("embed", "tfidf")
    assert features_for("number", ("hog",)) == ()


def test_sparse_where_text_is_and_the_estimator_takes_it() -> None:
    words = text("classification")
    assert scipy.sparse.issparse(fit("onehot", dataset=words))
    assert not scipy.sparse.issparse(fit("ordinal", dataset=words))


@pytest.mark.parametrize("encoding", ["onehot_dense", "ordinal", "native"])
def test_dense_for_all_others_with_categories_first(encoding: Encoding) -> None:
    matrix = fit(encoding)
    assert isinstance(matrix, np.ndarray)
    if encoding != "onehot_dense":
        assert set(matrix[:, 0]) <= {-1, 0, 1, 2} or np.isnan(matrix[:, 0]).any()
    assert np.isnan(matrix).any() == (encoding == "native")


def test_a_chosen_feature_takes_the_place_of_the_first() -> None:
    flat, summary = fit("ordinal"), fit("ordinal", "summary")
    assert flat.shape[1] - summary.shape[1] == 30 * 2 - (8 * 2 + 1)


def test_a_series_weighs_as_much_as_a_number_where_distances_count() -> None:
    variance = fit("onehot_dense").var(axis=0)
    assert variance[-60:].sum() == pytest.approx(1, rel=1e-3)
    assert variance[-160:-60].sum() == pytest.approx(1, rel=1e-3)  # the topics of the text


def test_what_never_varies_is_not_scaled() -> None:
    assert ColumnVarianceScaler().fit_transform(np.ones((3, 2))).tolist() == [[1, 1]] * 3


def test_a_dummy_gets_zeros() -> None:
    np.testing.assert_array_equal(fit("none"), np.zeros((len(MIXED), 1)))
