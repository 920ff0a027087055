"""The price of clarity: the best glass box against the best black box."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlrun.evidence.compare import compare

LEADS = np.array([0.069, 0.074, 0.071, 0.067, 0.074])
LEAD = "0.071 ROC AUC [0.065, 0.077]"
NOISE = np.array([0.010, -0.010, 0.020, -0.020, 0.001])


@pytest.fixture
def price(Made: Any, make_study: Any) -> Any:
    """Compare candidates (name, scores above 0.7 and, perhaps, validation scores)."""

    def make(*candidates: tuple[Any, ...]) -> Any:
        made = [
            Made(
                name,
                "deep" if name == "mlp" else "classic",
                tuple(0.7 + np.broadcast_to(leads, 5)),
                validation=tuple(np.broadcast_to(*validation or (0.5,), 5)),
            )
            for name, leads, *validation in candidates
        ]
        return compare([make_study(*made)]).clarity

    return make


@pytest.mark.parametrize(
    ("mlp", "outcome", "sentence"),
    [
        (LEADS, "costs", "The price of clarity: linear loses 0.071 ROC AUC [0.065, 0.077] to mlp."),
        (
            -LEADS,
            "free",
            "Clarity costs nothing: linear beats mlp by 0.071 ROC AUC [0.065, 0.077].",
        ),
        (
            LEADS / 1000,
            "free",
            "Clarity costs nothing that matters: linear and mlp differ by 0.000071 ROC AUC "
            "[0.000065, 0.000077].",
        ),
        (
            NOISE + 0.01,
            "open",
            "The price of clarity is open: mlp is ahead of linear by 0.01 ROC AUC [-0.02, 0.04].",
        ),
        (
            NOISE - 0.01,
            "free",
            "Clarity costs nothing measurable: linear is ahead of mlp by 0.01 ROC AUC "
            "[-0.02, 0.04].",
        ),
    ],
    ids=["costs", "gains", "equivalent", "open, behind", "open, ahead"],
)
def test_the_price_in_words(price: Any, mlp: Any, outcome: str, sentence: str) -> None:
    found = price(("mlp", mlp), ("linear", 0.0))
    assert (found.outcome, found.sentence) == (outcome, sentence)
    assert found.difference.mean == pytest.approx(np.mean(mlp))


def test_a_black_box_has_to_beat_every_glass_box(price: Any) -> None:
    found = price(("mlp", LEADS), ("linear", 0.0), ("shallow_tree", LEADS + NOISE, 0.4))
    assert found.outcome == "open"
    assert found.sentence.endswith("by 0.071 ROC AUC [0.065, 0.077], but not shallow_tree.")


def test_either_is_chosen_on_the_validation_rows_of_each_split(price: Any) -> None:
    found = price(
        ("mlp", LEADS, 0.6),
        ("random_forest", 2 * LEADS, 0.5),
        ("linear", 0.0, (0.6, 0.6, 0.4, 0.6, 0.6)),
        ("shallow_tree", -LEADS, 0.5),
    )
    assert (found.glass_box, found.black_box) == ("linear", "mlp")
    assert found.difference.against == "linear (chosen on 4 of 5 splits)"


@pytest.mark.parametrize(
    "names",
    [("mlp", "svm"), ("linear", "shallow_tree"), ("mlp", "dummy"), ("linear", "Lasso")],
    ids=" ".join,
)
def test_without_one_of_each_there_is_no_price(price: Any, names: tuple[str, ...]) -> None:
    assert price(*((name, LEADS * place) for place, name in enumerate(names))) is None
