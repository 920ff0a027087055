"""A process in which Keras is without dlrun: it is started once, and loads any network.

Run as a program, it reads a folder from every line, calls its `network.keras` on the raw inputs of
its `raw.npz`, and writes `said.npy`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def raw_columns(frame: pd.DataFrame, inputs: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns as a saved network takes them, by the names of its inputs."""
    raw = {}
    for name, values in frame.items():
        if values.dtype == np.float64:
            raw[inputs[name]] = values.to_numpy()
        elif values.dtype == "category":
            raw[inputs[name]] = values.astype(object).fillna("").to_numpy().astype("U")
        else:
            raw[inputs[name]] = values.to_numpy().astype("datetime64[s]").astype(np.int64)
    return raw


class KerasAlone:
    """Predicts with saved networks in the process that lacks dlrun."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def predict(self, folder: Path, raw: Mapping[str, Any]) -> Any:
        """Return what the network of a folder makes of raw inputs."""
        np.savez(folder / "raw.npz", **raw)
        assert self._process.stdin
        assert self._process.stdout
        print(folder, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline().strip()
        assert answer == str(folder), f"the process has ended: {self._process.poll()}"
        return np.load(folder / "said.npy")


@contextmanager
def keras_alone() -> Iterator[KerasAlone]:
    """Start the process, and end it."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__],
        cwd=Path(__file__).anchor,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield KerasAlone(process)
        assert process.stdin
        process.stdin.close()


def _serve() -> None:
    import keras

    for line in sys.stdin:
        folder = Path(line.rstrip("\n"))
        rows = np.load(folder / "raw.npz")
        raw = {name: keras.ops.convert_to_tensor(rows[name]) for name in rows.files}
        model = keras.models.load_model(folder / "network.keras", safe_mode=True)
        np.save(folder / "said.npy", keras.ops.convert_to_numpy(model(raw)))
        assert not [name for name in sys.modules if name.split(".")[0] == "dlrun"]
        print(folder, flush=True)


if __name__ == "__main__":
    _serve()
