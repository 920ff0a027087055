"""A pretrained network as a candidate: what is trained, saved, loaded and resumed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from modalities import text
from tiny_backbones import WIDTH, write_bert

from dlrun.data import model_io as saved

pytestmark = pytest.mark.tf


@pytest.fixture(scope="session")
def bert(tmp_path_factory):
    return write_bert(tmp_path_factory.mktemp("weights") / "bert")


@pytest.fixture
def fine_tuned(trained, bert):
    """Train on the sample of texts; settings stand beside the backbone."""

    def train(task="classification", training=None, **settings):
        model = {"architecture": "pretrained", "backbone": str(bert), **settings}
        return trained(text(task), model=model, training={"epochs": 3, **(training or {})})

    return train


@pytest.mark.parametrize(
    "mode",
    [
        "head",
        "lora",
        *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("all", "last_blocks")),
    ],
)
def test_a_text_network_is_saved_with_its_backbone(fine_tuned, tmp_path, mode):
    """Ids are its raw input; dlrun's model takes strings."""
    run = fine_tuned(train=mode, blocks=1, rank=2)
    expected = run.fitted.predict(run.test.frame).values
    run.fitted.save(tmp_path)
    loaded = saved.load(tmp_path)
    assert loaded.fitted.parameters == run.fitted.parameters
    values = loaded.fitted.predict(run.test.frame).values
    np.testing.assert_allclose(values, expected, atol=1e-6)
    reader = loaded.fitted.readers["text"]
    inputs = json.loads((tmp_path / "network.json").read_text(encoding="utf-8"))["inputs"]
    (name,) = inputs
    ids = reader.read(list(run.test.frame[name]))
    raw = loaded.fitted.model({inputs[name]: ids})
    np.testing.assert_allclose(np.asarray(raw), expected, atol=1e-6)
    assert np.isfinite(run.fitted.deployed(run.test.frame)()).all()
    new = (WIDTH + 1) * expected.shape[1]
    assert (run.fitted.parameters == new) is (mode == "head")
