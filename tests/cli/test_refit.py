"""The model that a study keeps: trained on all rows, killed meanwhile, failing, or not at all."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from killing import OUTPUT, Nursery

import dlrun as api

N_ROWS = 60
# Labels that nothing predicts: only who has seen a row knows its own.
NEAREST = "{name: nearest, estimator: sklearn.neighbors.KNeighborsClassifier, n_neighbors: 1}"
RECIPE = """\
name: {name}
data: {{source: it.csv, target: y, exclude: [part]{split}}}
model: none
baselines: [{baselines}]
evaluation: {{folds: {folds}, repeats: 1, blend: false{evaluation}}}
"""
MORTAL = "{name: mortal, estimator: fussy_parts.Mortal}"
TRUST = ("--trust-modules", "fussy_parts")
MODULE = """\
import os
import signal
from pathlib import Path

from sklearn.dummy import DummyClassifier


class Fussy(DummyClassifier):
    def fit(self, X, y):
        if len(X) == 60:
            raise ValueError("too many rows")
        return super().fit(X, y)


class Mortal(DummyClassifier):
    def fit(self, X, y):
        if len(X) == 60 and not Path("killed").exists():
            Path("killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)
"""


def write(
    folder: Path,
    name: str,
    baselines: str,
    *,
    split: str = "",
    folds: object = 2,
    evaluation: str = "",
) -> str:
    """Write a recipe with its data, and return its file's name."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(N_ROWS, 2)), columns=["a", "b"])
    table["y"] = rng.permutation(np.repeat(["no", "yes"], N_ROWS // 2))
    table["part"] = np.resize(["train", "train", "test"], N_ROWS)
    table.to_csv(folder / "it.csv", index=False)
    (folder / "fussy_parts.py").write_text(MODULE)
    values = {"split": split, "folds": folds, "evaluation": evaluation}
    (folder / f"{name}.yaml").write_text(RECIPE.format(name=name, baselines=baselines, **values))
    return f"{name}.yaml"


def own_rows(
    dlrun: Callable[..., Any], folder: Path, study: str, *options: str
) -> tuple[float, str]:
    """Return the accuracy of a study's model on its own rows, and what is said of it."""
    ran = dlrun("predict", study, "it.csv", *options, cwd=folder)
    assert ran.code == 0, ran.err
    said = pd.read_csv(StringIO(ran.out))
    return float((said["prediction"] == said["y"]).mean()), ran.err


@pytest.fixture(scope="module")
def study(dlrun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("kept")
    file = write(folder, "it", f"{NEAREST}, decision_tree")
    ran = dlrun("train", file, "--refit", "nearest", cwd=folder)
    assert ran.code == 0, ran.err
    return folder, ran.out


def test_the_model_has_seen_every_row_and_predict_takes_it(study, dlrun) -> None:
    folder, out = study
    assert "\nnearest, on all 60 rows: " in out
    assert own_rows(dlrun, folder, "it-1") == (1.0, "model: nearest, trained on all 60 rows\n")
    share, said = own_rows(dlrun, folder, "it-1", "--candidate", "decision_tree")
    assert said == "model: decision_tree, trained on training rows of split 2 of 2\n"
    assert share < 1


def test_every_view_of_the_study_says_which_model_is_kept(study, dlrun) -> None:
    folder, out = study
    kept = "nearest, trained on all 60 rows"
    assert f"\nKept: {kept}.\n" in out
    assert f"\nKept: {kept}.\n" in dlrun("compare", "it-1", cwd=folder).out
    assert f"\nKept: {kept}.\n" in dlrun("compare", "it-1", "--markdown", cwd=folder).out
    assert json.loads(dlrun("compare", "it-1", "--json", cwd=folder).out)["kept"] == [kept]
    shown = dlrun("studies", "show", "it-1", cwd=folder).out
    assert kept in shown
    assert json.loads(dlrun("studies", "list", "it", "--json", cwd=folder).out)[0]["kept"] == kept
    report = next(folder.rglob("report.html"))
    assert f"Kept: {kept}." in report.read_text(encoding="utf-8")


def test_the_model_says_what_to_expect_of_it(study) -> None:
    folder, _ = study
    with sqlite3.connect(folder / "mlflow.db") as store:
        query = "select tag_value from logged_model_tags where tag_key = 'mlflow.note.content'"
        words = store.execute(query).fetchone()[0]
    assert words.startswith("Expected ROC AUC: 0.")
    assert words.endswith(
        ", from 2 splits. It was trained on all 60 rows, and has no test rows of its own."
    )


def test_a_candidate_that_there_is_not(study, dlrun) -> None:
    ran = dlrun("train", "it.yaml", "--refit", "nearst", cwd=study[0])
    assert (ran.code, ran.out) == (2, "reading the data of it …\n")
    assert ran.err == ("--refit: 'nearst' is no candidate of this recipe. Did you mean nearest?\n")


def test_from_python(study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study[0])
    assert api.load().model().facts.candidate == "nearest"


@pytest.mark.parametrize(
    ("refit", "kept"), [("none", "training rows of split 2 of 2"), ("all", "all 60 rows")]
)
def test_no_model_or_all(study, dlrun, refit: str, kept: str) -> None:
    folder = study[0]
    file = write(folder, refit, NEAREST, evaluation=f", refit: {refit}")
    ran = dlrun("train", file, cwd=folder)
    assert ran.code == 0, ran.err
    assert own_rows(dlrun, folder, f"{refit}-1")[1] == f"model: nearest, trained on {kept}\n"
    said = own_rows(dlrun, folder, f"{refit}-1", "--candidate", "dummy")[1]
    assert said == f"model: dummy, trained on {kept}\n"


def test_the_parts_that_the_data_brings_are_all_trained_on(study, dlrun) -> None:
    folder, split = study[0], ", split: {method: predefined, column: part}"
    file = write(folder, "parts", NEAREST, split=split, folds="auto")
    ran = dlrun("train", file, cwd=folder)
    assert ran.code == 0, ran.err
    assert own_rows(dlrun, folder, "parts-1") == (1.0, "model: nearest, trained on all 60 rows\n")


def test_a_training_on_all_rows_that_fails_costs_that_model_alone(
    study, dlrun, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = study[0]
    file = write(folder, "fussy", "{name: fussy, estimator: fussy_parts.Fussy}")
    monkeypatch.syspath_prepend(folder)
    ran = dlrun("train", file, *TRUST, cwd=folder)
    assert ran.code == 0, ran.err
    assert (
        "fussy is not trained on all rows, and its model of the last split stays: "
        "fussy: ValueError: too many rows\n" in ran.out
    )
    assert "Kept: fussy, trained on training rows of split 2 of 2." in ran.out


@pytest.mark.tf
def test_a_study_that_was_killed_meanwhile_goes_on_there(
    study, dlrun, processes: Nursery, tmp_path: Path
) -> None:
    environment = {"DLRUN_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)}
    shutil.copy(study[0] / "mlflow.db", tmp_path)  # a new one takes seconds
    command = ["train", write(tmp_path, "mortal", MORTAL), *TRUST]
    assert processes.run(tmp_path, *command, **environment) == -9
    assert (tmp_path / "killed").exists()
    assert processes.run(tmp_path, *command, **environment) == 0, (tmp_path / OUTPUT).read_text()
    printed = (tmp_path / OUTPUT).read_text()
    assert "Going on: 4 of 4 trials are done already" in printed
    assert "Kept: mortal, trained on all 60 rows." in printed
    shown = json.loads(dlrun("studies", "list", "mortal", "--json", cwd=tmp_path).out)
    assert [(each["status"], each["kept"]) for each in shown] == [
        ("FINISHED", "mortal, trained on all 60 rows")
    ]
    assert not list((tmp_path / "cache").rglob("*.record"))


@pytest.mark.tf
def test_the_members_of_a_blend_are_trained_on_all_rows(study, dlrun) -> None:
    """Whose own models stay those of the last split; the weights are the mean ones."""
    folder = study[0]
    file = folder / write(folder, "both", NEAREST, evaluation=", refit: winner")
    text = file.read_text().replace("blend: false", "blend: true")
    network = "{architecture: mlp, hidden: [4]}\ntraining: {epochs: 2, learning_rate: 0.01}"
    file.write_text(text.replace("model: none", f"model: {network}"))
    ran = dlrun("train", file.name, "--refit", "blend", cwd=folder)
    assert ran.code == 0, ran.err
    assert "Kept: blend, trained on all 60 rows." in ran.out
    assert "\nnearest, on all 60 rows: " in ran.out
    share, said = own_rows(dlrun, folder, "both-1")
    assert said == "model: blend, trained on all 60 rows\n"
    assert share > 0.8  # one member knows every row
    said = own_rows(dlrun, folder, "both-1", "--candidate", "nearest")[1]
    assert said == "model: nearest, trained on training rows of split 2 of 2\n"
