"""Studies whose settings were searched, made of plain ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from reported import MadeStudy

from dlrun.contract.dataset import Split
from dlrun.contract.search import SearchBudget, SearchTrial, Tuning
from dlrun.contract.trial import Trial
from dlrun.tracking.tables import search_table, trial_row

TWELVE = SearchBudget(12)
SECONDS = {"deep": 2.0, "classic": 0.2}  # of one trial


def tune(
    study: MadeStudy,
    gains: Mapping[str, Sequence[float] | float],
    *,
    budget: SearchBudget = TWELVE,
    n_trials: Mapping[str, int] | None = None,
    seconds: Mapping[str, float] | None = None,
) -> MadeStudy:
    """Return the study with a search of these candidates.

    The test scores become the tuned ones; the default ones are lower by the gains, one of all
    splits or one of each. In a search a learning rate of 0.01 is best, and nothing else matters.
    """
    rng = np.random.default_rng(0)
    searched, cells = [], []
    for row in study.trials.to_dict("records"):
        name, step = row["candidate"], row["step"]
        if name not in gains:
            cells.append({"chosen_settings": ""})
            continue
        gain = np.broadcast_to(gains[name], study.trials["step"].nunique())[step]
        defaults = {metric: row[metric] - gain for metric in study.metrics}
        each = (seconds or SECONDS).get(name, SECONDS[row["family"]])
        tried = _search(rng, (n_trials or {}).get(name, budget.trials or 12), each)
        chosen = max(tried, key=lambda trial: np.nan_to_num(trial.score, nan=-1.0))
        tuning = Tuning(tried, chosen.number, defaults, "validation")
        trial = Trial(name, row["family"], _split(row), tuning=tuning)
        searched.append(trial)
        plain = trial_row(replace(trial, tuning=None), "classic")
        cells.append(
            {key: cell for key, cell in trial_row(trial, "classic").items() if key not in plain}
        )
    return replace(
        study,
        trials=pd.concat([study.trials, pd.DataFrame(cells)], axis=1),
        search=search_table(searched),
        search_budget=budget,
    )


def _split(row: Mapping[str, int]) -> Split:
    nothing = np.empty(0, np.int64)
    place = (row["repeat"], row["fold"], row["step"])
    return Split(*place, seed=0, train=nothing, validation=nothing, test=nothing)


def _search(rng: np.random.Generator, n: int, seconds: float) -> tuple[SearchTrial, ...]:
    """Return trials of which the third fails."""
    trials = []
    for number in range(1, n + 1):
        rate = 0.001 if number == 1 else 10 ** rng.uniform(-4, -1)
        settings = {
            "training.learning_rate": rate,
            "model.dropout": float(rng.uniform(0, 0.5)),
            "model.hidden": [[64], [128, 128]][rng.integers(2)],
        }
        score = 0.8 - 0.05 * abs(np.log10(rate) + 2) + 0.002 * rng.normal()
        took = seconds * float(rng.uniform(0.5, 1.5))
        trial = SearchTrial(number, settings, score, took, 2 * took, None)
        is_failed = number == 3
        trials.append(replace(trial, score=float("nan"), error="NaN") if is_failed else trial)
    return tuple(trials)
