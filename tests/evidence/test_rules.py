"""The usual advice, and whether it held on the data of a study."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dlrun.contract.study import DataSummary
from dlrun.contract.trial import ProbeScore
from dlrun.evidence.compare import compare
from dlrun.evidence.rules import RULES, RuleResult, check_rules
from dlrun.tracking.tables import probe_scores_table

SMALL, LARGE, UNSTRUCTURED, CLEAR, END_TO_END = RULES
LEADS = np.array([0.069, 0.074, 0.071, 0.067, 0.074])
NOISE = np.array([0.010, -0.010, 0.020, -0.020, 0.001])
BY = "by 0.071 ROC AUC [0.065, 0.077]"


@pytest.fixture
def study(Made: Any, make_study: Any) -> Any:
    """Make a study in which mlp is so much better than linear and boosting."""

    def make(
        lead: Any, n_train: int = 700, column: str = "number", probes: Any = (), **more: Any
    ) -> Any:
        names = {"mlp": lead, "linear": 0.0, "hist_gradient_boosting": -0.2, **more}
        candidates = [
            Made(
                name,
                "deep" if name.startswith(("mlp", "cnn")) else "classic",
                tuple(0.7 + np.broadcast_to(each, 5)),
                kind="network" if name.startswith(("mlp", "cnn")) else "classic",
                validation=0.5 + float(np.mean(each)) / 10,
            )
            for name, each in names.items()
        ]
        data = DataSummary("flights.csv", "late", {"x": column}, ((n_train, 100, 200),) * 5, ())
        return make_study(
            *candidates,
            data=data,
            features={name: tuple(name.split("-")[1:]) for name in names},
            probe_scores=probe_scores_table(list(probes)),
        )

    return make


def check(study: Any) -> dict[str, RuleResult]:
    return {each.advice: each for each in check_rules(study, compare([study]))}


def curve(lead: Any, n_train: int) -> list[ProbeScore]:
    """Make scores on a tenth of the training rows of every split."""
    leads = np.broadcast_to(lead, 5)
    return [
        ProbeScore(name, family, "learning_curve", "", 0.1, step, n_train, 0.6 + score)
        for name, family, scores in (("mlp", "deep", leads), ("linear", "classic", 0 * leads))
        for step, score in enumerate(scores.tolist())
    ]


@pytest.mark.parametrize(
    ("lead", "outcome", "words"),
    [
        (-LEADS, "held", f"linear beats mlp {BY}"),
        (LEADS, "did not hold", f"mlp beats linear {BY}"),
        (
            NOISE,
            "did not hold",
            "no difference that matters is certain: mlp is ahead of linear by 0.00 ROC AUC "
            "[-0.03, 0.03]",
        ),
    ],
    ids=["classic", "deep", "undecided"],
)
def test_small_data_is_what_the_verdict_says(
    study: Any, lead: Any, outcome: str, words: str
) -> None:
    found = check(study(lead))[SMALL]
    assert (found.outcome, found.reason) == (outcome, f"with 700 training rows, {words}")


def test_a_learning_curve_says_more_of_small_data_than_the_verdict(study: Any) -> None:
    found = check(study(LEADS, probes=curve(-LEADS, 70)))[SMALL]
    assert found.outcome == "held"
    assert found.reason == f"with 70 rows to learn from, linear beats mlp {BY}"


def test_two_splits_show_no_difference(study: Any) -> None:
    probes = [each for each in curve(-LEADS, 70) if each.split_index < 2]
    found = check(study(LEADS, probes=probes))[SMALL]
    assert found.outcome == "did not hold"
    assert found.reason == "with 70 rows to learn from, it takes 3 splits to show a difference"


def test_rows_that_are_neither_few_nor_many_ask_for_a_learning_curve(study: Any) -> None:
    found = check(study(LEADS, n_train=20_000))
    assert found[SMALL].reason == "there are 20,000 training rows, and small are up to 10,000"
    assert found[LARGE].reason == "there are 20,000 training rows, and large are from 50,000 on"
    for advice in (SMALL, LARGE):
        assert found[advice].outcome == "not measured"
        assert found[advice].command == "dlrun curve /recipes/flights.yaml"


@pytest.mark.parametrize(
    ("lead", "outcome"), [(LEADS, "held"), (-LEADS, "did not hold")], ids=["deep", "classic"]
)
def test_large_data_is_what_the_verdict_says(study: Any, lead: Any, outcome: str) -> None:
    assert check(study(lead, n_train=60_000))[LARGE].outcome == outcome


def test_unstructured_data_needs_such_columns(study: Any) -> None:
    of_table = check(study(LEADS))[UNSTRUCTURED]
    assert (of_table.outcome, of_table.command) == ("not measured", None)
    of_images = check(study(LEADS, column="image"))[UNSTRUCTURED]
    assert of_images.outcome == "held"
    assert of_images.reason == f"from image columns, mlp beats linear {BY}"


@pytest.mark.parametrize(
    ("lead", "outcome"),
    [(LEADS, "did not hold"), (-LEADS, "held"), (NOISE, "did not hold"), (-NOISE, "held")],
    ids=["costs", "free", "open", "nothing measurable"],
)
def test_interpretability_is_the_price_of_clarity(study: Any, lead: Any, outcome: str) -> None:
    made = study(lead)
    found = check(made)[CLEAR]
    assert found.outcome == outcome
    assert f"{found.reason}." == compare([made]).clarity.sentence


def test_end_to_end_compares_raw_with_engineered_inputs(study: Any) -> None:
    more = {"cnn": LEADS, "svm-hog": -LEADS}
    found = check(study(-0.1, column="image", **more))[END_TO_END]
    assert found.outcome == "held"
    assert found.reason.startswith("on raw inputs, cnn beats svm-hog by 0.14")
    worse = check(study(-0.1, column="image", **{"cnn": -LEADS, "svm-hog": LEADS}))[END_TO_END]
    assert worse.outcome == "did not hold"


def test_end_to_end_is_measured_by_the_command_of_the_feature_ablation(study: Any) -> None:
    found = check(study(LEADS, column="image"))[END_TO_END]
    assert found.outcome == "not measured"
    assert found.command is not None
    assert "features: hog" in found.command
    assert check(study(LEADS))[END_TO_END].command is None


def test_without_a_side_nothing_is_measured(study: Any) -> None:
    made = study(LEADS)
    made = replace(made, trials=made.trials[made.trials["family"] == "classic"])
    for found in check(made).values():
        assert (found.outcome, found.reason) == ("not measured", "there is no deep candidate")
        assert found.command == "dlrun train /recipes/flights.yaml 'model={architecture: mlp}'"
