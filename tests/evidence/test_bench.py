from __future__ import annotations

from dataclasses import replace

import baycomp
import numpy as np
import pytest

from dlrun.errors import ComparisonError
from dlrun.evidence.bench import Duel, compare_over
from dlrun.evidence.compare import compare
from dlrun.evidence.statistics import signed_rank_probabilities
from dlrun.study.simulated import simulate_scores

FAMILIES = {
    "mlp": "deep", "tabm": "deep", "linear": "classic", "forest": "classic", "dummy": "classic",
}  # fmt: skip
FOLDS = np.array([0.01, -0.01, 0.005, -0.005, 0.0])


def entry(name, digest="", **means):
    """Return a study whose candidates have these mean scores, with its comparison."""
    scores = {each: mean + FOLDS for each, mean in means.items()}
    study = simulate_scores(scores, FAMILIES)
    study = replace(study, id=name, name=f"{name}-1", recipe=name, data_digest=digest or name)
    return study, compare([study])


def bench_of(n, **means):
    return compare_over([entry(f"set {i}", **means) for i in range(n)])


# ------------------------------------------------------------------------------ the test


@pytest.mark.parametrize(
    ("n", "mean", "sd"), [(10, 0.5, 2), (5, 2, 1), (30, 0.2, 0.5), (14, -3, 3)]
)
def test_signed_rank_probabilities_are_baycomps(n, mean, sd):
    values = np.random.default_rng(n).normal(mean, sd, n)
    ours = signed_rank_probabilities(values)
    theirs = baycomp.SignedRankTest.probs(
        np.zeros(n), values, rope=1, nsamples=20_000, random_state=1
    )
    assert (ours.classic, ours.equivalent, ours.deep) == pytest.approx(theirs, abs=0.02)
    assert ours.deep + ours.equivalent + ours.classic == pytest.approx(1)


def test_a_difference_on_the_edge_of_the_rope_lies_half_within_it():
    # Half of it and the prior's data set without any difference are more than the other half.
    assert signed_rank_probabilities(np.full(40, 1.0)).equivalent == 1
    assert signed_rank_probabilities(np.full(40, 1.001)).deep == 1


def test_signed_rank_probabilities_do_not_depend_on_the_unit_and_turn_with_the_sign():
    values = np.random.default_rng(3).normal(1, 2, 8)
    plain = signed_rank_probabilities(values, 1.0)
    assert signed_rank_probabilities(values / 100, 0.01) == plain
    turned = signed_rank_probabilities(-values, 1.0)
    assert (turned.classic, turned.deep) == (plain.deep, plain.classic)


# ----------------------------------------------------------------------------- over data sets


def test_candidates_are_ranked_over_the_data_sets():
    found = compare_over(
        [
            entry("a", mlp=0.90, linear=0.80, forest=0.85, dummy=0.5),
            entry("b", mlp=0.90, linear=0.70, forest=0.95, dummy=0.5),
            entry("c", mlp=0.90, linear=0.80, forest=0.70, dummy=0.5),
        ]
    )
    assert found.ranking is not None
    assert found.ranking.ranks == pytest.approx({"mlp": 4 / 3, "forest": 2, "linear": 8 / 3})
    assert [each.name for each in found.candidates] == ["mlp", "forest", "linear", "dummy"]
    by_name = {each.name: each for each in found.candidates}
    assert by_name["dummy"].mean_rank is None  # the floor is no rival
    assert by_name["dummy"].normalised == 0
    assert by_name["mlp"].normalised == pytest.approx((1 + 0.4 / 0.45 + 1) / 3)
    duels = {(each.first, each.second): each for each in found.duels}
    assert {*duels} == {("mlp", "forest"), ("mlp", "linear"), ("forest", "linear")}
    mlp = duels["mlp", "forest"]
    assert (mlp.wins, mlp.ties, mlp.losses) == (2, 0, 1)


def test_a_difference_within_the_rope_of_its_data_set_is_a_tie():
    found = compare_over(
        [
            entry("level", mlp=0.904, linear=0.9),  # the ROPE is 0.005
            entry("ahead", mlp=0.906, linear=0.9),
            entry("behind", mlp=0.80, linear=0.9),
        ]
    )
    (duel,) = found.duels
    assert (duel.wins, duel.ties, duel.losses, duel.n) == (1, 1, 1, 3)
    assert found.sides == replace(duel, first="deep learning", second="classic ML")


def test_the_unit_of_each_data_set_is_its_rope():
    study, comparison = entry("a", mlp=0.95, linear=0.9)
    wide = replace(comparison, rope=0.1)
    found = compare_over([(replace(study, recipe=name), wide) for name in "abc"])
    assert found.duels[0].ties == 3
    assert found.duels[0].p_tie == pytest.approx(1, abs=0.05)
    none = compare_over([(replace(study, recipe=name), replace(wide, rope=0.0)) for name in "abc"])
    assert none.duels[0].wins == 3 or none.duels[0].losses == 3


