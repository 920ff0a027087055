"""The sections on what the layers of a network make of rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reported import make

from dlrun.contract.embeddings import Embeddings, LayerEmbedding
from dlrun.contract.inside import Inside
from dlrun.contract.probes import LayerProbe, LayerProbes
from dlrun.evidence.compare import compare
from dlrun.evidence.probes import describe_probes
from dlrun.report.context import build_context
from dlrun.report.sections.inside import write_embeddings, write_probes

LAYERS = tuple(
    LayerProbe(name, kind, (8, 4), 8, score, 0.5)
    for name, kind, score in (
        ("conv_7", "Conv2D", 0.6),
        ("conv_8", "Conv2D", 0.9),
        ("dense", "Dense", 0.93),
    )
)
PROBES = LayerProbes("accuracy", LAYERS, 0.7, float("nan"), ("hog",), 0.95, 2000, 500)
POINTS = tuple((float(row), float(row % 3)) for row in range(30))
SHOWN = Embeddings(
    tuple(range(30)),
    tuple(float(row % 2) for row in range(30)),
    ("<no>", "yes"),
    (LayerEmbedding("conv_8", "pca", POINTS, (0.5, 0.25)), LayerEmbedding("x", "tsne", POINTS)),
)
FOUND = Inside("mlp", "deep", 4, "training rows of split 5 of 5", False, PROBES, SHOWN)


def sections(found: Inside | None):
    study = make("mlp", "linear")
    study = replace(study, inside={"mlp": found} if found else {})
    context = build_context([study], compare([study]))
    return write_probes(context), write_embeddings(context)


def test_the_sentence_names_the_first_the_last_and_the_largest_step():
    assert describe_probes(PROBES) == (
        "A linear model on layer 1 Conv2D scores 0.600 accuracy, and on layer 3 Dense 0.930. Each "
        "layer adds +0.165 on average; the largest step, +0.300, is at layer 2 Conv2D. With random "
        "weights it goes from 0.500 to 0.500. To compare: raw inputs 0.700, the network itself "
        "0.950."
    )


def test_the_sentence_says_where_no_layer_adds_anything():
    worse = replace(PROBES, layers=LAYERS[::-1])
    assert "No layer adds to the one before it (-0.165 on average)." in describe_probes(worse)


def test_a_study_that_was_not_looked_into_has_no_such_sections():
    assert sections(None) == (None, None)
    assert sections(replace(FOUND, probes=None, embeddings=None)) == (None, None)


def test_layers_are_drawn_beside_what_they_are_compared_with():
    body = str(sections(FOUND)[0].body)
    assert "<title>layer 2 Conv2D: 0.900</title>" in body
    assert body.count("random weights: 0.500, 0.500, 0.500") == 2  # for two widths
    assert "raw inputs" in body
    assert "hog" not in body  # whose score is not known
    assert "to look at, not to tune by" in body


def test_a_model_that_has_seen_the_test_rows_is_named():
    body = str(sections(replace(FOUND, has_seen_test_rows=True, trained_on="all 9 rows"))[0].body)
    assert "the model was trained on all 9 rows, these test rows among them" in body


def test_rows_are_drawn_by_class_and_the_layer_is_named_as_in_the_probes():
    body = str(sections(FOUND)[1].body)
    assert "<b>Layer 2 Conv2D</b>: principal components, 75 % of the variance" in body
    assert "<b>Layer x</b>: t-SNE</p>" in body
    assert "&lt;no&gt;" in body
    assert "<no>" not in body
    assert body.count("h0") == 60


@pytest.mark.parametrize("labels", [("<no>", "yes"), ()], ids=["classes", "numbers"])
def test_a_drawing_of_400_rows_is_small(labels):
    points = tuple((row / 7, row % 13 / 3) for row in range(400))
    layers = (LayerEmbedding("dense", "pca", points, (0.5, 0.25)),)
    values = tuple(float(row % 2) for row in range(400))
    shown = Embeddings(tuple(range(400)), values, labels, layers)
    body = str(sections(replace(FOUND, embeddings=shown))[1].body)
    assert len(body) < 20_000
    assert ("coloured by class" in body) == bool(labels)
