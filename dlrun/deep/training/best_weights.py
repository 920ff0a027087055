"""Copies of the weights of the best epoch so far: in memory, or of large networks on disk."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from math import prod
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

LARGE: Final = 2**25  # bytes, above which copies are on disk


def copy_weights(variables: Sequence[Any], folder: Path | None) -> list[NDArray[Any]]:
    """Copy the values of variables.

    Those of a large network are written to a file without a name, which goes with the process,
    and mapped into memory: they take none but what the system has to spare.

    Args:
        variables: of Keras.
        folder: of the file; None: that of temporary files.
    """
    if n_bytes(variables) >= LARGE:
        try:
            return _copy_to_disk(variables, folder)
        except OSError as error:  # a full disk costs memory, not the training
            log.warning("%s: no weights can be kept there: %s", folder, error.strerror)
    return [np.array(each.value) for each in variables]


def n_bytes(variables: Sequence[Any]) -> int:
    """Count the bytes of variables."""
    return sum(prod(each.shape) * np.dtype(each.dtype).itemsize for each in variables)


def _copy_to_disk(variables: Sequence[Any], folder: Path | None) -> list[NDArray[Any]]:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(prefix="dlrun-", dir=folder) as file:
        starts = []
        for each in variables:
            starts.append(file.tell())
            file.write(np.asarray(each.value).tobytes())
        file.flush()
        return [
            np.memmap(file, np.dtype(each.dtype), "r", start, tuple(each.shape))
            for each, start in zip(variables, starts, strict=True)
        ]
