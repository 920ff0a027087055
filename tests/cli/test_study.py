"""The whole way, as a user goes it: train, compare, predict, and the recipe run again."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import sqlite3
import time
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from killing import OUTPUT

from dlrun.cli.completion import study_names

pytestmark = pytest.mark.tf

TRAINED = {"dummy", "linear", "decision_tree", "mlp"}
CANDIDATES = {*TRAINED, "blend"}


def test_training_prints_a_header_lines_a_table_and_the_verdict(study):
    _, ran = study
    assert ran.out.startswith("reading the data of churn …\n")
    assert "devices   CPU only" in ran.out or "CPU cores" in ran.out
    assert "\nbuilding mlp …\n" in ran.out
    assert "recipe    churn" in ran.out
    assert "task      classification of churned (2 classes), by ROC AUC" in ran.out
    assert "data      240 rows: 1 number, 1 category, 1 datetime" in ran.out
    assert re.search(r"splits    3: \d+ train, 24 validation, 80 test", ran.out)
    assert ran.out.count("split 3/3") == len(TRAINED)
    assert re.search(
        r"^(Deep learning|Classic ML|Both together|Equivalent|Undecided): ", ran.out, re.MULTILINE
    )
    assert "dlrun predict last" in ran.out
    assert "workflowType=machine_learning" in ran.out
    assert ran.err == ""  # no word of TensorFlow's, no warning


def test_compare_repeats_the_verdict_in_every_form(study, dlrun):
    folder, ran = study
    as_json = json.loads(dlrun("compare", "--json", cwd=folder).out)
    assert {row["name"] for row in as_json["rows"]} == CANDIDATES
    sentence = as_json["verdict"]["sentence"]
    assert " ".join(sentence.split()) in " ".join(ran.out.split())
    rows = list(csv.DictReader(StringIO(dlrun("compare", "churn", "--csv", cwd=folder).out)))
    assert {row["candidate"] for row in rows} == CANDIDATES
    assert all(float(row["fit_seconds"]) > 0 for row in rows)
    assert dlrun("compare", "churn-1", "--markdown", cwd=folder).out.startswith(f"**{sentence}**")
    by_time = dlrun("compare", "--csv", "--sort", "fit_seconds", cwd=folder).out
    seconds = [float(row["fit_seconds"]) for row in csv.DictReader(StringIO(by_time))]
    assert seconds == sorted(seconds)


def test_the_report_is_an_artifact_and_can_be_written_again(study, dlrun, tmp_path):
    folder, ran = study
    (tracked,) = folder.rglob("report.html")
    assert len(list(folder.rglob("figures/*.svg"))) == 4 * len(CANDIDATES)
    ran = dlrun("compare", "--html", str(tmp_path / "again.html"), "--json", cwd=folder)
    assert json.loads(ran.out)["metric"] == "roc_auc"
    again = (tmp_path / "again.html").read_text(encoding="utf-8")
    assert again == tracked.read_text(encoding="utf-8")
    assert "churn.csv" in again
    assert "größe XL" in again  # in the worst rows and the distributions
    assert {"worst", "columns"} <= set(re.findall(r'<h2 id="(\w+)"', again))
    ran = dlrun("compare", "--html", str(tmp_path / "no" / "again.html"), cwd=folder)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        f"{tmp_path}/no/again.html: the report cannot be written (No such file or directory)\n"
    )


def test_compare_refuses_what_is_not_there(study, dlrun):
    folder, _ = study
    ran = dlrun("compare", "nothing", cwd=folder)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == ("nothing: no study of that name, id or experiment. There are: churn-1\n")
    assert dlrun("compare", "--json", "--csv", cwd=folder).err == (
        "--json, --csv and --markdown: choose one\n"
    )


@pytest.mark.parametrize("candidate", sorted(CANDIDATES))
def test_predict_raw_rows(study, dlrun, tmp_path, candidate):
    folder, _ = study
    rows = pd.read_csv(folder / "churn.csv").head(6).drop(columns="churned")
    rows.loc[0, "plan"] = "never seen"
    rows.loc[1, ["plan", "tenure (Monate)", "since"]] = None
    rows["extra"] = "ignored"
    rows.to_json(tmp_path / "new.jsonl", orient="records", lines=True)
    output = tmp_path / "said.parquet"
    ran = dlrun(
        "predict", "last", str(tmp_path / "new.jsonl"), "-o", str(output),
        "--candidate", candidate, cwd=folder,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.out == f"{output}: 6 rows predicted by {candidate}\n"
    said = pd.read_parquet(output)
    assert set(said["prediction"]) <= {"yes", "no"}
    assert np.allclose(said["p_no"] + said["p_yes"], 1)
    assert list(said["extra"]) == ["ignored"] * 6


def test_predictions_equal_those_of_the_study(study, dlrun, tmp_path):
    """The tracked model is the last split's: on its test rows it says what the study recorded."""
    folder, _ = study
    output = tmp_path / "said.csv"
    dlrun("predict", "churn-1", "churn.csv", "-o", str(output), "--candidate", "mlp", cwd=folder)
    said = pd.read_csv(output)
    recorded = pd.read_parquet(_predictions(folder, "mlp"))
    last = recorded[recorded["fold"] == 2].set_index("row_id")
    assert len(last) == 80
    assert np.allclose(said.loc[last.index, "p_yes"], last["p_yes"], atol=1e-5)


def _predictions(folder, candidate):
    with sqlite3.connect(folder / "mlflow.db") as store:
        query = (
            "select artifact_uri from runs join params using (run_uuid) "
            "where params.key = 'candidate' and params.value = ?"
        )
        (uri,) = store.execute(query, [candidate]).fetchone()
    return f"{uri.removeprefix('file://')}/predictions.parquet"


