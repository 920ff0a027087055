"""The file of the network's weights: one .npz of half-precision arrays, and where it is."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np

from dlrun.errors import WeightsError

SHIPPED: Final = Path(__file__).with_name("weights.npz")
COMMAND: Final = "python -m dlrun.deep.tabular_prior.pretrain weights.npz --minutes 60"


def find_weights(given: str | None, folder: Path) -> Path:
    """Return the file of weights: the one that the recipe names, else the one in the package.

    Args:
        given: a path.
        folder: of the recipe, which the path is relative to.

    Raises:
        WeightsError: there is none.
    """
    path = folder / Path(given).expanduser() if given else SHIPPED
    if path.is_file():
        return path
    missing = f"there is no file {path}" if given else "dlrun brings no weights for tabular_prior"
    message = f"{missing}. Train some on synthetic tables, {COMMAND}, and set weights: weights.npz"
    raise WeightsError(message)


def write_weights(network: Any, path: Path) -> None:
    """Write the weights, in the order in which the network lists them."""
    settings = np.array([network.width, network.heads, len(network.blocks)])
    arrays = [weight.numpy().astype(np.float16) for weight in network.weights]
    partial = path.with_suffix(".part.npz")
    np.savez(partial, settings, *arrays)
    os.replace(partial, path)


def read_weights(path: Path) -> Any:
    """Return the network with the weights of a file; one for all folds of a study.

    Raises:
        WeightsError: the file is none of these.
    """
    return _read_weights(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read_weights(path: Path, _changed_ns: int) -> Any:
    from dlrun.deep.tabular_prior.network import new_network

    try:
        with np.load(path, allow_pickle=False) as file:
            settings, *arrays = (file[name] for name in file.files)
        network = new_network(*map(int, settings))
        for weight, array in zip(network.weights, arrays, strict=True):
            weight.assign(array)
    except (BadZipFile, EOFError, OSError, TypeError, ValueError) as error:
        message = f"{path}: no weights of tabular_prior: {error}. Train some: {COMMAND}"
        raise WeightsError(message) from error
    return network
