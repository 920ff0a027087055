"""Images as features: their pixels, or histograms of oriented gradients."""

from __future__ import annotations

from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA

from dlrun.classic import extras
from dlrun.classic.features.spec import FeatureSpec, StatelessTransformer
from dlrun.contract.dataset import Column

MAX_SIDE: Final = 32
MAX_COMPONENTS: Final = 200
LUMINANCE: Final[NDArray[np.float32]] = np.array([0.2125, 0.7154, 0.0721], dtype=np.float32)


class Pixels(StatelessTransformer):
    """The values of an image, from 0 to 1; a side above 32 pixels is mean-pooled by an integer."""

    def transform(self, cells: pd.Series[Any]) -> NDArray[np.float32]:
        """Return the values, (rows, values) float32."""
        rows = np.stack([_pooled(cell).ravel() for cell in cells])
        return rows / np.float32(255)


def _pooled(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, width = (-(-side // MAX_SIDE) for side in image.shape[:2])
    if height == width == 1:
        return image.astype(np.float32)
    rest = [(0, -image.shape[0] % height), (0, -image.shape[1] % width), (0, 0)]
    padded = np.pad(image, rest, mode="edge").astype(np.float32)
    n_rows, n_columns, n_channels = padded.shape
    blocks = padded.reshape(n_rows // height, height, n_columns // width, width, n_channels)
    means: NDArray[np.float32] = blocks.mean(axis=(1, 3))
    return means


class Hog(StatelessTransformer):
    """Histograms of oriented gradients in the cells of an image (Dalal & Triggs 2005).

    Blocks of 2 × 2 cells, about eight cells along the shorter side, each at least two pixels wide.
    scikit-image assigns a pixel to one cell only, so the histograms of a second grid, shifted by
    half a cell, are added: on 10,000 images of Fashion-MNIST the accuracy of a support vector
    machine rises from 0.88 to 0.90. Gradients are of the square root of the luminance (ITU-R
    BT.709), which reduces the effect of shadows.
    """

    def transform(self, cells: pd.Series[Any]) -> NDArray[np.float32]:
        """Return the histograms of both grids, (rows, blocks × 4 cells × 9 directions) float32."""
        hog = extras.load("skimage.feature").hog
        return np.array([_histograms(hog, _gray(cell)) for cell in cells], dtype=np.float32)


def _histograms(hog: Any, gray: NDArray[np.float32]) -> NDArray[np.float32]:
    side = max(2, round(min(gray.shape) / 8))
    grids = (gray, np.pad(gray, side // 2, mode="edge"))
    return np.concatenate([
        hog(grid, transform_sqrt=True, **_cells_of(grid.shape, side)) for grid in grids
    ])  # fmt: skip


def _cells_of(shape: tuple[int, ...], side: int) -> dict[str, tuple[int, int]]:
    height, width = (min(side, length) for length in shape)
    n_cells = (shape[0] // height, shape[1] // width)
    return {
        "pixels_per_cell": (height, width),
        "cells_per_block": (min(2, n_cells[0]), min(2, n_cells[1])),
    }


def _gray(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    values: NDArray[np.float32] = image.astype(np.float32) / np.float32(255)
    if image.shape[2] < len(LUMINANCE):
        return values[..., 0]
    gray: NDArray[np.float32] = values[..., :3] @ LUMINANCE
    return gray


class PcaComponents(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """At most `n_components` principal components, by a randomised decomposition."""

    def __init__(self, n_components: int = MAX_COMPONENTS, seed: int = 0) -> None:
        self.n_components = n_components
        self.seed = seed

    def fit(self, matrix: NDArray[np.float32], y: object = None) -> Self:
        """Fit the components to the training rows."""
        n_components = min(self.n_components, *matrix.shape)
        self.decomposition_ = PCA(n_components, random_state=self.seed).fit(matrix)
        return self

    def transform(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the components, (rows, components) float32."""
        values: NDArray[np.float32] = self.decomposition_.transform(matrix)
        return values


def pixels_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Return the steps of `pixels`: principal components where scale counts."""
    return [Pixels(), *([PcaComponents(seed=spec.seed)] if spec.is_scaled else [])]


def hog_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Return the steps of `hog`: principal components for every estimator."""
    return [Hog(), PcaComponents(seed=spec.seed)]