def test_a_missing_column_is_one_error(study, dlrun, tmp_path):
    folder, _ = study
    pd.DataFrame({"plan": ["plus"], "since": ["2024-01-01"]}).to_csv(tmp_path / "x.csv")
    ran = dlrun("predict", "last", str(tmp_path / "x.csv"), cwd=folder)
    assert ran.code == 2
    assert "'tenure (Monate)'" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_the_tracked_recipe_runs_again_with_the_same_numbers(study, dlrun, tmp_path):
    folder, _ = study
    with sqlite3.connect(folder / "mlflow.db") as store:
        (uri,) = store.execute("select artifact_uri from runs where name = 'churn-1'").fetchone()
    recipe = f"{uri.removeprefix('file://')}/recipe.yaml"
    ran = dlrun("train", recipe, "--json", cwd=tmp_path)
    assert ran.code == 0, ran.err
    again = json.loads(ran.out)
    before = json.loads(dlrun("compare", "churn-1", "--json", cwd=folder).out)
    assert again["split_digest"] == before["split_digest"]
    assert {row["name"]: row["mean"] for row in again["rows"]} == {
        row["name"]: row["mean"] for row in before["rows"]
    }


def test_a_failed_candidate_does_not_take_the_study_with_it(study, dlrun, tmp_path):
    folder, _ = study
    (tmp_path / "r.yaml").write_text(
        f"data: {{source: {folder / 'churn.csv'}, target: churned}}\n"
        "model: {architecture: mlp, hidden: [4], training: {learning_rate: 1e30, epochs: 3}}\n"
        "training: {optimizer: sgd}\n"
        "baselines: [decision_tree]\n"
        "evaluation: {folds: 1}\n",
        encoding="utf-8",
    )
    ran = dlrun("train", "r.yaml", "--quiet", cwd=tmp_path)
    assert ran.code == 1
    assert ran.err.startswith("mlp failed: r.yaml:2: model: mlp: the training loss is ")
    assert len(ran.err.splitlines()) == 1
    rows = json.loads(dlrun("compare", "--json", cwd=tmp_path).out)["rows"]
    (failed,) = [row for row in rows if row["name"] == "mlp"]
    assert failed["n_failed"] == 1
    assert "the training loss is" in failed["error"]


def test_ctrl_c_in_the_middle(study, dlrun, processes, tmp_path):
    folder, _ = study
    (tmp_path / "r.yaml").write_text(
        f"data: {{source: {folder / 'churn.csv'}, target: churned}}\n"
        "model: {architecture: mlp}\n"
        "training: {epochs: 100000, early_stopping: false}\n"
        "baselines: [decision_tree]\n"
        "evaluation: {folds: 1}\n",
        encoding="utf-8",
    )
    number = processes.start(tmp_path, "train", "r.yaml", "--quiet")
    _wait_for_epochs(tmp_path / "mlflow.db")
    os.kill(number, signal.SIGINT)
    assert processes.wait(number) == 130
    assert (tmp_path / OUTPUT).read_text() == (
        "\nStopped. What was trained is kept. To go on: dlrun train r.yaml\n"
    )
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        statuses = dict(store.execute("select name, status from runs"))
    assert statuses == {
        "r-1": "KILLED", "mlp": "KILLED", "decision_tree": "FINISHED", "dummy": "FINISHED",
    }  # fmt: skip
    comparison = json.loads(dlrun("compare", "--json", cwd=tmp_path).out)
    assert {row["name"] for row in comparison["rows"]} == {"decision_tree", "dummy"}


def _wait_for_epochs(database) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        time.sleep(0.2)
        try:
            with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as store:
                query = "select count(*) from metrics where key = 'train/loss'"
                if store.execute(query).fetchone()[0] > 2:
                    return
        except sqlite3.Error:
            continue
    pytest.fail("no epoch was tracked within two minutes")


def test_studies_are_kept_in_order_from_the_command_line(dlrun, study, tmp_path, monkeypatch):
    folder, _ = study
    copy = shutil.copytree(folder, tmp_path / "study")
    with monkeypatch.context() as patch:
        patch.chdir(copy)
        assert study_names("c") == ["churn-1", "churn"]
    assert "churn-1" in dlrun("studies", cwd=copy).out
    assert "decision_tree" in dlrun("studies", "show", cwd=copy).out
    (listed,) = json.loads(dlrun("studies", "list", "--json", cwd=copy).out)
    assert json.loads(dlrun("studies", "show", "--json", cwd=copy).out)["id"] == listed["id"]
    assert dlrun("studies", "tag", "last", "for=paper", cwd=copy).code == 0
    assert dlrun("studies", "rename", "last", "first", cwd=copy).out == (
        "churn-1 is called first now\n"
    )
    asked = dlrun("studies", "delete", "first", cwd=copy)
    assert (asked.code, asked.err) == (
        2,
        "first (5 candidates, 5 models): nothing was deleted. Without a terminal, add --yes\n",
    )
    wrong = dlrun("studies", "delete", "frist", "--yes", cwd=copy)
    assert (wrong.code, "Did you mean 'first'?" in wrong.err) == (2, True)
    gone = dlrun("studies", "delete", "first", "--yes", cwd=copy)
    assert gone.out == (
        "first is deleted\nMLflow keeps what was deleted, to be restored. To free the space: "
        f"mlflow gc --tracking-uri sqlite:///{copy}/mlflow.db "
        f"--backend-store-uri sqlite:///{copy}/mlflow.db\n"
    )
    assert dlrun("studies", "list", cwd=copy).out == "No study here yet. Run: dlrun train RECIPE\n"
