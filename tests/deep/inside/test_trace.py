"""A row's way through a network: each layer's numbers, and dense layers checked against NumPy."""

from __future__ import annotations

import modalities
import numpy as np
import pytest

from dlrun.contract.trace import Traces
from dlrun.recipe.schema import Recipe

pytestmark = pytest.mark.tf

TINY = {
    "mlp": {"hidden": [6, 4], "activation": "gelu", "normalization": "batch"},
    "tabm": {"members": 3, "hidden": [5]},
    "cnn": {"filters": [4], "hidden": [5]},
    "text_cnn": {"embedding": 4, "filters": 3},
}


def fresh(modality: str, task: str, architecture: str):
    """Build a network with fresh weights, which is traced as a trained one is."""
    from dlrun.deep.candidates import make_candidates
    from dlrun.deep.fitted import FittedNetwork
    from dlrun.deep.inputs.groups import fit_encodings
    from dlrun.deep.objective import choose_objective
    from dlrun.deep.train import build

    dataset = modalities.make(modality, task)
    model = {"architecture": architecture, **TINY[architecture]}
    recipe = Recipe.model_validate({"data": {"source": "made", "target": "y"}, "model": model})
    (candidate,) = make_candidates(recipe, dataset)
    spec = candidate.spec
    encodings = fit_encodings(dataset.columns, dataset.frame, spec.preprocessing)
    objective = choose_objective(spec.training, dataset.target, dataset.y)
    whole = build(spec, dataset.columns, encodings, objective).saved().whole()
    fitted = FittedNetwork("net", dataset.columns, dataset.target, whole, None, 0)
    return fitted, dataset.frame.iloc[[3]]


@pytest.mark.parametrize(
    ("modality", "task", "architecture"),
    [
        ("mixed", "classification", "mlp"),
        ("table", "regression", "tabm"),
        ("image", "classification", "cnn"),
        ("text", "multilabel", "text_cnn"),
    ],
)
def test_a_row_is_traced_to_the_prediction(modality, task, architecture):
    fitted, row = fresh(modality, task, architecture)
    assert isinstance(fitted, Traces)
    found = fitted.trace(row, 0)
    values = [step.value for step in found.outputs]
    np.testing.assert_allclose(values, fitted.predict(row).values.reshape(-1), rtol=1e-5)
    checked = [layer for layer in found.layers if layer.check]
    assert {"Dense", "EinsumDense"} & {layer.kind for layer in checked}
    assert len(checked) == found.n_checked
    assert all(layer.check.agrees for layer in checked)
    assert found.check.agrees
    assert [name for each in found.received for name in each.columns] == [*row]
    assert all(layer.output.low <= layer.output.mean <= layer.output.high for layer in found.layers)


def test_the_sum_of_a_unit_is_written_out_with_the_names_of_columns():
    fitted, row = fresh("table", "classification", "mlp")
    found = fitted.trace(row, 2)
    first, second, head = [layer.unit for layer in found.layers if layer.unit]
    entering = {each.name: each.value for each in found.received[0].values}
    named = {term.name: term.x for term in first.terms if term.name}
    assert named and named.items() <= entering.items()
    total = sum(term.product for term in second.terms) + second.others + second.bias
    assert total == pytest.approx(second.z, rel=1e-6)
    assert [name for name, _ in first.steps] == ["BatchNormalization", "gelu"]
    assert (head.place, head.z) == ((2,), pytest.approx(found.outputs[2].logits[0], rel=1e-5))


def test_words_stand_beside_the_ids_that_a_network_gets():
    fitted, row = fresh("text", "classification", "text_cnn")
    (received,) = fitted.trace(row, 0).received
    first_word = row.iloc[0, 0].split()[0].lower()
    assert received.values[0].meaning == first_word
    assert received.values[0].value >= 2


@pytest.fixture(scope="module")
def fused():
    """A model of Keras alone whose layers have activations of their own."""
    import keras

    x = keras.Input((4,), name="number")
    tensor = x
    for name in ("relu", "tanh", "sigmoid", "gelu", "silu", "selu", "softplus", "leaky_relu"):
        tensor = keras.layers.Dense(5, name, bias_initializer="normal")(tensor)
    tensor = keras.layers.Dense(5, lambda z: z**2)(tensor)
    return keras.Model({"number": x}, keras.layers.Dense(2, name="dlrun_head")(tensor))


def _layers(model):
    from dlrun.deep.backend import tf
    from dlrun.deep.inside import trace

    plain = trace.Plain((), np.zeros(0))
    calls: list[trace.RecordedCall] = []
    x = {"number": tf.constant([[0.5, -1.0, 2.0, 0.1]])}
    trace.record_calls(model, x, calls)
    listed = [call for call in calls if call.kind == "Dense"]
    return [trace._trace(call, [], "body", plain, None) for call in listed]


def test_activations_within_a_layer_are_computed_again(fused):
    layers = _layers(fused)
    assert all(layer.check.agrees and layer.check.difference < 1e-5 for layer in layers)
    assert layers[0].check.formula == "z = Wᵀx + b, a = relu(z)"
    assert layers[0].z.low <= layers[0].unit.z <= layers[0].z.high
    assert layers[0].unit.steps[0][1] == pytest.approx(max(0.0, layers[0].unit.z))


@pytest.mark.parametrize("fault", ["bias", "activation"])
def test_a_wrong_formula_is_seen(fused, monkeypatch, fault):
    from dlrun.deep.inside import trace

    if fault == "bias":
        monkeypatch.setattr(trace, "weighted_sum", lambda x, kernel, bias: x @ kernel)
    else:
        wrong = {**trace.ACTIVATIONS, "relu": lambda z: z}
        monkeypatch.setattr(trace, "ACTIVATIONS", wrong)
    assert not all(layer.check.agrees for layer in _layers(fused))
