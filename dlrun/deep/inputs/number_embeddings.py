"""Numbers as vectors: linear, periodic and piecewise linear embeddings, trained with the network.

After Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular deep
learning" (2022). Every column has weights of its own: encoded numbers, (rows, columns) float32,
become (rows, columns, width).
"""

from __future__ import annotations

from math import pi
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backend import keras

N_FREQUENCIES: Final = 48
SIGMA: Final = 0.1  # of the first frequencies, whose unit is one wave per unit of a column
N_BINS: Final = 48
ROWS_PER_BIN: Final = 10  # at least, so that a small table has fewer bins

ops = keras.ops


def linear(numbers: Any, width: int) -> Any:
    """Multiply by a vector and add one, of each column."""
    start = _uniform(width)
    layer = keras.layers.EinsumDense(
        "rc,cw->rcw",
        output_shape=(numbers.shape[1], width),
        bias_axes="cw",
        kernel_initializer=start,
        bias_initializer=start,
    )
    return layer(numbers)


def periodic(numbers: Any, width: int) -> Any:
    """Apply sines and cosines of trained frequencies, then a linear layer and ReLU (PLR)."""
    n_columns = numbers.shape[1]
    frequencies = keras.layers.EinsumDense(
        "rc,cf->rcf",
        output_shape=(n_columns, N_FREQUENCIES),
        kernel_initializer=keras.initializers.RandomNormal(stddev=SIGMA),
        dtype="float32",
    )
    angles = frequencies(numbers) * (2 * pi)
    waves = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=2)
    layer = keras.layers.EinsumDense(
        "rcf,cfw->rcw",
        output_shape=(n_columns, width),
        bias_axes="cw",
        activation="relu",
        kernel_initializer=_uniform(2 * N_FREQUENCIES),
    )
    return layer(waves)


def piecewise(numbers: Any, width: int, edges: NDArray[np.float32]) -> Any:
    """Add to the linear embedding a slope for every bin, which starts at zero.

    The second version of the authors' own code, as in TabM. Beyond the range of the training rows
    it continues linearly.

    Args:
        numbers: (rows, columns).
        width: of an embedding.
        edges: (columns, bins + 1) of the bins, ascending; a bin of no width is never used.
    """
    left, right = edges[:, :-1], edges[:, 1:]
    bin_widths = np.where(right > left, right - left, np.float32(1.0))
    within = ops.minimum(ops.maximum(numbers[:, :, None], left), right)
    slopes = keras.layers.EinsumDense(
        "rcb,cbw->rcw", output_shape=(numbers.shape[1], width), kernel_initializer="zeros"
    )
    return linear(numbers, width) + slopes((within - left) / bin_widths)


def bin_shares(n_rows: int) -> NDArray[np.float64]:
    """Return the shares of rows at the edges of quantile bins, (bins + 1,)."""
    n_bins = min(N_BINS, max(1, n_rows // ROWS_PER_BIN))
    return np.linspace(0.0, 1.0, n_bins + 1)


def _uniform(n_inputs: int) -> Any:
    """Initialise weights as the authors and PyTorch do."""
    limit = n_inputs**-0.5
    return keras.initializers.RandomUniform(-limit, limit)
