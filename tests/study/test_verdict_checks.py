"""The self-test of the verdict finds every fault that is planted in the evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlrun.evidence import blend, choice, decision, pairs, statistics, verdict
from dlrun.study import verdict_checks as checks
from dlrun.study.simulated import simulate_ridge


def test_the_verdict_passes_its_own_checks():
    assert [found for check in checks.CHECKS if not (found := check()).is_met] == []


def test_repeats_of_a_simulated_study_deal_the_rows_anew():
    study = simulate_ridge(checks.EQUAL, np.random.default_rng(0), n_rows=100, repeats=2)
    parts = study.predictions["mlp"].groupby(["repeat", "fold"])["row_id"].apply(frozenset)
    assert len(set(parts)) == 10
    assert study.data.sizes == ((70, 10, 20),) * 10


def always(kind):
    return lambda patch: patch.setattr(decision, "decide", lambda *_: kind)


def narrow(patch):
    wide = statistics.posterior

    def posterior(*arguments):
        found = wide(*arguments)
        return replace(found, scale=found.scale / 10)

    patch.setattr(statistics, "posterior", posterior)


def uncorrelated(patch):
    correlated = statistics.posterior
    patch.setattr(statistics, "posterior", lambda leads, _, rows: correlated(leads, 0.0, rows))


def without_width(patch):
    patch.setattr(
        statistics,
        "percentile_interval",
        lambda mean, _: statistics.Interval(mean, mean, mean),
    )


def on_test_rows(patch):
    def best_on(split, able):
        able = [each for each in able if split in each.scores]
        return max(able, key=lambda each: each.scores[split])

    patch.setattr(choice, "_best_on", best_on)


def by_mean_validation(patch):
    patch.setattr(choice, "_best_on", lambda _, able: max(able, key=lambda one: one.validation))


def flipped(patch):
    right = statistics.differences
    patch.setattr(statistics, "differences", lambda *arguments: -right(*arguments))


def rivals_ignored(patch):
    patch.setattr(verdict.BestVsBest, "not_beaten", {})


def rope_ignored(patch):
    asked = pairs.compare_folds
    patch.setattr(
        pairs, "compare_folds", lambda leads, share, _, rows: asked(leads, share, 0.0, rows)
    )


def blend_never_named(patch):
    patch.setattr(blend, "MIN_SHARE", 0.9)


def blend_always_named(patch):
    patch.setattr(blend.BlendVsSides, "not_beaten", ())


@pytest.mark.parametrize(
    ("plant", "check"),
    [
        (always("classic"), checks.finds_deep),
        (always("deep"), checks.finds_classic),
        (always("equivalent"), checks.finds_deep),
        (always("undecided"), checks.finds_deep),
        (narrow, checks.no_false_winner),
        (uncorrelated, checks.no_false_winner_of_correlated_splits),
        (without_width, checks.no_false_winner_of_one_test_set),
        (on_test_rows, checks.chooses_on_validation),
        (by_mean_validation, checks.chooses_on_validation),
        (flipped, checks.finds_deep),
        (rivals_ignored, checks.asks_for_every_rival),
        (rope_ignored, checks.keeps_a_small_lead_undecided),
        (blend_never_named, checks.finds_both),
        (blend_always_named, checks.names_no_idle_blend),
    ],
)
def test_a_planted_fault_is_found(plant, check, monkeypatch):
    plant(monkeypatch)
    assert check in checks.CHECKS
    assert not check().is_met
