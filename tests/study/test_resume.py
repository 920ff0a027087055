"""The journal of a study: what is kept, what is recalled, and what is not the same any more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from errno import ENOSPC
from math import isnan, nan
from pathlib import Path

import numpy as np
import pytest
from damage import flipped

import dlrun
from dlrun.contract.candidate import Epoch, Predictions
from dlrun.contract.dataset import Split
from dlrun.contract.health import LayerHealth
from dlrun.contract.trial import Cost, ProbeScore, RetrainingCondition, Trial
from dlrun.errors import UsageError
from dlrun.recipe.load import load_recipe
from dlrun.study.plan import StudyPlan
from dlrun.study.resume import STUDY, Journal, open_journal
from dlrun.system import cache as cache_room
from dlrun.system.files import read_sealed, write_sealed

RECIPE = """\
data: {source: sklearn:iris}
model: {architecture: mlp}
baselines: [linear, {name: knn, n_neighbors: 3}]
evaluation: {folds: 2}
"""
ROWS = np.arange(9)
SPLIT = Split(0, 1, 1, 77, ROWS[:5], ROWS[5:6], ROWS[6:])
CONDITION = RetrainingCondition("label_noise", 0.2, SPLIT, lambda dataset: dataset)
MEASURED = ProbeScore("linear", "classic", "train", "", 1.0, 1, 5, 0.1 + 0.2)
TRIAL = Trial(
    candidate="linear",
    family="classic",
    split=SPLIT,
    predictions=Predictions(np.random.default_rng(0).dirichlet([1, 1, 1], size=3)),
    scores={"accuracy": np.float64(2 / 3), "roc_auc": nan},
    validation_scores={"accuracy": 1.0},
    cost=Cost(fit_seconds=0.1 + 0.2, parameters=15),
    epochs=(Epoch(1, 3, {"train/loss": 1 / 3}, 0.1, layers=(LayerHealth("dense", 1 / 3),)),),
    best_epoch=1,
    probe_scores=(MEASURED,),
    validation_predictions=Predictions(np.array([[0.5, 0.25, 0.25]])),
)

Open = Callable[..., AbstractContextManager[Journal]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLRUN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def plan_of(folder: Path, text: str = RECIPE) -> StudyPlan:
    from dlrun.study.plan import prepare

    file = folder / "r.yaml"
    file.write_text(text, encoding="utf-8")
    return prepare(load_recipe(file, trusted=["own_trees"]))


def opened(plan: StudyPlan, **changed: object) -> AbstractContextManager[Journal]:
    settings: dict[str, object] = {
        "data_digest": plan.dataset.digest,
        "store": "sqlite:///mlflow.db iris",
        "metrics": plan.metrics,
        "fresh": False,
        **changed,
    }
    return open_journal(plan.recipe, plan.candidates, **settings)  # type: ignore[arg-type]


@pytest.fixture
def plan(tmp_path: Path) -> StudyPlan:
    return plan_of(tmp_path)


def candidate(plan: StudyPlan, name: str = "linear"):
    return next(each for each in plan.candidates if each.name == name)


def test_a_trial_comes_back_as_it_was(plan: StudyPlan) -> None:
    with opened(plan) as journal:
        assert journal.recall(candidate(plan), SPLIT) is None
        journal.keep(TRIAL)
    with opened(plan) as journal:
        found = journal.recall(candidate(plan), SPLIT)
        assert journal.n_kept(plan.candidates, [SPLIT, replace(SPLIT, seed=78)]) == 1
    assert found is not None
    assert found.resumed
    assert found.predictions is not None
    assert TRIAL.predictions is not None
    np.testing.assert_array_equal(found.predictions.values, TRIAL.predictions.values)
    assert found.validation_predictions is not None
    assert found.validation_predictions.values.tolist() == [[0.5, 0.25, 0.25]]
    assert isnan(found.scores["roc_auc"])
    known = {"scores": {"accuracy": 2 / 3}, "predictions": None, "validation_predictions": None}
    assert replace(found, **known) == replace(
        TRIAL, **known, resumed=True, epochs=(replace(TRIAL.epochs[0], resumed=True),)
    )


def test_a_trial_under_a_condition_comes_back_without_its_predictions(plan: StudyPlan) -> None:
    with opened(plan) as journal:
        journal.keep(TRIAL, CONDITION)
        found = journal.recall(candidate(plan), SPLIT, CONDITION)
        assert journal.recall(candidate(plan), SPLIT, replace(CONDITION, level=0.3)) is None
        assert journal.recall(candidate(plan), SPLIT) is None
    assert found is not None
    assert found.probe_scores == (MEASURED,)
    assert (found.resumed, found.predictions, found.validation_predictions) == (True, None, None)


def test_a_record_without_predictions_of_validation_rows_is_one_of_an_earlier_version(
    plan: StudyPlan,
) -> None:
    with opened(plan) as journal:
        journal.keep(replace(TRIAL, validation_predictions=None))
        found = journal.recall(candidate(plan), SPLIT)
    assert found is not None
    assert found.predictions is not None
    assert found.validation_predictions is None


def test_a_trial_that_failed_is_tried_again(plan: StudyPlan) -> None:
    with opened(plan) as journal:
        journal.keep(Trial("linear", "classic", SPLIT, error="out of memory"))
        journal.keep(replace(TRIAL, error="no"), CONDITION)
        assert journal.recall(candidate(plan), SPLIT) is None
        assert journal.recall(candidate(plan), SPLIT, CONDITION) is None


def record_of(journal: Journal) -> Path:
    (file,) = journal.folder.glob("*/*.record")
    return file


@pytest.mark.parametrize("left", [0, 40, -1])
def test_a_record_that_is_cut_off_is_named_and_not_used(
    plan: StudyPlan, left: int, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(plan) as journal:
        journal.keep(TRIAL)
        file = record_of(journal)
        file.write_bytes(file.read_bytes()[:left])
        assert journal.n_kept(plan.candidates, [SPLIT]) == 0
        assert journal.recall(candidate(plan), SPLIT) is None
    assert caplog.messages == [
        f"{file} is damaged: its checksum does not match. This trial of linear is trained anew."
    ]


def test_every_flipped_byte_of_a_record_is_found(plan: StudyPlan) -> None:
    with opened(plan) as journal:
        journal.keep(TRIAL)
        file = record_of(journal)
        whole = file.read_bytes()
        for position in range(len(whole)):
            file.write_bytes(flipped(position)(whole))
            assert journal.recall(candidate(plan), SPLIT) is None, position
        file.write_bytes(whole)
        assert journal.recall(candidate(plan), SPLIT) is not None


def test_a_damaged_model_costs_its_trial(plan: StudyPlan, caplog: pytest.LogCaptureFixture) -> None:
    linear = candidate(plan)
    with opened(plan) as journal:
        model = journal.model_folder(linear)
        model.mkdir(parents=True)
        (model / "weights").write_bytes(b"0123")
        journal.keep(TRIAL, model=model)
        assert journal.recall(linear, SPLIT, model=model) is not None
        (model / "weights").write_bytes(b"0125")
        assert journal.recall(linear, SPLIT, model=model) is None
        assert caplog.messages == [
            f"{model} is damaged: its checksum does not match. "
            "This trial of linear is trained anew."
        ]
        assert journal.recall(linear, SPLIT) is not None  # the predictions are as they were


def test_a_trial_without_a_model_is_no_trial_whose_model_is_asked_for(plan: StudyPlan) -> None:
    """As where fewer folds make an earlier split the last."""
    linear = candidate(plan)
    with opened(plan) as journal:
        journal.keep(TRIAL)
        assert journal.recall(linear, SPLIT, model=journal.model_folder(linear)) is None


def test_damaged_notes_are_named_and_cost_no_trial(
    plan: StudyPlan, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(plan) as journal:
        journal.keep(TRIAL)
        journal.begin("a run")
        notes = journal.folder / STUDY
        notes.write_bytes(flipped(9)(notes.read_bytes()))
        assert journal.run_id is None
        assert caplog.messages == [
            f"{notes} is damaged: its checksum does not match. The trials of this study are kept."
        ]
        assert journal.recall(candidate(plan), SPLIT) is not None


def test_a_record_of_a_version_with_other_fields_is_passed_over(plan: StudyPlan) -> None:
    with opened(plan) as journal:
        journal.keep(TRIAL)
        file = record_of(journal)
        other = read_sealed(file).replace(b'"resumed"', b'"again"')
        write_sealed(file, lambda opened: opened.write(other))
        assert journal.recall(candidate(plan), SPLIT) is None


def full(_: int) -> None:
    raise OSError(ENOSPC, os.strerror(ENOSPC))


def test_a_disk_that_is_full_at_the_start_is_one_clear_error(
    plan: StudyPlan, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError) as error, opened(plan):
        pass
    (folder,) = [path for path in cache.glob("studies/*/*") if path.is_dir()]
    assert str(error.value) == (
        f"{folder}: the journal of this study cannot be written: No space left on device. "
        "Free some space, or choose another folder: DLRUN_CACHE_DIR"
    )


def test_a_full_disk_costs_the_record_and_not_the_study(
    plan: StudyPlan, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(plan) as journal:
        journal.keep(TRIAL)
        monkeypatch.setattr(os, "fsync", full)
        journal.keep(replace(TRIAL, candidate="knn"))
        journal.begin("a run")
        monkeypatch.undo()
        assert journal.recall(candidate(plan), SPLIT) is not None
        assert journal.recall(candidate(plan, "knn"), SPLIT) is None
        assert [path.name for path in journal.folder.rglob(".*")] == []
    (message,) = set(caplog.messages)
    assert message == (
        f"{journal.folder}: the journal cannot be written: No space left on device. The study goes "
        "on; were it stopped, this trial would be trained anew. Free some space, or choose another "
        "folder: DLRUN_CACHE_DIR"
    )


SAME_PART = (
    "data: {source: sklearn:iris}\nbaselines: [dummy, linear]\nmodel: {architecture: tabm}\n"
)


@pytest.mark.parametrize(
    ("text", "name", "is_same"),
    [
        (SAME_PART, "linear", True),
        (RECIPE.replace("linear,", "{name: linear, C: 2.0},"), "linear", False),
        (RECIPE.replace("linear,", "{name: linear, C: 2.0},"), "knn", True),
        (RECIPE + "preprocessing: {number: {scale: quantile}}\n", "linear", False),
        (RECIPE.replace("folds: 2", "folds: 2, metrics: [log_loss]"), "linear", False),
        (RECIPE.replace("folds: 2", "folds: 2, importance: true"), "linear", False),
        (RECIPE.replace("folds: 2", "folds: 2, learning_curve: true"), "linear", True),
        (RECIPE + "training: {epochs: 7}\n", "linear", True),
        (RECIPE + "training: {epochs: 7}\n", "mlp", False),
        (RECIPE.replace("mlp", "mlp, hidden: [3]"), "mlp", False),
        (RECIPE + "description: Flowers\n", "mlp", True),
        (RECIPE + "seed: 1\n", "linear", False),
    ],
)
def test_another_recipe_takes_over_what_its_change_left_alone(
    plan: StudyPlan, tmp_path: Path, text: str, name: str, is_same: bool
) -> None:
    with opened(plan) as journal:
        for one in ("linear", "knn", "mlp"):
            journal.keep(replace(TRIAL, candidate=one))
    changed = plan_of(tmp_path, text)
    with opened(changed) as journal:
        found = journal.recall(candidate(changed, name), SPLIT)
        assert (found is not None) == is_same


@pytest.mark.parametrize(
    "changed", [{"data_digest": "other"}, {"store": "elsewhere"}, {"fresh": True}]
)
def test_other_data_another_store_or_a_fresh_start_recall_nothing(
    plan: StudyPlan, changed: dict[str, object]
) -> None:
    with opened(plan) as journal:
        journal.keep(TRIAL)
        journal.begin("a run")
    with opened(plan, **changed) as journal:
        assert journal.recall(candidate(plan), SPLIT) is None
        assert journal.run_id is None
    with opened(plan) as journal:
        assert (journal.run_id is None) == ("fresh" in changed)


def test_a_fresh_start_takes_nothing_over_from_a_sibling(plan: StudyPlan, tmp_path: Path) -> None:
    with opened(plan) as journal:
        journal.keep(TRIAL)
    changed = plan_of(tmp_path, RECIPE + "description: Flowers\n")
    with opened(changed, fresh=True) as journal:
        assert journal.recall(candidate(changed), SPLIT) is None


def test_another_major_version_recalls_nothing(
    plan: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(plan) as journal:
        journal.keep(TRIAL)
    monkeypatch.setattr("dlrun.study.resume.__version__", f"{dlrun.__version__}.1")
    with opened(plan) as journal:
        assert journal.recall(candidate(plan), SPLIT) is not None
    monkeypatch.setattr("dlrun.study.resume.__version__", "9.0.0")
    with opened(plan) as journal:
        assert journal.recall(candidate(plan), SPLIT) is None


def test_the_users_own_code_is_a_part_of_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "own_trees.py"
    text = (
        "from sklearn.tree import DecisionTreeClassifier\n"
        "class Own(DecisionTreeClassifier):\n    pass\n"
    )
    module.write_text(text, encoding="utf-8")
    recipe = "data: {source: sklearn:iris}\nbaselines: [{estimator: own_trees.Own}]\n"
    plan = plan_of(tmp_path, recipe)
    with opened(plan) as journal:
        journal.keep(replace(TRIAL, candidate="Own"))
        assert journal.recall(candidate(plan, "Own"), SPLIT)
    module.write_text(text + "# changed\n", encoding="utf-8")
    with opened(plan) as journal:
        assert journal.recall(candidate(plan, "Own"), SPLIT) is None


def test_other_parts_of_a_stream_recall_nothing(tmp_path: Path) -> None:
    """What is in memory of them may be the same positions."""
    import pandas as pd

    from dlrun.study.study import _identity, _journal
    from dlrun.tracking.store import Store

    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=400), "y": rng.choice(["no", "yes"], 400)})
    table.to_parquet(tmp_path / "a.parquet")
    store = Store("sqlite:///mlflow.db", experiment="r")
    folders = set()
    for share in (0.2, 0.3):
        data = f"{{source: a.parquet, target: y, stream: true, split: {{test: {share}}}}}"
        plan = plan_of(tmp_path, f"data: {data}\nbaselines: [linear]\n")
        with _journal(plan.recipe, plan, _identity(plan, store), fresh=False) as journal:
            folders.add(journal.folder.parent)
            journal.begin("a run")
    assert len(folders) == 2


@pytest.mark.slow
def test_two_processes_do_not_train_the_same_study(plan: StudyPlan, tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from test_resume import opened, plan_of\n"
        f"with opened(plan_of(Path({str(tmp_path)!r}))):\n"
        "    print('open', flush=True)\n"
        "    time.sleep(60)\n"
    )
    tests = Path(__file__).parent
    path = os.pathsep.join([str(tests), str(tests.parent)])
    other = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(UsageError) as caught, opened(plan):
            pass
        assert str(caught.value) == (
            f"r.yaml: process {other.pid} is training this study. Wait for it, or train another "
            "one: with another seed, or another tracking.experiment"
        )
        changed = plan_of(tmp_path, RECIPE + "training: {epochs: 3}\n")
        with opened(changed) as journal:  # another study of the same data
            assert journal.recall(candidate(changed), SPLIT) is None
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    with opened(plan):  # a dead process holds nothing
        pass


def test_a_study_that_ended_well_leaves_nothing(plan: StudyPlan, cache: Path) -> None:
    with opened(plan) as journal:
        journal.keep(TRIAL)
        journal.clear()
    assert list((cache / "studies").iterdir()) == []


def test_what_nobody_went_on_with_is_removed(plan: StudyPlan, tmp_path: Path) -> None:
    with opened(plan) as journal:
        journal.keep(TRIAL)
    forgotten = time.time() - 31 * 24 * 3600
    os.utime(journal.folder / STUDY, (forgotten, forgotten))
    with opened(plan_of(tmp_path, RECIPE + "seed: 4\n")) as other:
        assert not journal.folder.exists()
        assert other.folder.exists()


def test_a_cache_that_is_read_only_is_stood_in_for(
    plan: StudyPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DLRUN_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(cache_room, "private_folder", lambda: tmp_path / "own")
    with opened(plan) as journal:
        assert journal.folder.is_relative_to(tmp_path / "own" / "studies")