def test_lower_is_better_where_the_metric_says_so():
    study, comparison = entry("a", mlp=0.9, linear=0.8, forest=0.7)
    turned = replace(comparison, metric="rmse")
    found = compare_over([(replace(study, recipe=name), turned) for name in "abc"])
    assert [*found.ranking.ranks] == ["forest", "linear", "mlp"]
    assert found.data_sets[0].normalised == pytest.approx({"mlp": 0, "linear": 0.5, "forest": 1})
    duels = {(each.first, each.second): each.wins for each in found.duels}
    assert duels["forest", "mlp"] == 3


def test_the_worst_stands_in_for_a_dummy_and_nothing_is_below_zero():
    (plain,) = compare_over([entry("a", mlp=0.9, linear=0.7, forest=0.8)]).data_sets
    assert plain.normalised == pytest.approx({"mlp": 1, "linear": 0, "forest": 0.5})
    (floor,) = compare_over([entry("a", mlp=0.9, linear=0.4, dummy=0.5)]).data_sets
    assert floor.normalised == pytest.approx({"mlp": 1, "linear": 0, "dummy": 0})
    (level,) = compare_over([entry("a", linear=0.5, dummy=0.5)]).data_sets
    assert level.normalised == {"linear": 1, "dummy": 1}


def test_candidates_that_miss_a_data_set_are_named_and_not_ranked():
    found = compare_over(
        [
            entry("a", mlp=0.9, linear=0.8, forest=0.7),
            entry("b", mlp=0.9, linear=0.8, forest=0.7),
            entry("c", mlp=0.9, linear=0.8),
        ]
    )
    assert {*found.ranking.ranks} == {"mlp", "linear"}
    assert found.candidates[-1].name == "forest" and found.candidates[-1].n == 2
    (note,) = found.notes
    assert note.code == "DLR141" and "forest (2 of 3)" in note.text
    assert {(each.first, each.second): each.n for each in found.duels}["mlp", "forest"] == 2


def test_a_candidate_that_failed_on_a_split_has_not_finished():
    study, _ = entry("a", mlp=0.9, linear=0.8)
    trials = study.trials.copy()
    is_lost = (trials["candidate"] == "mlp") & (trials["fold"] == 1)
    trials.loc[is_lost, ["status", "error", "roc_auc"]] = ["failed", "it failed", np.nan]
    broken = replace(study, trials=trials)
    found = compare_over([(broken, compare([broken])), entry("b", mlp=0.9, linear=0.8)])
    assert "mlp (1 of 2)" in str(found.notes)


@pytest.mark.parametrize("n", [1, 2])
def test_nothing_is_tested_on_one_or_two_data_sets(n):
    found = bench_of(n, mlp=0.9, linear=0.8)
    assert found.ranking is None
    assert [(each.wins, each.p_win) for each in found.duels] == [(n, None)]
    assert found.sides.leader is None and found.kind == "undecided"
    assert [note.code for note in found.notes] == ["DLR140"]


def test_a_side_is_named_from_five_data_sets_on():
    """By luck alone four data sets of four favour one side in one study of eight."""
    four, five = bench_of(4, mlp=0.9, linear=0.8), bench_of(5, mlp=0.9, linear=0.8)
    assert four.sides.p_win > 0.99 and four.kind == "undecided"
    assert five.kind == "deep"
    assert bench_of(5, mlp=0.8, linear=0.9).kind == "classic"
    assert bench_of(8, mlp=0.9, linear=0.9005).kind == "equivalent"
    assert Duel("a", "b", 8, 0, 1, 0.96, 0.0, 0.04).leader is None


def test_sides_are_their_choices_on_validation_rows_of_every_fold():
    scores = {"mlp": 0.9 + FOLDS, "tabm": 0.7 + FOLDS, "linear": 0.8 + FOLDS}
    validation = {"mlp": [0.1] * 5, "tabm": [0.9] * 5, "linear": [0.5] * 5}
    study = simulate_scores(scores, FAMILIES, validation=validation)
    found = compare_over([(study, compare([study]))])
    assert found.sides.losses == 1  # tabm was chosen
    assert found.data_sets[0].lead == pytest.approx(-0.1)


def test_without_both_sides_there_is_no_verdict_over_data_sets():
    found = bench_of(5, linear=0.8, forest=0.7)
    assert found.sides is None and found.kind == "undecided"
    assert found.verdicts == {"none": 5}


def test_the_same_rows_twice_are_said():
    pair = [entry(name, digest="same", mlp=0.9, linear=0.8) for name in ("x", "y")]
    notes = compare_over([*pair, entry("z", mlp=0.9, linear=0.8)]).notes
    assert [note.code for note in notes] == ["DLR142"]
    assert "x and y have the same rows" in notes[0].text


def test_notes_that_every_recipe_mutes_are_left_out():
    study, comparison = entry("x", mlp=0.9, linear=0.8)
    muted = replace(study, muted=("DLR140",))
    assert compare_over([(muted, comparison)]).notes == ()
    both = [(muted, comparison), entry("y", mlp=0.9, linear=0.8)]
    assert [note.code for note in compare_over(both).notes] == ["DLR140"]


def test_two_recipes_of_one_name_and_none_at_all_are_refused():
    with pytest.raises(ComparisonError, match="Two recipes are called x"):
        compare_over([entry("x", mlp=0.9), entry("x", mlp=0.9)])
    with pytest.raises(ComparisonError, match="no study"):
        compare_over([])
