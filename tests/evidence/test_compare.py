"""Studies in, the verdict out: its sentence, its honesty, and what must not be compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dlrun.catalog.notes import CONSTANT_COLUMNS, LEAK
from dlrun.contract.study import DataSummary, KeptModel
from dlrun.contract.trial import Cost
from dlrun.errors import ComparisonError, UsageError
from dlrun.evidence.compare import compare

LEADS = np.array([0.069, 0.074, 0.071, 0.067, 0.074])


@pytest.fixture
def duel(Made, make_study):
    """Make a study of mlp against linear whose fold differences are these."""

    def make(leads, base=0.7, **changes):
        cheap, dear = Cost(2.0, latency_ms_batch1=1.0), Cost(8.0, latency_ms_batch1=20.0)
        return make_study(
            Made("mlp", "deep", tuple(base + np.asarray(leads)), cost=dear),
            Made("linear", "classic", (base,) * len(leads), cost=cheap),
            **changes,
        )

    return make


def spread(mean, sd, n=5):
    raw = np.arange(n, dtype=float)
    return mean + sd * (raw - raw.mean()) / raw.std(ddof=1)


# ------------------------------------------------------------------------------ the sentence


def test_the_winner_is_named_with_its_lead_and_its_price(flights):
    found = compare([flights])
    assert found.verdict.kind == "classic"
    assert found.verdict.sentence == (
        "Classic ML: hist_gradient_boosting beats mlp by 0.071 ROC AUC [0.065, 0.077] "
        "over 5 paired folds, at 0.4× the CPU training time and 1/9 of the latency."
    )
    assert found.verdict.probabilities.classic > 0.99
    assert found.verdict.difference.mean == pytest.approx(-0.071)
    assert (found.best_deep, found.best_classic) == ("mlp", "hist_gradient_boosting")
    assert found.notes == ()


def test_deep_can_win_too(duel):
    assert compare([duel(LEADS)]).verdict.sentence == (
        "Deep learning: mlp beats linear by 0.071 ROC AUC [0.065, 0.077] over 5 paired folds, "
        "at 4.0× the training time and 20× the latency."
    )


def test_equivalent_candidates_are_weighed_by_their_price(duel):
    found = compare([duel(spread(0.001, 0.0003))])
    assert found.verdict.kind == "equivalent"
    assert found.verdict.sentence == (
        "Equivalent: mlp and linear differ by 0.0010 ROC AUC [0.0004, 0.0016] over 5 paired "
        "folds: take the cheaper, linear, at 1/4 of the training time and 1/20 of the latency."
    )


def test_the_candidate_to_use_is_that_of_the_verdict(flights, duel):
    assert compare([flights]).to_use == "hist_gradient_boosting"
    assert compare([duel(LEADS)]).to_use == "mlp"
    assert compare([duel(spread(0.001, 0.0003))]).to_use == "linear"  # the cheaper


def test_where_the_verdict_leaves_it_open_the_best_on_validation_is_used(Made, make_study):
    """By no test score; what failed on a split, a blend and the dummy come last."""
    study = make_study(
        Made("mlp", "deep", (0.9,) * 2, validation=0.6),
        Made("linear", "classic", (0.7,) * 2, validation=0.7),
        Made("svm", "classic", (0.7,) * 2, validation=0.8, errors={1: "no"}),
        Made("dummy", "classic", (0.5,) * 2, validation=0.9),
        Made("blend", "both", (0.9,) * 2, validation=0.95),
    )
    found = compare([study])
    undecided = replace(found, verdict=replace(found.verdict, kind="undecided", advised=None))
    assert undecided.to_use == "linear"
    alone = compare([make_study(Made("dummy", "classic", (0.5,) * 2))])
    assert (alone.verdict.kind, alone.to_use) == ("none", "dummy")
    failed = make_study(Made("mlp", "deep", (0.5,), errors={0: "no"}))
    assert compare([failed]).to_use is None


def test_the_models_that_are_kept_are_named(flights):
    kept = replace(flights, kept=KeptModel("mlp", "all 9 rows"))
    assert compare([kept]).kept == ("mlp, trained on all 9 rows",)
    other = replace(flights, id="other", name="other")
    assert compare([kept, other]).kept == (f"{flights.name}: mlp, trained on all 9 rows",)


def test_without_costs_equivalent_candidates_are_equal(Made, make_study):
    study = make_study(
        Made("mlp", "deep", (0.7,) * 5, cost=Cost()),
        Made("svm", "classic", (0.7,) * 5, cost=Cost()),
        rope=0.01,
    )
    assert compare([study]).verdict.sentence == (
        "Equivalent: mlp and svm differ by 0.0000 ROC AUC [-0.0011, 0.0011] over 5 paired folds: "
        "take either."
    )


def test_a_few_rows_without_a_difference_do_not_prove_that_there_is_none(Made, make_study):
    one = np.linspace(0.0, 0.4, 60) + np.arange(60) % 2 * 0.5  # both order all rows rightly
    scores = {"metrics": ("roc_auc",), "n_test_rows": 60}
    study = make_study(
        Made("cnn", "deep", (1.0,), late=(one,)),
        Made("svm", "classic", (1.0,), late=(one**2,)),
        **scores,
    )
    found = compare([study])
    assert found.verdict.sentence == (
        "Undecided: cnn and svm differ by 0.000 ROC AUC [-0.018, 0.018] on 60 test rows; about 160 "
        "more test rows would settle it, if both predict them alike. "
        "It speaks of these fitted models, not of training again."
    )
    assert found.verdict.probabilities.equivalent == pytest.approx(0.75, abs=0.05)


def test_an_open_verdict_counts_the_folds_that_would_settle_it(duel):
    found = compare([duel(spread(0.0098, 0.0057))])
    assert found.verdict.kind == "undecided"
    assert found.verdict.sentence == (
        "Undecided: mlp is ahead of linear by 0.010 ROC AUC [-0.001, 0.020] over 5 paired folds; "
        "about 3 more folds would settle it, with a chance of 80 %."
    )
    assert (found.verdict.more_folds, found.verdict.more_rows) == (3, None)


def test_an_open_verdict_that_folds_cannot_settle_counts_rows(duel):
    found = compare([duel(spread(-0.01, 0.01))])
    assert found.verdict.sentence == (
        "Undecided: linear is ahead of mlp by 0.010 ROC AUC [-0.009, 0.029] over 5 paired folds; "
        "no number of folds would settle it, since they share their training rows; about 31,000 "
        "more rows of data would, with a chance of 80 %."
    )
    assert (found.verdict.more_folds, found.verdict.more_rows) == (None, 31000)


def test_an_open_verdict_may_be_out_of_reach(duel):
    found = compare([duel(spread(0.005, 0.1))])
    assert found.verdict.sentence == (
        "Undecided: mlp is ahead of linear by 0.01 ROC AUC [-0.18, 0.19] over 5 paired folds; "
        "even 100 times as many rows of data would not settle it."
    )


def test_a_large_metric_has_no_decimals_and_lower_is_better(duel):
    found = compare(
        [duel(-LEADS * 1000, base=1500.0, metrics=("rmse",), task="regression", rope=5)]
    )
    assert found.verdict.sentence == (
        "Deep learning: mlp beats linear by 71 RMSE [65, 77] over 5 paired folds, "
        "at 4.0× the training time and 20× the latency."
    )
    assert [row.name for row in found.rows] == ["mlp", "linear"]
    assert found.rows[0].difference.mean == pytest.approx(71)
    assert found.lower_is_better


# --------------------------------------------------------------------------- how it is known


@pytest.fixture
def simulate(duel):
    """Judge studies of ten folds whose scores vary, with the correlation shared rows bring."""
    random = np.random.default_rng(11)
    study = duel(np.zeros(10))

    def scores(mean, sd):
        common, own = random.normal(0, np.sqrt(0.1)), random.normal(0, np.sqrt(0.9), 10)
        return mean + sd * (common + own)

    def kinds(n_studies, lead, sd):
        for _ in range(n_studies):
            both = np.concatenate([scores(0.8 + lead, sd), scores(0.8, sd)])
            drawn = replace(study, trials=study.trials.assign(roc_auc=both))
            yield compare([drawn]).verdict.kind

    return kinds


@pytest.mark.slow
def test_without_a_difference_a_side_wins_in_at_most_one_study_of_twenty(simulate):
    kinds = list(simulate(60, lead=0.0, sd=0.008))
    assert sum(kind in ("deep", "classic") for kind in kinds) <= 6  # 3, and two deviations more


@pytest.mark.slow
def test_a_difference_of_three_ropes_is_seen_in_four_studies_of_five(simulate):
    kinds = list(simulate(25, lead=3 * 0.005, sd=0.004))
    assert kinds.count("deep") >= 20
    assert kinds.count("classic") == 0


def test_the_best_of_a_side_is_chosen_on_validation(Made, make_study):
    study = make_study(
        Made("mlp", "deep", (0.7, 0.71, 0.72), validation=0.72),
        Made("lucky", "classic", (0.8, 0.81, 0.82), validation=0.6),
        Made("solid", "classic", (0.7, 0.71, 0.73), validation=0.7),
        Made("dummy", "classic", (0.5, 0.5, 0.5), validation=0.9),
    )
    found = compare([study])
    assert found.best_classic == "solid"
    assert [row.name for row in found.rows] == ["lucky", "solid", "mlp", "dummy"]
    assert [note.text for note in found.notes] == [
        "lucky has the better mean test score, but solid was better on validation and "
        "represents its side: choosing by test score would be biased.",
    ]


def test_a_choice_that_varies_is_told_from_the_candidate_that_it_is_named_after(Made, make_study):
    study = make_study(
        Made("mlp", "deep", (0.7, 0.71, 0.72)),
        Made("a", "classic", (0.80, 0.80, 0.80), validation=(0.8, 0.8, 0.6)),
        Made("b", "classic", (0.70, 0.70, 0.70), validation=(0.7, 0.7, 0.7)),
    )
    assert compare([study]).notes[-1].text == (
        "a has the better mean test score, but the choices on validation represent its side: "
        "choosing by test score would be biased."
    )


def test_a_lower_validation_loss_is_the_better_one(Made, make_study):
    study = make_study(
        Made("mlp", "deep", (0.3, 0.3, 0.3)),
        Made("a", "classic", (0.2, 0.2, 0.2), validation=0.2),
        Made("b", "classic", (0.1, 0.1, 0.1), validation=0.3),
        metrics=("log_loss",),
    )
    assert compare([study]).best_classic == "a"


def test_without_validation_scores_the_test_scores_still_have_no_say(Made, make_study):
    study = make_study(
        Made("mlp", "deep", (0.7, 0.71, 0.72)),
        Made("first", "classic", (0.7, 0.71, 0.73), validation=float("nan")),
        Made("second", "classic", (0.8, 0.81, 0.82), validation=float("nan")),
    )
    found = compare([study])
    assert found.best_classic == "first"
    assert [note.text for note in found.notes] == [
        "No classic candidate has a validation score, so first, the first listed, represents "
        "its side.",
    ]


def test_p_values_are_adjusted_for_the_pairs_but_the_two_best_are_one(flights):
    rows = {row.name: row for row in compare([flights]).rows}
    best = rows["mlp"].difference.p_value
    assert best == rows["hist_gradient_boosting"].difference.p_value
    assert (
        best > compare([_only(flights, "mlp", "hist_gradient_boosting")]).rows[0].difference.p_value
    )


def _only(study, *names):
    return replace(study, trials=study.trials[study.trials["candidate"].isin(names)])


# ------------------------------------------------------------------------------- test rows


def one_test_set(Made, make_study, n_rows, *, metric="roc_auc", n_seeds=1, right=(0.9, 0.7)):
    """Make a study whose splits all test the same rows; `right` is each side's accuracy."""
    random = np.random.default_rng(3)
    y = np.arange(n_rows) % 2

    def late(accuracy):
        is_right = random.random(n_rows) < accuracy
        return np.where(is_right == (y == 1), 0.7, 0.2) + random.uniform(0, 0.1, n_rows)

    def made(name, family, accuracy):
        answers = tuple(late(accuracy) for _ in range(n_seeds))
        scores = tuple(float(np.mean((each > 0.5) == y)) for each in answers)
        return Made(name, family, scores, late=answers)

    return make_study(
        made("mlp", "deep", right[0]),
        made("linear", "classic", right[1]),
        metrics=(metric,),
        n_rows=5 * n_rows,
    )


