from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dlrun.evidence.learning_curve import crossover, learning_curves

LEVELS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
WHOLE = 16_000


def study(laws, n_splits=5, noise=0.0005, metric="rmse"):
    """Measure candidates whose errors follow a known law of their training rows."""
    rng = np.random.default_rng(0)
    measured, trials = [], []
    for (name, family), (asymptote, scale, exponent) in laws.items():
        for step in range(n_splits):
            for level in LEVELS:
                n_train = round(level * WHOLE)
                error = asymptote + scale * n_train**-exponent + rng.normal(0, noise)
                score = error if metric == "rmse" else 1 - error
                if level < 1:
                    row = (name, family, "learning_curve", "", level, step, n_train, score)
                    measured.append(row)
                else:
                    trials.append((name, family, step, score))
    names = ["candidate", "family", "aspect", "name", "level", "step", "n_train", "score"]
    return (
        pd.DataFrame(measured, columns=names),
        pd.DataFrame(trials, columns=["candidate", "family", "step", metric]),
        metric,
    )


NET, TREES = ("net", "deep"), ("trees", "classic")


@pytest.mark.parametrize("metric", ["rmse", "accuracy"])
def test_a_law_is_found_again(metric):
    measured = study({NET: (0.1, 5.0, 0.5), TREES: (0.2, 1.0, 1.0)}, noise=0, metric=metric)
    curves = {curve.candidate: curve for curve in learning_curves(*measured)}
    law = curves["net"].law
    assert (law.asymptote, law.scale, law.exponent) == pytest.approx((0.1, 5.0, 0.5), rel=1e-6)
    assert curves["trees"].family == "classic"
    assert curves["net"].sizes == (1000, 2000, 4000, 8000, 16000)
    assert len(curves["net"].scores) == len(curves["net"].sds) == 5


@pytest.mark.parametrize("metric", ["rmse", "accuracy"])
def test_a_crossover_within_reach_has_an_interval_around_it(metric):
    # 0.1 + 5 n^-.5 meets 0.13 + 2 n^-.5 at n = 10,000.
    measured = study({NET: (0.1, 5.0, 0.5), TREES: (0.13, 2.0, 0.5)}, metric=metric)
    found = crossover("net", "trees", *measured)
    assert found.later == "net"
    assert found.low <= 10_000 <= found.high
    assert found.high / found.low < 2
    assert found.sentence.startswith("net is ahead from about ")


def test_parallel_curves_do_not_cross():
    measured = study({NET: (0.1, 5.0, 0.5), TREES: (0.05, 5.0, 0.5)})
    assert crossover("net", "trees", *measured).sentence == (
        "trees stays ahead: no crossover from 1,000 to 64,000 training rows (4 × the largest size)."
    )


def test_a_crossover_beyond_reach_is_not_claimed():
    # 0.1 + 5 n^-.5 meets 0.11 + n^-.5 at n = 160,000, ten times the rows at hand.
    measured = study({NET: (0.1, 5.0, 0.5), TREES: (0.11, 1.0, 0.5)}, noise=0)
    found = crossover("net", "trees", *measured)
    assert found.n_rows is None
    assert found.sentence.startswith("trees stays ahead: no crossover from")


def test_a_crossover_in_the_noise_is_not_claimed():
    measured = study({NET: (0.1, 2.0, 0.5), TREES: (0.1, 2.0, 0.5)}, noise=0.01)
    found = crossover("net", "trees", *measured)
    assert found.n_rows is None
    assert "uncertain" in found.sentence or "no crossover" in found.sentence


def test_one_split_gives_no_interval():
    measured = study({NET: (0.1, 5.0, 0.5), TREES: (0.13, 2.0, 0.5)}, n_splits=1, noise=0)
    found = crossover("net", "trees", *measured)
    assert found.n_rows is None
    assert found.sentence == (
        "net seems to overtake at about 10,000 training rows; an interval of that needs 3 splits, "
        "and there are 1."
    )


def test_failed_trials_and_missing_curves_are_left_out():
    measured, trials, metric = study({NET: (0.1, 5.0, 0.5), TREES: (0.13, 2.0, 0.5)})
    measured.loc[measured["level"] == LEVELS[0], "score"] = np.nan
    curves = learning_curves(measured, trials, metric)
    assert all(curve.sizes == (2000, 4000, 8000, 16000) for curve in curves)
    assert crossover("net", "trees", measured, trials, metric).later == "net"
    assert crossover("net", "forest", measured, trials, metric) is None
    few = measured[measured["level"] > LEVELS[1]]
    assert crossover("net", "trees", few, trials, metric).sentence == (
        "Too few sizes were measured for a learning curve: 3."
    )
