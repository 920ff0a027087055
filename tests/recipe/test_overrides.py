"""Settings on the command line: they win, and are checked like the file's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlrun.errors import RecipeError
from dlrun.recipe.document import Document, parse, parse_value
from dlrun.recipe.load import load_recipe
from dlrun.recipe.overrides import override

RECIPE = """\
data: {source: a.csv, target: y}
model:
  - {architecture: mlp, name: small, hidden: [8]}
  - {architecture: mlp, name: big}
training: {optimizer: sgd, learning_rate: 0.1, epochs: 9}
baselines: [dummy, svm, {name: knn, n_neighbors: 3}]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "r.yaml"
    file.write_text(RECIPE)
    return file


def test_overrides_win_over_the_file(path):
    recipe = load_recipe(
        path,
        [
            "training.epochs=5",
            "training.learning_rate.warmup=0.1",
            "training.optimizer.momentum=0.9",
            "model.big.dropout=0.3",
            "model.0.hidden=[4, 4]",
            "baselines.svm.C=3",
            "baselines.knn.n_neighbors=5",
            "evaluation.folds=2",
            "name=a=b",
        ],
    )
    assert recipe.training.epochs == 5
    assert (recipe.training.learning_rate.peak, recipe.training.learning_rate.warmup) == (0.1, 0.1)
    assert (recipe.training.optimizer.name, recipe.training.optimizer.settings) == (
        "sgd",
        {"momentum": 0.9},
    )
    assert recipe.model[1].settings == {"dropout": 0.3}
    assert recipe.model[0].settings == {"hidden": [4, 4]}
    assert isinstance(recipe.baselines, list)
    assert [b.settings for b in recipe.baselines] == [{}, {"C": 3}, {"n_neighbors": 5}]
    assert recipe.evaluation.folds == 2
    assert recipe.name == "a=b"


def test_a_baseline_with_features_is_called_by_both(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(
        "data: {source: a.csv, target: y}\n"
        "baselines:\n  - {name: svm, features: pixels}\n  - {name: svm, features: [hog]}\n"
    )
    recipe = load_recipe(path, ["baselines.svm-hog.C=3"])
    assert [b.settings for b in recipe.baselines] == [{}, {"C": 3}]
    assert [b.title for b in recipe.baselines] == ["svm-pixels", "svm-hog"]


def test_a_list_replaces_a_list(path):
    recipe = load_recipe(path, ["baselines=[dummy,svm]", "model=none"])
    assert isinstance(recipe.baselines, list)
    assert [baseline.title for baseline in recipe.baselines] == ["dummy", "svm"]
    assert recipe.model == []


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "training.epocs=5",
            "command line: training.epocs is not a setting. Did you mean epochs?",
        ),
        ("foo", "command line: 'foo' is not an override. Write key=value"),
        ("=3", "command line: '=3' is not an override. Write key=value"),
        (
            "baselines=[dummy",
            "command line: baselines: '[dummy' is not a value. Quote it, or write it as in a "
            "recipe",
        ),
        (
            "model.huge.dropout=0.1",
            "command line: model.huge.dropout: model has no 'huge'. Name one of small, big as in "
            "model.small.…",
        ),
        (
            "training.epochs.cap=3",
            "command line: training.epochs.cap: training.epochs is 9, which has no settings. "
            "Write training.epochs out first",
        ),
        (
            "training.epochs=many",
            "command line: training.epochs is 'many', but must be a whole number",
        ),
    ],
)
def test_faults_say_that_they_come_from_the_command_line(path, setting, message):
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, [setting])
    assert str(caught.value) == message


def test_a_single_model_needs_no_name(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text("data: {source: a.csv}\nmodel: {architecture: mlp}\n")
    assert load_recipe(file, ["model.dropout=0.5"]).model[0].settings == {"dropout": 0.5}


def test_what_is_not_set_cannot_be_changed_in_part(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text("data: {source: a.csv}\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(file, ["baselines.svm.C=3"])
    assert str(caught.value) == (
        "command line: baselines.svm.C: baselines is not set, so there is nothing to change in "
        "it. Write baselines out first"
    )


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.one_of(
    st.integers(-1000, 1000),
    st.booleans(),
    st.lists(st.integers(0, 9), max_size=3),
    st.sampled_from(["no", "on", "1e-3x", "plain"]),
)


@given(path=st.lists(NAMES, min_size=1, max_size=4), value=VALUES)
def test_what_is_set_is_what_is_read(path, value):
    text = str(value).lower() if isinstance(value, bool) else str(value)
    document = override(Document({}, {}, ()), [f"{'.'.join(path)}={text}"])
    found = document.values
    for name in path:
        found = found[name]
    assert found == value
    assert document.faults == ()


@given(st.text())
def test_no_text_breaks_the_parser(text):
    """Whatever the bytes: a document or faults, never an exception."""
    document = parse(text)
    assert document.faults or isinstance(document.values, dict)
    try:
        parse_value(text)
    except ValueError as error:
        assert "is not a value" in str(error)


def test_overriding_leaves_the_document_alone():
    before = parse("training: {epochs: 1}")
    after = override(before, ["training.epochs=2"])
    assert before.values == {"training": {"epochs": 1}}
    assert after.values == {"training": {"epochs": 2}}
