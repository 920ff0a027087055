"""Series: cut or padded, scaled by the training rows, and told from padding."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from modalities import MODALITIES

from dlrun.contract.dataset import Column
from dlrun.recipe.preprocessing import Series

pytestmark = pytest.mark.tf

NAN = np.nan


def _frame(cells):
    values = np.empty(len(cells), dtype=object)
    values[:] = [np.asarray(cell, dtype=np.float32) for cell in cells]
    return pd.DataFrame({"s": values})


def _fit(cells, channels=1, **chosen):
    from dlrun.deep.inputs.series import fit

    column = Column("s", "series", (max(map(len, cells)), channels))
    return fit([column], _frame(cells), Series(**chosen))


def _encode(encoding, cells):
    from dlrun.deep.backend import tf
    from dlrun.deep.inputs.series import read_series

    group = read_series(_frame(cells)["s"], *encoding.group.shape)
    encoded = encoding.encode(tf.constant(group)).numpy()
    assert encoded.dtype == np.float32
    assert encoded.shape == (len(cells), *encoding.encoded.shape)
    return encoded


def _rows(*values):
    return np.array(values, dtype=np.float32)[:, None]


def test_series_of_one_length_are_scaled_and_nothing_else():
    cells = [_rows(1, 2, 3), _rows(3, 4, 5)]
    encoding = _fit(cells)
    assert encoding.encoded.shape == (3, 1)
    values = np.concatenate(cells)
    expected = (np.stack(cells) - values.mean()) / values.std()
    np.testing.assert_allclose(_encode(encoding, cells), expected, rtol=1e-5)


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_scales_are_those_of_scikit_learn_over_all_steps(scale):
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    rng = np.random.default_rng(0)
    cells = [rng.normal([0, 1e6], [1, 3], (n, 2)).astype(np.float32) for n in (5, 9, 7)]
    encoded = _encode(_fit(cells, 2, scale=scale), cells)
    reference = {"standard": StandardScaler(), "minmax": MinMaxScaler()}[scale]
    reference.fit(np.concatenate(cells).astype(np.float64))
    for row, cell in zip(encoded, cells, strict=True):
        np.testing.assert_allclose(row[: len(cell), :2], reference.transform(cell), atol=0.05)


def test_values_may_stay_as_they_are():
    cells = [_rows(1, 2, NAN), _rows(3, 4, 5)]
    assert _encode(_fit(cells, scale="none"), cells)[1, :, 0].tolist() == [3, 4, 5]


@pytest.mark.parametrize(("scale", "mean"), [("standard", 0.0), ("minmax", 1 / 6), ("none", 2.0)])
def test_missing_and_infinite_values_become_the_mean(scale, mean):
    encoding = _fit([_rows(1, 1, NAN, 1), _rows(1, 1, NAN, 7)], scale=scale)
    encoded = _encode(encoding, [_rows(NAN, np.inf, -np.inf, 1)])
    assert encoded[0, :3, 0].tolist() == pytest.approx([mean] * 3)


def test_the_last_channel_tells_steps_from_padding():
    encoding = _fit([[[1, NAN], [NAN, NAN], [3, 4]], [[5, 6], [NAN, NAN]], np.zeros((0, 2))], 2)
    cells = [[[NAN, NAN], [3, 5]], [[3, NAN], [NAN, NAN], [NAN, NAN]], np.zeros((0, 2))]
    encoded = _encode(encoding, cells)
    assert encoding.encoded.shape == (3, 3)
    assert encoded[..., -1].tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(encoded[encoded[..., -1] == 0], 0)


@pytest.mark.parametrize("scale", ["standard", "minmax", "none"])
def test_padding_is_zero_whatever_the_scale(scale):
    cells = [_rows(5, 7), _rows(6)]
    assert _encode(_fit(cells, scale=scale), cells)[1, 1].tolist() == [0, 0]


def test_the_length_is_the_longest_training_row_s_without_what_is_missing_at_its_end():
    cells = [_rows(1, 2, NAN, NAN), _rows(1, 3)]
    encoding = _fit(cells)
    assert encoding.encoded.shape == (2, 1)
    longer = _encode(encoding, [_rows(1, 2, 9, 9)])
    np.testing.assert_array_equal(longer, _encode(encoding, [_rows(1, 2)]))


def test_a_length_set_by_hand_cuts_and_pads():
    cells = [_rows(1, 2, 1000), _rows(1, 2, 1000)]
    shorter = _fit(cells, length=2)
    assert shorter.encoded.shape == (2, 1)
    assert _encode(shorter, cells)[0, :, 0].tolist() == [-1, 1]
    longer = _fit(cells, length=4)
    assert _encode(longer, cells)[0, :, -1].tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize("scale", ["standard", "minmax", "none"])
def test_constant_and_empty_channels_and_series_are_finite(scale):
    cells = [[[0.1, NAN], [0.1, NAN]], np.zeros((0, 2))]
    encoded = _encode(_fit(cells, 2, scale=scale), [[[0.1, 5], [3e38, -3e38]], *cells])
    assert np.isfinite(encoded).all()
    assert _fit([np.zeros((0, 2))] * 2, 2, scale=scale).encoded.shape == (1, 3)


def test_the_networks_reader_cuts_and_pads_as_the_frame_s():
    from dlrun.deep.backend import keras, tf
    from dlrun.deep.inputs.series import make_reader

    cells = [_rows(1, 2, 3), _rows(NAN, 4)]
    encoding = _fit(cells)
    raw = keras.Input((None, 1))
    model = keras.Model(raw, encoding.read([raw]))
    assert model.output.shape == (None, 3, 1)
    read = make_reader([Column("s", "series", (3, 1))], model)
    given = [_rows(1, 2), _rows(1, 2, 3, 4, 5), np.zeros((0, 1)), _rows(NAN, NAN, 3)]
    for cell in given:
        expected = read(_frame([cell]))
        tensor = tf.constant(np.asarray(cell, dtype=np.float32)[None])
        np.testing.assert_array_equal(model(tensor).numpy(), expected)


def test_the_saved_network_takes_series_padded_to_any_length(trained, tmp_path):
    from dlrun.deep.backend import keras

    dataset = MODALITIES["series"]("classification")
    model = {"architecture": "fcn", "filters": [4], "kernel_sizes": [3]}
    run = trained(dataset, model=model)
    run.fitted.save(tmp_path)
    plain = keras.models.load_model(tmp_path / "network.keras")
    expected = run.fitted.predict(run.test.frame).values
    for length in (30, 37):
        raw = np.full((len(run.test), length, 2), NAN, dtype=np.float32)
        for row, cell in enumerate(run.test.frame["curve"]):
            raw[row, : len(cell)] = cell
        np.testing.assert_allclose(plain.predict({"curve": raw}, verbose=0), expected, atol=1e-5)
    shortest = run.test.frame.iloc[[np.argmin([len(cell) for cell in run.test.frame["curve"]])]]
    alone = plain.predict({"curve": shortest["curve"].iloc[0][None]}, verbose=0)
    np.testing.assert_allclose(alone, run.fitted.predict(shortest).values, atol=1e-5)
