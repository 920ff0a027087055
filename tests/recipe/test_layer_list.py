from __future__ import annotations

import pytest

from dlrun.recipe.layer_list import check_layers, parse_layer


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
