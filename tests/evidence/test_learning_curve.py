from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dlrun.evidence import learning_curve
from dlrun.evidence.learning_curve import crossover, find_crossover, learning_curves

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


def cross(measured, trials, metric, rope=0.001, names=("net", "trees")):
    """Find the crossover of a study whose test parts have a quarter of the training rows."""
    made = SimpleNamespace(metrics=(metric,), rope=rope, n_test_rows=WHOLE // 4, trials=trials)
    return crossover(*names, made, measured)


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
    found = cross(*measured)
    assert found.later == "net"
    assert found.low <= 10_000 <= found.high
    assert found.high / found.low < 3
    assert found.sentence.startswith("net is ahead from about ")


def test_parallel_curves_do_not_cross():
    measured = study({NET: (0.1, 5.0, 0.5), TREES: (0.05, 5.0, 0.5)})
    assert cross(*measured).sentence == (
        "trees stays ahead: no crossover from 1,000 to 64,000 training rows (4 × the largest size)."
    )


def test_a_crossover_beyond_reach_is_not_claimed():
    # 0.1 + 5 n^-.5 meets 0.11 + n^-.5 at n = 160,000, ten times the rows at hand.
    measured = study({NET: (0.1, 5.0, 0.5), TREES: (0.11, 1.0, 0.5)}, noise=1e-6)
    found = cross(*measured)
    assert found.n_rows is None
    assert found.sentence.startswith("trees stays ahead: no crossover from")


def test_a_lead_whose_end_is_open_is_claimed_where_it_was_measured():
    # They meet at n = 50,000, beyond the rows at hand but within four times as many.
    measured = study({NET: (0.1, 5.0, 0.5), TREES: (0.1133, 2.0, 0.5)}, noise=0.003)
    found = cross(*measured)
    assert found.n_rows is None
    assert found.sentence == (
        "trees is ahead from 1,000 to 16,000 training rows; whether another overtakes with more "
        "is uncertain."
    )


def test_curves_within_the_noise_are_level():
    measured = study({NET: (0.1, 2.0, 0.5), TREES: (0.1, 2.01, 0.5)}, noise=0.01)
    assert cross(*measured).sentence == (
        "Neither a crossover nor a lasting lead of more than 0.001 is certain from 1,000 to 16,000 "
        "training rows."
    )


def test_a_crossover_is_claimed_with_leads_beyond_the_rope_alone():
    measured = study({NET: (0.1, 5.0, 0.5), TREES: (0.13, 2.0, 0.5)})
    assert cross(*measured).n_rows is not None
    assert cross(*measured, rope=0.0175).sentence == (
        "The crossover is uncertain: net seems to overtake at about 9,800 training rows, but only "
        "79 % of the samples have a lead beyond 0.018 on both sides of it."
    )
    assert cross(*measured, rope=0.05).sentence.startswith("Neither a crossover nor")


@pytest.mark.parametrize(
    ("trees", "result"),
    [
        ((0.13, 2.0, 0.5), "net seems to overtake at about 10,000 training rows"),
        (
            (0.2, 5.0, 0.5),
            "net seems to stay ahead: no crossover from 1,000 to 64,000 training rows (4 × the "
            "largest size)",
        ),
    ],
)
def test_one_split_gives_no_certainty(trees, result):
    measured = study({NET: (0.1, 5.0, 0.5), TREES: trees}, n_splits=1, noise=0)
    found = cross(*measured)
    assert found.n_rows is None
    assert found.sentence == f"{result}; how certain that is takes 3 splits, and there are 1."


# ---------------------------------------------------------------------------------- simulations


SIZES = np.array([1000.0, 2000.0, 4000.0, 8000.0, 16000.0])


def claims(second, n_studies, sd, seed=0, share=0.2):
    """Simulate studies of 5 folds of 0.1 + 5 n^-.5 against another law, and return the results.

    The noise of all sizes of a fold is correlated, and a share of its variance is that of all
    folds; half of it is common to both candidates, as they are tested on the same rows.
    """
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(0.5 ** abs(np.subtract.outer(range(5), range(5))))
    spread = sd * (SIZES / SIZES[-1])[:, None] ** -0.2

    def noise():
        common, own = root @ rng.normal(size=(5, 1)), root @ rng.normal(size=(5, 5))
        return spread * (share**0.5 * common + (1 - share) ** 0.5 * own)

    def study_of(law):
        asymptote, scale, exponent = law
        return (asymptote + scale * SIZES**-exponent)[:, None] + noise()

    found = []
    for _ in range(n_studies):
        rows = noise()
        errors = [study_of(law) + rows for law in ((0.1, 5.0, 0.5), second)]
        found.append(
            find_crossover(("first", "second"), SIZES, *errors, rope=0.005, test_share=0.2)
        )
    return found


@pytest.fixture
def fewer_samples(monkeypatch):
    monkeypatch.setattr(learning_curve, "N_SAMPLES", 200)


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_samples")
@pytest.mark.parametrize("sd", [0.005, 0.02])
def test_between_equal_curves_no_more_than_one_study_in_twenty_claims_anything(sd):
    found = claims((0.1, 5.0, 0.5), 60, sd)
    assert sum(each.n_rows is not None for each in found) <= 3
    assert sum("ahead" in each.sentence for each in found if each.n_rows is None) <= 3


@pytest.mark.slow
@pytest.mark.usefixtures("fewer_samples")
@pytest.mark.parametrize(("at", "least"), [(4000, 0.9), (10_000, 0.3)])
def test_nine_intervals_in_ten_cover_the_crossover(at, least):
    found = [
        each for each in claims((0.1 + 3 / at**0.5, 2.0, 0.5), 60, 0.005) if each.n_rows is not None
    ]
    assert len(found) >= least * 60
    assert {each.later for each in found} == {"first"}
    assert np.mean([each.low <= at <= each.high for each in found]) >= 0.9


def test_failed_trials_and_missing_curves_are_left_out():
    measured, trials, metric = study({NET: (0.1, 5.0, 0.5), TREES: (0.13, 2.0, 0.5)})
    measured.loc[measured["level"] == LEVELS[0], "score"] = np.nan
    curves = learning_curves(measured, trials, metric)
    assert all(curve.sizes == (2000, 4000, 8000, 16000) for curve in curves)
    assert cross(measured, trials, metric).later == "net"
    assert cross(measured, trials, metric, names=("net", "forest")) is None
    few = measured[measured["level"] > LEVELS[1]]
    assert cross(few, trials, metric).sentence == (
        "Too few sizes were measured for a learning curve: 3."
    )
