"""Numbers as vectors: what an embedding computes, and who says which one is taken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.deep.candidates import make_candidates
from dlrun.recipe.preprocessing import Number

pytestmark = pytest.mark.tf

RNG = np.random.default_rng(5)


def _fit(columns, **chosen):
    from dlrun.deep.inputs.number import fit

    frame = pd.DataFrame(columns, dtype=np.float64)
    return fit([Column(name, "number") for name in columns], frame, Number(**chosen))


def _model(encoding, width=3):
    """Make encoded numbers → embeddings, (rows, columns, width)."""
    from dlrun.deep.backend import keras

    numbers = keras.Input(encoding.encoded.shape)
    return keras.Model(numbers, encoding.embed(numbers, width))


def _encode(encoding, group):
    from dlrun.deep.backend import tf

    return encoding.encode(tf.constant(np.array(group, dtype=np.float64)))


def _slopes(model):
    """Find the weights of the bins, which start at zero."""
    (found,) = [weight for weight in model.weights if not np.asarray(weight).any()]
    return found


def test_piecewise_embeddings_start_linear_and_then_follow_their_formula():
    encoding = _fit({"x": np.arange(41.0), "y": RNG.normal(size=41)}, encode="ple", scale="none")
    model = _model(encoding)
    rows = np.array([[-5.0, 0.3], [3.0, -0.2], [17.5, 9.0], [60.0, 0.0]], np.float32)
    before = model(rows).numpy()
    step = model(rows + 1).numpy() - before
    np.testing.assert_allclose(step, np.broadcast_to(step[:1], step.shape), atol=1e-5)
    slopes = _slopes(model)
    chosen = RNG.normal(size=slopes.shape).astype(np.float32)
    assert chosen.shape == (2, 4, 3)  # columns, bins of ten rows and a bit, width
    slopes.assign(chosen)
    left, right = encoding.edges[:, :-1], encoding.edges[:, 1:]
    passed = np.clip((rows[:, :, None] - left) / (right - left), 0, 1)
    expected = before + np.einsum("rcb,cbw->rcw", passed, chosen)
    np.testing.assert_allclose(model(rows).numpy(), expected, atol=1e-5)


def test_beyond_the_training_rows_the_linear_embedding_goes_on():
    model = _model(_fit({"x": np.arange(41.0)}, encode="ple", scale="none"))
    before = model(np.array([[0.0], [40.0], [140.0]], np.float32)).numpy()
    slopes = _slopes(model)
    slopes.assign(np.ones(slopes.shape))
    after = model(np.array([[0.0], [40.0], [140.0]], np.float32)).numpy()
    np.testing.assert_allclose((after - before)[:, 0, 0], [0, 4, 4], atol=1e-5)


@pytest.mark.parametrize("scale", ["standard", "minmax", "quantile", "none"])
def test_bins_hold_as_many_training_rows_each_in_the_scaled_unit(scale):
    values = RNG.gamma(1.0, 3.0, 4800)
    encoding = _fit({"x": values}, encode="ple", scale=scale)
    assert encoding.edges.shape == (1, 49)
    counts, _ = np.histogram(_encode(encoding, values[:, None]), bins=encoding.edges[0])
    assert counts.min() >= 90
    assert counts.max() <= 110


def test_small_tables_have_fewer_bins():
    shapes = [_fit({"x": np.arange(float(n))}, encode="ple").edges.shape for n in (3, 60, 9999)]
    assert shapes == [(1, 2), (1, 7), (1, 49)]


@pytest.mark.parametrize("encode", ["none", "plr", "ple"])
@pytest.mark.parametrize("scale", ["standard", "quantile"])
def test_ties_and_empty_columns_and_extreme_numbers_stay_finite(encode, scale):
    columns = {"two": [0.0, 1.0] * 50, "same": [7.0] * 100, "none": [np.nan] * 100}
    encoding = _fit(columns, encode=encode, scale=scale)
    rows = [[0, 7, 1], [1e300, -1e300, np.inf], [np.nan] * 3]
    embedded = _model(encoding)(_encode(encoding, rows)).numpy()
    assert embedded.shape == (3, 3, 3)
    assert np.isfinite(embedded).all()


def test_waves_come_back_after_their_period_and_are_never_negative():
    model = _model(_fit({"x": RNG.normal(size=50)}, encode="plr", scale="none"), width=8)
    (frequencies,) = [weight for weight in model.weights if weight.shape == (1, 48)]
    frequencies.assign(np.resize([1.0, 2.0, 4.0], (1, 48)))
    values = np.linspace(0, 1, 9, dtype=np.float32)[:, None]
    first, later = model(values).numpy(), model(values + 1).numpy()
    np.testing.assert_allclose(first, later, atol=1e-4)
    assert (first >= 0).all()
    assert np.ptp(first) > 0.1


@pytest.mark.parametrize("encode", ["none", "plr", "ple"])
def test_each_column_has_weights_of_its_own(encode):
    values = RNG.normal(size=100)
    encoding = _fit({"x": values, "y": values}, encode=encode)
    model = _model(encoding)
    for weight in model.weights:
        weight.assign(RNG.normal(size=weight.shape))
    one, other = model(np.array([[0.5, 0.5], [0.5, -2.0]], np.float32)).numpy()
    np.testing.assert_array_equal(one[0], other[0])
    assert (one[0] != one[1]).any()
    assert (one[1] != other[1]).any()


@pytest.fixture(scope="module")
def wave():
    """A number that goes up and down three times with the only column."""
    place = RNG.uniform(size=900)
    frame = pd.DataFrame({"place": place})
    y = np.sin(6 * np.pi * place)
    columns = (Column("place", "number"),)
    return Dataset("wave", "by hand", columns, Target("y", "regression"), frame, y, np.arange(900))


@pytest.mark.parametrize(
    ("encode", "low", "high"), [("none", -1, 0.5), ("plr", 0.9, 1), ("ple", 0.9, 1)]
)
def test_a_linear_network_bends_with_embeddings_alone(trained, wave, encode, low, high):
    model = {"architecture": "mlp", "hidden": [], "encode": encode}
    training = {"epochs": 40, "batch_size": 32, "learning_rate": 0.03}
    run = trained(wave, model=model, training=training)
    left = ((run.fitted.predict(run.test.frame).values - run.test.y) ** 2).mean()
    assert low < 1 - left / run.test.y.var() < high


def test_the_model_has_the_last_word_on_embeddings(recipe, mixed):
    def chosen(preprocessing, **model):
        sections = {"preprocessing": {"number": preprocessing}, "model": model}
        made = recipe(**sections)
        made._trusted = frozenset({"keras"})
        (candidate,) = make_candidates(made, mixed)
        return candidate.spec.preprocessing.number

    quantile = {"scale": "quantile", "encode": "plr"}
    assert chosen(quantile, architecture="mlp").encode == "plr"
    assert chosen(quantile, architecture="mlp", encode="ple").encode == "ple"
    assert chosen(quantile, architecture="mlp", encode="none").encode == "none"
    assert chosen(quantile, architecture="mlp", encode="ple").scale == "quantile"
    assert chosen({}, architecture="mlp").encode == "none"
    assert chosen({}, architecture="tabm").encode == "ple"
    assert chosen(quantile, architecture="tabm", encode=None).encode == "plr"
    assert chosen({}, architecture="keras:Sequential", encode="ple").encode == "none"


def test_dates_and_categories_stay_as_they_are(recipe, mixed):
    from dlrun.deep.inputs.groups import fit_encodings

    chosen = recipe(preprocessing={"number": {"encode": "plr"}}).preprocessing
    plain = fit_encodings(mixed.columns, mixed.frame, recipe().preprocessing)
    waves = fit_encodings(mixed.columns, mixed.frame, chosen)
    assert waves["category"] == plain["category"]
    assert waves["datetime"] == plain["datetime"]
    assert waves["number"].encoded == plain["number"].encoded


def test_embedded_numbers_stand_side_by_side(recipe, breast_cancer):
    few = replace(breast_cancer, columns=breast_cancer.columns[:3])
    mlp = {"architecture": "mlp", "hidden": [5]}
    sizes = {
        encode: make_candidates(recipe(model={**mlp, "encode": encode}), few)[0]
        .summarize(few)
        .parameters
        for encode in ("none", "plr", "ple")
    }
    head = 5 + 1
    linear, bins = 2 * 3 * 16, 48
    waves = 3 * 48 + 3 * (2 * 48) * 16 + 3 * 16
    assert sizes["none"] == (3 * 5 + 5) + head
    assert sizes["ple"] == linear + 3 * bins * 16 + (3 * 16 * 5 + 5) + head
    assert sizes["plr"] == waves + (3 * 16 * 5 + 5) + head
