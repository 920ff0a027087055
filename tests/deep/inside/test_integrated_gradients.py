"""Integrated Gradients of networks: of a linear one by hand, complete, and where the signal is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.attribution import Explains
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.data import model_io as saved
from dlrun.data.reference import make_reference

pytestmark = pytest.mark.tf

WORDS = ["sun", "rain", "wind", "snow", "fog", "ice"]


def weights_of(attribution):
    return {column.column: column.weights for column in attribution.columns}


def test_a_linear_network_adds_weight_times_distance(trained, diabetes):
    run = trained(diabetes, model={"architecture": "mlp", "hidden": []}, training={"epochs": 2})
    rows, reference = run.test.frame.iloc[:3], make_reference(run.train)
    found = run.fitted.explain(rows, np.zeros(3, np.int64), reference)
    body, finish = (run.fitted.model.get_layer(f"dlrun_{part}") for part in ("body", "finish"))
    kernel = body.get_layer("dlrun_head").get_weights()[0][:, 0]
    zero, one = np.asarray(finish(np.array([[0.0], [1.0]], np.float32)))[:, 0]
    std = run.train.frame.std(ddof=0).to_numpy()
    distance = rows.to_numpy() - reference[list(rows)].to_numpy()
    weights = [list(weights_of(each).values()) for each in found]
    np.testing.assert_allclose(weights, distance / std * kernel * (one - zero), 1e-4, 1e-4)
    predicted = run.fitted.predict(rows).values
    np.testing.assert_allclose([each.value for each in found], predicted, rtol=1e-6)
    assert {(each.unit, each.method) for each in found} == {("", "integrated_gradients")}


def test_every_type_of_a_table_is_complete_also_when_loaded(trained, mixed, tmp_path):
    run = trained(mixed, training={"epochs": 2})
    run.fitted.save(tmp_path)
    loaded, reference = saved.load(tmp_path).fitted, make_reference(run.train)
    assert isinstance(loaded, Explains)
    assert loaded.attribution_methods[0] == "integrated_gradients"
    rows, outputs = mixed.frame.iloc[:3], np.array([0, 1, 2])
    before, (base,) = rows.copy(deep=True), loaded.explain(reference, np.array([2]), reference)
    *_, last = explained = loaded.explain(rows, outputs, reference)
    assert rows.equals(before)
    for output, each in zip(outputs, explained, strict=True):
        assert list(weights_of(each)) == list(mixed.frame)
        assert (each.output, each.unit) == (output, "logit")
        assert abs(each.residual) <= 1e-4 * max(1.0, abs(each.value - each.baseline))
        # Neither a column without values nor one with a single value moves.
        assert weights_of(each)["Größe (µm)"] == weights_of(each)["only one"] == 0
    # The reference is where the path starts, and adds nothing itself.
    assert base.value == base.baseline == last.baseline
    assert not any(weights_of(base).values())
    # The output is the logit behind the prediction.
    other = [loaded.explain(rows.iloc[[2]], np.array([n]), reference)[0].value for n in range(3)]
    shares = np.exp(other) / np.exp(other).sum()
    np.testing.assert_allclose(loaded.predict(rows).values[2], shares, rtol=1e-5)


def texts(n_rows: int = 1000) -> Dataset:
    """Return texts of which one word, at any place, decides between two classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n_rows)
    sentences = [list(rng.choice(WORDS, rng.integers(3, 9))) for _ in y]
    for words, is_good in zip(sentences, y, strict=True):
        words[rng.integers(len(words))] = "good" if is_good else "bad"
    frame = pd.DataFrame({"day": pd.Series(map(" ".join, sentences), dtype="str")})
    target = Target("y", "classification", ("no", "yes"))
    return Dataset("texts", "made", (Column("day", "text"),), target, frame, y, np.arange(n_rows))


@pytest.fixture(scope="module")
def run(trained):
    model = {"architecture": "text_cnn", "embedding": 8, "filters": 8, "kernel_sizes": [1]}
    training = {"epochs": 120, "learning_rate": 0.02, "early_stopping": False}
    return trained(texts(), model={**model, "dropout": 0}, training=training)


def test_gradients_are_those_of_finite_differences(run):
    """Of the embedding of each token, with the mask of the row."""
    from dlrun.deep.backend import tf
    from dlrun.deep.inside.forward import TrainedParts
    from dlrun.deep.inside.variables import find_variables, replacing

    fitted, reference = run.fitted, make_reference(run.train)
    parts = TrainedParts(fitted.columns, fitted.target, fitted.model)
    groups = [fitted._reader.read(frame) for frame in (run.test.frame[:1], reference)]
    (variable,) = find_variables(parts, *groups)
    n_tokens = len(run.test.frame["day"].iloc[0].split())
    assert (variable.start[:n_tokens] == 0).all()

    def output(end):
        inputs = {"text": tf.repeat(parts.encode("text", groups[0]["text"]), len(end), axis=0)}
        return parts.explained(inputs, 1, replacing({variable.key: end}))

    # Of a word that comes twice neither would be the largest alone.
    at = variable.end + np.random.default_rng(0).normal(0, 0.1, variable.end.shape)
    moved = tf.constant(at[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(moved)
        explained = output(moved)
    gradient = tape.gradient(explained, moved).numpy()[0]
    step, shifts = 1e-3, np.eye(at.size).reshape(-1, *at.shape)
    up, down = (output(at + sign * step * shifts).numpy() for sign in (1, -1))
    differences = (up - down).reshape(at.shape) / (2 * step)
    assert np.abs(gradient[:n_tokens]).max() > 0.1
    np.testing.assert_allclose(gradient, differences, atol=5e-3)


def test_the_word_that_decides_has_the_weight_and_not_in_a_random_network(run):
    rows, reference = run.test.frame.iloc[:8], make_reference(run.train)
    outputs = run.test.y[:8]

    def share_of_the_word(explained) -> float:
        shares = []
        for text, each in zip(rows["day"], explained, strict=True):
            (column,) = each.columns
            assert column.parts == tuple(text.split())[: len(column.weights)]
            assert abs(each.residual) <= 1e-4 * max(1.0, abs(each.value - each.baseline))
            is_word = np.isin(column.parts, ["good", "bad"])
            weights = np.abs(column.weights)
            shares.append(weights[is_word].sum() / weights.sum())
        return float(np.mean(shares))

    explained = run.fitted.explain(rows, outputs, reference)
    assert share_of_the_word(explained) >= 0.9
    random = run.fitted.randomized(0).explain(rows, outputs, reference)
    assert share_of_the_word(random) <= 0.5
    # Each row is of its own class, whose logit is above zero.
    assert min(each.value for each in explained) > 0
