"""The formulas of layers in NumPy, by which what Keras computes is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.trace import NumpyCheck, Spread

Numbers = NDArray[np.float64]

TOLERANCES: Final = {"float64": 1e-9, "float32": 1e-4}  # of sums as large as one
HALF: Final = 0.05  # of float16 and bfloat16
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al. 2017


def _erf(z: Numbers) -> Numbers:
    from scipy.special import erf

    found: Numbers = erf(z)
    return found


def _sigmoid(z: Numbers) -> Numbers:
    found: Numbers = np.exp(-np.logaddexp(0.0, -z))
    return found


def _softplus(z: Numbers) -> Numbers:
    return np.logaddexp(0.0, z)


def _elu(z: Numbers) -> Numbers:
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0.0)))


def _softmax(z: Numbers) -> Numbers:
    powers: Numbers = np.exp(z - z.max(axis=-1, keepdims=True))
    shares: Numbers = powers / powers.sum(axis=-1, keepdims=True)
    return shares


ACTIVATIONS: Final[Mapping[str, Callable[[Numbers], Numbers]]] = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0.0),
    "relu6": lambda z: np.clip(z, 0.0, 6.0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.2 * z),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "gelu": lambda z: 0.5 * z * (1.0 + _erf(z / sqrt(2.0))),
    "silu": lambda z: z * _sigmoid(z),
    "mish": lambda z: z * np.tanh(_softplus(z)),
    "elu": _elu,
    "selu": lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * _elu(z)),
    "softplus": _softplus,
    "softsign": lambda z: z / (1.0 + np.abs(z)),
    "exponential": np.exp,
    "softmax": _softmax,
}
"""Name of an activation of Keras, with its default settings → the same in float64."""


def spread_of(values: NDArray[Any]) -> Spread:
    """Return how numbers are spread; NaN of none."""
    found = values.astype(np.float64)
    if not found.size:
        return Spread(*[float("nan")] * 5)
    zeros = float((found == 0).mean())
    return Spread(
        float(found.mean()), float(found.std()), float(found.min()), float(found.max()), zeros
    )


def weighted_sum(x: Numbers, kernel: Numbers, bias: Numbers | None) -> Numbers:
    """Return z = Wᵀx + b.

    Args:
        x: (…, inputs).
        kernel: W, (inputs, units).
        bias: b, (units,); None: there is none.

    Returns:
        (…, units).
    """
    z: Numbers = x @ kernel
    return z if bias is None else z + bias


def check(formula: str, ours: Numbers, theirs: Numbers, size: float, precision: str) -> NumpyCheck:
    """Compare numbers.

    Args:
        formula: of ours.
        ours: computed in NumPy.
        theirs: of the same shape, computed in Keras.
        size: of the largest sum of absolute values that was rounded.
        precision: in which Keras computed.
    """
    difference = float(np.abs(ours - theirs).max(initial=0.0))
    return NumpyCheck(formula, difference, TOLERANCES.get(precision, HALF) * max(1.0, size))


def name_of(activation: Any) -> str:
    """Return the name of an activation of Keras, linear where there is none."""
    return "linear" if activation is None else str(getattr(activation, "__name__", activation))
