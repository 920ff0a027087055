"""Linear models on activations, embeddings, and looks of which a part fails; no TensorFlow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from trials import baseline, make_dataset, make_splits

from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.contract.inside import Inside
from dlrun.recipe.preprocessing import Preprocessing
from dlrun.study.inside import look as looks
from dlrun.study.inside.activations import MAX_WIDTH, narrowed, sample
from dlrun.study.inside.context import InsideContext
from dlrun.study.inside.embeddings import embed
from dlrun.study.inside.linear import linear_score
from dlrun.study.inside.probes import engineered_features, probe_metric, raw_inputs

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(120, 3))
TARGETS = {
    "classification": (NUMBERS[:, :3].argmax(axis=1), ("a", "b", "c"), "accuracy"),
    "binary": ((NUMBERS[:, 0] > 0).astype(np.int64), ("a", "b"), "roc_auc"),
    "regression": (NUMBERS @ [1.0, 2.0, 3.0], (), "r2"),
    "multilabel": ((NUMBERS > 0).astype(np.int64), ("a", "b", "c"), "roc_auc"),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_a_linear_model_finds_what_is_linear_and_nothing_in_noise(kind):
    y, labels, metric = TARGETS[kind]
    target = Target("y", "classification" if kind == "binary" else kind, labels)
    rows = replace(make_dataset(), target=target, y=y)
    train, test = replace(rows, y=y[:80]), replace(rows, y=y[80:])
    noise = RNG.normal(size=(120, 3))
    found = linear_score(NUMBERS[:80], NUMBERS[80:], train, test, metric)
    guessed = linear_score(noise[:80], noise[80:], train, test, metric)
    assert found > 0.85
    assert guessed < 0.7


def test_numbers_that_are_not_finite_do_not_matter():
    y = (NUMBERS[:, 0] > 0).astype(np.int64)
    rows = make_dataset()
    train, test = replace(rows, y=y[:80]), replace(rows, y=y[80:])
    matrix = np.hstack([NUMBERS, np.full((120, 1), np.inf), np.full((120, 1), np.nan)])
    assert linear_score(matrix[:80], matrix[80:], train, test, "accuracy") > 0.85


def test_a_number_that_hardly_varies_among_training_rows_has_no_size_it_likes():
    rows = replace(make_dataset(), target=Target("y", "regression"), y=NUMBERS @ [1.0, 2.0, 3.0])
    train, test = replace(rows, y=rows.y[:80]), replace(rows, y=rows.y[80:])
    still = RNG.normal(size=(120, 1)) * 1e-9
    still[80:] += 1.0
    matrix = np.hstack([NUMBERS, still])
    assert linear_score(matrix[:80], matrix[80:], train, test, "r2") > 0.85


def test_probes_are_scored_on_the_primary_metric_where_it_needs_no_probabilities():
    assert probe_metric("roc_auc", "classification") == "roc_auc"
    assert probe_metric("log_loss", "classification") == "accuracy"
    assert probe_metric("rmse", "regression") == "r2"


def test_raw_inputs_are_numbers_slots_of_categories_and_counts_of_tokens():
    image = np.array([[[0], [255]], [[1], [2]]], np.uint8)
    encoded = {
        "image": image,
        "number": np.array([[np.nan], [0.5]], np.float32),
        "category": np.array([[2, 0], [1, 1]]),
        "text": np.array([[3, 3, 0], [1, 2, 3]]),
    }
    network = SimpleNamespace(encoded=lambda rows: {key: encoded[key][rows] for key in encoded})
    seen = SimpleNamespace(network=network, train_rows=slice(0, 2), test_rows=slice(1, 2))
    train, test = raw_inputs(seen)
    assert train[0].tolist() == [0, 255, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 2]
    assert train[1].tolist() == [1, 2, 0.5, 0, 1, 0, 0, 1, 0, 0, 1, 1, 1]
    assert test[0].tolist() == train[1].tolist()


def test_a_code_that_training_rows_lack_is_not_counted():
    codes = {"train": np.array([[1], [2]]), "test": np.array([[7], [2]])}
    network = SimpleNamespace(encoded=lambda part: {"category": codes[part]})
    seen = SimpleNamespace(network=network, train_rows="train", test_rows="test")
    assert raw_inputs(seen)[1].tolist() == [[0, 0, 0], [0, 0, 1]]


def test_wide_activations_are_projected_and_their_distances_kept():
    wide = RNG.normal(size=(20, 5000)).astype(np.float32)
    narrow = narrowed(wide, seed=1)
    assert narrow.shape == (20, MAX_WIDTH)
    np.testing.assert_array_equal(narrowed(wide[:3], seed=1), narrow[:3])
    distances = [np.linalg.norm(part[:10] - part[10:], axis=1) for part in (wide, narrow)]
    np.testing.assert_allclose(*distances, rtol=0.2)
    assert narrowed(wide[:, :9], seed=1).shape == (20, 9)


def test_a_sample_is_even_and_of_at_most_so_many_rows():
    rows = make_dataset()
    assert sample(rows, 90) is rows
    assert sample(rows, 4).row_ids.tolist() == [1000, 1030, 1059, 1089]


def test_engineered_features_are_not_the_raw_ones():
    columns = (Column("a", "number"), Column("b", "text"), Column("c", "series", (9, 1)))
    assert engineered_features(columns) == {"text": "tfidf", "series": "summary"}


def test_principal_components_are_those_of_the_covariance():
    matrix = RNG.normal(size=(50, 4)) * [5, 3, 1, 0.1] + 7
    found = embed("dense", matrix.astype(np.float32), "pca", seed=0)
    values, vectors = np.linalg.eigh(np.cov(matrix.T))
    expected = (matrix - matrix.mean(axis=0)) @ vectors[:, [3, 2]]
    np.testing.assert_allclose(found.explained, values[[3, 2]] / values.sum(), rtol=1e-4)
    np.testing.assert_allclose(np.abs(found.points), np.abs(expected), atol=0.01)


def test_rows_that_are_all_alike_are_one_point():
    found = embed("dense", np.ones((5, 1), np.float32), "pca", seed=0)
    assert set(found.points) == {(0.0, 0.0)}


def test_neighbours_stay_neighbours_by_t_sne():
    clusters = np.repeat([[0.0, 0.0], [50.0, 50.0]], 10, axis=0) + RNG.normal(size=(20, 2))
    points = np.array(embed("dense", clusters.astype(np.float32), "tsne", seed=0).points)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(20)
    assert all(near // 10 == row // 10 for row, near in enumerate(distances.argmin(axis=1)))


@pytest.fixture
def context(dataset: Dataset, tmp_path: Path) -> InsideContext:
    split = make_splits(1)[0]
    model = baseline(dataset).fit(
        dataset.take(split.train), dataset.take(split.validation), FitContext(0)
    )
    model.save(tmp_path)
    folders = {"linear": tmp_path}
    return InsideContext(
        "linear", "classic", folders, dataset, split, "roc_auc", Preprocessing(), "some rows"
    )


def test_a_candidate_without_layers_has_nothing_inside(context):
    assert looks.PARTS
    assert looks.look(context) == looks.Look("linear")


def test_a_part_that_fails_costs_no_other(context, monkeypatch):
    def fail(_context: InsideContext, _inside: Inside) -> Inside:
        message = "no such layer"
        raise KeyError(message)

    def find(context: InsideContext, inside: Inside) -> Inside:
        assert len(context.fitted.predict(context.test.frame).values) == len(context.split.test)
        return replace(inside, trained_on="other rows")

    monkeypatch.setattr(looks, "PARTS", (fail, find))
    found = looks.look(context)
    assert found.errors == ("KeyError: 'no such layer'",)
    assert found.inside
    assert found.inside.trained_on == "other rows"
    with pytest.raises(KeyError, match="no such layer"):
        looks.explore(context)
