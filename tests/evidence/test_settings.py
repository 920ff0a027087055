from __future__ import annotations

from types import SimpleNamespace

import pytest

from dlrun.evidence.settings import SettingEffect, SettingLine, find_effects, read_settings

RECIPE = """\
data: {source: formula:runge}
model:
  - {architecture: mlp, name: thin, hidden: [8, 8]}
  - {architecture: mlp, name: plain, hidden: [64], activation: tanh, training: {epochs: 7}}
  - {architecture: cnn, name: small, filters: [4]}
  - {architecture: "nets:build", name: own, width: 3}
training:
  optimizer: {name: sgd, momentum: 0.9}
  learning_rate: {schedule: cosine, peak: 0.1}
"""


def study(recipe: str) -> SimpleNamespace:
    return SimpleNamespace(read_text=lambda name: recipe if name == "recipe.yaml" else "")


def test_settings_are_those_of_the_model_and_its_training() -> None:
    found = read_settings(study(RECIPE))
    assert list(found) == ["thin", "plain", "small", "own"]
    thin, plain = found["thin"], found["plain"]
    assert (thin["width"], thin["layers"], plain["width"], plain["layers"]) == (8, 2, 64, 1)
    assert (thin["activation"], plain["activation"]) == ("relu", "tanh")
    assert (thin["epochs"], plain["epochs"]) == (50, 7)
    assert thin["optimizer"] == "sgd, momentum 0.9"
    assert (thin["learning rate"], thin["schedule"]) == (0.1, "cosine")
    assert (found["small"]["filters"], found["small"]["blocks"]) == (4, 1)
    assert found["own"]["width"] == 3


@pytest.mark.parametrize("recipe", ["trainer: {}", "data: [", ""], ids=["old", "damaged", "empty"])
def test_a_recipe_that_cannot_be_read_has_no_settings(recipe: str) -> None:
    assert read_settings(study(recipe)) == {}


def test_a_line_joins_networks_that_differ_in_one_setting_alone() -> None:
    networks = {f"w{width}": {"width": width, "layers": 1} for width in (1, 16, 4)}
    networks["deep"] = {"width": 4, "layers": 2}
    line = SettingLine("", ((1, "w1"), (4, "w4"), (16, "w16")))
    assert find_effects(networks) == [SettingEffect("width", (line,))]


def test_two_values_are_no_line() -> None:
    assert find_effects({"a": {"width": 1}, "b": {"width": 2}, "c": {"width": 2}}) == []


def test_the_lines_of_a_grid_are_named_by_the_other_setting() -> None:
    networks = {
        f"{activation}-{layers}": {"activation": activation, "layers": layers, "width": 8}
        for activation in ("relu", "tanh", "gelu")
        for layers in (2, 4, 8)
    }
    (effect,) = find_effects(networks)  # all networks are in it: none for the activation
    assert (effect.setting, effect.values, effect.is_number) == ("layers", [2, 4, 8], True)
    assert [line.name for line in effect.lines] == ["relu", "tanh", "gelu"]
    assert effect.lines[1].points == ((2, "tanh-2"), (4, "tanh-4"), (8, "tanh-8"))


def test_numbers_name_their_setting_in_the_name_of_a_line() -> None:
    networks = {
        f"{rate}-{layers}": {"learning rate": rate, "layers": layers}
        for rate in (0.1, 0.01, 0.001)
        for layers in (1, 2)
    }
    (effect,) = find_effects(networks)
    assert (effect.setting, effect.values) == ("learning rate", [0.001, 0.01, 0.1])
    assert [line.name for line in effect.lines] == ["1 layer", "2 layers"]


def test_words_stay_in_the_order_of_the_recipe() -> None:
    networks = {name: {"activation": name} for name in ("tanh", "relu", "gelu")}
    (effect,) = find_effects(networks)
    assert (effect.values, effect.is_number) == (["tanh", "relu", "gelu"], False)


def test_networks_that_lack_a_setting_are_on_no_line_with_those_that_have_it() -> None:
    networks = {f"w{width}": {"width": width} for width in (1, 2)}
    networks["other"] = {"width": 4, "heads": 2}
    assert find_effects(networks) == []


def test_settings_that_change_together_are_one_effect() -> None:
    shapes = ((1, 1024), (2, 54), (4, 31))
    networks = {f"{layers}": {"layers": layers, "width": width} for layers, width in shapes}
    (effect,) = find_effects(networks)
    assert (effect.setting, effect.values, effect.linked) == ("layers", [1, 2, 4], ("width",))


def test_networks_that_differ_in_nothing_are_no_line() -> None:
    widths = {"a": 1, "b": 1, "c": 2, "d": 4}
    assert find_effects({name: {"width": width} for name, width in widths.items()}) == []
