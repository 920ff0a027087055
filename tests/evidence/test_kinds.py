"""The kinds of candidates side by side, and the sentence on what pretraining brought."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dlrun.evidence.compare import compare

LEADS = np.array([0.069, 0.074, 0.071, 0.067, 0.074])
NOISE = np.array([0.010, -0.010, 0.020, -0.020, 0.001])


@pytest.fixture
def compared(Made: Any, make_study: Any) -> Any:
    """Compare candidates (name, kind, scores above 0.7 and, perhaps, validation scores)."""

    def make(*candidates: tuple[Any, ...]) -> Any:
        made = [
            Made(
                name,
                "classic" if kind == "classic" else "deep",
                tuple(0.7 + np.broadcast_to(leads, 5)),
                kind=kind,
                validation=tuple(np.broadcast_to(*validation or (0.5,), 5)),
            )
            for name, kind, leads, *validation in candidates
        ]
        return compare([make_study(*made)])

    return make


MINILM, CNN = ("minilm", "pretrained", LEADS), ("text_cnn", "network", 0.0)
LINEAR = ("linear", "classic", -0.1)
VERDICT = (
    "Deep learning: minilm beats linear by 0.171 ROC AUC [0.165, 0.177] over 5 paired folds, at "
    "the same training time and the same latency. "
)


@pytest.mark.parametrize(
    ("candidates", "sentence"),
    [
        (
            (MINILM, CNN, LINEAR),
            f"{VERDICT}Pretraining pays: minilm beats text_cnn, trained from scratch, by 0.071 "
            "ROC AUC [0.065, 0.077] over 5 paired folds.",
        ),
        (
            (("minilm", "pretrained", -LEADS, 0.4), CNN, LINEAR),
            "Pretraining does not pay: text_cnn, trained from scratch, beats minilm by 0.071 ROC "
            "AUC [0.065, 0.077] over 5 paired folds; minilm against linear, the best classic "
            "candidate: +0.029 [0.023, 0.035].",
        ),
        (
            (("minilm", "pretrained", NOISE + 0.01), CNN, LINEAR),
            "What pretraining brings is open: minilm is ahead of text_cnn, trained from scratch, "
            "by 0.01 ROC AUC [-0.02, 0.04] over 5 paired folds.",
        ),
        (
            (("minilm", "pretrained", LEADS / 1000), CNN, LINEAR),
            "Pretraining makes no difference: minilm and text_cnn, trained from scratch, differ by "
            "0.000071 ROC AUC [0.000065, 0.000077] over 5 paired folds.",
        ),
        (
            (MINILM, CNN, ("cnn-2", "network", LEADS + NOISE, 0.4), LINEAR),
            "What pretraining brings is open: minilm beats text_cnn, trained from scratch, by "
            "0.071 ROC AUC [0.065, 0.077] over 5 paired folds, but not cnn-2.",
        ),
    ],
    ids=["pays", "does not", "open", "equivalent", "not all"],
)
def test_what_pretraining_brought(compared: Any, candidates: Any, sentence: str) -> None:
    found = compared(*candidates).verdict
    assert found.sentence.endswith(sentence)
    assert found.sentence.count("retraining") == 1


@pytest.mark.parametrize(
    "candidates", [(CNN, LINEAR), (MINILM, LINEAR), (LINEAR,), (MINILM,)], ids=len
)
def test_without_both_there_is_no_such_sentence(compared: Any, candidates: Any) -> None:
    assert "retraining" not in compared(*candidates).verdict.sentence


def test_without_a_classic_candidate_it_stands_beside_no_verdict(compared: Any) -> None:
    sentence = compared(MINILM, CNN).verdict.sentence
    assert sentence.startswith("No verdict: there is no classic candidate")
    assert " Pretraining pays: minilm beats text_cnn" in sentence


def test_each_kind_is_compared_with_the_best_of_all_others(compared: Any) -> None:
    better = ("svm", "classic", LEADS - 0.03, 0.6)
    found = compared(MINILM, CNN, better, LINEAR)
    assert found.has_pretrained
    pretrained, network, classic = found.kinds
    assert [each.kind for each in found.kinds] == ["pretrained", "network", "classic"]
    assert [each.best for each in found.kinds] == ["minilm", "text_cnn", "svm"]
    assert [each.difference.against for each in found.kinds] == ["svm", "svm", "minilm"]
    assert pretrained.difference.mean == pytest.approx(0.03)
    assert network.difference.mean == pytest.approx(0.03 - LEADS.mean())
    assert classic.difference.mean == pytest.approx(-0.03)
    assert pretrained.p_better == pytest.approx(classic.p_worse)
    assert pretrained.p_better > 0.9 > pretrained.p_equivalent
    assert classic.mean == pytest.approx(0.7 + LEADS.mean() - 0.03)


def test_the_best_of_a_kind_is_chosen_on_validation_rows_split_by_split(compared: Any) -> None:
    """The best test score is not what counts: a lucky candidate would represent its kind."""
    lucky = ("lucky", "network", 0.2, (0.4, 0.4, 0.4, 0.9, 0.4))
    network = compared(MINILM, CNN, lucky, LINEAR).kinds[1]
    assert (network.best, dict(network.choices)) == ("text_cnn", {"text_cnn": 4, "lucky": 1})
    assert network.mean == pytest.approx(0.7 + 0.2 / 5)


def test_two_kinds_are_compared_as_the_sides_are(compared: Any) -> None:
    found = compared(CNN, LINEAR)
    network, classic = found.kinds
    assert not found.has_pretrained
    assert network.difference.mean == pytest.approx(found.verdict.difference.mean)
    assert network.difference.low == pytest.approx(found.verdict.difference.low)
    assert network.p_better == pytest.approx(found.verdict.probabilities.deep)
    assert classic.difference.mean == pytest.approx(-network.difference.mean)
    assert compared(CNN).kinds == ()


def test_a_study_of_an_earlier_version_has_no_kinds(Made: Any, make_study: Any) -> None:
    found = compare(
        [make_study(Made("mlp", "deep", (0.8,) * 5), Made("svm", "classic", (0.7,) * 5))]
    )
    assert {row.name: row.kind for row in found.rows} == {"mlp": "network", "svm": "classic"}
    assert [each.kind for each in found.kinds] == ["network", "classic"]