def test_one_test_set_speaks_of_its_fitted_models_alone(Made, make_study):
    found = compare([one_test_set(Made, make_study, 1000, metric="accuracy")])
    assert found.verdict.sentence == (
        "Deep learning: mlp beats linear by 0.22 accuracy [0.18, 0.25] on 1,000 test rows, "
        "at the same training time and the same latency. "
        "It speaks of these fitted models, not of training again."
    )
    assert found.verdict.difference.basis == "rows"
    assert np.isnan(found.rows[0].sd)


def test_one_small_test_set_says_how_many_rows_it_lacks(Made, make_study):
    found = compare([one_test_set(Made, make_study, 60, metric="accuracy", right=(0.85, 0.8))])
    assert found.verdict.kind == "undecided"
    assert found.verdict.more_folds is None
    assert found.verdict.sentence == (
        "Undecided: mlp is ahead of linear by 0.08 accuracy [-0.03, 0.20] on 60 test rows; about "
        "550 more test rows would settle it, with a chance of 80 %. "
        "It speaks of these fitted models, not of training again."
    )


def test_two_folds_are_not_enough_for_a_t_test(Made, make_study):
    study = make_study(
        Made("mlp", "deep", (0.5, 0.5)), Made("linear", "classic", (0.5, 0.5)), rope=0.01
    )
    found = compare([study])
    assert found.verdict.difference.basis == "rows"
    assert found.verdict.difference.n == 1000
    assert found.verdict.kind == "equivalent"


