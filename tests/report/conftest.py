"""A comparison as `dlrun.evidence.compare` returns it, every number chosen."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from dlrun.catalog.notes import FAILED_TRIALS
from dlrun.contract.trial import Cost
from dlrun.evidence.comparison import CandidateSummary, Comparison, Difference, Verdict
from dlrun.evidence.statistics import Probabilities

NAN = float("nan")


def _lead(against: str, mean: float, low: float, high: float) -> Difference:
    return Difference(against, mean, low, high, p_value=0.0004, basis="folds", n=5)


@pytest.fixture
def flights() -> Comparison:
    """Five folds of flights, one candidate of which failed."""
    boosting, mlp = "hist_gradient_boosting", "mlp"
    rows = (
        CandidateSummary(
            boosting,
            "classic",
            0.7996,
            0.0038,
            n=5,
            n_failed=0,
            validation=0.801,
            scores={"roc_auc": 0.7996, "accuracy": 0.8412},
            cost=Cost(11.4, 21.9, 510.2, 3.1, 9.8, 1.42, 6100),
            difference=_lead(mlp, 0.0708, 0.0648, 0.0768),
        ),
        CandidateSummary(
            mlp,
            "deep",
            0.7288,
            0.0052,
            n=5,
            n_failed=0,
            validation=0.733,
            scores={"roc_auc": 0.7288, "accuracy": 0.8209},
            cost=Cost(28.1, 51.2, 890.0, 27.9, 31.5, 0.31, 24705),
            difference=_lead(boosting, -0.0708, -0.0768, -0.0648),
        ),
        CandidateSummary(
            "dummy",
            "classic",
            0.5,
            0.0,
            n=5,
            n_failed=0,
            validation=0.5,
            scores={"roc_auc": 0.5, "accuracy": 0.7861},
            cost=Cost(0.02, 0.02, 180.0, 0.3, 0.4, 0.01, 2),
            difference=_lead(mlp, -0.2288, -0.2353, -0.2223),
        ),
        CandidateSummary(
            "svm",
            "classic",
            NAN,
            NAN,
            n=0,
            n_failed=5,
            validation=NAN,
            scores={"roc_auc": NAN, "accuracy": NAN},
            cost=Cost(),
            error="MemoryError: 12 GB",
        ),
    )
    sentence = (
        "Classic ML: hist_gradient_boosting beats mlp by 0.071 ROC AUC [0.065, 0.077] over 5 "
        "paired folds, at 0.4× the training time and 1/9 of the latency."
    )
    verdict = Verdict("classic", sentence, rows[1].difference, Probabilities(0.0, 0.002, 0.998))
    return Comparison(
        studies={"3f2a90c1d4e5": "calm-owl-7"},
        task="classification",
        metric="roc_auc",
        rope=0.005,
        test_share=0.2,
        n_rows=327346,
        n_test_rows=327346,
        n_splits=5,
        split_digest="a" * 36,
        decimals=3,
        rows=rows,
        best_deep=mlp,
        best_classic=boosting,
        choices={"deep": {mlp: 5}, "classic": {boosting: 5}},
        verdict=verdict,
        notes=(FAILED_TRIALS.note("svm failed on 5 of 5 splits: MemoryError: 12 GB"),),
    )


@pytest.fixture
def houses(flights) -> Comparison:
    """One test set of house prices: large numbers, no spread, lower is better, undecided."""
    facts = {"n": 1, "sd": NAN, "validation": 2000.0}
    lead = Difference("linear", 31.0, -64.2, 126.9, p_value=0.5, basis="rows", n=2000)
    back = Difference("mlp", -31.0, -126.9, 64.2, p_value=0.5, basis="rows", n=2000)
    rows = (
        replace(flights.rows[1], mean=1981.2, scores={"rmse": 1981.2}, difference=lead, **facts),
        replace(
            flights.rows[0],
            name="linear",
            mean=2012.2,
            scores={"rmse": 2012.2},
            difference=back,
            **facts,
        ),
    )
    sentence = (
        "Undecided: mlp is ahead of linear by 31 RMSE [-64, 127] on 2,000 test rows; about 130,000 "
        "more test rows would settle it. It speaks of these fitted models, not of training again."
    )
    chances = Probabilities(deep=0.552, equivalent=0.31, classic=0.138)
    return replace(
        flights,
        task="regression",
        metric="rmse",
        rope=19.8,
        n_splits=1,
        n_test_rows=2000,
        decimals=0,
        rows=rows,
        best_classic="linear",
        verdict=Verdict("undecided", sentence, lead, chances, more_rows=130000),
        notes=(),
    )


@pytest.fixture
def screen():
    """Make a console without colour that writes into memory, and a reader of what it shows."""

    def make(width: int, **options) -> tuple[Console, StringIO]:
        file = StringIO()
        return Console(file=file, width=width, color_system=None, **options), file

    return make
