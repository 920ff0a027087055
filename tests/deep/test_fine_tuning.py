"""What is trained of a pretrained network, at which rate, and from which epoch on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from modalities import MODALITIES
from toy_backbones import BLOCKS, WIDTH, toys_in_place

from dlrun.catalog.architecture_settings import FROZEN
from dlrun.contract.candidate import FitContext
from dlrun.deep.candidates import make_candidates
from dlrun.errors import RecipeError

pytestmark = pytest.mark.tf

SGD = {"optimizer": "sgd", "learning_rate": 0.1, "backbone_rate": 0.02, "epochs": 2}


@pytest.fixture(scope="module", autouse=True)
def toys():
    with toys_in_place():
        yield


def fine_tune(trained, modality, training=None, preprocessing=None, **settings):
    model = {"architecture": "pretrained", "dropout": 0, **settings}
    training = {**SGD, **(training or {})}
    return trained(
        MODALITIES[modality]("classification"),
        model=model, training=training, preprocessing=preprocessing or {},
    )  # fmt: skip


def weights_of(fitted, name):
    """Return the weights of a layer of the pretrained network."""
    (trunk,) = [
        layer
        for layer in fitted.model.get_layer("dlrun_body").layers
        if layer.name.startswith("dlrun_backbone")
    ]
    return trunk.get_layer(name).get_weights()


def pretrained_weights(modality, dataset, name):
    from dlrun.deep.backbones.backbone import BackboneRequest, open_backbone

    request = BackboneRequest("toy", dataset.columns[0], Path())
    return open_backbone(request).build().get_layer(name).get_weights()


def moved(run, modality):
    """Return how far each layer with weights is from where it was pretrained."""
    names = [*BLOCKS[modality], *(["norm"] if modality == "image" else [])]
    return {
        name: sum(
            float(np.abs(new - old).sum())
            for new, old in zip(
                weights_of(run.fitted, name),
                pretrained_weights(modality, run.train, name),
                strict=False,
            )
        )
        for name in names
    }


def test_normalisation_over_batches_stays_as_it_was_pretrained(trained):
    far = moved(fine_tune(trained, "image", train="all"), "image")
    assert far["low"] > 0
    assert far["high"] > 0
    assert far["norm"] == 0


@pytest.mark.slow
def test_xla_fine_tunes_alike(trained):
    """Blocks join one after the other, each time by another program."""
    plain, xla = (
        fine_tune(trained, "image", {"compile": each}, train="all", unfreeze_every=1)
        for each in (False, True)
    )
    rows = plain.test.frame
    np.testing.assert_allclose(
        xla.fitted.predict(rows).values, plain.fitted.predict(rows).values, atol=1e-5
    )


@pytest.mark.slow
def test_the_last_block_is_trained_alone(trained):
    far = moved(fine_tune(trained, "text", train="last_blocks", blocks=1), "text")
    assert far["words"] == 0
    assert far["query"] > 0


def test_adapters_are_merged_into_what_they_adapt(trained):
    run = fine_tune(trained, "text", train="lora", rank=3)
    far = moved(run, "text")
    assert far["words"] == 0
    assert far["query"] > 0
    n_labels = len(run.train.target.labels)
    assert run.fitted.parameters == 2 * 3 * WIDTH + (WIDTH + 1) * n_labels
    layer = run.fitted.model.get_layer("dlrun_body")
    assert "lora" not in json.dumps(layer.to_json())


def test_the_backbone_has_a_rate_of_its_own(trained):
    """With plain gradient descent one step is proportional to the rate, and so is the decay."""
    training = {"epochs": 1, "batch_size": 1000}
    slow, fast = (
        moved(fine_tune(trained, "text", {**training, "backbone_rate": rate}, train="all"), "text")
        for rate in (0.01, 0.03)
    )
    for name in BLOCKS["text"]:
        assert fast[name] == pytest.approx(3 * slow[name], rel=1e-3)
    decayed = {**training, "optimizer": {"name": "sgd", "weight_decay": 0.5}, "clip_norm": 1e-9}
    run = fine_tune(trained, "text", decayed, train="all")
    before = pretrained_weights("text", run.train, "query")[0]
    after = weights_of(run.fitted, "query")[0]
    np.testing.assert_allclose(after, before * (1 - 0.5 * SGD["backbone_rate"]), rtol=1e-5)


@pytest.mark.slow
def test_blocks_are_unfrozen_from_the_last_one_down(trained):
    training = {"epochs": 2, "early_stopping": False}
    one = moved(fine_tune(trained, "text", training, train="all", unfreeze_every=1), "text")
    assert one["words"] == 0
    assert one["query"] > 0
    none = moved(fine_tune(trained, "text", training, train="all", unfreeze_every=2), "text")
    assert none == {"words": 0, "query": 0}


@pytest.mark.slow
def test_augmentation_comes_before_a_frozen_backbone(trained):
    run = fine_tune(trained, "image", preprocessing={"image": {"augment": {"flip": True}}})
    assert set(moved(run, "image").values()) == {0.0}


@pytest.mark.parametrize(
    ("modality", "settings"),
    [
        pytest.param("text", {"train": "lora", "dropout": 0.3}, marks=pytest.mark.slow),
        ("image", {"train": "all", "unfreeze_every": 1}),
    ],
)
def test_a_training_resumes_bit_for_bit(recipe, tmp_path, monkeypatch, modality, settings):
    monkeypatch.setattr("dlrun.deep.training.run.MOMENT_SECONDS", 0.0)
    dataset = MODALITIES[modality]("classification")
    training = {"epochs": 3, "optimizer": "adamw", "deterministic": True}
    model = {"architecture": "pretrained", **settings}
    (candidate,) = make_candidates(recipe(model=model, training=training), dataset)
    parts = [dataset.take(rows) for rows in np.array_split(np.arange(len(dataset)), 3)]

    def fit(folder=None, dies_after=None):
        def on_epoch(epoch):
            if not epoch.resumed and epoch.number == dies_after:
                raise MemoryError
            return True

        return candidate.fit(parts[0], parts[1], FitContext(1, on_epoch, folder))

    with pytest.raises(MemoryError):
        fit(tmp_path, dies_after=3)
    again = fit(tmp_path).predict(parts[2].frame).values
    np.testing.assert_array_equal(again, fit().predict(parts[2].frame).values)


@pytest.mark.slow
def test_only_what_can_change_is_in_a_checkpoint(recipe, tmp_path):
    dataset = MODALITIES["text"]("classification")
    model = {"architecture": "pretrained", "train": "last_blocks", "blocks": 1}
    training = {"checkpoint_every": "1 steps", "optimizer": "sgd"}
    (candidate,) = make_candidates(recipe(model=model, training=training), dataset)
    candidate.fit(dataset, dataset.take(np.arange(20)), FitContext(0, checkpoint=tmp_path))
    with np.load(tmp_path / "training.record") as arrays:
        shapes = [arrays[name].shape for name in arrays if name.startswith("variable")]
    assert (WIDTH, WIDTH) in shapes
    assert (50, WIDTH) not in shapes


def test_a_backbone_of_another_type_is_a_fault(recipe):
    dataset = MODALITIES["text"]("classification")
    wrong = recipe(model={"architecture": "pretrained", "backbone": "efficientnet_lite0"})
    with pytest.raises(RecipeError) as caught:
        make_candidates(wrong, dataset)
    assert str(caught.value) == (
        "recipe.yaml: model.backbone: efficientnet_lite0 reads columns of the type image, and "
        "here are text. For these: minilm"
    )


def test_a_backbone_that_is_always_frozen_is_not_fine_tuned(recipe):
    dataset = MODALITIES["audio"]("classification")
    wrong = recipe(model={"architecture": "pretrained", "train": "all"})
    with pytest.raises(RecipeError) as caught:
        make_candidates(wrong, dataset)
    assert str(caught.value) == (
        "recipe.yaml: model.train: speech_embedding is always frozen, so that all is not possible"
    )


def test_weights_that_do_not_open_are_a_fault(recipe, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "dlrun.deep.backbones.text")  # the toy
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    dataset = MODALITIES["text"]("classification")
    wrong = recipe(model={"architecture": "pretrained", "backbone": str(tmp_path)})
    with pytest.raises(RecipeError, match=r"recipe.yaml: model.backbone: .*'t5' is none of bert"):
        make_candidates(wrong, dataset)


MIRRORED = """
import json, sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
listed = tf.config.list_logical_devices
from modalities import MODALITIES
from toy_backbones import toys_in_place
from conftest import train
found = {}
with toys_in_place():
    for modality, mode in (("text", "lora"), ("image", "all")):
        found[f"{modality} {mode}"] = []
        for strategy in ("one_device", "mirrored"):
            run = train(
                MODALITIES[modality]("classification"),
                model={"architecture": "pretrained", "train": mode, "dropout": 0},
                training={"optimizer": {"name": "sgd", "weight_decay": 0.1}, "clip_norm": 0.5,
                    "backbone_rate": 0.02, "learning_rate": 0.1, "strategy": strategy},
            )
            found[f"{modality} {mode}"].append(run.fitted.predict(run.test.frame).values.tolist())
print(json.dumps(found))
"""


def test_fine_tuning_begins_with_new_layers_that_the_frozen_backbone_has_trained(trained):
    """A rate of next to nothing leaves them there."""
    still = {"learning_rate": 1e-9, "backbone_rate": 1e-9, "epochs": 1}
    run = fine_tune(trained, "text", still, train="all")
    frozen = fine_tune(trained, "text", {**FROZEN, "batch_size": "auto"})
    expected = frozen.fitted.predict(run.test.frame).values
    np.testing.assert_allclose(run.fitted.predict(run.test.frame).values, expected, atol=1e-3)


@pytest.mark.slow
def test_two_devices_train_as_one():
    tests = Path(__file__).parents[1]
    path = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": f"{tests / 'deep'}:{tests}"}
    done = subprocess.run(
        [sys.executable, "-c", MIRRORED],
        env=os.environ | path, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    for name, (one, two) in json.loads(done.stdout.splitlines()[-1]).items():
        np.testing.assert_allclose(two, one, rtol=2e-3, atol=1e-5, err_msg=name)
