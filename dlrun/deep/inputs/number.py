"""Number columns: imputed, scaled, and perhaps embedded, as fitted to the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.deep.backend import keras
from dlrun.deep.inputs.encoding import Encoding, Read, Spec
from dlrun.deep.inputs.number_embeddings import bin_shares, linear, periodic, piecewise
from dlrun.recipe.preprocessing import Number

if TYPE_CHECKING:
    import pandas as pd

N_KNOTS: Final = 256  # of the map to a normal distribution
SMALLEST: Final = 1e-7  # share of rows below a number, as in scikit-learn's quantile map
LARGEST: Final = 1e30  # that a network is given: sums of more would overflow in float32
WIDTH: Final = 16  # of an embedding

ops = keras.ops


def make_reader(columns: Sequence[Column], model: Any) -> Read:
    """Make the reader of number columns."""
    names = [column.name for column in columns]
    return lambda frame: read_numbers(frame, names)


def read_numbers(frame: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    """Return the columns as (rows, columns) float64; NaN is missing."""
    values: NDArray[np.float64] = frame[list(names)].to_numpy(dtype=np.float64)
    return values


@dataclass(frozen=True)
class NumberEncoding(Encoding):
    """How number columns become (rows, columns) float32.

    Attributes:
        fill: (columns,) imputed for a missing value.
        shift: (columns,) is subtracted, and the rest divided by `scale`, (columns,).
        curves: with `scale: quantile`, for each column its knots and the shares of rows below.
        embedding: none, plr or ple.
        edges: of `ple`, (columns, bins + 1) of the bins of scaled numbers.
    """

    fill: NDArray[np.float64]
    shift: NDArray[np.float64]
    scale: NDArray[np.float64]
    curves: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...] = ()
    embedding: str = "none"
    edges: NDArray[np.float32] | None = None

    kind: ClassVar[str] = "number"
    raw: ClassVar[Spec] = Spec((1,), "float64")

    @property
    def group(self) -> Spec:
        """Describe the columns side by side."""
        return Spec((len(self.names),), "float64")

    @property
    def encoded(self) -> Spec:
        """Describe the scaled columns."""
        return Spec((len(self.names),), "float32")

    def read(self, inputs: list[Any]) -> Any:
        """Join raw columns, each (rows, 1), to one tensor."""
        return keras.layers.Concatenate(axis=1, dtype="float64", name="dlrun_numbers")(inputs)

    def encode(self, group: Any) -> Any:
        """Fill and scale; numbers that are not finite count as missing."""
        filled = ops.where(ops.isfinite(group), group, self.fill)
        if self.curves:
            columns = [self._score(filled[:, i], i) for i in range(len(self.names))]
            return ops.cast(ops.stack(columns, axis=1), "float32")
        scaled = (filled - self.shift) / self.scale
        return ops.cast(ops.clip(scaled, -LARGEST, LARGEST), "float32")

    def expand(self, encoded: Any) -> Any:
        """Return the numbers as they are encoded, or their embeddings side by side."""
        if self.embedding == "none":
            return encoded
        return keras.layers.Flatten()(self.embed(encoded, WIDTH))

    def embed(self, encoded: Any, width: int) -> Any:
        """Embed each number, (rows, columns, width); by a linear map where no embedding is set."""
        if self.edges is not None:
            return piecewise(encoded, width, self.edges)
        return (periodic if self.embedding == "plr" else linear)(encoded, width)

    def _score(self, column: Any, position: int) -> Any:
        """Interpolate the share of rows below, (rows,), and give its normal score."""
        knots, shares = self.curves[position]
        if len(knots) == 1:
            return ops.zeros_like(column)
        slopes = np.diff(shares) / np.diff(knots)
        within = ops.clip(column, knots[0], knots[-1])
        left = ops.clip(ops.searchsorted(knots, within, side="right") - 1, 0, len(slopes) - 1)
        share = ops.take(shares, left) + (within - ops.take(knots, left)) * ops.take(slopes, left)
        return ops.erfinv(2 * ops.clip(share, SMALLEST, 1 - SMALLEST) - 1) * sqrt(2)


def fit(columns: Sequence[Column], frame: pd.DataFrame, settings: Number) -> NumberEncoding:
    """Fit imputed values and scales to the training rows."""
    names = [column.name for column in columns]
    values = read_numbers(frame, names)
    fill = _fill_values(frame[list(names)], settings)
    filled = np.where(np.isnan(values), fill, values)
    low, high = filled.min(axis=0), filled.max(axis=0)
    shift, scale = np.zeros(len(fill)), np.ones(len(fill))
    if settings.scale == "standard":
        shift, scale = filled.mean(axis=0), filled.std(axis=0)
    elif settings.scale == "minmax":
        shift, scale = low, high - low
    # That of a constant column may be a rounding error instead of zero.
    scale = np.where((high > low) & (scale > 0), scale, 1.0)
    is_curved = settings.scale == "quantile"
    curves = tuple(_curve(column) for column in filled.T) if is_curved else ()
    encoding = NumberEncoding(tuple(names), fill, shift, scale, curves, settings.encode)
    if settings.encode != "ple":
        return encoding
    return replace(encoding, edges=_edges(encoding, filled))


def _fill_values(frame: pd.DataFrame, settings: Number) -> NDArray[np.float64]:
    if settings.impute == "median":
        known = frame.median()
    elif settings.impute == "mean":
        known = frame.mean()
    else:
        # With error a missing value stays NaN, and its prediction is not finite.
        return np.full(frame.shape[1], 0.0 if settings.impute == "zero" else np.nan)
    fill: NDArray[np.float64] = known.fillna(0.0).to_numpy(dtype=np.float64)
    return fill


def _curve(column: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find knots among a column's values, and the share of rows below each; ties share a knot."""
    shares = np.linspace(0.0, 1.0, min(N_KNOTS, len(column)))
    knots, positions = np.unique(np.quantile(column, shares), return_inverse=True)
    return knots, np.bincount(positions, weights=shares) / np.bincount(positions)


def _edges(encoding: NumberEncoding, filled: NDArray[np.float64]) -> NDArray[np.float32]:
    """Find the quantiles of all columns, scaled like the columns, (columns, bins + 1)."""
    quantiles = np.quantile(filled, bin_shares(len(filled)), axis=0)
    edges: NDArray[np.float32] = ops.convert_to_numpy(encoding.encode(quantiles)).T
    return edges
