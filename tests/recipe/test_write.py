"""The resolved recipe re-runs unchanged, and the schema accepts what the loader accepts."""

from __future__ import annotations

import jsonschema
import pytest

from dlrun.recipe.document import parse
from dlrun.recipe.examples import shipped_recipes
from dlrun.recipe.load import load_recipe
from dlrun.recipe.write import json_schema, recipe_digest, resolved_values, to_yaml

RECIPE = """\
data:
  source: a.csv
  target: y
  features: {alter: number, größe: category}
model: [{architecture: mlp, hidden: [8], training: {epochs: 2}}, {architecture: "nets:build", k: 3}]
training: {optimizer: {name: sgd, momentum: 0.9}, class_weight: {1: 2, no: 1}, loss: auto}
baselines: [svm, {name: knn, n_neighbors: 3}, {estimator: xgboost.XGBClassifier, max_depth: 2}]
"""


def test_round_trip(tmp_path):
    first = tmp_path / "r.yaml"
    first.write_text(RECIPE, encoding="utf-8")
    recipe = load_recipe(first)
    again = tmp_path / "again.yaml"
    again.write_text(to_yaml(recipe), encoding="utf-8")
    assert resolved_values(load_recipe(again)) == resolved_values(recipe)
    assert recipe_digest(load_recipe(again)) == recipe_digest(recipe)
    again.write_text(to_yaml(recipe, source="/elsewhere/a.csv"), encoding="utf-8")
    assert load_recipe(again).data.source == "/elsewhere/a.csv"


def test_the_resolved_recipe_has_no_secrets(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text(RECIPE, encoding="utf-8")
    uris = [f"tracking.uri=http://ann:{word}@host" for word in ("first", "other")]
    recipes = [load_recipe(file, [uri, "model.1.api_key=first"]) for uri in uris]
    text = to_yaml(recipes[0], source="https://bob:first@files/a.csv")
    assert "first" not in text and "https://bob:***@files/a.csv" in text
    assert recipe_digest(recipes[0]) == recipe_digest(recipes[1])  # a digest can be guessed
    assert recipes[0].tracking.uri == "http://ann:first@host"


def test_the_digest_sees_every_setting(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text(RECIPE, encoding="utf-8")
    digests = {
        recipe_digest(load_recipe(file, [setting]))
        for setting in ("seed=0", "seed=1", "model.mlp.hidden=[9]", "baselines.knn.n_neighbors=4")
    }
    assert len(digests) == 4


@pytest.fixture(scope="module")
def schema():
    """Return a validator of recipes; the schema itself is checked once."""
    made = json_schema()
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


@pytest.mark.parametrize("text", [RECIPE, *(p.read_text("utf-8") for p in shipped_recipes())])
def test_the_schema_accepts_recipes(text, schema):
    schema.validate(parse(text).values)


@pytest.mark.parametrize(
    "fault",
    [
        {"trainer": {}},
        {"training": {"epochs": "ten"}},
        {"data": {"source": 3}},
        {"data": {"source": "a", "split": {"method": "by hand"}}},
        {"data": {"source": "a", "features": {"x": "numbre"}}},
        {"evaluation": {"stress": ["shift"]}},
        {"baselines": 4},
    ],
)
def test_the_schema_refuses_faults(fault, schema):
    values = {"data": {"source": "a.csv"}, **fault}
    with pytest.raises(jsonschema.ValidationError):
        schema.validate(values)


def test_the_schema_explains_the_keys():
    schema = json_schema()
    training = schema["$defs"]["Training"]["properties"]
    assert training["epochs"]["description"] == "A cap; early stopping usually ends sooner."
    assert schema["properties"]["seed"]["description"] == "Everything random derives from it."
