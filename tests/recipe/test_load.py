"""Recipes in, or every fault at once with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.errors import RecipeError
from dlrun.recipe.load import load_recipe
from dlrun.recipe.schema import Recipe

MINIMAL = "data: {source: a.csv, target: y}\n"


@pytest.fixture
def load(tmp_path: Path):
    def _load(text: str, *overrides: str) -> Recipe:
        path = tmp_path / "r.yaml"
        path.write_text(text, encoding="utf-8")
        return load_recipe(path, overrides)

    return _load


@pytest.fixture
def faults(load):
    def _faults(text: str, *overrides: str) -> str:
        with pytest.raises(RecipeError) as caught:
            load(text, *overrides)
        return str(caught.value)

    return _faults


def test_defaults_are_those_of_the_vocabulary(load):
    recipe = load(MINIMAL + "model: {architecture: mlp}\n")
    assert recipe.name == "r"
    assert recipe.seed == 0
    assert (recipe.data.split.test, recipe.data.split.validation) == (0.2, 0.1)
    assert recipe.model[0].complete_settings == {
        "hidden": [128, 128],
        "activation": "relu",
        "dropout": 0.1,
        "normalization": "none",
        "encode": None,
    }
    training = recipe.training
    assert (training.epochs, training.batch_size, training.optimizer.name) == (50, "auto", "adamw")
    assert training.learning_rate.peak == 1e-3
    assert training.early_stopping
    assert (training.early_stopping.monitor, training.early_stopping.patience) == ("val/loss", 8)
    assert recipe.baselines == "auto"
    assert recipe.evaluation.folds == "auto"


def test_all_faults_at_once(faults):
    text = """\
trainer: {epochs: 3}
data:
  source: x.csv
  label: y
training:
  lr: 1
  epochs: ten
  batch_size: -3
  patience: 3
  optimizer: adm
model:
  architecture: mlp
  hiden: [3]
  hidden: 5
  training: {epocs: 3}
