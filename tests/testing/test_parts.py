"""An architecture or estimator of one's own is checked from Python and by `dlrun check`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dlrun.testing import CheckError, check_architecture, check_baseline

pytestmark = pytest.mark.tf

NETS = """\
import keras

def build(inputs, width=16):
    tensor = keras.layers.Concatenate()(list(inputs.values()))
    return keras.layers.Dense(width, activation="relu")(tensor)

def of_the_batch(inputs):
    tensor = build(inputs)
    return tensor + keras.ops.mean(tensor, axis=0, keepdims=True)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my_checked_nets.py").write_text(NETS)
    return tmp_path


def test_an_own_network_is_checked(folder):
    check_architecture("my_checked_nets:build", {"width": 8}, folder=folder)
    with pytest.raises(CheckError, match="a prediction depends on the other rows"):
        check_architecture("my_checked_nets:of_the_batch", folder=folder)


def test_an_own_estimator_is_checked():
    check_baseline("sklearn.neighbors.KNeighborsClassifier", {"n_neighbors": 9})
    with pytest.raises(CheckError, match="every row gets the same prediction"):
        check_baseline("sklearn.dummy.DummyClassifier")


def test_the_verb_lists_every_promise(tmp_path):
    command = [sys.executable, "-m", "dlrun", "check", "sklearn.dummy.DummyClassifier"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "sklearn.dummy.DummyClassifier on the sample 'table', classification"
    assert "  ✓ predicts each row alone" in lines
    assert "  ✗ learns the signal: every row gets the same prediction" in lines
    assert done.stderr.endswith("promises are broken.\n")
