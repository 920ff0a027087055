"""Killed in the middle of an epoch of a stream of images and texts, a study ends with its bits."""

from __future__ import annotations

import shutil
import signal
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from killing import Nursery
from outcome import differing, written
from PIL import Image

pytestmark = pytest.mark.tf

N_ROWS, GROUP, SIDE = 480, 40, 8
RECIPE = """\
data: {source: media.parquet, target: label, stream: true, features: {photo: image, words: text}}
model: {architecture: mlp, hidden: [8], dropout: 0.3}
training:
  epochs: 3
  batch_size: 16
  learning_rate: 5e-3
  checkpoint_every: 3 steps
  deterministic: true
baselines: []
evaluation: {folds: 1}
"""
SMALL = """\
import os
import signal

from dlrun.data.streaming import reader, store
from dlrun.deep.training import run, streaming_data

reader.BATCH_BYTES = 7 * 8 * 8 * 3
streaming_data.WINDOW_ROWS = streaming_data.MIN_ROWS = 64
if os.environ.get("STORE") == "none":
    store.DISK_SHARE = 0
deadly, taken, arguments = int(os.environ.get("KILLED_AT", "0")), [0], run._arguments


def count(copies, order, steps, totals):
    taken[0] += len(steps)
    if deadly and taken[0] >= deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return arguments(copies, order, steps, totals)


run._arguments = count
"""


def write(folder: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, N_ROWS)

    def draw(label: int) -> bytes:
        file = BytesIO()
        pixels = rng.integers(0, 156, (SIDE, SIDE, 3)) + 40 * label
        Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG")
        return file.getvalue()

    words = np.array(["red", "green", "blue", "gray", "white"])
    texts = [" ".join(rng.choice(words[label:], rng.integers(1, 9))) for label in labels]
    photos = pa.array([{"bytes": draw(label), "path": None} for label in labels])
    table = {"photo": photos, "words": texts, "label": [f"c{label}" for label in labels]}
    pyarrow.parquet.write_table(pa.table(table), folder / "media.parquet", row_group_size=GROUP)
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    (folder / "small.py").write_text(SMALL, encoding="utf-8")


def train(processes: Nursery, folder: Path, **environment: str) -> int:
    environment |= {"PYTHONPATH": str(folder), "DLRUN_CACHE_DIR": str(folder / "cache")}
    return processes.run(folder, "train", "r.yaml", patches="small", **environment)


@pytest.fixture(scope="module")
def whole(processes: Nursery, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the study says that nobody stops."""
    folder = tmp_path_factory.mktemp("whole")
    write(folder)
    assert train(processes, folder) == 0, (folder / "output.txt").read_text()
    assert "are decoded once, and kept in" in said(folder)
    return written(folder)


def said(folder: Path) -> str:
    return " ".join((folder / "output.txt").read_text().split())


def test_it_goes_on_within_the_epoch(
    processes: Nursery, whole: dict[str, Any], tmp_path: Path
) -> None:
    """Twice: with the cells that were kept before, then where they are gone and find no room."""
    write(tmp_path)
    # Of about 21 steps an epoch; in its third window, and one epoch later.
    for killed_at in ("32", "21"):
        assert train(processes, tmp_path, KILLED_AT=killed_at) == -signal.SIGKILL
    assert "are decoded anew in every epoch" not in said(tmp_path)
    shutil.rmtree(tmp_path / "cache" / "cells")
    assert train(processes, tmp_path, STORE="none") == 0, (tmp_path / "output.txt").read_text()
    assert "Going on: " in said(tmp_path)
    assert "are decoded anew in every epoch" in said(tmp_path)
    found = written(tmp_path)
    assert differing(found, whole) == []
    assert len(found["weights"]) > 0
