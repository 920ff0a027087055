"""The space of a recipe: whom a key concerns, and what is said of one that concerns nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.errors import RecipeError
from dlrun.recipe.load import load_recipe
from dlrun.recipe.training import Training
from dlrun.study.plan import StudyPlan, prepare
from dlrun.study.search import prepare as prepare_room
from dlrun.study.search.prepare import make_searches

RECIPE = """\
data: {source: sklearn:wine}
model:
  - {architecture: mlp, dropout: 0.1}
  - {architecture: mlp, name: wide, hidden: [512]}
  - {architecture: tabm}
baselines:
  - {name: svm}
  - {name: linear}
  - {estimator: sklearn.gaussian_process.GaussianProcessClassifier}
evaluation: {folds: 2}
search:
  trials: 3
  space:
"""
OWN = RECIPE.replace("  space:\n", "")
CLASSIC = """\
data: {source: sklearn:wine}
model: none
baselines: [linear]
evaluation: {folds: 2}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def plan(folder: Path, *space: str, text: str = RECIPE) -> StudyPlan:
    file = folder / "r.yaml"
    file.write_text(text + "".join(f"    {line}\n" for line in space), encoding="utf-8")
    return prepare(load_recipe(file))


def searched(plan: StudyPlan) -> dict[str, list[str]]:
    return {name: sorted(search.space) for name, search in plan.searches.items()}


def test_without_keys_every_candidate_has_its_own_space(folder: Path) -> None:
    found = searched(plan(folder, text=OWN))
    assert set(found) == {"svm", "linear", "mlp", "wide", "tabm"}
    assert found["linear"] == ["baselines.linear.C"]
    assert "training.learning_rate" in found["tabm"]


def test_a_key_concerns_every_candidate_that_has_the_setting(folder: Path) -> None:
    own = searched(plan(folder, text=OWN))
    found = searched(
        plan(
            folder,
            "model.dropout: [0.0, 0.5]",
            "model.wide.activation: [relu, gelu]",
            "model.tabm.members: [8, 32]",
            "baselines.svm.C: {log: [0.1, 10]}",
        )
    )
    assert found == {
        **own,
        "mlp": ["model.dropout"],
        "wide": ["model.activation", "model.dropout"],
        "tabm": ["model.dropout", "model.members"],
        "svm": ["baselines.svm.C"],
    }


def test_training_concerns_every_network_and_no_baseline(folder: Path) -> None:
    own = searched(plan(folder, text=OWN))
    keys = ["training.batch_size", "training.learning_rate", "training.optimizer.weight_decay"]
    lines = ("{choices: [32, 64]}", "{log: [1.0e-4, 1.0e-2]}", "{log: [1.0e-5, 1.0e-2]}")
    found = searched(plan(folder, *map(": ".join, zip(keys, lines, strict=True))))
    assert found == {**own, **dict.fromkeys(("mlp", "wide", "tabm"), keys)}


def test_a_class_without_a_space_of_its_own_can_be_given_one(folder: Path) -> None:
    key = "baselines.GaussianProcessClassifier.n_restarts_optimizer"
    assert searched(plan(folder, f"{key}: [0, 3]"))["GaussianProcessClassifier"] == [key]


def test_those_that_are_not_searched_are_named_once(folder: Path) -> None:
    notes = [str(note) for note in plan(folder, text=OWN).dataset.notes]
    assert [note for note in notes if "DLR068" in note] == [
        "Not searched, for want of settings to tune: dummy, GaussianProcessClassifier. [DLR068]"
    ]
    assert not [note for note in plan(folder, text=CLASSIC).dataset.notes if note.code == "DLR068"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (
            "model.dropuot: [0.0, 0.5]",
            "no candidate of this study has such a setting. Did you mean model.dropout?",
        ),
        (
            "baselines.svn.C: [0.1, 10]",
            "no candidate of this study has such a setting. Did you mean baselines.svm.C?",
        ),
        ("model.architecture: [mlp, tabm]", "no candidate of this study has such a setting. "),
        (
            "zzz: [0.1, 10]",
            "no candidate of this study has such a setting. Write model.SETTING, "
            "model.NAME.SETTING, training.SETTING or baselines.NAME.SETTING",
        ),
        ("model.dropout: [0.0, 2.0]", "2.0: dropout: Input should be less than 1"),
        ("model.wide.depth: [1, 3]", "no candidate of this study has such a setting. "),
        ("training.optimizer.momentun: [0.1, 0.9]", "0.1: momentun is not a setting of adamw. "),
        ("training.batch_size: [8.5, 64.0]", "8.5: "),
        ("baselines.svm.C: [-1.0, 10.0]", "-1.0: svm does not take these settings: "),
        ("baselines.svm.kernel: [rbf, gauss]", "'gauss': svm does not take these settings: "),
    ],
)
def test_a_key_that_fits_nobody_is_a_fault_with_its_line(
    folder: Path, line: str, fault: str
) -> None:
    with pytest.raises(RecipeError) as error:
        plan(folder, "baselines.linear.C: [0.1, 1.0]", line)
    key = line.partition(":")[0]
    assert str(error.value).startswith(f"r.yaml:15: search.space.{key}: {fault}")


def test_all_faults_are_said_at_once(folder: Path) -> None:
    with pytest.raises(RecipeError) as error:
        plan(folder, "model.dropuot: [0.0, 0.5]", "baselines.svm.D: [1, 2]")
    assert [line.partition(": ")[0] for line in str(error.value).splitlines()] == [
        "r.yaml:14", "r.yaml:15",
    ]  # fmt: skip


def test_networks_that_several_machines_train_together_are_not_searched(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(folder, text=OWN)
    several, each = (
        made.recipe.model_copy(update={"training": Training(strategy=strategy)})
        for strategy in ("multi_worker", "one_device")
    )
    arguments = (made.dataset, made.splits, made.candidates)
    assert make_searches(several, *arguments)
    monkeypatch.setattr(prepare_room, "this_worker", object)
    assert make_searches(each, *arguments)
    with pytest.raises(RecipeError) as error:
        make_searches(several, *arguments)
    assert str(error.value) == (
        "r.yaml:11: search: networks that several machines train together are not searched. "
        "Set search: null, or let each machine train for itself"
    )
