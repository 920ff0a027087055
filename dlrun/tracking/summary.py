"""The numbers of a run: a candidate's means over splits, and what a reopened run has already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from math import isnan, nan
from statistics import mean, stdev
from typing import Any

from dlrun.catalog.metrics import get_metric
from dlrun.contract.trial import Cost, Trial

Points = dict[tuple[str, int], float]  # metric and step → value


def summarize(trials: Sequence[Trial], metric: str) -> dict[str, float]:
    """Return means and standard deviations of the finite test scores, and the mean costs.

    Args:
        trials: that finished.
        metric: on which the gain by tuning is measured, where settings were searched.
    """
    scores = dict(_scores(trials))
    means = {f"test/{name}": mean(values) for name, values in scores.items() if values}
    spreads = {f"test_std/{name}": stdev(each) for name, each in scores.items() if len(each) > 1}
    return means | spreads | _mean_costs(trials) | _tuning(trials, metric)


def _scores(trials: Sequence[Trial]) -> Iterator[tuple[str, list[float]]]:
    """Yield metric → its scores that are not NaN."""
    for name in trials[0].scores if trials else ():
        scores = [float(trial.scores[name]) for trial in trials]
        yield name, [score for score in scores if not isnan(score)]


def _mean_costs(trials: Sequence[Trial]) -> dict[str, float]:
    costs = {
        cost.name: [getattr(trial.cost, cost.name) for trial in trials] for cost in fields(Cost)
    }
    known = {name: [v for v in values if v is not None] for name, values in costs.items()}
    return {f"cost/{name}": mean(values) for name, values in known.items() if values}


def _tuning(trials: Sequence[Trial], metric: str) -> dict[str, float]:
    """Return the mean gain on test rows and the mean seconds of a search; empty without one."""
    tuned = [(trial.scores[metric], trial.tuning) for trial in trials if trial.tuning]
    gains = [
        get_metric(metric).sign * (score - tuning.default_scores.get(metric, nan))
        for score, tuning in tuned
    ]
    known = {
        "tuning_gain": [gain for gain in gains if not isnan(gain)],
        "search_seconds": [tuning.seconds for _, tuning in tuned],
    }
    return {name: mean(values) for name, values in known.items() if values}


def logged_points(client: Any, run_id: str) -> Points:
    """Return the metrics that a run has at each step."""
    return {
        (key, point.step): point.value
        for key in client.get_run(run_id).data.metrics
        for point in client.get_metric_history(run_id, key)
    }
