"""Test rows as points of a plane, as some layers of a network place them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.contract.embeddings import Embeddings, LayerEmbedding, Projection
from dlrun.study.inside.activations import narrowed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.inside import Inside
    from dlrun.study.inside.context import InsideContext

N_LAYERS: Final = 3  # the first, the middle one and the last
N_POINTS: Final = 400
PERPLEXITY: Final = 30.0  # of t-SNE, as in scikit-learn
DIGITS: Final = 4  # of a point, in parts of the widest extent


def add_embeddings(context: InsideContext, inside: Inside) -> Inside:
    """Add the embeddings of test rows by some layers."""
    seen = context.activations
    if seen is None:
        return inside
    test = context.test_sample
    rows = np.linspace(0, len(test) - 1, min(N_POINTS, len(test))).round().astype(np.int64)
    places = np.unique(np.linspace(0, len(seen.layers) - 1, N_LAYERS).round().astype(int))
    layers = tuple(
        embed(seen.layers[place].name, seen.test[place][rows], method, context.seed)
        for method in context.projections
        for place in places
    )
    y = test.y[rows] if test.y.ndim == 1 else test.y[rows].sum(axis=1)
    labels = test.target.labels if test.y.ndim == 1 else ()
    return replace(
        inside,
        embeddings=Embeddings(
            tuple(map(int, test.row_ids[rows])), tuple(map(float, y)), labels, layers
        ),
    )


def embed(
    layer: str, activations: NDArray[np.float32], method: Projection, seed: int
) -> LayerEmbedding:
    """Place rows in a plane.

    Args:
        layer: its name.
        activations: (rows, width).
        method: pca, or tsne (van der Maaten & Hinton 2008).
        seed: of t-SNE.
    """
    matrix = narrowed(np.nan_to_num(activations), seed).astype(np.float64)
    points, explained = _pca(matrix) if method == "pca" else (_tsne(matrix, seed), ())
    widest = float(np.ptp(points, axis=0).max(initial=0)) or 1.0
    rounded = np.round(points / widest, DIGITS) * widest
    places = tuple((float(x), float(y)) for x, y in rounded)
    return LayerEmbedding(layer, method, places, explained)


def _pca(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """Return the first two principal components of rows, and their shares of the variance."""
    centred = matrix - matrix.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    variances = sizes**2
    total = variances.sum()
    both = np.zeros((len(matrix), 2))
    n_found = min(2, len(sizes))
    both[:, :n_found] = (left * sizes)[:, :n_found]
    shares = variances[:n_found] / total if total else np.zeros(n_found)
    return both, tuple(map(float, shares))


def _tsne(matrix: NDArray[np.float64], seed: int) -> Any:
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, max(1.0, (len(matrix) - 1) / 3))
    return TSNE(2, perplexity=perplexity, init="random", random_state=seed).fit_transform(matrix)
