"""What tuning gained and cost, the course of searches, and which settings mattered."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isnan, nan

import numpy as np
import pandas as pd
import pytest
from searched import tune

from dlrun.contract.search import SearchBudget
from dlrun.evidence.compare import compare
from dlrun.evidence.questions import AspectContext, _tuning
from dlrun.evidence.statistics import posterior
from dlrun.evidence.tuning import search_courses, settings_importance

GAINS = {"hist_gradient_boosting": (0.01, 0.02, 0.0, -0.01, 0.03), "mlp": 0.05, "wide": 0.0}
LINEAR = {"linear": 0.0}


@pytest.fixture
def tuned(flights):
    return tune(flights, GAINS | LINEAR)


def _rows(comparison):
    return {row.name: row for row in comparison.rows}


def test_the_gain_is_the_paired_difference_with_its_corrected_interval(tuned) -> None:
    comparison = compare([tuned])
    found = _rows(comparison)["hist_gradient_boosting"].tuning
    gains = np.array(GAINS["hist_gradient_boosting"])
    expected = posterior(gains, comparison.test_share).interval()

    assert found.gain.mean == pytest.approx(0.01)
    assert (found.gain.low, found.gain.high) == pytest.approx((expected.low, expected.high))
    assert found.gain.high - found.gain.low > 2 * 2.776 * gains.std(ddof=1) / 5**0.5  # corrected
    assert found.tuned == pytest.approx(0.7998)
    assert found.default == pytest.approx(0.7898)
    assert found.n_trials == 12
    assert found.cpu_seconds == pytest.approx(2 * found.seconds)
    assert _rows(comparison)["wide"].tuning.gain.low == 0.0


def test_the_floor_is_not_tuned(tuned) -> None:
    assert _rows(compare([tuned]))["dummy"].tuning is None


def test_a_lower_error_is_a_gain(flights) -> None:
    errors = flights.trials.assign(log_loss=0.5, val_log_loss=0.5)
    study = replace(flights, metrics=("roc_auc", "log_loss"), trials=errors)
    study = tune(study, {"mlp": -0.1, "linear": 0.1})
    found = _rows(compare([study], "log_loss"))
    assert found["mlp"].tuning.gain.mean == pytest.approx(0.1)
    assert found["linear"].tuning.gain.mean == pytest.approx(-0.1)


def test_a_default_that_failed_on_a_split_is_left_out(tuned) -> None:
    is_lost = (tuned.trials["candidate"] == "hist_gradient_boosting") & (tuned.trials["step"] == 4)
    tuned.trials.loc[is_lost, "default_roc_auc"] = nan
    found = _rows(compare([tuned]))["hist_gradient_boosting"].tuning
    assert found.gain.mean == pytest.approx(0.005)
    assert found.tuned - found.default == pytest.approx(found.gain.mean)

    is_gone = tuned.trials["candidate"] == "hist_gradient_boosting"
    tuned.trials.loc[is_gone, "default_roc_auc"] = nan
    found = _rows(compare([tuned]))["hist_gradient_boosting"].tuning
    assert isnan(found.gain.mean)
    assert isnan(found.default)
    assert found.n_trials == 12


def test_one_test_set_gives_a_gain_without_an_interval(make_study, Made) -> None:
    rows = (np.linspace(0.1, 0.9, 200),)
    study = tune(
        make_study(
            Made("mlp", "deep", (0.7,), late=rows), Made("linear", "classic", (0.6,), late=rows)
        ),
        {"mlp": 0.1, "linear": 0.0},
    )
    found = _rows(compare([study]))["mlp"].tuning
    assert found.gain.mean == pytest.approx(0.1)
    assert isnan(found.gain.low)


# ----------------------------------------------------------------- what the comparison says of it


def test_each_sides_searches_are_summed(tuned) -> None:
    comparison = compare([tuned])
    search = tuned.search.groupby("family")[["seconds", "cpu_seconds"]].sum()
    for family, n_searches in (("deep", 10), ("classic", 10)):
        cost = comparison.search_costs[family]
        assert (cost.n_searches, cost.n_trials) == (n_searches, 12 * n_searches)
        assert cost.seconds == pytest.approx(search["seconds"][family])
        assert cost.cpu_seconds == pytest.approx(search["cpu_seconds"][family])


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (SearchBudget(12), "Each was tuned with 12 trials per split."),
        (SearchBudget(1), "Each was tuned with 1 trial per split."),
        (SearchBudget(None, 60.0), "Each was tuned for 60 s per split."),
        (SearchBudget(12, 0.5), "Each was tuned with at most 12 trials and 0.5 s per split."),
    ],
)
def test_the_verdict_says_the_budget(flights, budget, words) -> None:
    sentence = compare([tune(flights, GAINS, budget=budget)]).verdict.sentence
    assert sentence == f"{compare([flights]).verdict.sentence} {words}"


def test_a_plain_verdict_says_nothing_of_tuning(flights) -> None:
    comparison = compare([flights])
    assert "tuned" not in comparison.verdict.sentence
    assert comparison.search_costs == {}
    assert not _unequal(comparison)


def _unequal(comparison):
    return [note.text for note in comparison.notes if note.code == "DLR101"]


def test_equal_trials_are_equal_budgets_whatever_their_seconds(tuned) -> None:
    assert _unequal(compare([tuned])) == []


def test_a_space_that_ran_out_is_told(flights) -> None:
    study = tune(flights, GAINS, n_trials={"hist_gradient_boosting": 5})
    assert _unequal(compare([study])) == [
        "hist_gradient_boosting tried 5 of 12 settings per split: its space has no more."
    ]


@pytest.mark.parametrize(
    ("n_deep", "seconds", "is_told"),
    [
        (12, 10.0, False),  # as many trials
        (6, 2.05, False),  # as many seconds, with half as many trials
        (6, 10.0, True),
    ],
)
def test_seconds_that_were_not_spent_alike_are_told(flights, n_deep, seconds, is_told) -> None:
    """A search of boosting takes about 12 × 1 s."""
    study = tune(
        flights,
        {"hist_gradient_boosting": 0.0, "mlp": 0.0, "wide": 0.0},
        budget=SearchBudget(None, 12.0),
        n_trials={"mlp": n_deep, "wide": n_deep},
        seconds={"hist_gradient_boosting": 1.0, "mlp": seconds, "wide": seconds},
    )
    told = _unequal(compare([study]))
    assert bool(told) == is_told
    assert not told or told[0].startswith("The budget was not spent alike: a search took ")


def test_a_choice_that_was_not_tuned_is_told(flights) -> None:
    study = tune(flights, {"mlp": 0.0, "wide": 0.0})
    assert _unequal(compare([study])) == [
        "hist_gradient_boosting: without settings to search, and so not tuned as the others."
    ]


def test_a_tuned_study_against_a_plain_one_is_told(tuned, flights) -> None:
    plain = replace(flights, id="4a", name="wet-owl-8")
    comparison = compare([tuned, plain])
    assert _unequal(comparison) == [
        "Not all candidates were tuned alike: calm-owl-7 with 12 trials, wet-owl-8 not at all."
    ]
    assert "tuned" not in comparison.verdict.sentence
    assert comparison.search_costs.keys() == {"deep", "classic"}


def test_the_question_says_what_tuning_gains(tuned, flights) -> None:
    gain, cost = _tuning(AspectContext(tuned, compare([tuned])))
    assert (gain.aspect, gain.measure) == ("tuning", "gain in ROC AUC, default → tuned")
    assert gain.deep == "+0.050 [0.050, 0.050], 0.679 → 0.729"
    assert gain.classic.startswith("+0.010 [-0.0")
    assert cost.deep.endswith(", 12 trials")
    assert _tuning(AspectContext(flights, compare([flights]))) == []


# -------------------------------------------------------------------------------------- the course


def _search(*rows, candidate="mlp", family="deep", step=0):
    """Make a search of (seconds, score) pairs."""
    return pd.DataFrame(
        {
            "candidate": candidate,
            "family": family,
            "step": step,
            "trial": range(1, len(rows) + 1),
            "seconds": [seconds for seconds, _ in rows],
            "score": [score for _, score in rows],
        }
    )


def _points(search, metric="accuracy"):
    return {each.candidate or each.family: each.points for each in search_courses(search, metric)}


def test_the_course_is_the_best_so_far() -> None:
    points = _points(_search((1, 0.5), (2, 0.7), (1, 0.6), (1, 0.8)))
    assert points["mlp"] == ((1, 0.5), (3, 0.7), (4, 0.7), (5, 0.8))
    assert points["deep"] == points["mlp"]


def test_of_an_error_the_lowest_so_far() -> None:
    points = _points(_search((1, 0.5), (2, 0.7), (1, 0.4)), "rmse")
    assert points["mlp"] == ((1, 0.5), (3, 0.5), (4, 0.4))


def test_failed_trials_take_time_and_have_no_score() -> None:
    points = _points(_search((1, nan), (2, 0.7), (nan, nan), (1, 0.8)))
    assert points["mlp"] == ((3, 0.7), (4, 0.8))
    assert _points(_search((1, nan))) == {}


def test_splits_are_averaged_from_where_all_have_a_score() -> None:
    searches = [
        _search((1, 0.4), (2, 0.6)),
        _search((2, 0.5), (4, 0.9), step=1),
    ]
    points = _points(pd.concat(searches))
    np.testing.assert_allclose(points["mlp"], ((2, 0.45), (3, 0.55), (6, 0.75)))


def test_a_side_has_the_best_of_its_candidates_at_every_time() -> None:
    searches = [
        _search((1, 0.4), (2, 0.9)),
        _search((2, 0.5), (2, 0.6), candidate="wide"),
        _search((9, 0.1), candidate="svm", family="classic"),
    ]
    points = _points(pd.concat(searches))
    assert points["deep"] == ((1, 0.4), (2, 0.5), (3, 0.9), (4, 0.9))
    assert points["classic"] == ((9, 0.1),)


def test_the_side_is_made_split_by_split() -> None:
    """On each split another candidate is better, so that the side is better than both."""
    searches = [
        _search((1, 0.4)),
        _search((1, 0.8), step=1),
        _search((1, 0.8), candidate="wide"),
        _search((1, 0.4), candidate="wide", step=1),
    ]
    points = _points(pd.concat(searches))
    np.testing.assert_allclose(points["deep"], ((1, 0.8),))
    np.testing.assert_allclose(points["mlp"], ((1, 0.6),))


# ----------------------------------------------------------------------- which settings mattered


def test_the_setting_that_mattered_comes_first(tuned) -> None:
    of_mlp = tuned.search[tuned.search["candidate"] == "mlp"]
    found = settings_importance(of_mlp, "roc_auc")
    assert next(iter(found)) == "training.learning_rate"
    assert found["training.learning_rate"] > 0.5
    assert sum(found.values()) == pytest.approx(1)
    assert found.keys() == {"training.learning_rate", "model.dropout", "model.hidden"}
    assert [*found.values()] == sorted(found.values(), reverse=True)


def test_a_list_that_mattered_comes_first(tuned) -> None:
    of_mlp = tuned.search[tuned.search["candidate"] == "mlp"].copy()
    is_wide = of_mlp["settings"].map(lambda text: len(json.loads(text)["model.hidden"]) == 2)
    of_mlp["score"] = np.random.default_rng(0).normal(size=len(of_mlp)) + 3 * is_wide
    assert next(iter(settings_importance(of_mlp, "roc_auc"))) == "model.hidden"


def test_an_error_is_better_where_it_is_low(tuned) -> None:
    of_mlp = tuned.search[tuned.search["candidate"] == "mlp"]
    as_error = of_mlp.assign(score=-of_mlp["score"])
    assert settings_importance(as_error, "rmse") == settings_importance(of_mlp, "roc_auc")


def test_a_split_that_is_easier_than_others_counts_no_more(tuned) -> None:
    of_mlp = tuned.search[tuned.search["candidate"] == "mlp"]
    easier = of_mlp.assign(score=of_mlp["score"] + 10 * of_mlp["step"])
    assert settings_importance(easier, "roc_auc") == settings_importance(of_mlp, "roc_auc")


def test_the_default_settings_are_no_evidence(tuned) -> None:
    """They stand in every search, and where they are best, every setting of theirs would be."""
    of_mlp = tuned.search[tuned.search["candidate"] == "mlp"].copy()
    found = settings_importance(of_mlp, "roc_auc")
    is_default = of_mlp["trial"] == 1
    of_mlp.loc[is_default, "score"] = 2.0
    assert settings_importance(of_mlp, "roc_auc") == pytest.approx(found, rel=0.2)


def test_few_trials_have_no_importance(tuned) -> None:
    of_mlp = tuned.search[tuned.search["candidate"] == "mlp"]
    assert settings_importance(of_mlp[of_mlp["step"] < 2], "roc_auc") == {}
    assert settings_importance(of_mlp[:0], "roc_auc") == {}


def test_settings_that_never_vary_have_none(tuned) -> None:
    of_mlp = tuned.search[tuned.search["candidate"] == "mlp"]
    same = of_mlp.assign(settings='{"C": 1.0}')
    assert settings_importance(same, "roc_auc") == {}
