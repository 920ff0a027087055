"""Synthetic tables for classification, drawn at random: what the network is trained on.

The kinds of tables follow TabPFN (Hollmann et al. 2022, 2025) and TabICL (Qu et al. 2025): columns
and classes are nodes of random networks, functions of random trees, linear functions, or clusters;
then columns are warped, cut into categories, hidden, shuffled and made to miss values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.tabular_prior.limits import MAX_CLASSES

Generator = np.random.Generator
Matrix = NDArray[np.float64]

ACTIVATIONS: Final[tuple[Callable[[Any], Any], ...]] = (
    np.tanh, np.sin, np.abs, np.square, np.sign,
    lambda x: x, lambda x: x, lambda x: np.maximum(x, 0), lambda x: np.exp(-np.square(x)),
)  # fmt: skip


def draw_table(
    generator: Generator, n_rows: int, n_columns: int
) -> tuple[Matrix, NDArray[np.int64]]:
    """Draw a table: (rows, columns) float64 with NaN for what is missing, and (rows,) classes."""
    n_hidden = int(generator.integers(0, 3)) if generator.random() < 0.4 else 0  # noqa: PLR2004
    columns, classes = _draw_causes(generator, n_rows, n_columns + n_hidden)
    kept = generator.permutation(columns.shape[1])[:n_columns]
    return _disguise(generator, columns[:, kept]), classes


def _draw_causes(
    generator: Generator, n_rows: int, n_columns: int
) -> tuple[Matrix, NDArray[np.int64]]:
    n_classes = _draw_n_classes(generator)
    if generator.random() < 0.15:  # noqa: PLR2004
        return _draw_clusters(generator, n_rows, n_columns, n_classes)
    base = (_independent, _mixed, _nodes, _nodes)[generator.integers(4)]
    columns = _standard(base(generator, n_rows, n_columns))
    used = _draw_used(generator, columns)
    score = (_linear, _linear, _network, _network, _trees, _trees)[generator.integers(6)]
    is_ordered = n_classes == 2 or generator.random() < 0.3  # noqa: PLR2004
    scores = _standard(score(generator, used, 1 if is_ordered else n_classes))
    return columns, _draw_classes(generator, scores, n_classes)


def _draw_n_classes(generator: Generator) -> int:
    if generator.random() < 0.5:  # noqa: PLR2004
        return 2
    return int(np.clip(generator.geometric(0.3) + 2, 3, MAX_CLASSES))


def _draw_used(generator: Generator, columns: Matrix) -> Matrix:
    """Return the columns that the classes depend on: all, or some."""
    if generator.random() < 0.4:  # noqa: PLR2004
        return columns
    n_used = int(generator.integers(1, columns.shape[1] + 1))
    return columns[:, generator.permutation(columns.shape[1])[:n_used]]


# ----------------------------------------------------------------------------------- the columns


def _noise(generator: Generator, shape: tuple[int, int]) -> Matrix:
    draws: tuple[Callable[[], Any], ...] = (
        lambda: generator.standard_normal(shape),
        lambda: generator.uniform(-1.7, 1.7, shape),
        lambda: generator.standard_t(3, shape),
        lambda: generator.gamma(2.0, 1.0, shape),
    )
    result: Matrix = draws[generator.integers(len(draws))]()
    return result


def _independent(generator: Generator, n_rows: int, n_columns: int) -> Matrix:
    return np.hstack([_noise(generator, (n_rows, 1)) for _ in range(n_columns)])


def _mixed(generator: Generator, n_rows: int, n_columns: int) -> Matrix:
    """Return linear mixtures of a few causes and noise."""
    n_causes = int(generator.integers(1, n_columns + 1))
    causes = _noise(generator, (n_rows, n_causes))
    share = generator.uniform(0.05, 1.0)
    own = share * generator.standard_normal((n_rows, n_columns))
    weights = generator.standard_normal((n_causes, n_columns)) / np.sqrt(n_causes)
    mixed: Matrix = causes @ weights + own
    return mixed


def _nodes(generator: Generator, n_rows: int, n_columns: int) -> Matrix:
    """Return nodes of a random network whose inputs are noise, as of a structural causal model."""
    n_causes = int(generator.integers(1, n_columns + 1))
    nodes = [_noise(generator, (n_rows, n_causes))]
    for _ in range(int(generator.integers(1, 4))):
        nodes.append(_layer(generator, _standard(nodes[-1]), n_columns))
    found = np.hstack(nodes)
    return found[:, generator.permutation(found.shape[1])[:n_columns]]


def _layer(generator: Generator, inputs: Matrix, width: int) -> Matrix:
    weights = generator.standard_normal((inputs.shape[1], width))
    weights *= generator.random(weights.shape) < generator.uniform(0.3, 1.0)
    linear = _standard(inputs @ weights) + generator.normal(0.0, 0.7, width)
    outputs = ACTIVATIONS[generator.integers(len(ACTIVATIONS))](linear)
    noise = 10 ** generator.uniform(-3, -0.3)
    result: Matrix = outputs + noise * generator.standard_normal(outputs.shape)
    return result


def _standard(matrix: Matrix) -> Matrix:
    """Return columns of mean 0 and deviation 1; a constant column becomes zeros."""
    centred = matrix - matrix.mean(axis=0)
    deviation = centred.std(axis=0)
    scaled: Matrix = centred / np.where(deviation > 1e-9, deviation, 1.0)  # noqa: PLR2004
    return scaled


# ----------------------------------------------------------------------------------- the classes


def _linear(generator: Generator, columns: Matrix, n_scores: int) -> Matrix:
    """Return linear scores, some of whose weights are much larger than others, and interactions."""
    shape = (columns.shape[1], n_scores)
    sizes = np.exp(generator.uniform(0, 1.5) * generator.standard_normal((shape[0], 1)))
    scores = columns @ (sizes * generator.standard_normal(shape))
    if generator.random() < 0.3:  # noqa: PLR2004
        pairs = generator.integers(0, shape[0], (2, 3))
        products = columns[:, pairs[0]] * columns[:, pairs[1]]
        scores += generator.uniform(0, 2) * products @ generator.standard_normal((3, n_scores))
    return scores


def _network(generator: Generator, columns: Matrix, n_scores: int) -> Matrix:
    hidden = columns
    for _ in range(int(generator.integers(1, 4))):
        hidden = _standard(_layer(generator, hidden, int(generator.integers(4, 20))))
    return hidden @ generator.standard_normal((hidden.shape[1], n_scores))


def _trees(generator: Generator, columns: Matrix, n_scores: int) -> Matrix:
    """Return the sum of trees that ask the same question of all nodes of one depth."""
    n_rows, n_columns = columns.shape
    scores = np.zeros((n_rows, n_scores))
    importance = generator.dirichlet(np.full(n_columns, 0.7))
    for _ in range(int(generator.integers(1, 12))):
        depth = int(generator.integers(1, 5))
        asked = generator.choice(n_columns, depth, p=importance)
        rows = generator.integers(0, n_rows, depth)
        answers = columns[:, asked] > columns[rows, asked]
        leaves = answers @ (1 << np.arange(depth))
        scores += generator.standard_normal((1 << depth, n_scores))[leaves]
    return scores


def _draw_classes(generator: Generator, scores: Matrix, n_classes: int) -> NDArray[np.int64]:
    """Cut one score at random quantiles, or take the class of the best of several; with noise."""
    n_rows = len(scores)
    noise = 10 ** generator.uniform(-2, 0.1)
    shares = generator.dirichlet(np.full(n_classes, generator.uniform(1.0, 6.0)))
    if scores.shape[1] == 1:
        score = scores[:, 0] + noise * generator.standard_normal(n_rows)
        cuts = np.quantile(score, np.cumsum(shares)[:-1])
        found = (score[:, None] > cuts).sum(axis=1)
    else:
        scores = scores + noise * generator.gumbel(size=scores.shape) + 0.5 * np.log(shares)
        found = scores.argmax(axis=1)
    return _shuffled(generator, found, n_classes)


def _shuffled(
    generator: Generator, classes: NDArray[np.int64], n_classes: int
) -> NDArray[np.int64]:
    return generator.permutation(n_classes)[classes]


def _draw_clusters(
    generator: Generator, n_rows: int, n_columns: int, n_classes: int
) -> tuple[Matrix, NDArray[np.int64]]:
    """Draw clusters of normal points, one or more to a class."""
    n_clusters = n_classes * int(generator.integers(1, 4))
    shares = generator.dirichlet(np.full(n_clusters, generator.uniform(1.0, 6.0)))
    clusters = generator.choice(n_clusters, n_rows, p=shares)
    spread = 10 ** generator.uniform(-0.7, 0.4)
    centres = generator.standard_normal((n_clusters, n_columns))
    centres *= generator.random(n_columns) < generator.uniform(0.2, 1.0)
    mixing = generator.standard_normal((n_columns, n_columns)) / np.sqrt(n_columns)
    own = generator.standard_normal((n_rows, n_columns))
    around = own @ mixing if generator.random() < 0.5 else own  # noqa: PLR2004
    widths = np.exp(0.3 * generator.standard_normal((n_clusters, n_columns)))
    columns = centres[clusters] + spread * around * widths[clusters]
    return columns, _shuffled(generator, clusters % n_classes, n_classes)


# ---------------------------------------------------------------------------------- the disguise


def _disguise(generator: Generator, columns: Matrix) -> Matrix:
    """Warp, cut, shuffle and hide values, as real columns are."""
    categories = generator.random() ** 2 if generator.random() < 0.6 else 0.0  # noqa: PLR2004
    idle = generator.uniform(0, 0.6) if generator.random() < 0.4 else 0.0  # noqa: PLR2004
    missing = generator.uniform(0, 0.5) if generator.random() < 0.25 else 0.0  # noqa: PLR2004
    disguised = []
    for column in columns.T:
        values = column
        if generator.random() < idle:
            values = generator.permutation(values)
        cut = generator.random() < categories
        values = _categories(generator, values) if cut else _warped(generator, values)
        if generator.random() < missing:
            values = _with_gaps(generator, values)
        disguised.append(values)
    return np.column_stack(disguised)


def _categories(generator: Generator, column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut a column into a few values, whose numbers may be in any order."""
    n_values = int(np.clip(generator.geometric(0.3) + 1, 2, 12))
    cuts = generator.choice(column, n_values - 1)
    codes: NDArray[np.int64] = (column[:, None] > cuts).sum(axis=1)
    if generator.random() < 0.6:  # noqa: PLR2004
        codes = generator.permutation(n_values)[codes]
    return codes.astype(np.float64)


def _warped(generator: Generator, column: NDArray[np.float64]) -> NDArray[np.float64]:
    kind = generator.random()
    if kind < 0.15:  # noqa: PLR2004
        return np.exp(generator.uniform(0.3, 1.2) * column)
    if kind < 0.25:  # noqa: PLR2004
        return np.sign(column) * np.abs(column) ** generator.uniform(0.4, 2.5)
    if kind < 0.4:  # noqa: PLR2004
        return np.round(column * generator.uniform(0.5, 6))
    return column


def _with_gaps(generator: Generator, column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lose values by chance, or large ones more often than small ones."""
    share = generator.uniform(0, 0.4)
    is_lost = generator.random(len(column)) < share
    if generator.random() < 0.3:  # noqa: PLR2004
        is_lost = column > np.quantile(column, 1 - share)
    return np.where(is_lost, np.nan, column)
