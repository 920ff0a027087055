"""ROC and precision-recall curves, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from dlrun.contract.candidate import Predictions
from dlrun.data.targets import target_kind
from dlrun.evidence.detection import detection_curves, macro_average

FINE = np.linspace(0, 1, 101)


def _rows(n: int = 400, n_values: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Make events and probabilities of which many are equal."""
    rng = np.random.default_rng(0)
    occurred = rng.random(n) < 0.3
    raw = np.clip(rng.normal(0.4, 0.2, n) + 0.2 * occurred, 0, 1)
    return occurred, np.round(raw * n_values) / n_values


@pytest.mark.parametrize("n_values", [1000, 10])  # 10: most thresholds have several rows
def test_curves_and_areas_are_those_of_scikit_learn(n_values):
    occurred, probabilities = _rows(n_values=n_values)
    curves = detection_curves("late", probabilities, occurred, probabilities >= 0.5)
    assert curves.roc_auc == pytest.approx(sk.roc_auc_score(occurred, probabilities))
    ap = sk.average_precision_score(occurred, probabilities)
    assert curves.average_precision == pytest.approx(ap)
    false_rates, recalls, _ = sk.roc_curve(occurred, probabilities)
    expected = np.interp(FINE, false_rates, recalls)
    drawn = np.interp(FINE, curves.roc[:, 0], curves.roc[:, 1])
    assert np.abs(drawn - expected).mean() < 0.003
    assert curves.roc[0].tolist() == [0, 0]
    assert curves.roc[-1].tolist() == [1, 1]
    precisions, recalls, _ = sk.precision_recall_curve(occurred, probabilities)
    pairs = set(zip(recalls.round(9), precisions.round(9), strict=True))
    assert {tuple(each) for each in curves.precision_recall[1:].round(9).tolist()} <= pairs


def test_the_operating_point_is_that_of_the_predictions_and_lies_on_both_curves():
    occurred, probabilities = _rows()
    predicted = probabilities >= 0.5
    curves = detection_curves("late", probabilities, occurred, predicted)
    at = curves.at
    assert at.recall == pytest.approx(sk.recall_score(occurred, predicted))
    assert at.precision == pytest.approx(sk.precision_score(occurred, predicted))
    assert at.false_positive_rate == pytest.approx(1 - sk.recall_score(~occurred, ~predicted))
    steps = np.abs(curves.roc - [at.false_positive_rate, at.recall]).max(axis=1)
    assert steps.min() <= 1 / 200
    steps = np.abs(curves.precision_recall - [at.recall, at.precision]).max(axis=1)
    assert steps.min() <= 1 / 100


def test_a_curve_of_many_rows_is_short():
    occurred, probabilities = _rows(100_000, 10**9)
    curves = detection_curves("late", probabilities, occurred, probabilities >= 0.5)
    assert len(curves.roc) <= 402
    assert curves.roc_auc == pytest.approx(sk.roc_auc_score(occurred, probabilities))


@pytest.mark.parametrize("value", [True, False])
def test_an_event_in_every_row_or_in_none_has_no_curve(value):
    occurred = np.full(5, value)
    assert detection_curves("late", np.linspace(0, 1, 5), occurred, occurred) is None


def test_a_class_that_is_never_predicted_has_no_precision():
    occurred, probabilities = _rows()
    curves = detection_curves("late", probabilities, occurred, np.zeros(400, dtype=bool))
    assert (curves.at.recall, curves.at.false_positive_rate) == (0, 0)
    assert np.isnan(curves.at.precision)


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_means_over_classes_are_the_macro_scores(task):
    rng = np.random.default_rng(1)
    labels = ("a", "b", "c")
    if task == "classification":
        y = rng.integers(0, 3, 300)
        values = rng.dirichlet(np.ones(3), 300) + 0.4 * np.eye(3)[y]
        values /= values.sum(axis=1, keepdims=True)
        said, one_hot = values.argmax(axis=1), np.eye(3)[y]
        recall, precision = sk.recall_score(y, said, average="macro"), None
        precision = sk.precision_score(y, said, average="macro")
    else:
        one_hot = y = (rng.random((300, 3)) < [0.2, 0.5, 0.7]).astype(np.int64)
        values = np.clip(rng.random((300, 3)) * 0.8 + 0.2 * y, 0, 1)
        said = values >= 0.5
        recall = sk.recall_score(y, said, average="macro")
        precision = sk.precision_score(y, said, average="macro")
    found = list(target_kind(task).detections(y, Predictions(values), labels))
    assert [each.event for each in found] == list(labels)
    curves = [
        detection_curves(each.event, each.probabilities, each.occurred, each.predicted)
        for each in found
    ]
    mean = macro_average(curves, "mean")
    assert mean.roc_auc == pytest.approx(sk.roc_auc_score(one_hot, values, average="macro"))
    ap = sk.average_precision_score(one_hot, values, average="macro")
    assert mean.average_precision == pytest.approx(ap)
    assert mean.at.recall == pytest.approx(recall)
    assert mean.at.precision == pytest.approx(precision)
    area = np.trapezoid(mean.roc[:, 1], mean.roc[:, 0])
    assert area == pytest.approx(mean.roc_auc, abs=0.01)


def test_of_two_classes_the_second_is_the_event():
    values = np.array([[0.8, 0.2], [0.4, 0.6], [0.5, 0.5]])
    (found,) = target_kind("classification").detections(
        np.array([0, 1, 1]), Predictions(values), ("no", "yes")
    )
    assert found.event == "yes"
    assert found.predicted.tolist() == [False, True, False]  # as `answers` decides a tie
    assert not list(target_kind("regression").detections(None, Predictions(values), ()))


def test_losses_of_rows():
    one = Predictions(np.array([[0.9, 0.1], [0.5, 0.5], [1.0, 0.0]]))
    losses = target_kind("classification").row_losses(np.array([0, 1, 1]), one)
    assert losses[:2] == pytest.approx([-np.log(0.9), -np.log(0.5)])
    assert 30 < losses[2] < 40  # finite
    sets = Predictions(np.array([[0.9, 0.2], [0.5, 0.5]]))
    losses = target_kind("multilabel").row_losses(np.array([[1, 0], [1, 1]]), sets)
    assert losses == pytest.approx([-(np.log(0.9) + np.log(0.8)) / 2, -np.log(0.5)])
    numbers = Predictions(np.array([1.0, 5.0]))
    assert target_kind("regression").row_losses(np.array([2.0, 3.0]), numbers).tolist() == [1, 2]
