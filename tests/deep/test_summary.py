from __future__ import annotations

import pytest

from dlrun.deep.candidates import make_candidates
from dlrun.errors import TrainingError

pytestmark = pytest.mark.tf


def test_every_model_is_built_and_shown(recipe, mixed):
    models = [
        {"architecture": "mlp", "hidden": [5]},
        {"architecture": "layers", "layers": [{"Dense": 3}]},
    ]
    mlp, layers = (each.summarize(mixed) for each in make_candidates(recipe(model=models), mixed))
    assert (mlp.candidate, layers.candidate) == ("mlp", "layers")
    n_embedded = (2 + 30) * 11
    width = 3 + 4 + 1 + 11 + 8 * 3 - 2  # numbers, slots, embedding, parts of the date
    assert mlp.parameters == n_embedded + (width * 5 + 5) + (5 * 3 + 3)
    assert layers.parameters == n_embedded + (width * 3 + 3) + (3 * 3 + 3)
    assert "dlrun_head (Dense)" in mlp.text
    assert "\x1b" not in mlp.text
    assert max(map(len, mlp.text.splitlines())) <= 80


def test_a_network_that_cannot_be_built_names_its_model(recipe, mixed):
    model = {"architecture": "layers", "layers": ["MaxPooling2D"]}
    (layers,) = make_candidates(recipe(model=model), mixed)
    with pytest.raises(
        TrainingError, match=r"^recipe.yaml: model: layers: layer 1, MaxPooling2D, "
    ):
        layers.summarize(mixed)
