"""Killed at six random moments and started again, a study ends as if nothing had happened."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from killing import Nursery, kill_and_resume
from outcome import differing, written

pytestmark = pytest.mark.tf

RECIPE = """\
data: {source: sklearn:breast_cancer}
model: {architecture: mlp, hidden: [16], dropout: 0.3}
training:
  epochs: 12
  batch_size: 32
  early_stopping: {patience: 9}
  checkpoint_every: 8 steps
  deterministic: true
baselines: [linear]
evaluation: {folds: 2, learning_curve: [0.5]}
"""
N_KILLS = 6


@pytest.fixture(scope="module")
def reference(
    processes: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], float]:
    """What the study says that nobody stops, and how many seconds it takes."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    began = time.monotonic()
    assert processes.run(folder, "train", "r.yaml") == 0, (folder / "output.txt").read_text()
    return written(folder), time.monotonic() - began


def test_it_ends_with_the_same_bits(
    processes: Nursery, reference: tuple[dict[str, Any], float], tmp_path: Path
) -> None:
    whole, seconds = reference
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    killed = kill_and_resume(
        processes, tmp_path, ["train", "r.yaml"], n_kills=N_KILLS, longest=seconds / 2, seed=11
    )
    assert killed > 0  # a busy machine makes it faster and slower
    assert "Going on: " in (tmp_path / "output.txt").read_text()
    found = written(tmp_path)
    assert found["statuses"] == {"FINISHED"}
    assert differing(found, whole) == []
    assert len(found["weights"]) > 0
