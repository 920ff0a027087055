"""What a look inside a candidate has found, as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

from dlrun.contract.embeddings import Embeddings, LayerEmbedding
from dlrun.contract.inside import Inside
from dlrun.contract.probes import LayerProbe, LayerProbes
from dlrun.tracking.inside import inside_from_json, inside_to_json

LAYER = LayerProbe("conv2d", "Conv2D", (None, 8), 8, 0.75, 0.5)
FOUND = Inside(
    "cnn",
    "deep",
    4,
    "training rows of split 5 of 5",
    probes=LayerProbes("accuracy", (LAYER,), 0.5, 0.6, ("pixels",), 0.8, 40, 20),
    embeddings=Embeddings((7, 9), (0, 1), ("no", "ü"), (LayerEmbedding("a", "pca", ((1, 2),)),)),
)


def test_what_is_written_is_read():
    assert inside_from_json(inside_to_json(FOUND)) == FOUND


def test_a_score_that_is_undefined_is_kept():
    found = Inside("a", "deep", 0, "", probes=LayerProbes("r2", (), 0, 0, (), math.nan, 1, 1))
    read = inside_from_json(inside_to_json(found))
    assert read.probes
    assert math.isnan(read.probes.network)


def test_other_versions_are_read():
    facts = asdict(FOUND)
    facts["dreams"] = facts["probes"]["dreams"] = [1]  # of a later version
    del facts["embeddings"]  # an earlier one has none
    read = inside_from_json(json.dumps(facts))
    assert read.probes == FOUND.probes
    assert read.embeddings is None
