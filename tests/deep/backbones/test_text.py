"""Backbones of texts: what is read from their folders, and what a reader makes of texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_backbones as tiny

from dlrun.contract.dataset import Column
from dlrun.deep.backbones.backbone import BackboneRequest, open_backbone

COLUMN = Column("review", "text")
TEXTS = ["the film is good", "", "very dull and bad, not great", "a", "日本 \ud800"]


def open_text(folder: Path, **settings: Any) -> Any:
    return open_backbone(BackboneRequest(folder.name, COLUMN, folder.parent, **settings))


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_sentence_encoder(tmp_path_factory.mktemp("text") / "sentences")


def test_a_sentence_encoder_says_what_it_is(sentences: Path) -> None:
    backbone = open_text(sentences)
    assert (backbone.width, backbone.column_type, backbone.is_trainable) == (8, "text", True)
    assert (backbone.group.shape, backbone.group.dtype) == ((None,), "int32")
    assert backbone.pooling == "mean"
    assert backbone.reader.length == 24


@pytest.mark.tf
def test_vectors_are_of_length_one_and_no_matter_how_long_the_rows_beside_are(
    sentences: Path,
) -> None:
    backbone = open_text(sentences)
    model = backbone.build()
    assert model.count_params() == backbone.n_weights
    together = model(backbone.reader.read(TEXTS)).numpy()
    assert np.allclose(np.linalg.norm(together, axis=1), 1)
    for text, vector in zip(TEXTS, together, strict=True):
        alone = model(backbone.reader.read([text])).numpy()[0]
        np.testing.assert_allclose(alone, vector, atol=1e-6)