def test_seeds_on_the_same_test_rows_are_one_result(Made, make_study):
    found = compare([one_test_set(Made, make_study, 400, metric="accuracy", n_seeds=5)])
    assert found.n_splits == 5
    assert (found.verdict.difference.basis, found.verdict.difference.n) == ("rows", 400)


def test_repeats_of_the_same_folds_count_once(Made, make_study):
    """Six splits in time order, of which every second one tests the same rows anew."""
    answers = [np.full(100, 0.5)] * 6
    deep = Made("mlp", "deep", (0.8, 0.9, 0.8, 0.7, 0.8, 0.8), late=tuple(answers))
    classic = Made("linear", "classic", (0.5,) * 6, late=tuple(answers))
    study = make_study(deep, classic)
    frame = study.read_predictions("mlp")
    frame["row_id"] += 100 * (frame["fold"] // 2)
    found = compare([replace(study, predictions={"mlp": frame, "linear": frame})])
    assert (found.verdict.difference.basis, found.verdict.difference.n) == ("folds", 3)
    assert found.verdict.difference.mean == pytest.approx(0.3)


def test_accuracy_on_one_test_set_uses_mcnemars_test(Made, make_study):
    study = one_test_set(Made, make_study, 200, metric="accuracy", right=(0.85, 0.8))
    y = np.arange(200) % 2
    first, second = (
        (study.read_predictions(name)["prediction"].to_numpy() == y) for name in ("mlp", "linear")
    )
    from scipy.stats import binomtest

    n_first, n_second = int((first & ~second).sum()), int((second & ~first).sum())
    expected = binomtest(n_first, n_first + n_second).pvalue
    assert compare([study]).verdict.difference.p_value == pytest.approx(expected)


def test_regression_on_one_test_set(make_study, Made):
    y = np.linspace(1000, 9000, 500)
    frames = {
        name: pd.DataFrame(
            {
                "row_id": np.arange(500),
                "repeat": 0,
                "fold": 0,
                "truth": y,
                "prediction": y + np.random.default_rng(1).normal(0, error, 500),
            }
        )
        for name, error in (("mlp", 100), ("linear", 200))
    }
    study = make_study(
        Made("mlp", "deep", (97.6,)),
        Made("linear", "classic", (195.2,)),
        task="regression",
        labels=(),
        metrics=("rmse",),
        rope=None,
        predictions=frames,
    )
    found = compare([study])
    assert found.verdict.kind == "deep"
    assert found.rope == pytest.approx(0.976)  # 1 % of the better score
    assert 80 < found.verdict.difference.low < 97.6 < found.verdict.difference.high < 115


# ------------------------------------------------------------------ studies with little in them


def test_one_side_alone_has_a_best_but_no_verdict(flights):
    found = compare([_only(flights, "linear", "hist_gradient_boosting", "dummy")])
    assert found.verdict.kind == "none"
    assert found.verdict.sentence == (
        "No verdict: there is no deep candidate, and deep against classic needs one of each. "
        "The best classic candidate is hist_gradient_boosting, ahead of linear by 0.100 ROC AUC "
        "[0.096, 0.104] over 5 paired folds."
    )
    assert found.rows[1].difference.against == "hist_gradient_boosting"
    assert found.rows[0].difference is None


def test_one_candidate_alone(flights):
    assert compare([_only(flights, "mlp")]).verdict.sentence == (
        "No verdict: there is no classic candidate, and deep against classic needs one of each. "
        "The best deep candidate is mlp."
    )


def test_dummy_is_a_rival_only_where_it_is_alone(flights):
    found = compare([_only(flights, "mlp", "dummy")])
    assert found.verdict.kind == "deep"
    assert [note.text for note in found.notes] == [
        "dummy ignores the columns; there is no other classic candidate."
    ]


def test_a_candidate_below_the_last_value_is_noted(Made, make_study):
    study = make_study(
        Made("mlp", "deep", (0.6, 0.61, 0.6)),
        Made("linear", "classic", (0.8, 0.81, 0.8)),
        Made("naive", "classic", (0.7, 0.7, 0.71)),
    )
    assert "mlp is no better than naive, which predicts an earlier value." in [
        note.text for note in compare([study]).notes
    ]


def test_naive_candidates_are_known_where_studies_are_joined(Made, make_study):
    made = Made("mlp", "deep", (0.6, 0.61, 0.6)), Made("naive", "classic", (0.7, 0.7, 0.71))
    one, other = make_study(*made), make_study(*made, id="77aa00bb11cc", name="brave-fox-1")
    notes = [note.text for note in compare([one, other]).notes]
    assert any(" is no better than " in text and "/naive, which predicts" in text for text in notes)


def test_a_candidate_below_dummy_is_noted(Made, make_study):
    study = make_study(
        Made("mlp", "deep", (0.48, 0.5, 0.49)),
        Made("linear", "classic", (0.6, 0.61, 0.6)),
        Made("dummy", "classic", (0.5, 0.5, 0.5)),
    )
    assert [note.text for note in compare([study]).notes] == [
        "mlp is no better than dummy, which ignores the columns."
    ]


def test_a_failed_candidate_is_listed_last_with_its_reason(Made, make_study):
    study = make_study(
        Made("mlp", "deep", (0.7,) * 3, errors=dict.fromkeys(range(3), "\nMemoryError: 12 GB\nx")),
        Made("linear", "classic", (0.6, 0.61, 0.6)),
    )
    found = compare([study])
    assert [row.name for row in found.rows] == ["linear", "mlp"]
    assert found.verdict.sentence == (
        "No verdict: every deep candidate failed, and deep against classic needs one of each. "
        "The best classic candidate is linear."
    )
    assert [note.text for note in found.notes] == [
        "mlp failed on 3 of 3 splits: MemoryError: 12 GB"
    ]


def test_a_candidate_that_failed_in_part_stands_behind_those_that_did_not(Made, make_study):
    study = make_study(
        Made("mlp", "deep", (0.7, 0.71, 0.7)),
        Made("svm", "classic", (0.8, 0.8, 0.8), validation=0.9, errors={1: "ValueError: no"}),
        Made("linear", "classic", (0.6, 0.61, 0.6), validation=0.6),
    )
    found = compare([study])
    assert found.best_classic == "linear"
    assert (found.rows[0].name, found.rows[0].n, found.rows[0].n_failed) == ("svm", 2, 1)


def test_nothing_finished(Made, make_study):
    errors = dict.fromkeys(range(3), "ValueError: no")
    study = make_study(
        Made("mlp", "deep", (0.7,) * 3, errors=errors),
        Made("linear", "classic", (0.7,) * 3, errors=errors),
    )
    assert compare([study]).verdict.sentence == "No verdict: every candidate failed."
    empty = replace(study, trials=study.trials.iloc[:0], status="KILLED")
    assert compare([empty]).verdict.sentence == "No verdict: no candidate has finished a split."
    assert [note.text for note in compare([empty]).notes] == [
        "Study calm-owl-7 was stopped early: candidates or splits may be missing.",
    ]


def test_sides_that_never_met(Made, make_study):
    study = make_study(
        Made("mlp", "deep", (0.7,) * 2, errors={0: "x"}),
        Made("linear", "classic", (0.7,) * 2, errors={1: "x"}),
    )
    assert compare([study]).verdict.sentence == (
        "No verdict: mlp and linear did not finish on any split together."
    )


# --------------------------------------------------------------------------- several studies


def test_studies_of_the_same_splits_are_joined(duel, Made, make_study):
    other = make_study(
        Made("mlp", "deep", (0.9, 0.91, 0.9, 0.89, 0.9), validation=0.9),
        Made("svm", "classic", (0.6,) * 5),
        id="77aa00bb11cc",
        name="brave-fox-1",
    )
    found = compare([duel(LEADS), other])
    assert {row.name for row in found.rows} == {
        "calm-owl-7/mlp",
        "brave-fox-1/mlp",
        "linear",
        "svm",
    }
    assert found.best_deep == "brave-fox-1/mlp"
    assert found.studies == {"3f2a90c1d4e5": "calm-owl-7", "77aa00bb11cc": "brave-fox-1"}


def test_equal_names_of_studies_are_distinguished_by_id(duel):
    found = compare([duel(LEADS), duel(LEADS, id="77aa00bb11cc")])
    assert {row.name for row in found.rows if row.family == "deep"} == {
        "calm-owl-7/3f2a90c1/mlp",
        "calm-owl-7/77aa00bb/mlp",
    }


def test_studies_of_other_splits_are_refused(duel):
    studies = [
        duel(LEADS),
        duel(LEADS, id="77aa00bb11cc", name="brave-fox-1", split_digest="b" * 36),
        duel(LEADS, id="88bb00bb11cc", name="shy-elk-2"),
    ]
    with pytest.raises(ComparisonError) as caught:
        compare(studies)
    assert str(caught.value) == (
        "These studies cannot be compared: they did not train and test on the same rows.\n"
        f"  calm-owl-7 (3f2a90c1): split fingerprint {'a' * 36}\n"
        f"  brave-fox-1 (77aa00bb): split fingerprint {'b' * 36}\n"
        f"  shy-elk-2 (88bb00bb): split fingerprint {'a' * 36}\n"
        "Train them again with the same data, seed, data.split, evaluation.folds and "
        "evaluation.repeats.\n"
        "Or compare those that belong together: dlrun compare 3f2a90c1d4e5 88bb00bb11cc"
    )


def test_studies_of_another_target_are_refused(duel):
    other = duel(LEADS, id="77aa00bb11cc", labels=("late", "on time"))
    with pytest.raises(ComparisonError) as caught:
        compare([duel(LEADS), other])
    assert str(caught.value) == (
        "These studies cannot be compared: they do not predict the same target.\n"
        "  calm-owl-7 (3f2a90c1): classification, on time, late\n"
        "  calm-owl-7 (77aa00bb): classification, late, on time"
    )


def test_studies_of_other_truths_are_refused(Made, make_study):
    study = one_test_set(Made, make_study, 60)
    frame = study.read_predictions("mlp")
    other = replace(
        study,
        id="77aa00bb11cc",
        name="brave-fox-1",
        data_digest="e" * 36,
        predictions=dict.fromkeys(study.predictions, frame.assign(truth=1 - frame["truth"])),
    )
    with pytest.raises(ComparisonError) as caught:
        compare([study, other])
    assert str(caught.value) == (
        "calm-owl-7/mlp and brave-fox-1/mlp cannot be compared: their test rows hold different "
        "truths. Train them again on the same data."
    )


def test_other_data_on_the_same_splits_is_noted(duel):
    other = duel(LEADS, id="77aa00bb11cc", name="brave-fox-1", data_digest="e" * 36)
    assert [note.text for note in compare([duel(LEADS), other]).notes] == [
        "The studies' data differ (fingerprints); their splits agree, so that each candidate saw "
        "the same rows, but perhaps other columns.",
    ]


def test_a_metric_that_was_not_measured_is_refused(duel):
    with pytest.raises(ComparisonError) as caught:
        compare([duel(LEADS)], "f1")
    assert str(caught.value) == (
        "f1 was not measured in study calm-owl-7 (3f2a90c1). Measured: roc_auc"
    )


def test_no_study_is_refused():
    with pytest.raises(ComparisonError) as caught:
        compare([])
    assert str(caught.value) == "There is no study to compare. Run: dlrun train RECIPE"


def test_another_metric_has_its_own_rope(duel):
    study = duel(LEADS, metrics=("roc_auc", "accuracy"), rope=0.1)
    assert compare([study]).rope == 0.1
    assert compare([study], "accuracy").rope == 0.01


# ---------------------------------------------------------------------------------- sorting


def test_rows_sort_by_price_and_name_and_lead(flights):
    found = compare([flights])
    by_price = [row.name for row in found.sorted_by("fit_seconds").rows]
    assert by_price == ["dummy", "linear", "hist_gradient_boosting", "mlp", "wide"]
    assert [row.name for row in found.sorted_by("candidate").rows] == sorted(by_price)
    assert [row.family for row in found.sorted_by("family").rows] == ["classic"] * 3 + ["deep"] * 2
    assert found.sorted_by("difference").rows[0].name == "hist_gradient_boosting"


def test_an_unknown_column_names_the_others(flights):
    with pytest.raises(UsageError) as caught:
        compare([flights]).sorted_by("speed")
    assert str(caught.value) == (
        "--sort: 'speed' is not a column. Allowed: candidate, family, difference, roc_auc, "
        "fit_seconds, cpu_seconds, peak_memory_mb, latency_ms_batch1, latency_ms_batch1000, "
        "model_mb, parameters, startup_seconds, gpu_peak_memory_mb, gpu_energy_wh"
    )


def _with_notes(study, *notes, muted=()):
    summary = DataSummary("flights.csv", "late", {}, ((700, 100, 200),), notes)
    return replace(study, data=summary, muted=muted)


def test_what_spoils_the_data_stands_beside_the_verdict(duel):
    leak, constant = LEAK.note("A leak."), CONSTANT_COLUMNS.note("Of no help.")
    assert compare([_with_notes(duel(LEADS), leak, constant)]).notes == (leak,)


def test_a_note_is_muted_where_all_recipes_mute_it(duel):
    leak = LEAK.note("A leak.")
    muting = _with_notes(duel(LEADS), leak, muted=(LEAK.code,))
    other = duel(LEADS, id="77aa00bb11cc", name="brave-fox-1")
    assert compare([muting]).notes == ()
    assert compare([muting, other]).notes == (leak,)


def _trained(study, losses, *, of, best_epoch):
    """Give the network of a study the same epochs on every split."""
    is_deep = study.trials["family"] == "deep"
    trials = study.trials.assign(
        n_epochs=len(losses) * is_deep,
        best_epoch=np.where(is_deep, best_epoch, np.nan),
        max_epochs=of * is_deep,
    )
    epochs = pd.DataFrame({"epoch": np.arange(1, len(losses) + 1), "val/loss": losses})
    folds = [epochs.assign(repeat=0, fold=fold) for fold in range(5)]
    return replace(study, trials=trials, epochs={"mlp": pd.concat(folds, ignore_index=True)})


FALLING = np.linspace(1, 0.1, 20)
TURNING = abs(np.linspace(-1, 0.5, 20))


@pytest.mark.parametrize(
    ("losses", "of", "best_epoch", "is_noted"),
    [
        (FALLING, 20, 20, True),
        (FALLING, 50, 20, False),  # the time was up, or somebody stopped it
        (TURNING, 20, 14, False),
        (TURNING, 20, 20, False),  # early stopping is off: the last epoch is kept
        (np.full(20, np.nan), 20, 20, False),
    ],
)
def test_a_network_that_was_cut_short_is_noted(Made, make_study, losses, of, best_epoch, is_noted):
    study = make_study(
        Made("mlp", "deep", (0.7, 0.71, 0.72, 0.7, 0.7)), Made("linear", "classic", (0.8,) * 5)
    )
    notes = compare([_trained(study, losses, of=of, best_epoch=best_epoch)]).notes
    assert [str(note) for note in notes] == is_noted * [
        "mlp still improved when training.epochs stopped it, on 5 of 5 splits: its score is that "
        "of a training that was cut short. [DLR126]"
    ]


def test_trainings_are_compared_by_cpu_seconds_with_their_spread(duel):
    study = duel(LEADS)
    is_deep = study.trials["family"] == "deep"
    cpu = np.where(is_deep, [1, 1, 2, 4, 4] * 2, 2.0)  # the seconds say 8 against 2
    found = compare([replace(study, trials=study.trials.assign(cpu_seconds=cpu))])
    assert found.verdict.sentence.endswith(
        "at the same CPU training time (0.5 to 2×) and 20× the latency."
    )


def test_a_busy_machine_is_noted(duel):
    study = duel(LEADS)
    notes = compare([replace(study, trials=study.trials.assign(cpu_seconds=2.0))]).notes
    assert [str(note) for note in notes] == [
        "The machine was busy: mlp took more than 1.5 times as long as the processor worked. "
        "Compare CPU seconds, not seconds. [DLR127]"
    ]


def test_who_learned_from_a_sample_of_a_stream_is_noted(duel):
    study = duel(LEADS)
    sampled = np.where(study.trials["family"] == "deep", np.nan, 400)
    notes = compare([replace(study, trials=study.trials.assign(n_sampled=sampled))]).notes
    assert [str(note) for note in notes if note.code == "DLR066"] == [
        "linear learned from a sample of 400 training rows. [DLR066]"
    ]
    assert not [note for note in compare([study]).notes if note.code == "DLR066"]
