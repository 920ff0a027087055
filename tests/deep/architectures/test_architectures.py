from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest

from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.catalog.parts import load_part
from dlrun.deep.candidates import make_candidates
from dlrun.errors import TrainingError

pytestmark = pytest.mark.tf


def _error(trained, dataset, **sections):
    with pytest.raises(TrainingError) as caught:
        trained(dataset, **sections)
    return str(caught.value)


def _layers(*layers):
    return {"architecture": "layers", "layers": list(layers)}


@pytest.fixture
def module(tmp_path, recipe):
    """Write a module of the user's beside a recipe; return the recipe that uses it."""

    def write(text, function="build", name="my_nets", **settings):
        (tmp_path / f"{name}.py").write_text(text)
        made = recipe(model={"architecture": f"{name}:{function}", **settings})
        made._file = tmp_path / "recipe.yaml"
        return made

    return write


TRAINED = [row for row in ARCHITECTURES.values() if row.is_trained]


@pytest.mark.parametrize("row", TRAINED, ids=lambda row: row.name)
def test_every_row_has_a_module_that_builds_it_with_its_settings(row):
    build = load_part("dlrun.deep.architectures", row.name).build
    first, *others = inspect.signature(build).parameters.values()
    assert first.name == ("group" if row.is_encoder else "groups")
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in others):
        assert [parameter.name for parameter in others] == list(row.settings.model_fields)


def test_an_mlp_has_the_layers_that_its_settings_say(recipe, breast_cancer):
    model = {"architecture": "mlp", "hidden": [20, 10], "normalization": "batch"}
    (mlp,) = make_candidates(recipe(model=model), breast_cancer)
    summary = mlp.summarize(breast_cancer)
    dense = (30 * 20 + 20) + (20 * 10 + 10) + (10 + 1)
    assert summary.parameters == dense + 2 * (20 + 10)
    kinds = [word for word in ("Dense", "BatchNormalization", "Activation", "Dropout")]
    assert [summary.text.count(f"({kind})") for kind in kinds] == [3, 2, 2, 2]
    model = {"architecture": "mlp", "hidden": [5], "normalization": "layer", "dropout": 0}
    (mlp,) = make_candidates(recipe(model=model), breast_cancer)
    summary = mlp.summarize(breast_cancer)
    assert "LayerNormalization" in summary.text
    assert "Dropout" not in summary.text


def test_batch_normalization_forgets_quickly_enough_for_small_tables(recipe, breast_cancer):
    from dlrun.deep.architectures import mlp
    from dlrun.deep.backend import keras

    tensor = keras.Input((3,))
    settings = {"hidden": [4], "activation": "relu", "dropout": 0.0, "normalization": "batch"}
    model = keras.Model(tensor, mlp.stack(tensor, **settings))
    (layer,) = [item for item in model.layers if "batch_normalization" in item.name]
    assert layer.momentum == 0.9


def test_listed_layers_are_applied_in_their_order(trained, breast_cancer):
    layers = [
        {"Reshape": [5, 6]},
        {"Conv1D": {"filters": 4, "kernel_size": 3, "activation": "relu"}},
        {"TimeDistributed": {"layer": {"Dense": 3}}},
        "Flatten",
        {"Dense": 5},
        "BatchNormalization",
    ]
    run = trained(breast_cancer, model=_layers(*layers))
    convolution, distributed = 3 * 6 * 4 + 4, 4 * 3 + 3
    dense = (3 * 3 * 5 + 5) + 2 * 5 + (5 + 1)
    assert run.fitted.parameters == convolution + distributed + dense


def test_a_layer_that_does_not_fit_is_named_with_its_input(trained, breast_cancer):
    layers = [{"Dense": 8}, {"Conv2D": {"filters": 4, "kernel_size": 3}}]
    start, said = _error(trained, breast_cancer, model=_layers(*layers)).split("Input 0 ")
    assert start == (
        "recipe.yaml: model: layers: layer 2, Conv2D, cannot be applied to its input of shape "
        "(rows, 8): "
    )
    assert said.endswith(
        "expected min_ndim=4, found ndim=2. Full shape received: (None, 8). "
        "Check its arguments, or change the shape before it with Reshape or Flatten"
    )


