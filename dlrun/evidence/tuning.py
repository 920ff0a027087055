"""What tuning gained and cost: default against chosen settings, the searches, what mattered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from dlrun.catalog.metrics import get_metric
from dlrun.contract.candidate import SIDES
from dlrun.evidence.comparison import SearchCost, TuningGain
from dlrun.evidence.paired_tests import MIN_FOLDS
from dlrun.evidence.statistics import Interval, differences, posterior
from dlrun.system.optuna_log import quiet_optuna

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.contract.candidate import Family
    from dlrun.evidence.candidates import CandidateResults
    from dlrun.evidence.pairs import TestSets

    Steps = tuple[NDArray[np.float64], NDArray[np.float64]]  # times, and values from then on

FEWEST: Final = 30  # trials; of fewer, PED-ANOVA names the wrong setting about every other time


@dataclass(frozen=True)
class SearchCourse:
    """How the best validation score rises with the seconds of a search, the mean over the splits.

    Attributes:
        candidate: empty for a side: its best candidate so far, each having had as many seconds.
        points: seconds of fitting, and the score from then on.
    """

    candidate: str
    family: Family
    points: tuple[tuple[float, float], ...]


def gains(candidate: CandidateResults) -> dict[int, float]:
    """Return split index → by how much the chosen settings are better on the test rows."""
    defaults = candidate.by_split(f"default_{candidate.metric}")
    splits = [split for split in candidate.scores if isfinite(defaults[split])]
    tuned, default = (
        np.array([scores[split] for split in splits]) for scores in (candidate.scores, defaults)
    )
    found = differences(tuned, default, candidate.metric).tolist() if splits else []
    return dict(zip(splits, found, strict=True))


def tuning_gain(
    candidate: CandidateResults, test_sets: TestSets, test_share: float
) -> TuningGain | None:
    """Return what tuning gained and cost; None where the candidate was not tuned.

    The interval is that of a mean over folds that share training rows (Nadeau & Bengio, 2003).
    """
    if not n_search_trials(candidate):
        return None
    found = gains(candidate)
    splits = list(found)
    return TuningGain(
        default=_mean(candidate.by_split(f"default_{candidate.metric}").values()),
        tuned=_mean(candidate.scores[split] for split in splits),
        gain=_interval(np.array([*found.values()]), splits, test_sets, test_share),
        n_trials=_mean(n_search_trials(candidate).values()),
        seconds=_mean(candidate.by_split("search_seconds").values()),
        cpu_seconds=_mean(candidate.by_split("search_cpu_seconds").values()),
    )


def n_search_trials(candidate: CandidateResults) -> dict[int, float]:
    """Return split index → settings that were tried, of the splits on which some were."""
    counts = candidate.by_split("n_search_trials")
    return {split: n for split, n in counts.items() if n > 0}


def search_costs(candidates: Sequence[CandidateResults]) -> dict[Family, SearchCost]:
    """Return the sums of each side that was tuned."""
    costs: dict[Family, SearchCost] = {}
    for family in SIDES:
        tuned = [each for each in candidates if each.family == family and n_search_trials(each)]
        if tuned:
            counts = [n for each in tuned for n in n_search_trials(each).values()]
            seconds, cpu_seconds = (
                _sum(tuned, f"search_{of}") for of in ("seconds", "cpu_seconds")
            )
            costs[family] = SearchCost(len(counts), round(sum(counts)), seconds, cpu_seconds)
    return costs


def _sum(candidates: Iterable[CandidateResults], column: str) -> float:
    return float(sum(np.nansum([*each.by_split(column).values()]) for each in candidates))


def _mean(values: Iterable[float]) -> float:
    finite = [value for value in values if isfinite(value)]
    return float(np.mean(finite)) if finite else nan


def _interval(
    found: NDArray[np.float64], splits: Sequence[int], test_sets: TestSets, test_share: float
) -> Interval:
    if not splits:
        return Interval(nan, nan, nan)
    means = test_sets.means(found, splits)
    if len(means) < MIN_FOLDS:
        return Interval(float(means.mean()), nan, nan)
    return posterior(means, test_share).interval()


# ---------------------------------------------------------------------------------- the course


def search_courses(search: pd.DataFrame, metric: str) -> list[SearchCourse]:
    """Return the course of every candidate, and then of each side.

    Args:
        search: as `Study.read_search` returns it.
        metric: that was searched on.
    """
    steps: dict[tuple[str, Family], dict[int, Steps]] = {}
    for key, rows in search.groupby(["candidate", "family", "step"], sort=False):
        candidate, family, split = cast("tuple[str, Family, int]", key)
        found = _steps(rows, get_metric(metric).sign)
        if len(found[0]):
            steps.setdefault((candidate, family), {})[split] = found
    sides: dict[tuple[str, Family], dict[int, Steps]] = {}
    for (_, family), by_split in steps.items():
        side = sides.setdefault(("", family), {})
        side |= {split: _merge(side.get(split), found) for split, found in by_split.items()}
    return [
        SearchCourse(candidate, family, _mean_course([*found.values()], get_metric(metric).sign))
        for (candidate, family), found in (*steps.items(), *sides.items())
    ]


def _steps(rows: pd.DataFrame, sign: int) -> Steps:
    """Return when the best score of one search rose or a trial ended, and the best from then on."""
    ordered = rows.sort_values("trial")
    ends = ordered["seconds"].fillna(0.0).cumsum().to_numpy()
    best = np.maximum.accumulate((sign * ordered["score"]).fillna(-np.inf).to_numpy())
    return ends[np.isfinite(best)], best[np.isfinite(best)]


def _merge(one: Steps | None, other: Steps) -> Steps:
    """Return the better of two searches at every time."""
    if one is None:
        return other
    ends, best = (np.concatenate(pair) for pair in zip(one, other, strict=True))
    order = np.argsort(ends, kind="stable")
    return ends[order], np.maximum.accumulate(best[order])


def _mean_course(steps: Sequence[Steps], sign: int) -> tuple[tuple[float, float], ...]:
    """Average over the splits, from the time on at which all of them have a score."""
    start = max(ends[0] for ends, _ in steps)
    grid = np.unique(np.concatenate([ends for ends, _ in steps]))
    grid = grid[grid >= start]
    values = [best[np.searchsorted(ends, grid, side="right") - 1] for ends, best in steps]
    means = sign * np.mean(values, axis=0)
    return tuple(zip(grid.tolist(), means.tolist(), strict=True))


# ------------------------------------------------------------------------- what settings matter


def settings_importance(search: pd.DataFrame, metric: str) -> dict[str, float]:
    """Return setting → its share of importance for the best tenth of the trials, largest first.

    PED-ANOVA (Watanabe, Bansal & Hutter, 2023, "PED-ANOVA: efficiently quantifying hyperparameter
    importance in arbitrary subspaces") compares the values among the best trials with those among
    all. One search is too few trials for it, so that those of all splits are taken together, each
    by its rank in its search. Numbers count by their rank too: then a logarithmic scale is as good
    as another. The default settings, which every search tries, are left out.

    Args:
        search: rows of one candidate, as `Study.read_search` returns them.
        metric: that was searched on.

    Returns:
        Shares that sum to 1; empty where fewer than 30 trials have a score, or nothing varied.
    """
    tried = search[(search["trial"] > 1) & search["score"].notna()]
    if len(tried) < FEWEST:
        return {}
    ranks = (get_metric(metric).sign * tried["score"]).groupby(tried["step"]).rank(pct=True)
    settings = [json.loads(text) for text in tried["settings"]]
    names = [name for name in settings[0] if all(name in each for each in settings)]
    columns = {name: _coded([each[name] for each in settings]) for name in names}
    varied = {name: column for name, column in columns.items() if len(set(column)) > 1}
    return _ped_anova(varied, ranks.tolist()) if varied else {}


def _coded(values: Sequence[Any]) -> list[Any]:
    """Return numbers as ranks from 0 to 1, anything else as text."""
    from pandas import Series

    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
        return Series(values, dtype="float64").rank(pct=True).tolist()
    return [json.dumps(each) for each in values]


def _ped_anova(columns: Mapping[str, Sequence[Any]], ranks: Sequence[float]) -> dict[str, float]:
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
    )
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    spaces: dict[str, BaseDistribution] = {
        name: CategoricalDistribution(sorted(set(column)))
        if isinstance(column[0], str)
        else FloatDistribution(0.0, 1.0)
        for name, column in columns.items()
    }
    with quiet_optuna():
        study = optuna.create_study(direction="maximize")
        study.add_trials(
            optuna.trial.create_trial(
                params=dict(zip(columns, values, strict=True)), distributions=spaces, value=rank
            )
            for rank, *values in zip(ranks, *columns.values(), strict=True)
        )
        found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return dict(sorted(found.items(), key=lambda each: -each[1]))
