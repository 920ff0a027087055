"""Null studies through the search: two sides that are the same estimator, each tuned for itself.

python tests/benchmarks/null_search.py [NUMBER OF STUDIES [TRIALS]]

Both sides are a ridge classifier, called by two names, so that their samplers try other settings;
neither is better. A side is named winner in at most 5 % of the studies. About five minutes.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from dlrun.contract.candidate import Family, FitContext, Predictions, always_continue
from dlrun.contract.dataset import Column, Dataset, Split, Target
from dlrun.contract.search import Dimension
from dlrun.contract.study import DataSummary
from dlrun.contract.trial import Trial
from dlrun.data.splits.plan import SplitPlan
from dlrun.data.splits.stratified import split as stratified
from dlrun.evidence.compare import compare
from dlrun.study.resume import Journal
from dlrun.study.search.inner import InnerFolds
from dlrun.study.search.plan import SearchPlan
from dlrun.study.search.strand import SettingsSearch
from dlrun.study.simulated import SimulatedStudy
from dlrun.study.trial import TrialTask
from dlrun.system import cost
from dlrun.tracking.tables import trial_row, trials_table

N_ROWS, N_COLUMNS, SIGNAL = 200, 12, 1.2
METRICS = ("roc_auc", "accuracy")
SIDES: Mapping[str, Family] = {"net": "deep", "linear": "classic"}
GOAL = 0.05


@dataclass(frozen=True)
class RidgeCandidate:
    """Least squares on the first columns, with a penalty."""

    name: str
    family: Family
    penalty: float = 1.0
    n_columns: int = N_COLUMNS
    features: tuple[str, ...] = ()
    needs_validation: bool = False

    @property
    def settings(self) -> dict[str, object]:
        return {"penalty": self.penalty, "n_columns": self.n_columns}

    def with_settings(self, changed: Mapping[str, Any]) -> RidgeCandidate:
        return replace(self, **changed)

    def fit(self, train: Dataset, validation: Dataset, context: FitContext) -> FittedRidge:
        x, y = train.frame.to_numpy()[:, : self.n_columns], 2.0 * train.y - 1
        gram = x.T @ x + self.penalty * np.eye(self.n_columns)
        return FittedRidge(np.linalg.solve(gram, x.T @ y))


@dataclass(frozen=True)
class FittedRidge:
    weights: np.ndarray
    best_epoch: None = None

    @property
    def parameters(self) -> int:
        return len(self.weights)

    def predict(self, frame: pd.DataFrame) -> Predictions:
        rank = frame.to_numpy()[:, : len(self.weights)] @ self.weights
        positive = 1 / (1 + np.exp(-4 * rank))
        return Predictions(np.stack([1 - positive, positive], axis=1))


SPACE = {
    "penalty": Dimension(log=(1e-1, 1e4)),
    "n_columns": Dimension(range=(3, N_COLUMNS)),
}


def main() -> None:
    """Print the verdicts, and exit 1 where too many name a winner."""
    warnings.simplefilter("ignore")
    _measure_nothing()
    given = [int(each) for each in sys.argv[1:]]
    n_studies, n_trials = given[0] if given else 200, given[1] if given[1:] else 8
    for inner in (None, InnerFolds("stratified")):
        plan = SearchPlan(SPACE, "tpe", n_trials, inner=inner)
        found = Counter(_verdict(seed, plan) for seed in range(n_studies))
        share = (found["deep"] + found["classic"]) / n_studies
        scored = "inner folds" if inner else "validation rows"
        print(f"{scored}, {n_trials} trials: {dict(found)}: winners {share:.3f}", flush=True)
        if share > GOAL:
            sys.exit(1)


def _measure_nothing() -> None:
    """Leave out what takes longer than these fits: to limit threads, and to measure and sync."""
    cost.limited_threads = lambda _: nullcontext()
    cost.measure = lambda: nullcontext(cost.ResourceUsage())
    os.fsync = lambda _: None


def _verdict(seed: int, plan: SearchPlan) -> str:
    rng = np.random.default_rng(seed)
    dataset, splits = _dataset(rng), []
    for fold, rows in enumerate(stratified(dataset, SplitPlan(5, 0.2, 0.1), rng)):
        splits.append(Split(0, fold, fold, 1000 * seed + fold, *rows))
    with TemporaryDirectory() as folder:
        journal = Journal(Path(folder), {name: name for name in SIDES})
        trials = [
            _run(RidgeCandidate(name, family), split, dataset, plan, journal)
            for name, family in SIDES.items()
            for split in splits
        ]
    return compare([_study(dataset, splits, trials)]).verdict.kind


def _run(
    candidate: RidgeCandidate, split: Split, dataset: Dataset, plan: SearchPlan, journal: Journal
) -> Trial:
    task = TrialTask(candidate, split.index, split, METRICS)
    strand, result = SettingsSearch(task, plan, journal, lambda _: None).run(), None
    try:
        while True:
            job = strand.send(result)
            assert job is not None
            result = job.run(dataset, always_continue, 1)
    except StopIteration as end:
        return end.value


def _dataset(rng: np.random.Generator) -> Dataset:
    """Make two normal classes; the first columns say more."""
    y = rng.permutation(N_ROWS) % 2
    centre = SIGNAL * 0.7 ** np.arange(N_COLUMNS)
    x = rng.normal(size=(N_ROWS, N_COLUMNS)) + (y[:, None] - 0.5) * centre
    names = [f"x{number}" for number in range(N_COLUMNS)]
    columns = tuple(Column(name, "number") for name in names)
    target = Target("y", "classification", ("no", "yes"))
    frame = pd.DataFrame(x, columns=names)
    return Dataset("null", "made", columns, target, frame, y.astype(np.int64), np.arange(N_ROWS))


def _study(dataset: Dataset, splits: list[Split], trials: list[Trial]) -> SimulatedStudy:
    sizes = tuple((len(each.train), len(each.validation), len(each.test)) for each in splits)
    own = {name: [trial for trial in trials if trial.candidate == name] for name in SIDES}
    return SimulatedStudy(
        id="null",
        name="null",
        experiment="null",
        recipe="null",
        source="",
        status="FINISHED",
        started=datetime.fromtimestamp(0, tz=UTC),
        task="classification",
        labels=dataset.target.labels,
        metrics=METRICS,
        rope=None,
        n_rows=N_ROWS,
        n_test_rows=sizes[0][2],
        split_digest="null",
        data_digest="null",
        trials=trials_table([trial_row(trial, None) for trial in trials], METRICS),
        data=DataSummary("", "y", {}, sizes, ()),
        predictions={name: pd.concat(map(_frame, own[name], [dataset] * 5)) for name in SIDES},
    )


def _frame(trial: Trial, dataset: Dataset) -> pd.DataFrame:
    assert trial.predictions
    rows, shares = trial.split.test, trial.predictions.values
    return pd.DataFrame(
        {
            "row_id": rows,
            "repeat": 0,
            "fold": trial.split.fold,
            "truth": dataset.y[rows],
            "prediction": shares.argmax(axis=1),
            "p_no": shares[:, 0],
            "p_yes": shares[:, 1],
        }
    )


if __name__ == "__main__":
    main()
