"""The numbers of a run: a candidate's means over splits, and what a reopened run has already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from math import isnan
from statistics import mean, stdev
from typing import Any

from dlrun.contract.trial import Cost, Trial

Points = dict[tuple[str, int], float]  # metric and step → value


def summarize(trials: Sequence[Trial]) -> dict[str, float]:
    """Return means and standard deviations of the finite test scores, and the mean costs."""
    scores = dict(_scores(trials))
    means = {f"test/{name}": mean(values) for name, values in scores.items() if values}
    spreads = {f"test_std/{name}": stdev(each) for name, each in scores.items() if len(each) > 1}
    return means | spreads | _mean_costs(trials)


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


def logged_points(client: Any, run_id: str) -> Points:
    """Return the metrics that a run has at each step."""
    return {
        (key, point.step): point.value
        for key in client.get_run(run_id).data.metrics
        for point in client.get_metric_history(run_id, key)
    }
