"""The health of training, judged from tables whose trouble is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dlrun.catalog.notes import NOTES
from dlrun.evidence.health import FEW_EPOCHS, HEALTHY, REMEDIES, describe, diagnose
from dlrun.recipe.load import parse_recipe

N_LAYERS, N_EPOCHS = 9, 6
DEPTH, EPOCH = np.meshgrid(np.arange(N_LAYERS), np.arange(N_EPOCHS))


def table(*, gradient=1.0, ratio=1e-3, dead=0.0, saturated=0.0, n_epochs=N_EPOCHS):
    """Return layers whose numbers are the same, or those of each epoch and layer."""
    columns = {
        "gradient_norm": gradient, "update_ratio": ratio, "dead": dead, "saturated": saturated,
    }  # fmt: skip
    filled = {
        name: np.broadcast_to(values, DEPTH.shape).ravel() for name, values in columns.items()
    }
    names = [f"dense_{depth}" for depth in DEPTH.ravel()]
    frame = pd.DataFrame({"epoch": EPOCH.ravel() + 1, "layer": names, "weight_norm": 1.0, **filled})
    return frame[frame["epoch"] <= n_epochs]


TROUBLES = {
    "vanishing": ({"gradient": 10.0 ** (DEPTH - 8)}, ["DLR160"]),
    "vanishing a little": ({"gradient": 2.0 ** (DEPTH - 8)}, []),
    "exploding with depth": ({"gradient": 10.0 ** (8 - DEPTH)}, ["DLR161"]),
    "exploding over epochs": ({"gradient": 10.0**EPOCH}, ["DLR161"]),
    "one odd epoch": ({"gradient": np.where(EPOCH == 2, 1e9, 1.0)}, []),
    "dead": ({"gradient": np.where(DEPTH < 4, 0.0, 1.0), "dead": 0.9 * (DEPTH == 4)}, ["DLR162"]),
    "few dead": ({"dead": 0.4}, []),
    "dead at first": ({"dead": np.where(EPOCH < 3, 0.9, 0.1)}, []),
    "saturated": ({"saturated": 0.8}, ["DLR163"]),
    "large updates": ({"ratio": 0.1}, ["DLR164"]),
    "small updates": ({"ratio": np.where(DEPTH < 4, 0.0, 1e-6)}, ["DLR165"]),
    "at rest": ({"ratio": 0.0}, []),
    "healthy": ({}, []),
    "too few epochs": ({"dead": 1.0, "n_epochs": 2}, []),
}


def test_a_pretrained_network_moves_little_on_purpose():
    layers = table(ratio=np.where(DEPTH < 8, 1e-6, 1e-3))
    assert diagnose(layers)
    names = [
        f"backbone_text block {name}" if name != "dense_8" else name for name in layers["layer"]
    ]
    assert not diagnose(layers.assign(layer=names))


@pytest.mark.parametrize("name", TROUBLES)
def test_every_trouble_is_named_and_nothing_else(name):
    numbers, codes = TROUBLES[name]
    layers = table(**numbers)
    assert [symptom.kind.code for symptom in diagnose(layers)] == codes
    expected = HEALTHY if layers["epoch"].max() > 2 else FEW_EPOCHS
    assert (describe(layers) == expected) == (not codes)


def test_a_note_says_what_was_measured_and_what_helps():
    (symptom,) = diagnose(table(gradient=5.0 ** (DEPTH - 8)))
    assert str(symptom.note("mlp")) == (
        "mlp, vanishing gradients: the gradient of the first layers is 1/16,000 of that of the "
        "last ones; it is below 1/1,000 in 3 of 9 layers (dense_0, dense_1, dense_2). What usually "
        "helps: relu or gelu as model.activation, model.normalization: batch, or fewer layers. "
        "[DLR160]"
    )


def test_remedies_are_keys_of_a_recipe(tmp_path):
    recipe = (
        "data: {source: a.csv, target: y}\n"
        "model: {architecture: mlp, activation: leaky_relu, normalization: batch}\n"
        "training: {clip_norm: 1, optimizer: adamw, learning_rate: {peak: 0.001, warmup: 0.1}}\n"
    )
    parse_recipe(recipe, tmp_path / "r.yaml")
    assert REMEDIES.keys() <= NOTES.keys()
