from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from dlrun.errors import RecipeError
from dlrun.recipe.data import Data, WideSeries, expand_range
from dlrun.recipe.load import load_recipe
from dlrun.recipe.schema import Recipe
from dlrun.recipe.write import json_schema, to_yaml


def write(folder: Path, features: str) -> Path:
    path = folder / "r.yaml"
    path.write_text(f"data:\n  source: x.csv\n  features: {features}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("t0…t3", ["t0", "t1", "t2", "t3"]),
        ("t0...t1", ["t0", "t1"]),
        ("t08…t11", ["t08", "t09", "t10", "t11"]),
        ("t007…t010", ["t007", "t008", "t009", "t010"]),
        ("0…2", ["0", "1", "2"]),
        ("ch1_t5…ch1_t6", ["ch1_t5", "ch1_t6"]),
        ("größe 1…größe 2", ["größe 1", "größe 2"]),
        ("t3…t3", ["t3"]),
        ("a…b", ["a…b"]),
        ("t0..t3", ["t0..t3"]),
        ("t0", ["t0"]),
    ],
)
def test_ranges_are_written_out(name: str, columns: list[str]) -> None:
    assert expand_range(name) == columns


def test_a_series_of_columns_is_read_and_written_again(tmp_path: Path) -> None:
    for features in ("{ecg: {series: [t0…t2, t9]}, age: number}", "{series: [t0…t2]}"):
        recipe = load_recipe(write(tmp_path, features))
        again = tmp_path / "again.yaml"
        again.write_text(to_yaml(recipe), encoding="utf-8")
        assert load_recipe(again).data == recipe.data
        jsonschema.validate(yaml.safe_load(write(tmp_path, features).read_text()), json_schema())
        jsonschema.validate(yaml.safe_load(again.read_text()), json_schema())
    assert recipe.data.features == {"series": WideSeries(series=["t0…t2"])}
    assert Data(source="x", features={"a": WideSeries(series=["t0"])}).features is not None


def test_a_column_may_be_called_series(tmp_path: Path) -> None:
    for kind in ("number", "series"):
        recipe = load_recipe(write(tmp_path, f"{{series: {kind}}}"))
        assert recipe.data.features == {"series": kind}
    assert load_recipe(write(tmp_path, "[series]")).data.features == ["series"]


NO_RANGE = (
    "is no range of numbered columns. Write it as t0…t425: the same name, then the first and the "
    "last number, at most 1,000,000 columns"
)
NO_TYPE = (
    "must have a type, such as number, the columns of a series, such as {series: [t0…t425]}, or "
    'the format of dates, such as {datetime: "%d/%m/%Y"}'
)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("{a: nubmer}", "data.features: 'nubmer' is not a type of column. Did you mean number?"),
        ("{ecg: {serie: [t0]}}", f"data.features: 'ecg' {NO_TYPE}"),
        ("{ecg: [t0]}", f"data.features: 'ecg' {NO_TYPE}"),
        ("{ecg: 5}", f"data.features: 'ecg' {NO_TYPE}"),
        ("{ecg: {series: []}}", "data.features.ecg.series: no column is listed"),
        (
            "{ecg: {series: t0…t3}}",
            "data.features.ecg.series is 't0…t3', but must be a list",
        ),
        ("{series: [t9…t2]}", f"data.features.series: 't9…t2' {NO_RANGE}"),
        ("{ecg: {series: [s0, t0…u3]}}", f"data.features.ecg.series: 't0…u3' {NO_RANGE}"),
        ("{ecg: {series: [t0…t9999999]}}", f"data.features.ecg.series: 't0…t9999999' {NO_RANGE}"),
        ("5", "data.features is 5, but must be a list or a mapping of settings"),
    ],
)
def test_faults_say_what_is_allowed(tmp_path: Path, features: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, features))
    assert str(caught.value) == f"r.yaml:3: {message}"


# ----------------------------------------------------------------------- features of a candidate


def candidates(folder: Path, text: str, *overrides: str) -> Recipe:
    path = folder / "r.yaml"
    path.write_text(f"data: {{source: x.csv}}\n{text}\n", encoding="utf-8")
    return load_recipe(path, overrides)


def test_a_model_is_called_by_its_features(tmp_path: Path) -> None:
    text = (
        "model:\n"
        "  - {architecture: mlp, features: hog}\n"
        "  - {architecture: mlp, features: [hog, tfidf]}\n"
        "  - {architecture: mlp, features: hog, name: own}\n"
        "  - {architecture: 'nets:build', features: flat, width: 3}\n"
    )
    recipe = candidates(tmp_path, text, "model.mlp-hog.hidden=[9]", "model.own.dropout=0.5")
    titles = ["mlp-hog", "mlp-hog-tfidf", "own", "nets:build-flat"]
    assert [model.title for model in recipe.model] == titles
    assert [model.features for model in recipe.model][:2] == [["hog"], ["hog", "tfidf"]]
    assert recipe.model[0].settings == {"hidden": [9]}
    assert recipe.model[2].settings == {"dropout": 0.5}
    assert recipe.model[3].complete_settings == {"width": 3}
    again = tmp_path / "again.yaml"
    again.write_text(to_yaml(recipe), encoding="utf-8")
    assert load_recipe(again).model == recipe.model
    for path in (tmp_path / "r.yaml", again):
        jsonschema.validate(yaml.safe_load(path.read_text()), json_schema())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "{architecture: cnn, features: hog}",
            "model: features: cnn takes the columns themselves. Features, which are plain numbers, "
            "go into mlp, layers or module:function",
        ),
        (
            "{architecture: mlp, features: [hog, hug]}",
            "model.features: 'hug' is not a feature. Did you mean hog?",
        ),
        (
            "{architecture: mlp, features: [hog, pixels]}",
            "model: features: hog, pixels are made of the same columns. Keep one of them, and "
            "list the model once more for another",
        ),
        ("{architecture: mlp, features: 5}", "model.features is 5, but must be a list"),
        (
            "[{architecture: mlp, features: hog}, {architecture: mlp, features: [hog]}]",
            "model.1: a second model is called 'mlp-hog'. Give it a name of its own",
        ),
    ],
)
def test_features_that_a_model_cannot_have(tmp_path: Path, model: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        candidates(tmp_path, f"model: {model}")
    assert str(caught.value) == f"r.yaml:2: {message}"
