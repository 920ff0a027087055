"""Augmentation: rows are changed while training, and at no other time."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from modalities import audio, image

from dlrun.recipe.preprocessing import Preprocessing

pytestmark = pytest.mark.tf

ALL = {"flip": True, "rotation": 0.1, "shift": 0.1, "zoom": 0.1, "contrast": 0.2}
SETTINGS = {
    "image": {"image": {"augment": ALL}},
    "audio": {"audio": {"augment": {"frequency": 0.3, "time": 0.2}}},
}
CNN = {"architecture": "cnn", "filters": [4], "dropout": 0, "normalization": "none"}
MODALITIES = {"image": image, "audio": audio}


def augment(modality, settings, n_rows=64):
    """Return encoded rows and what training would make of them."""
    from dlrun.deep.backend import keras
    from dlrun.deep.inputs.augment import make_augmentations
    from dlrun.deep.inputs.groups import fit_encodings, frame_reader

    keras.utils.set_random_seed(0)
    dataset = MODALITIES[modality]("classification")
    preprocessing = Preprocessing.model_validate(settings)
    encodings = fit_encodings(dataset.columns, dataset.frame, preprocessing)
    group = frame_reader(dataset.columns, None).read(dataset.frame[:n_rows])[modality]
    encoded = np.array(encodings[modality].encode(group))
    inputs = keras.Input(encoded.shape[1:], dtype=encoded.dtype.name)
    change = make_augmentations(encodings, preprocessing)[modality]
    model = keras.Model(inputs, change(inputs))
    return encoded, model(encoded, training=True).numpy(), model(encoded, training=False).numpy()


@pytest.mark.parametrize("modality", MODALITIES)
def test_nothing_is_changed_by_default(modality):
    from dlrun.deep.inputs.augment import make_augmentations
    from dlrun.deep.inputs.groups import fit_encodings

    dataset = MODALITIES[modality]("classification")
    encodings = fit_encodings(dataset.columns, dataset.frame, Preprocessing())
    assert make_augmentations(encodings, Preprocessing()) == {}


@pytest.mark.parametrize("setting", ALL)
def test_each_change_makes_other_images_of_bytes_in_training_alone(setting):
    before, changed, unchanged = augment("image", {"image": {"augment": {setting: ALL[setting]}}})
    assert changed.dtype == np.uint8
    np.testing.assert_array_equal(unchanged, before)
    is_changed = (changed != before).any(axis=(1, 2, 3))
    assert is_changed.mean() > 0.3
    other = changed[is_changed].astype(int) - before[is_changed]
    assert len(np.unique(other.reshape(len(other), -1), axis=0)) > 1  # each row its own way


@pytest.mark.parametrize(
    ("flip", "axes"), [("horizontal", [(2,)]), (True, [(2,)]), ("vertical", [(1,)]),
                       ("horizontal_and_vertical", [(1,), (2,), (1, 2)])],
)  # fmt: skip
def test_flips_are_along_the_side_that_is_named(flip, axes):
    before, changed, _ = augment("image", {"image": {"augment": {"flip": flip}}})
    allowed = [before, *(np.flip(before, axis) for axis in axes)]
    found = np.array([(changed == version).all(axis=(1, 2, 3)) for version in allowed])
    assert found.any(axis=0).all()
    assert (found.sum(axis=1) > 5).all()


@pytest.mark.parametrize(("setting", "axis"), [("time", 1), ("frequency", 2)])
def test_stretches_of_a_sound_are_hidden_and_padding_stays(setting, axis):
    settings = {"audio": {"augment": {setting: 0.2}}}
    before, changed, unchanged = augment("audio", settings)
    np.testing.assert_array_equal(unchanged, before)
    np.testing.assert_array_equal(changed[..., -1], before[..., -1])
    hidden = changed != before
    assert (changed[hidden] == 0).all()
    along = hidden.any(axis=3 - axis)[:, : 64 if axis == 2 else None]
    n_hidden, length = along.sum(axis=1), along.shape[1]
    assert n_hidden.max() <= 2 * int(0.2 * length + 1)
    assert n_hidden.max() > 0.2 * length
    assert (np.abs(np.diff(along, axis=1)).sum(axis=1) <= 4).all()  # two stretches


@pytest.mark.parametrize("modality", MODALITIES)
def test_training_sees_changed_rows_validation_and_the_saved_network_do_not(
    trained, modality, tmp_path
):
    """A rate next to zero leaves the weights as they are, so that rows alone can make the loss."""
    dataset = MODALITIES[modality]("classification")
    training = {"optimizer": "sgd", "learning_rate": 1e-12}
    plain = trained(dataset, model=CNN, training=training)
    changed = trained(dataset, model=CNN, training=training, preprocessing=SETTINGS[modality])
    before, after = plain.epochs[0].metrics, changed.epochs[0].metrics
    assert after["train/loss"] != pytest.approx(before["train/loss"], rel=1e-4)
    assert after["val/loss"] == pytest.approx(before["val/loss"], rel=1e-5)
    first, again = (changed.fitted.predict(changed.test.frame).values for _ in range(2))
    np.testing.assert_array_equal(first, again)
    changed.fitted.save(tmp_path)
    with zipfile.ZipFile(tmp_path / "network.keras") as archive:
        config = archive.read("config.json").decode()
    assert "Conv2D" in config
    assert "Random" not in config
    assert '"_Mask"' not in config


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_same_seed_changes_rows_alike(trained, modality):
    def predict(seed):
        dataset = MODALITIES[modality]("classification").take(np.arange(96))
        run = trained(dataset, model=CNN, preprocessing=SETTINGS[modality], seed=seed)
        return run.fitted.predict(run.test.frame).values

    first = predict(5)
    np.testing.assert_array_equal(first, predict(5))
    assert (first != predict(6)).any()
