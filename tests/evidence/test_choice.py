"""The representative of a side: chosen per split, never by test rows, and beaten by all or none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlrun.contract.study import DataSummary
from dlrun.contract.trial import Cost
from dlrun.evidence.candidates import read_candidates
from dlrun.evidence.choice import choose_side
from dlrun.evidence.compare import compare

FIVE = (0.7, 0.71, 0.72, 0.7, 0.71)


def test_each_split_has_its_own_representative(Made, make_study):
    """Of two networks each is chosen where its validation is better, and its score counts there."""
    study = make_study(
        Made("a", "deep", (0.9, 0.91, 0.9, 0.5, 0.5), validation=(0.8, 0.8, 0.8, 0.1, 0.1)),
        Made("b", "deep", (0.6, 0.6, 0.6, 0.89, 0.9), validation=(0.7, 0.7, 0.7, 0.9, 0.9)),
        Made("linear", "classic", (0.7, 0.71, 0.7, 0.69, 0.7)),
    )
    found = compare([study])
    assert found.choices == {"deep": {"a": 3, "b": 2}, "classic": {"linear": 5}}
    assert (found.best_deep, found.best_classic) == ("a", "linear")
    assert found.verdict.leads == pytest.approx([0.2, 0.2, 0.2, 0.2, 0.2])
    assert found.verdict.sentence.startswith(
        "Deep learning: a (chosen on 3 of 5 splits) beats linear by 0.2"
    )
    assert [(note.code, note.text) for note in found.notes] == [
        (
            "DLR100",
            "The deep side is represented on each split by its best candidate there on the "
            "validation rows: a 3, b 2 of 5 splits.",
        )
    ]


def test_the_predictions_and_costs_of_a_choice_are_those_of_the_chosen(Made, make_study):
    late = tuple(np.full(10, share) for share in (0.1, 0.2, 0.3))
    study = make_study(
        Made("a", "deep", FIVE[:3], (0.9, 0.9, 0.1), Cost(1.0), late=late),
        Made("b", "deep", FIVE[:3], (0.1, 0.1, 0.9), Cost(4.0), late=tuple(1 - p for p in late)),
    )
    side = choose_side(read_candidates([study], "roc_auc"), "deep")
    assert side.chosen.cost.fit_seconds == pytest.approx(2.0)
    assert side.chosen.validation == pytest.approx(0.9)
    frame = side.chosen.read_predictions()
    assert frame.groupby("fold")["p_late"].first().tolist() == pytest.approx([0.1, 0.2, 0.7])


def test_a_choice_by_mean_validation_would_have_seen_the_test_rows(Made, make_study):
    """The lead of one network over six equal ones is not biased by the choice among the six.

    The rows are dealt to five folds, and the validation rows of a fold are the test rows of the
    next one, so that a candidate's luck on them shows in both. Chosen by the mean over folds the
    six would be ahead by 0.011, more than a standard deviation of a mean over five folds.
    """
    random = np.random.default_rng(0)
    leads = []
    for _ in range(150):
        luck = {name: random.normal(0.8, 0.02, 5) for name in ("mlp", *"abcdef")}
        made = [
            Made(name, "deep" if name == "mlp" else "classic", tuple(own), tuple(np.roll(own, -1)))
            for name, own in luck.items()
        ]
        candidates = read_candidates([make_study(*made)], "roc_auc")
        deep, classic = (choose_side(candidates, family) for family in ("deep", "classic"))
        leads.append(deep.chosen.mean - classic.chosen.mean)
    assert np.mean(leads) == pytest.approx(0.0, abs=0.003)


def test_a_side_wins_only_where_it_beats_every_candidate_of_the_other(Made, make_study):
    """As on German credit: the choice of the classic side is beaten, others of it are level."""
    folds = np.array(FIVE)
    study = make_study(
        Made("mlp", "deep", tuple(folds + 0.08)),
        Made("boosting", "classic", tuple(folds), validation=0.9),
        Made("linear", "classic", tuple(folds + np.array([0.09, 0.07, 0.09, 0.07, 0.08]))),
        Made("forest", "classic", tuple(folds + np.array([0.06, 0.1, 0.06, 0.1, 0.07]))),
        Made("dummy", "classic", (0.5,) * 5),
    )
    found = compare([study])
    assert found.verdict.kind == "undecided"
    assert found.verdict.not_beaten == ("linear", "forest")
    assert "mlp beats boosting by 0.080" in found.verdict.sentence
    assert ", but not linear or forest" in found.verdict.sentence
    alone = study.trials[~study.trials["candidate"].isin(["linear", "forest"])]
    assert compare([replace(study, trials=alone)]).verdict.kind == "deep"


def test_the_share_of_test_rows_is_that_of_the_rows_in_use(Made, make_study):
    """Nadeau and Bengio's share leaves out validation rows, and is each split's own."""
    made = Made("mlp", "deep", FIVE), Made("linear", "classic", FIVE[::-1])
    assert compare([make_study(*made)]).test_share == pytest.approx(0.2)
    sizes = ((100, 20, 200), (300, 20, 200), (500, 20, 200), (700, 20, 200), (800, 20, 200))
    data = DataSummary("x", "y", {}, sizes, ())
    shares = [200 / 300, 200 / 500, 200 / 700, 200 / 900, 200 / 1000]
    windows = compare([make_study(*made, data=data)])
    assert windows.test_share == pytest.approx(np.mean(shares))


def test_near_the_end_of_the_scale_a_small_difference_is_not_equivalence(Made, make_study):
    """An accuracy of .985 against .994 is more than twice as many errors."""
    worse = 0.985 + np.array([0.0002, -0.0002, 0.0001, -0.0001, 0.0])
    study = make_study(
        Made("mlp", "deep", (0.994,) * 5),
        Made("linear", "classic", tuple(worse)),
        metrics=("accuracy",),
        rope=None,
    )
    found = compare([study])
    assert found.rope == pytest.approx(0.002)
    assert found.verdict.kind == "deep"
