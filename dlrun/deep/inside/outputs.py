"""From a head's outputs to probabilities, or to a number in the target's unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Target
from dlrun.contract.trace import NumpyCheck, OutputStep
from dlrun.deep.backend import keras
from dlrun.deep.inside.formulas import ACTIVATIONS, check, name_of
from dlrun.deep.inside.record import RecordedCall, numbers, record_calls
from dlrun.deep.objective import to_predictions

Numbers = NDArray[np.float64]


def trace_outputs(
    finish: Any, logits: Numbers, target: Target
) -> tuple[str, tuple[OutputStep, ...], float, float, NumpyCheck]:
    """Return the activation, each output's step, scale, shift and the check of all of it.

    Args:
        finish: outputs → predictions.
        logits: (outputs,), or (members, outputs) of an ensemble.
        target: with the labels.
    """
    value, calls = _finish(finish, logits)
    activation = next(name_of(call.operation.activation) for call in calls if _activates(call))
    scale, shift = _unit(finish, logits.shape)
    members = logits.reshape(-1, logits.shape[-1])
    ours = (ACTIVATIONS[activation](members) * scale + shift).mean(axis=0)
    formula = f"{activation}(z)" + " · scale + shift" * ((scale, shift) != (1.0, 0.0))
    formula += ", averaged over members" * (logits.ndim > 1)
    size = float(np.abs(ours).max(initial=0.0))
    done = check(formula, ours, value, size, "float64")
    values = to_predictions(value[None], target).values.reshape(-1)
    n_missing = len(values) - members.shape[1]  # the first of two classes has no output
    columns = [(), *members.T] if n_missing else [*members.T]
    steps = tuple(
        OutputStep(label, tuple(map(float, own)), float(each))
        for label, own, each in zip(target.labels or ("",), columns, values, strict=True)
    )
    return activation, steps, scale, shift, done


def _finish(finish: Any, logits: Numbers) -> tuple[Numbers, list[RecordedCall]]:
    calls: list[RecordedCall] = []
    tensor = keras.ops.convert_to_tensor(logits[None].astype(np.float32))
    return numbers(record_calls(finish, tensor, calls))[0], calls


def _activates(call: RecordedCall) -> bool:
    return call.kind == "Activation"


def _unit(finish: Any, shape: tuple[int, ...]) -> tuple[float, float]:
    """Return what a number is multiplied by after its activation, and what is added."""
    low, high = (_finish(finish, np.full(shape, z)) for z in (0.0, 1.0))
    (y0, calls0), (y1, calls1) = low, high
    a0, a1 = (numbers(next(filter(_activates, each)).output).flat[0] for each in (calls0, calls1))
    if float(y0[0]) == float(a0) and float(y1[0]) == float(a1):
        return 1.0, 0.0
    scale = float((y1[0] - y0[0]) / (a1 - a0))
    return scale, float(y0[0] - scale * a0)
