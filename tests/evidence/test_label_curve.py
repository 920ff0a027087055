from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.study import DataSummary
from dlrun.contract.trial import ProbeScore
from dlrun.evidence.label_curve import label_curves
from dlrun.tracking.tables import probe_scores_table

SIZES = (50, 100, 200, 400)
DATA = DataSummary("x.csv", "late", {"x": "number"}, ((700, 100, 200),) * 5, ())
FOLDS = np.array([-0.004, 0.003, 0.0, -0.002, 0.003])


@pytest.fixture
def study(Made, make_study):
    """Two classic candidates, a network and a pretrained one, which leads with few labels."""
    made = make_study(
        Made("dummy", "classic", (0.5,) * 5, 0.5),
        Made("linear", "classic", tuple(0.9 + FOLDS), 0.91),
        Made("forest", "classic", tuple(0.91 + 2 * FOLDS), 0.9),
        Made("mlp", "deep", tuple(0.88 - FOLDS), 0.88),
        Made("encoder", "deep", tuple(0.86 + 0.5 * FOLDS), 0.87),
        data=DATA,
    )
    kinds = {"mlp": "network", "encoder": "pretrained"}
    kind = made.trials["candidate"].map(lambda name: kinds.get(name, "classic"))
    made = replace(made, trials=made.trials.assign(kind=kind))
    return with_labels(made, {"linear": 0.07, "forest": 0.08, "mlp": 0.1, "encoder": 0.01})


def with_labels(study, slopes, lost=(), chosen="linear"):
    """Measure the study's candidates with fewer labels: each half costs them their slope."""
    rows = []
    for trial in study.trials.itertuples():
        for n in SIZES:
            shared = (trial.candidate, trial.family, "labels")
            score = trial.roc_auc - slopes.get(trial.candidate, 0.0) * np.log2(800 / n)
            score = np.nan if (trial.candidate, n, trial.step) in lost else score
            validation = score + (0.5 if trial.candidate == chosen else 0.0)
            for name, value in (("", score), ("validation", validation)):
                rows.append(ProbeScore(*shared, name, float(n), trial.step, n * 7 // 8, value))
    return replace(study, probe_scores=probe_scores_table(rows))


def test_each_kind_has_a_curve_that_ends_with_the_trials_on_all_rows(study):
    found = label_curves(study)
    assert [curve.kind for curve in found.curves] == ["pretrained", "network", "classic"]
    for curve in found.curves:
        assert [point.labels for point in curve.points] == [50, 100, 200, 400, 800]
    pretrained = found.curves[0].points
    assert [point.mean for point in pretrained] == pytest.approx([0.82, 0.83, 0.84, 0.85, 0.86])
    assert pretrained[-1].sd == pytest.approx(0.5 * FOLDS.std(ddof=1))


def test_a_kind_is_represented_by_the_best_on_validation_rows_not_on_test_rows(study):
    classic = label_curves(study).curves[2]
    assert classic.title == "classic ML (linear)"
    assert [point.chosen for point in classic.points] == [{"linear": 5}] * 5
    slopes = {"linear": 0.07, "forest": 0.0}  # forest is the better on the test rows of all sizes
    classic = label_curves(with_labels(study, slopes)).curves[-1]
    assert classic.points[0].mean == pytest.approx(0.9 - 0.07 * 4)


def test_the_choice_is_told_where_it_varies(study):
    classic = label_curves(with_labels(study, {}, chosen="forest")).curves[-1]
    assert [point.chosen for point in classic.points] == [{"forest": 5}] * 4 + [{"linear": 5}]
    assert classic.title == "classic ML (forest, mostly)"


def test_both_crossovers_are_found(study):
    over_classic, over_network, network = label_curves(study).leads
    assert over_classic.first == "pretraining (encoder)"
    assert over_classic.second == "classic ML (linear)"
    # 0.86 - 0.01 k = 0.9 - 0.07 k at k = 2/3 halvings of 800 labels
    assert over_classic.until.low <= 800 / 2 ** (0.045 / 0.06) <= over_classic.until.high
    assert over_network.second == "training from scratch (mlp)"
    assert network.first == "classic ML (linear)"
    assert network.second is None
    assert "ROC AUC" in network.sentence


def test_sizes_that_a_kind_did_not_finish_are_left_out_of_the_leads(study):
    lost = {("encoder", n, 2) for n in (50, 100, 200)}
    found = label_curves(with_labels(study, {"linear": 0.07, "encoder": 0.01}, lost))
    assert [len(point.scores) for point in found.curves[0].points] == [4, 4, 4, 5, 5]
    assert len(found.leads) == 1  # of network and classic; two sizes are left for the others


def test_a_candidate_that_failed_on_a_split_ranks_behind(study):
    found = label_curves(with_labels(study, {}, lost={("linear", 50, 1)}))
    assert [point.chosen for point in found.curves[-1].points][:2] == [{"forest": 5}, {"linear": 5}]


def test_splits_that_test_the_same_rows_count_once(study):
    same = study.predictions["linear"][lambda frame: frame["fold"] == 0]
    frames = [same.assign(fold=fold) for fold in range(5)]
    study = replace(study, predictions=dict.fromkeys(study.predictions, pd.concat(frames)))
    sentences = label_curves(study).sentences
    assert all(each.endswith("takes 3 splits, and there are 1.") for each in sentences[:-1])


def test_without_kinds_the_sides_are_compared(study):
    study = replace(study, trials=study.trials.drop(columns="kind"))
    assert [curve.kind for curve in label_curves(study).curves] == ["network", "classic"]


def test_a_study_without_numbers_of_labels_has_no_curves(study):
    assert label_curves(replace(study, probe_scores=probe_scores_table([]))) is None
    assert label_curves(replace(study, data=None)) is None
