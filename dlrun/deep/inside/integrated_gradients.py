"""Integrated Gradients (Sundararajan, Taly and Yan 2017), from the numbers that begin a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backend import tf
from dlrun.deep.inside.forward import TrainedParts
from dlrun.deep.inside.quadrature import Integral, Points, integrate
from dlrun.deep.inside.variables import Variable, find_variables, replacing

MOST_POINTS: Final = 2048
FEWEST_POINTS: Final = 128  # of large rows, and of pretrained networks, which take longer
PATH_NUMBERS: Final = 2**22  # at all points of a path, whose gradients are in memory
CHUNK_NUMBERS: Final = 2**18
PRETRAINED_ROWS: Final = 8


def integrate_gradients(
    parts: TrainedParts, row: Mapping[str, Any], output: int, reference: Mapping[str, Any]
) -> tuple[Integral, list[tuple[Variable, NDArray[np.float64]]]]:
    """Integrate the gradient of an output from the reference to a row.

    Args:
        parts: of the network.
        row: its groups, (1, *group.shape) each.
        output: the class or label.
        reference: the same of the reference.

    Returns:
        The integral; and each variable with what its places add, in the unit of the output:
        (*shape), or (columns,) where it has shares.
    """
    variables = list(find_variables(parts, row, reference))
    encoded = {name: parts.encode(name, row[name]) for name in parts.groups}

    def compute(at: NDArray[np.float64]) -> Points:
        n_rows = _rows_at_once(parts, variables)
        pieces = [
            _compute_points(parts, variables, encoded, output, at[start : start + n_rows])
            for start in range(0, len(at), n_rows)
        ]
        values, along, gradients = zip(*pieces, strict=True)
        return Points(
            np.concatenate(values),
            np.concatenate(along),
            [np.concatenate(each) for each in zip(*gradients, strict=True)],
        )

    integral = integrate(compute, _most_points(parts, variables))
    added = [_added(each, mean) for each, mean in zip(variables, integral.gradients, strict=True)]
    return integral, list(zip(variables, added, strict=True))


def _most_points(parts: TrainedParts, variables: Sequence[Variable]) -> int:
    if parts.pretrained:
        return FEWEST_POINTS
    return min(MOST_POINTS, max(FEWEST_POINTS, PATH_NUMBERS // _count_numbers(variables)))


def _rows_at_once(parts: TrainedParts, variables: Sequence[Variable]) -> int:
    if parts.pretrained:
        return PRETRAINED_ROWS
    return max(16, CHUNK_NUMBERS // _count_numbers(variables))


def _count_numbers(variables: Sequence[Variable]) -> int:
    return sum(prod(each.end.shape) for each in variables)


def _compute_points(
    parts: TrainedParts,
    variables: Sequence[Variable],
    encoded: Mapping[str, Any],
    output: int,
    at: NDArray[np.float64],
) -> Points:
    moved = [_between(each, at) for each in variables]
    values = {each.key: tensor for each, tensor in zip(variables, moved, strict=True)}
    inputs = {
        name: values[name] if name in values else tf.repeat(rows, len(at), axis=0)
        for name, rows in encoded.items()
    }
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(moved)
        explained = parts.explained(inputs, output, replacing(values))
    gradients = [
        tf.convert_to_tensor(each).numpy()
        for each in tape.gradient(explained, moved, unconnected_gradients="zero")
    ]
    differences = [each.end.astype(np.float64) - each.start for each in variables]
    along = sum(
        np.tensordot(gradient, difference, difference.ndim)
        for gradient, difference in zip(gradients, differences, strict=True)
    )
    return Points(explained.numpy().astype(np.float64), np.asarray(along), gradients)


def _between(variable: Variable, at: NDArray[np.float64]) -> Any:
    """Return a variable at points of the path, (points, *shape) float32."""
    share = at.astype(np.float32).reshape(-1, *[1] * variable.end.ndim)
    return tf.constant((1 - share) * variable.start + share * variable.end)


def _added(variable: Variable, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
    if variable.shares is None:
        return gradient * (variable.end.astype(np.float64) - variable.start)
    return np.tensordot(variable.shares, gradient, gradient.ndim).astype(np.float64)
