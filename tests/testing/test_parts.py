"""An architecture or estimator of one's own is checked from Python and by `dlrun check`."""

from __future__ import annotations

import pytest
from killing import OUTPUT

from dlrun.testing import CheckError, check_architecture, check_baseline

pytestmark = pytest.mark.tf

NETS = """\
import keras

def build(inputs, width=16):
    tensor = keras.layers.Concatenate()(list(inputs.values()))
    return keras.layers.Dense(width, activation="relu")(tensor)

def of_the_batch(inputs, width=16):
    tensor = build(inputs, width)
    return tensor + keras.ops.mean(tensor, axis=0, keepdims=True)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my_checked_nets.py").write_text(NETS)
    return tmp_path


def test_an_own_network_is_checked(folder):
    """One that passes is that of the page on extending (tests/docs)."""
    with pytest.raises(CheckError, match="a prediction depends on the other rows"):
        check_architecture("my_checked_nets:of_the_batch", {"width": 8}, folder=folder)


def test_an_own_estimator_is_checked():
    check_baseline("sklearn.neighbors.KNeighborsClassifier", {"n_neighbors": 9})
    with pytest.raises(CheckError, match="every row gets the same prediction"):
        check_baseline("sklearn.dummy.DummyClassifier")


def test_the_verb_lists_every_promise(processes, tmp_path):
    assert processes.run(tmp_path, "check", "sklearn.dummy.DummyClassifier") == 1
    lines = (tmp_path / OUTPUT).read_text().splitlines()
    assert lines[0] == "sklearn.dummy.DummyClassifier on the sample 'table', classification"
    assert "  ✓ predicts each row alone" in lines
    assert "  ✗ learns the signal: every row gets the same prediction" in lines
    assert lines[-1].endswith("promises are broken.")