def test_a_wrong_argument_names_its_layer(trained, breast_cancer):
    message = _error(trained, breast_cancer, model=_layers({"Dense": -3}))
    assert message.startswith("recipe.yaml: model: layers: layer 1, Dense, cannot be applied to")
    assert "-3" in message


def test_the_head_needs_a_matrix(trained, breast_cancer):
    assert _error(trained, breast_cancer, model=_layers({"Reshape": [5, 6]})) == (
        "recipe.yaml: model: layers: layers ends in a tensor of shape (rows, 5, 6). The head "
        "needs (rows, width): end with Flatten or GlobalAveragePooling"
    )


def test_a_network_beyond_the_memory_is_refused_before_it_is_taken(trained, breast_cancer):
    import keras

    create = keras.layers.Layer.add_weight
    for huge in ({"Dense": 1_000_000_000}, {"GRU": 1_000_000_000}):
        listed = {"Reshape": [5, 6]} if "GRU" in huge else "Flatten"
        said = _error(trained, breast_cancer, model=_layers(listed, huge))
        assert "weights or more; to train them takes more than the" in said
    assert keras.layers.Layer.add_weight is create


def test_a_function_beside_the_recipe_gets_the_column_groups(trained, module, mixed):
    text = (
        "import keras\n"
        "from my_parts import UNITS\n"
        "def build(inputs, width, folder='none'):\n"
        "    assert list(inputs) == ['number', 'category', 'datetime'], inputs\n"
        "    assert folder == 'mine'\n"
        "    dense = [keras.layers.Dense(width)(tensor) for tensor in inputs.values()]\n"
        "    return keras.layers.Dense(UNITS)(keras.layers.Add()(dense))\n"
    )
    made = module(text, width=6, folder="mine")
    (made.folder / "my_parts.py").write_text("UNITS = 2\n")
    run = trained(mixed, recipe=made)
    assert np.isfinite(run.fitted.predict(run.test.frame).values).all()
    groups_without_dates = [column for column in mixed.columns if column.type == "number"]
    fewer = replace(mixed, columns=tuple(groups_without_dates))
    assert "AssertionError: {'number'" in _error(trained, fewer, recipe=made)


def test_a_missing_function_or_module_is_named(trained, module, breast_cancer):
    made = module("def build(inputs): ...\n", function="biuld", name="nets_two")
    assert _error(trained, breast_cancer, recipe=made) == (
        f"recipe.yaml: model: nets_two:biuld: nets_two:biuld: {made.folder / 'nets_two.py'} has "
        "no function 'biuld'. Did you mean 'build'?"
    )


def test_wrong_settings_of_a_function_are_told_with_its_signature(trained, module, breast_cancer):
    made = module("def build(inputs, *, depth): ...\n", name="nets_three", depht=2)
    assert _error(trained, breast_cancer, recipe=made) == (
        "recipe.yaml: model: nets_three:build: nets_three:build(inputs, *, depth) cannot be "
        "called with its inputs and the settings depht: missing a required argument: 'depth'"
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 1 / 0", "nets_four.py:3: ZeroDivisionError: division by zero"),
        ("return [1]", "nets_four:build returned list, not a Keras tensor"),
        (
            "return keras.layers.Reshape((5, 6))(inputs['number'])",
            "nets_four:build ends in a tensor of shape (rows, 5, 6). The head needs "
            "(rows, width): end with Flatten or GlobalAveragePooling",
        ),
        (
            "return keras.Input((3,))",
            "the architecture's tensor does not come from its inputs",
        ),
    ],
)
def test_what_a_function_returns_is_checked(trained, module, breast_cancer, body, message):
    text = f"import keras\ndef build(inputs):\n    {body}\n"
    found = _error(trained, breast_cancer, recipe=module(text, name="nets_four"))
    assert found.startswith(f"recipe.yaml: model: nets_four:build: {message}")