evaluation: {rope: x, metrics: [auc], folds: 2.5}
baselines: [svn]
epochs: 4
seed: yes
"""
    assert faults(text).splitlines() == [
        "r.yaml:1: trainer is not a setting. Did you mean training?",
        "r.yaml:4: data.label is not a setting. Did you mean target?",
        "r.yaml:6: training.lr is not a setting. Did you mean learning_rate?",
        "r.yaml:7: training.epochs is 'ten', but must be a whole number",
        "r.yaml:8: training.batch_size is -3, but must be above 0 or auto",
        "r.yaml:9: training.patience is not a setting. Did you mean early_stopping.patience?",
        "r.yaml:10: training.optimizer: 'adm' is not a Keras optimizer. Did you mean adam?",
        "r.yaml:13: model.hiden is not a setting of mlp. Did you mean hidden?",
        "r.yaml:14: model.hidden is 5, but must be a list",
        "r.yaml:15: model.training.epocs is not a setting. Did you mean epochs?",
        "r.yaml:16: evaluation.metrics: 'auc' is not a metric. Did you mean roc_auc?",
        "r.yaml:16: evaluation.folds is 2.5, but must be a whole number or auto",
        "r.yaml:16: evaluation.rope is 'x', but must be a number or auto",
        "r.yaml:17: baselines.0: 'svn' is not a baseline. Did you mean svm?",
        "r.yaml:18: epochs is not a setting. Did you mean training.epochs?",
        "r.yaml:19: seed is 'yes', but must be a whole number",
    ]


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        ("mlp", "'mlp' is no model. Write {architecture: mlp} or a list of such; for no network, "
         "none"),
        ("{architecture: mlp, activation: rellu}",
         ".activation: 'rellu' is not a Keras activation. Did you mean relu?"),
    ],
)  # fmt: skip
def test_a_model_that_is_none_says_how_one_is_written(faults, model, fault):
    dot = "" if fault.startswith(".") else ": "
    assert faults(f"{MINIMAL}model: {model}\n") == f"r.yaml:2: model{dot}{fault}"


def test_the_type_of_a_model_is_its_architecture(faults):
    assert faults(MINIMAL + "model: {type: mlp}\n").splitlines() == [
        "r.yaml:2: model.architecture is required",
        "r.yaml:2: model.type is not a setting. Did you mean architecture?",
    ]


@pytest.mark.parametrize(
    ("habit", "right"),
    [
        ("trainer: {}", "training"),
        ("label: y", "data.target"),
        ("target_col: y", "data.target"),
        ("lr: 0.1", "training.learning_rate"),
        ("batchsize: 3", "training.batch_size"),
        ("patience: 3", "training.early_stopping.patience"),
        ("random_state: 3", "seed"),
        ("cv: 3", "evaluation.folds"),
        ("input_features: []", "data.features"),
    ],
)
def test_habits_from_other_tools_name_the_right_key(faults, habit, right):
    key = habit.partition(":")[0]
    expected = f"r.yaml:2: {key} is not a setting. Did you mean {right}?"
    assert faults(MINIMAL + habit) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "r.yaml:1: the file is empty. A recipe starts with `data:`"),
        ("- a", "r.yaml:1: the file does not hold a mapping. A recipe starts with `data:`"),
        (
            "data: {source: a}\n---\nb: 3",
            "r.yaml:2: a second document starts here (`---`). Keep one recipe per file",
        ),
        (
            "data: {source: a}\nseed: 1\nseed: 2",
            "r.yaml:3: seed is written twice, first on line 2. Keep one",
        ),
        (
            "a: [\nb: 3",
            "r.yaml:2: not YAML: expected ',' or ']', but got '<stream end>' "
            "while parsing a flow sequence",
        ),
        (
            "data: {source: a}\nseed: &s [*s]",
            "r.yaml:2: seed.0 contains itself\n"
            "r.yaml:2: seed is a list, but must be a whole number",
        ),
        ("name: x", "r.yaml:1: data is required"),
        ("data: {}", "r.yaml:1: data.source is required"),
        (
            "data: {source: a, split: {method: group}}",
            "r.yaml:1: data.split: split method 'group' needs split.column",
        ),
        (
            "data: {source: a, split: {method: random, column: g}}",
            "r.yaml:1: data.split: split.column is set, but a random split does not respect it. "
            "Set split.method to group, time or predefined, or remove the column",
        ),
        (
            "data: {source: a, split: {method: startified}}",
            "r.yaml:1: data.split.method: 'startified' is not a split method. "
            "Did you mean stratified?",
        ),
        (
            "data: {source: a, split: {method: 3}}",
            "r.yaml:1: data.split.method is 3, but must be text",
        ),
        (
            "data: {source: a, split: {column: g}}",
            "r.yaml:1: data.split: split.column is set without split.method: group, time or "
            "predefined?",
        ),
        (
            MINIMAL + "evaluation: {stress: [noise, shift]}",
            "r.yaml:2: evaluation.stress.1: 'shift' is not a kind of stress. Allowed: noise, "
            "missing, junk_columns, label_noise, shuffle_structure",
        ),
        (
            MINIMAL + "model: {architecture: mpl}",
            "r.yaml:2: model: 'mpl' is not an architecture. Did you mean mlp?",
        ),
        (
            MINIMAL + "model: [{architecture: mlp}, {architecture: mlp}]",
            "r.yaml:2: model.1: a second model is called 'mlp'. Give it a name of its own",
        ),
        (
            MINIMAL + "search: {space: {model.dropout: [0.5, 0.0]}}",
            "r.yaml:2: search.space.model.dropout: [0.5, 0]: the first must be lower",
        ),
        (
            MINIMAL + "search: {space: {model.dropout: {logs: [0.1, 0.5]}}}",
            "r.yaml:2: search.space.model.dropout: logs: none of range, log, choices",
        ),
        (
            MINIMAL + "search: {space: {model.dropout: {choices: []}}}",
            "r.yaml:2: search.space.model.dropout: it has no values. Write [low, high], "
            "{log: [low, high]} or {choices: [...]}",
        ),
        (
            MINIMAL + "search: {space: {baselines.svm.C: {log: [0, 10]}}}",
            "r.yaml:2: search.space.baselines.svm.C: 0: a log scale starts above 0",
        ),
        (
            MINIMAL + "budget: half an hour",
            "r.yaml:2: budget: 'half an hour' is not a duration. Write one such as 90 s, 30 min "
            "or 1 h 30 min",
        ),
    ],
)
def test_one_clear_error(faults, text, message):
    assert faults(text) == message


def test_a_missing_recipe_names_its_neighbours(tmp_path):
    (tmp_path / "flights.yaml").write_text(MINIMAL)
    with pytest.raises(RecipeError) as caught:
        load_recipe(tmp_path / "flight.yaml")
    message = f"{tmp_path}/flight.yaml: no such recipe. Recipes in that folder: flights.yaml"
    assert str(caught.value) == message


def test_yaml_traps(load):
    recipe = load(
        "data: {source: a.csv, target: on}\n"
        "training: {learning_rate: 1e-3, class_weight: {no: 1, 7: 2}}\n"
        "description: 2024-01-01\n"
        "tracking: {experiment: yes}\n"
    )
    assert recipe.data.target == "on"
    assert recipe.training.learning_rate.peak == 0.001
    assert recipe.training.class_weight == {"no": 1.0, 7: 2.0}
    assert recipe.description == "2024-01-01"
    assert recipe.tracking.experiment == "yes"


def test_anchors_and_merges_work(load):
    recipe = load(
        "data: {source: a.csv, target: y}\n"
        "model:\n"
        "  - &small {architecture: mlp, name: a, hidden: [8]}\n"
        "  - {<<: *small, name: b}\n"
    )
    assert [model.title for model in recipe.model] == ["a", "b"]
    assert recipe.model[1].complete_settings["hidden"] == [8]


def test_empty_sections_are_defaults(load):
    assert load(MINIMAL + "training:\nmodel:\n").training.epochs == 50


@pytest.mark.parametrize("off", ["false", "no", "off"])
def test_early_stopping_can_be_switched_off(load, off):
    assert load(MINIMAL + f"training: {{early_stopping: {off}}}").training.early_stopping is False


def test_a_models_own_training_is_laid_over_the_common_one(load):
    recipe = load(
        MINIMAL + "training: {epochs: 7, early_stopping: {patience: 3}, optimizer: sgd}\n"
        "model: {architecture: mlp, training: {early_stopping: {monitor: val/roc_auc}}}\n"
    )
    own = recipe.training_of(recipe.model[0])
    assert own.epochs == 7
    assert own.optimizer.name == "sgd"
    assert own.early_stopping
    assert (own.early_stopping.monitor, own.early_stopping.patience) == ("val/roc_auc", 3)


def test_positions_are_kept_for_later_errors(load):
    recipe = load("name: x\ndata:\n  source: a.csv\n  target: y\nmodel:\n  architecture: mlp\n")
    assert recipe.at("data.target") == "r.yaml:4: data.target"
    assert recipe.at("data.split.column") == "r.yaml:2: data.split.column"
    assert recipe.at("model.0.hidden") == "r.yaml:5: model.hidden"


def test_what_came_from_the_command_line_has_no_line(load):
    recipe = load(MINIMAL, "data.source=b.csv")
    assert recipe.at("data.source") == "command line: data.source"


def test_all_unknown_metrics_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("data: {source: x.csv}\nevaluation: {metrics: [acuracy, auk, f1]}\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert "'acuracy' is not a metric" in str(caught.value)
    assert "'auk' is not a metric" in str(caught.value)


def test_no_network_is_asked_for_and_a_missing_model_is_open(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    for model, expected in (("model: none", []), ("model: []", []), ("", None), ("model:", None)):
        path.write_text(f"data: {{source: x.csv}}\n{model}\n")
        assert load_recipe(path).model == expected


def test_a_side_is_deep_or_classic(faults):
    text = """\
data: {source: a.csv, target: y}
model: {architecture: mlp, side: deep learning}
baselines:
  - {name: svm, side: clasic}
  - {name: linear, side: both}
  - {name: knn, side: 3}
"""
    assert faults(text).splitlines() == [
        "r.yaml:2: model.side: 'deep learning' is not a side. Allowed: deep, classic",
        "r.yaml:4: baselines.0.side: 'clasic' is not a side. Did you mean classic?",
        "r.yaml:5: baselines.1.side: 'both' is not a side. Allowed: deep, classic",
        "r.yaml:6: baselines.2.side is 3, but must be deep or classic",
    ]
