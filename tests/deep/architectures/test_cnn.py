"""Convolutional and residual networks over images, sounds and series of every size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from modalities import MODALITIES
from pydantic import ValidationError

from dlrun.catalog.architecture_settings import Cnn, Resnet
from dlrun.deep.candidates import make_candidates
from dlrun.recipe.preprocessing import Preprocessing

pytestmark = pytest.mark.tf

SMALL = {
    "cnn": Cnn(filters=[4, 4], dropout=0).model_dump(),
    "resnet": Resnet(depth=8, width=4).model_dump(),
}
CASES = [("cnn", "image"), ("cnn", "audio"), ("cnn", "series"), ("resnet", "image"),
         ("resnet", "audio")]  # fmt: skip


def build(architecture, shape):
    """Build an encoder on images of a shape; return a Keras model."""
    from dlrun.catalog.parts import load_part
    from dlrun.deep.backend import keras
    from dlrun.deep.inputs.groups import Group
    from dlrun.deep.inputs.image import ImageEncoding

    still = np.zeros(shape[-1], np.float32), np.ones(shape[-1], np.float32)
    inputs = keras.Input(shape, dtype="uint8")
    group = Group(ImageEncoding(("photo",), shape, *still), inputs)
    return keras.Model(
        inputs,
        load_part("dlrun.deep.architectures", architecture).build(group, **SMALL[architecture]),
    )


@pytest.mark.parametrize("architecture", ["cnn", "resnet"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 9, 3), (8, 8, 1), (65, 5, 1), (128, 96, 3)])
def test_images_of_every_size_become_a_vector(architecture, shape):
    model = build(architecture, shape)
    vectors = model(np.full((2, *shape), 9, np.uint8)).numpy()
    assert vectors.ndim == 2
    assert np.isfinite(vectors).all()


def test_pooling_stops_where_a_side_is_short():
    from dlrun.deep.backend import keras
    from dlrun.deep.blocks.spatial import FeatureMap

    features = FeatureMap(keras.Input((8, 20, 1)), None)
    sides = []
    for _ in range(4):
        features = features.max_pool()
        sides.append(features.sides)
    assert sides == [(4, 10), (4, 5), (4, 5), (4, 5)]


def test_a_small_map_is_laid_out_and_a_large_one_averaged():
    assert build("cnn", (8, 8, 1)).output.shape == (None, 4 * 4 * 4)
    assert build("cnn", (28, 28, 1)).output.shape == (None, 7 * 7 * 4)
    assert build("cnn", (50, 50, 1)).output.shape == (None, 4)


def test_a_resnet_has_as_many_layers_with_weights_as_its_depth_says(recipe):
    model = {"architecture": "resnet", "depth": 14, "width": 4}
    dataset = MODALITIES["image"]("classification")
    (resnet,) = make_candidates(recipe(model=model), dataset)
    summary = resnet.summarize(dataset)
    shortcuts = 2
    assert summary.text.count("(Conv2D)") + summary.text.count("(Dense)") == 14 + shortcuts


def test_a_depth_that_is_no_resnet_is_an_error():
    with pytest.raises(ValidationError) as caught:
        Resnet(depth=18)
    message = "Value error, 18 is not 6n + 2. The nearest depths are 14 and 20"
    assert caught.value.errors()[0]["msg"] == message


@pytest.mark.parametrize("features", ["log_mel", "waveform"])
@pytest.mark.parametrize("architecture", ["cnn", "resnet"])
def test_more_padding_changes_nothing(architecture, features):
    """The same weights on the same sounds, with twice as much room behind them."""
    from dlrun.catalog.parts import load_part
    from dlrun.deep.backend import keras
    from dlrun.deep.inputs.audio import read_sounds
    from dlrun.deep.inputs.groups import Group, fit_encodings

    dataset = MODALITIES["audio"]("classification")
    settings = Preprocessing.model_validate({"audio": {"features": features, "mels": 16}})
    narrow = fit_encodings(dataset.columns, dataset.frame, settings)["audio"]
    narrow = replace(narrow, n_samples=80 * 40)
    vectors, weights = [], None
    for encoding in (narrow, replace(narrow, n_samples=160 * 40)):
        inputs = keras.Input(encoding.encoded.shape)
        vector = load_part("dlrun.deep.architectures", architecture).build(
            Group(encoding, inputs), **SMALL[architecture]
        )
        model = keras.Model(inputs, vector)
        weights = weights or model.get_weights()
        model.set_weights(weights)
        cells = [cell[:1500] for cell in dataset.frame["sound"]]
        vectors.append(model(encoding.encode(read_sounds(cells, encoding.n_samples))).numpy())
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-4)
    assert np.ptp(vectors[0], axis=0).max() > 0.01


def raw_of(dataset):
    """Make what a saved network takes: sequences are padded with NaN."""
    column, cells = dataset.columns[0], list(dataset.frame[dataset.columns[0].name])
    if column.type == "image":
        return np.stack(cells)
    longest = max(map(len, cells))
    rows = np.full((len(cells), longest, *cells[0].shape[1:]), np.nan, np.float32)
    for row, cell in zip(rows, cells, strict=True):
        row[: len(cell)] = cell
    return rows


@pytest.mark.parametrize(("architecture", "modality"), CASES)
def test_keras_alone_predicts_the_same_from_decoded_images_and_waveforms(
    trained, keras_alone, architecture, modality, tmp_path
):
    dataset = MODALITIES[modality]("classification").take(np.arange(48))
    model = {"architecture": architecture, **SMALL[architecture]}
    fitted = trained(dataset, model=model).fitted
    fitted.save(tmp_path)
    said = keras_alone.predict(tmp_path, {dataset.columns[0].name: raw_of(dataset)})
    np.testing.assert_allclose(said, fitted.predict(dataset.frame).values, atol=1e-5)


@pytest.mark.parametrize(("architecture", "modality"), CASES)
def test_mixed_precision_learns_too(trained, architecture, modality):
    dataset = MODALITIES[modality]("regression")
    model = {"architecture": architecture, **SMALL[architecture]}
    training = {"epochs": 2, "precision": "mixed_bfloat16"}
    run = trained(dataset, model=model, training=training)
    assert run.epochs[1].metrics["train/loss"] < run.epochs[0].metrics["train/loss"]


def test_a_kernel_of_one_place_can_be_trained_on_a_large_image(trained):
    """TensorFlow 2.21 would corrupt the memory of the process if it took every second place."""
    dataset = MODALITIES["image"]("classification")
    large = [np.tile(cell, (6, 6, 1)) for cell in dataset.frame["photo"]]
    columns = (replace(dataset.columns[0], shape=large[0].shape),)
    dataset = replace(dataset, columns=columns, frame=dataset.frame.assign(photo=large))
    model = {"architecture": "cnn", "filters": [4, 4], "kernel_size": 1}
    run = trained(dataset, model=model, training={"epochs": 2})
    assert np.isfinite(run.fitted.predict(run.test.frame).values).all()
