"""Trials on workers: processes of this machine, or an engine."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from trials import baseline, make_splits, task, tasks

from dlrun.classic.candidates import make_candidates
from dlrun.contract.dataset import Dataset, Split
from dlrun.contract.trial import Trial
from dlrun.data import model_io as saved
from dlrun.errors import ExtraError
from dlrun.recipe.load import parse_recipe
from dlrun.recipe.schema import Execution
from dlrun.study.executor import check_engine, engine, run_trials
from dlrun.study.trial import run_trial


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_workers_give_the_same_trials_in_the_splits_order(
    workers: int, dataset: Dataset, tmp_path: Path
) -> None:
    splits, candidate = make_splits(2), baseline(dataset, "decision_tree")
    given = tasks(candidate, splits, tmp_path / "model")
    trials = run_trials(given, dataset, Execution(workers=workers))
    for trial, split in zip(trials, splits, strict=True):
        alone = run_trial(task(candidate, split), dataset)
        assert (trial.split.index, trial.scores) == (split.index, alone.scores)
        assert trial.predictions is not None and alone.predictions is not None
        np.testing.assert_array_equal(trial.predictions.values, alone.predictions.values)
    kept = saved.load(tmp_path / "model").fitted.predict(dataset.frame.iloc[splits[-1].test])
    np.testing.assert_array_equal(kept.values, alone.predictions.values)


DEADLY = """
import os, signal
from sklearn.tree import DecisionTreeClassifier
class Deadly(DecisionTreeClassifier):
    def fit(self, X, y):
        if len(y) == 61:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)
"""


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_its_trials_alone(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    get_reusable_executor().shutdown()  # its workers know the path of an earlier test
    splits = make_splits(3)
    splits[1] = replace(splits[1], train=np.append(splits[1].train, splits[1].validation[:1]))

    def run_all(splits: list[Split], estimator: str) -> list[Trial]:
        baselines = [{"estimator": estimator}]
        text = json.dumps({"data": {"source": "small.csv"}, "baselines": baselines})
        recipe = parse_recipe(text, tmp_path / "recipe.yaml", trusted=["deadly"])
        candidate = make_candidates(recipe, dataset)[-1]
        given = tasks(candidate, splits, tmp_path / "model")
        return list(run_trials(given, dataset, Execution(workers=2)))

    trials = run_all(splits, "deadly.Deadly")
    assert [trial.split.index for trial in trials] == [0, 1, 2]
    assert trials[1].error == (
        "Deadly: its process was killed, most likely for lack of memory. Lower "
        "execution.workers, or take fewer rows: data.max_rows"
    )
    others = run_all(splits, "sklearn.tree.DecisionTreeClassifier")
    assert [trial.error for trial in others] == [None] * 3


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("dask", "dask.distributed")])
def test_a_missing_engine_names_its_extra(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(wanted: str) -> None:
        raise ModuleNotFoundError(wanted)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ExtraError) as caught, engine(Execution(engine=name)):  # type: ignore[arg-type]
        pass
    assert str(caught.value) == f"{package} is not installed. Run: pip install 'dlrun[{name}]'"
    with pytest.raises(ExtraError):  # before anything is trained
        check_engine(Execution(engine=name))  # type: ignore[arg-type]
    check_engine(Execution())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("dask", "dask.distributed")])
def test_an_engine_runs_the_trials(
    name: str, package: str, dataset: Dataset, tmp_path: Path
) -> None:
    pytest.importorskip(package, reason=f"needs the extra {name}")
    splits = make_splits(2)
    execution = Execution(engine=name, workers=2)  # type: ignore[arg-type]
    trials = run_trials(tasks(baseline(dataset), splits, tmp_path / "model"), dataset, execution)
    assert [trial.scores["accuracy"] > 0.8 for trial in trials] == [True, True]
