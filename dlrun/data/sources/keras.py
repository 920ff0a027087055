"""Data sets of Keras, downloaded by a process of its own and kept beside Keras' files."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.data.sources.arrays import read_arrays
from dlrun.data.sources.raw import RawData
from dlrun.errors import DataError
from dlrun.system.private import private_folder
from dlrun.system.text import did_you_mean, listed

# A module of the deep room, run as a program: TensorFlow is not imported here.
LOADER: Final = "dlrun.deep.download_dataset"
ARRAYS: Final = (
    "mnist", "fashion_mnist", "cifar10", "cifar100", "california_housing", "boston_housing",
)  # fmt: skip
TEXTS: Final = ("imdb", "reuters")
SUBSETS: Final = ("train", "test")  # Keras has no validation rows


def read(name: str, target: str | None) -> RawData:
    """Read a set of keras.datasets with its train and test rows: images, texts or a table.

    Raises:
        DataError: there is no such set, or it cannot be downloaded.
    """
    known = [*ARRAYS, *TEXTS]
    if name not in known:
        message = (
            f"keras:{name} is not a data set of Keras.{did_you_mean(name, known)} "
            f"Allowed: {listed(known)}"
        )
        raise DataError(message)
    path = _keras_home() / "dlrun" / f"{name}.npz"
    if not path.is_file():
        _download(name, path)
    raw = _read_texts(path, target) if name in TEXTS else read_arrays(path, target)
    return replace(raw, name=name)


def _keras_home() -> Path:
    """Return the folder in which Keras keeps downloads."""
    home = Path.home() if os.access(Path.home(), os.W_OK) else private_folder()
    return Path(os.environ.get("KERAS_HOME") or home / ".keras")


def _download(name: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", LOADER, name, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it ended without a reason"])[-1]
        copy = (
            f"{name}.csv with a column of texts"
            if name in TEXTS
            else (f"{name}.npz with the arrays x_train, y_train, x_test and y_test")
        )
        message = (
            f"keras:{name} cannot be downloaded: {reason.rstrip('.')}. Without a network, use a "
            f"local copy, such as {copy}: data.source={copy.partition(' ')[0]}"
        )
        raise DataError(message)


def _read_texts(path: Path, target: str | None) -> RawData:
    """Read the texts of a set, one for each line of an array of UTF-8 bytes per subset."""
    target = target or "target"
    with np.load(path, allow_pickle=False) as arrays:
        texts = {subset: _lines(arrays[f"x_{subset}"]) for subset in SUBSETS}
        y = np.concatenate([arrays[f"y_{subset}"] for subset in SUBSETS])
    frame = pd.DataFrame(
        {"text": [text for subset in SUBSETS for text in texts[subset]], target: y}
    )
    subsets = np.repeat(SUBSETS, [len(texts[subset]) for subset in SUBSETS])
    return RawData(path.stem, frame, target, pd.Series(subsets), {"text": "text"})


def _lines(data: NDArray[Any]) -> list[str]:
    return data.tobytes().decode("utf-8").split("\n")
