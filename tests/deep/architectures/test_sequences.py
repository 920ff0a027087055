"""Architectures over texts and series: their layers, and that padding means nothing to them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from modalities import MODALITIES

from dlrun.catalog.losses import LOSSES
from dlrun.contract.dataset import Column
from dlrun.errors import RecipeError
from dlrun.recipe.load import load_recipe
from dlrun.recipe.preprocessing import Preprocessing
from dlrun.recipe.schema import Model

pytestmark = pytest.mark.tf

TEXT, SERIES = MODALITIES["text"]("regression"), MODALITIES["series"]("regression")
LENGTHS = {"text": 20, "series": 30}  # of the longest rows
SMALL = {
    "mlp": {"hidden": [4]},
    "text_cnn": {"embedding": 6, "filters": 5, "kernel_sizes": [2, 5]},
    "rnn": {"units": [5, 4], "embedding": 6},
    "transformer": {"width": 6, "heads": 2, "feedforward": 7, "positions": "sinusoidal"},
    "fcn": {"filters": [5, 4], "kernel_sizes": [8, 3]},
    "inception_time": {"depth": 3, "filters": 3, "bottleneck": 4, "kernel_sizes": [10, 5]},
}
SIMPLE, GRU = ({"cell": cell, "units": [4], "bidirectional": False} for cell in ("simple", "gru"))


def _network(dataset, architecture, length=None, **settings):
    """Build a network on all rows, of this many tokens or steps."""
    from dlrun.deep.architecture import build_architecture
    from dlrun.deep.heads.regression import NumberHead
    from dlrun.deep.inputs.groups import fit_encodings
    from dlrun.deep.network import build_network
    from dlrun.deep.objective import Objective

    length = length or LENGTHS.get(dataset.name, 1)
    section = Preprocessing(text={"sequence_length": length}, series={"length": length})
    encodings = fit_encodings(dataset.columns, dataset.frame, section)
    model = Model(architecture=architecture, **{**SMALL.get(architecture, {}), **settings})
    return build_network(
        dataset.columns,
        encodings,
        Objective(NumberHead(LOSSES["mean_squared_error"], 0.0, 1.0)),
        lambda groups: build_architecture(model, Path(), groups),
        {},
    )


def _predict(network, dataset):
    from dlrun.deep.inputs.groups import frame_reader

    groups = frame_reader(dataset.columns, network.reader).read(dataset.frame)
    return network.body(network.encoder(groups)).numpy()


def _scatter(network):
    """Take weights off their starts, among which are zeros, and say what they are."""
    rng = np.random.default_rng(0)
    weights = [np.abs(rng.normal(size=w.shape)) + 0.1 for w in network.body.get_weights()]
    weights = [w * rng.choice([-1, 1], w.shape) if w.ndim > 1 else w for w in weights]
    network.body.set_weights(weights)
    return weights


PADDED = [
    pytest.param(TEXT, "mlp", {}, id="mlp-text"),
    pytest.param(TEXT, "text_cnn", {}, id="text_cnn"),
    pytest.param(TEXT, "rnn", {}, id="rnn-text"),
    pytest.param(SERIES, "rnn", {}, id="rnn-series"),
    pytest.param(SERIES, "rnn", SIMPLE, id="rnn-simple"),
    pytest.param(SERIES, "rnn", GRU, id="rnn-gru"),
    pytest.param(TEXT, "transformer", {}, id="transformer-text"),
    pytest.param(SERIES, "transformer", {}, id="transformer-series"),
    pytest.param(SERIES, "transformer", {"patch": 4}, id="transformer-patches"),
    pytest.param(SERIES, "fcn", {}, id="fcn"),
    pytest.param(SERIES, "inception_time", {}, id="inception_time"),
]


@pytest.mark.parametrize(("dataset", "architecture", "settings"), PADDED)
def test_more_padding_changes_nothing(dataset, architecture, settings):
    """The same weights say the same of rows that are padded to another length."""
    length = LENGTHS[dataset.name]
    network = _network(dataset, architecture, length, **settings)
    longer = _network(dataset, architecture, length + 9, **settings)
    longer.body.set_weights(_scatter(network))
    expected = _predict(network, dataset)
    assert np.isfinite(expected).all()
    assert len(np.unique(expected.round(4))) > len(dataset) / 2
    np.testing.assert_allclose(_predict(longer, dataset), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("architecture", ["fcn", "inception_time", "rnn", "transformer"])
def test_series_of_one_length_have_no_mask(architecture):
    steps = [np.full((30, 2), value, dtype=np.float32) for value in range(len(SERIES))]
    frame = SERIES.frame.copy()
    frame["curve"] = steps
    network = _network(replace(SERIES, frame=frame), architecture)
    assert network.body.input["series"].shape == (None, 30, 2)
    assert not any("masking" in layer.name for layer in network.body.layers)
    assert np.isfinite(_predict(network, replace(SERIES, frame=frame))).all()


def _count(dataset, architecture, **settings):
    network = _network(dataset, architecture, **settings)
    head = network.body.get_layer("dlrun_head").count_params()
    return network.n_parameters - head


def _n_codes():
    from dlrun.deep.inputs.text import fit

    return fit(TEXT.columns, TEXT.frame, Preprocessing().text).n_codes


def test_text_cnn_has_the_layers_that_its_settings_say():
    found = _count(TEXT, "text_cnn", embedding=6, filters=5, kernel_sizes=[2, 5])
    assert found == _n_codes() * 6 + (2 * 6 * 5 + 5) + (5 * 6 * 5 + 5)


@pytest.mark.parametrize(("cell", "gates"), [("lstm", 4), ("simple", 1)])
def test_rnn_has_the_layers_that_its_settings_say(cell, gates):
    def layer(inputs, units):
        return gates * (inputs * units + units * units + units)

    settings = {"cell": cell, "units": [5, 4], "embedding": 6}
    expected = _n_codes() * 6 + 2 * layer(6, 5) + 2 * layer(10, 4)
    assert _count(TEXT, "rnn", **settings) == expected
    expected = _n_codes() * 6 + layer(6, 5) + layer(5, 4)
    assert _count(TEXT, "rnn", **settings, bidirectional=False) == expected


def test_transformer_has_the_layers_that_its_settings_say():
    width, hidden, blocks = 6, 7, 3
    attention = 4 * (width * width + width)
    dense = (width * hidden + hidden) + (hidden * width + width)
    norm = 2 * width
    common = blocks * (attention + dense + 2 * norm) + norm
    settings = {"blocks": blocks, "width": width, "feedforward": hidden}
    start = _n_codes() * width + width * width + width
    assert _count(TEXT, "transformer", **settings) == start + common
    start += LENGTHS["text"] * width
    assert _count(TEXT, "transformer", **settings, positions="learned") == start + common


def test_fcn_has_the_layers_that_its_settings_say():
    channels = 2 + 1  # the last tells padding
    found = _count(SERIES, "fcn", filters=[5, 4], kernel_sizes=[8, 3])
    assert found == (8 * channels * 5 + 2 * 5) + (3 * 5 * 4 + 2 * 4)


def test_inception_time_has_the_layers_that_its_settings_say():
    def module(channels):
        return channels * 4 + (10 + 5) * 4 * 3 + channels * 3 + 2 * 9

    settings = {"depth": 4, "filters": 3, "bottleneck": 4, "kernel_sizes": [10, 5]}
    modules = module(3) + 3 * module(9)
    assert _count(SERIES, "inception_time", **settings, residual=False) == modules
    around = 3 * 9 + 2 * 9
    assert _count(SERIES, "inception_time", **settings) == modules + around


@pytest.mark.parametrize("architecture", ["fcn", "inception_time"])
def test_batch_normalization_forgets_quickly_enough_for_few_rows(architecture):
    layers = _network(SERIES, architecture).body.layers
    momenta = {layer.momentum for layer in layers if "batch_normalization" in layer.name}
    assert momenta == {0.9}


@pytest.mark.parametrize("architecture", ["text_cnn", "rnn", "transformer"])
def test_dropout_may_be_left_out(architecture):
    kinds = [type(layer).__name__ for layer in _network(TEXT, architecture).body.layers]
    assert "Dropout" in kinds
    without = _network(TEXT, architecture, dropout=0).body.layers
    assert "Dropout" not in [type(layer).__name__ for layer in without]


def _tokens(dataset, **settings):
    """Count what a transformer attends over."""
    body = _network(dataset, "transformer", **settings).body
    layer = next(layer for layer in body.layers if "multi_head_attention" in layer.name)
    return layer.output.shape[1]


def _long_series(n_steps):
    cells = [np.zeros((n_steps, 1), dtype=np.float32)] * len(SERIES)
    frame = SERIES.frame.assign(curve=cells)
    return replace(SERIES, frame=frame, columns=(Column("curve", "series", (n_steps, 1)),))


def test_many_steps_are_joined_to_patches():
    assert _tokens(SERIES) == 30
    assert _tokens(SERIES, patch=7) == 5
    assert _tokens(_long_series(300), length=257) == 129
    assert _tokens(_long_series(300), length=256) == 256


def test_an_image_is_cut_into_patches():
    image = MODALITIES["image"]("regression")  # 12 × 10 pixels
    assert _tokens(image) == 6 * 5
    assert _tokens(image, patch=5) == 3 * 2
    assert _tokens(image, patch=1) == 120


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "{architecture: transformer, width: 10, heads: 4}",
            "width 10 is not a multiple of heads 4",
        ),
        (
            "{architecture: fcn, filters: [8, 8, 8], kernel_sizes: [5, 3]}",
            "filters names 3 convolutions and kernel_sizes 2. Give both the same length",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_told(tmp_path, model, message):
    file = tmp_path / "r.yaml"
    file.write_text(f"data: {{source: a.csv, target: y}}\nmodel: {model}\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    assert str(caught.value) == f"r.yaml:2: model: {message}"
