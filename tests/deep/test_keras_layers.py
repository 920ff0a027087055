from __future__ import annotations

import inspect

import pytest

from dlrun.recipe.keras_layers import LAYERS, REQUIRED, check_layers, parse_layer

# Not from one tensor to one: merging, two inputs, cells, wrappers of foreign code, strings, codes.
LEFT_OUT = set(
    "Layer Wrapper InputLayer Lambda RNN StackedRNNCells GRUCell LSTMCell SimpleRNNCell Pipeline "
    "Add Average Concatenate Dot Maximum Minimum Multiply Subtract MixUp CutMix "
    "AdditiveAttention Attention MultiHeadAttention GroupQueryAttention FlaxLayer JaxLayer "
    "TorchModuleWrapper TFSMLayer HashedCrossing StringLookup IntegerLookup TextVectorization "
    "Discretization CategoryEncoding Hashing MaxNumBoundingBoxes ReversibleEmbedding".split()
)
# Arguments that a recipe cannot or must not set.
NOT_SET = set(
    "self name dtype weights backward_layer return_state lora_rank lora_alpha "
    "quantization_config gptq_unpacked_column_size".split()
)


@pytest.mark.tf
def test_the_table_is_what_the_installed_keras_has():
    from dlrun.deep.backend import keras

    arguments, required = {}, {}
    for name, layer in vars(keras.layers).items():
        if not (inspect.isclass(layer) and issubclass(layer, keras.layers.Layer)):
            continue
        if name in LEFT_OUT:
            continue
        kept = [
            parameter
            for parameter in inspect.signature(layer.__init__).parameters.values()
            if parameter.name not in NOT_SET and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
        arguments[name] = tuple(parameter.name for parameter in kept)
        required[name] = tuple(item.name for item in kept if item.default is item.empty)
    assert arguments == LAYERS
    assert required == REQUIRED


@pytest.mark.parametrize(
    ("listed", "parsed"),
    [
        ("Flatten", ("Flatten", {})),
        ({"Flatten": None}, ("Flatten", {})),
        ({"Dense": 64}, ("Dense", {"units": 64})),
        ({"Reshape": [2, 3]}, ("Reshape", {"target_shape": [2, 3]})),
        (
            {"Dense": {"units": 8, "activation": "gelu"}},
            ("Dense", {"units": 8, "activation": "gelu"}),
        ),
    ],
)
def test_a_layer_is_a_name_with_one_value_or_many_arguments(listed, parsed):
    assert parse_layer(listed) == parsed


def test_good_layers_pass():
    check_layers(
        [
            {"Reshape": [5, 6]},
            {"Bidirectional": {"layer": {"LSTM": 4}}},
            {"Dense": {"units": 3, "activation": "relu"}},
            {"Dropout": 0.2},
            "Identity",
        ]
    )


def test_all_faults_are_told_at_once():
    layers = [
        {"Dens": 64},
        {"Dense": {"unit": 3, "activation": "rellu"}},
        "Conv2D",
        {"Identity": 3},
        {"Dense": 1, "Dropout": 2},
        {"TimeDistributed": {"layer": {"Dense": {"untis": 3, "units": 2}}}},
        "Concatenate",
    ]
    with pytest.raises(ValueError) as caught:
        check_layers(layers)
    assert str(caught.value) == (
        "layer 1: Dens is not a layer. Did you mean Dense?\n"
        "layer 2: Dense needs units\n"
        "layer 2: unit is not an argument of Dense. Did you mean units?\n"
        "layer 2: Dense: 'rellu' is not a Keras activation. Did you mean relu?\n"
        "layer 3: Conv2D needs filters\n"
        "layer 3: Conv2D needs kernel_size\n"
        "layer 4: Identity takes no arguments, but was given 3. Write `Identity` alone\n"
        "layer 5: {'Dense': 1, 'Dropout': 2} is not a layer. Write its name, or one mapping of "
        "its name to its arguments, such as `Dense: {units: 64}`\n"
        "layer 6: TimeDistributed: untis is not an argument of Dense. Did you mean units?\n"
        "layer 7: Concatenate is not a layer. Allowed: the classes of keras.layers that turn one "
        "tensor into one"
    )
