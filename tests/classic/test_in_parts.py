from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import SGDRegressor
from sklearn.naive_bayes import GaussianNB

from dlrun.classic.candidates import learning_from_sample, make_candidates
from dlrun.classic.persistence import load
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Dataset
from dlrun.data.dataset import read_dataset
from dlrun.data.splits.make import make_splits
from dlrun.data.streaming import scan as survey
from dlrun.metrics.scores import score
from dlrun.recipe.schema import Recipe

SGD = {"estimator": "sklearn.linear_model.SGDClassifier"}


@pytest.fixture
def make(tmp_path: Path, monkeypatch):
    """Read a streamed table of which 300 training rows are held in memory."""
    monkeypatch.setattr(survey, "SAMPLE_SIZES", (300, 100, 400))
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(4000, 3)), columns=["a", "b", "c"])
    table["price"] = 10 + 2 * table["a"] - table["b"]
    table["late"] = np.where(table["a"] + rng.normal(size=4000) / 3 > 0, "yes", "no")
    table.to_parquet(tmp_path / "t.parquet", row_group_size=500, index=False)

    def make(baselines, target: str = "late"):
        data = {"source": str(tmp_path / "t.parquet"), "target": target, "stream": True}
        features = {"features": ["a", "b", "c"]}
        recipe = Recipe.model_validate({"data": {**data, **features}, "baselines": baselines})
        dataset = read_dataset(recipe)
        (split,) = make_splits(recipe, dataset).splits
        parts = [dataset.take(rows) for rows in (split.train, split.validation, split.test)]
        return make_candidates(recipe, dataset), dataset, *parts

    return make


def fit(candidate, train: Dataset, validation: Dataset):
    return candidate.fit(train, validation, FitContext(4))


def test_an_estimator_that_can_learns_from_all_rows_in_parts(make):
    (_, candidate), dataset, train, validation, _ = make(["naive_bayes"])
    fitted = fit(candidate, train, validation)
    by_hand = GaussianNB(var_smoothing=0.1)
    for chunk in dataset.stream.chunks(4):
        by_hand.partial_fit(fitted.features.transform(chunk.frame), chunk.y, classes=[0, 1])
    assert fitted.estimator.class_count_.sum() == dataset.stream.sizes[0] > len(train) == 300
    assert np.array_equal(fitted.estimator.theta_, by_hand.theta_)
    assert np.array_equal(fitted.estimator.var_, by_hand.var_)


def test_a_classifier_without_probabilities_gets_some_and_can_be_saved(make, tmp_path: Path):
    (_, candidate), _, train, validation, test = make([SGD])
    fitted = fit(candidate, train, validation)
    predictions = fitted.predict(test.frame)
    assert np.allclose(predictions.values.sum(axis=1), 1)
    assert score(("roc_auc",), predictions, test.y, test.target)["roc_auc"] > 0.95
    (tmp_path / "model").mkdir()
    fitted.save(tmp_path / "model")
    loaded = load(tmp_path / "model").predict(test.frame)
    assert np.array_equal(loaded.values, predictions.values)


def test_numbers_are_learned_in_parts(make):
    listed = [{"estimator": "sklearn.linear_model.SGDRegressor"}]
    (_, candidate), dataset, train, validation, test = make(listed, "price")
    fitted = fit(candidate, train, validation)
    assert isinstance(fitted.estimator, SGDRegressor)
    assert fitted.estimator.t_ == dataset.stream.sizes[0] + 1
    assert score(("r2",), fitted.predict(test.frame), test.y, test.target)["r2"] > 0.99


def test_the_others_learn_from_a_sample_and_say_so(make):
    candidates, dataset, train, validation, _ = make(["linear", "naive_bayes", "decision_tree"])
    n_all = dataset.stream.sizes[0]
    assert [note.text for note in learning_from_sample(candidates, dataset, len(train))] == [
        f"linear, decision_tree learn from a sample of 300 of {n_all:,} training rows."
    ]
    assert [note.text for note in learning_from_sample(candidates[:2], dataset, len(train))] == [
        f"linear learns from a sample of 300 of {n_all:,} training rows."
    ]
    assert [note.text for note in learning_from_sample(candidates, dataset, n_all)] == []
    fitted = fit(candidates[1], train, validation)
    assert len(fitted.predict(validation.frame).values) == 100
