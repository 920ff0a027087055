"""One row's way through a network, each dense layer computed again in NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Column, Target
from dlrun.contract.trace import LayerTrace, NumpyCheck, RowTrace, Term, UnitSum
from dlrun.deep.backend import keras
from dlrun.deep.inside.formulas import ACTIVATIONS, check, name_of, spread_of, weighted_sum
from dlrun.deep.inside.outputs import trace_outputs
from dlrun.deep.inside.received import received_inputs
from dlrun.deep.inside.record import RecordedCall, find_call, numbers, record_calls

Numbers = NDArray[np.float64]

LARGEST: Final = 5  # units of a layer, and products of a sum, that are named
HEAD: Final = "dlrun_head"
# Operations that move, choose or cast numbers, make constants, or do nothing outside of training.
QUIET: Final = frozenset(
    {
        "Cast", "Dropout", "Equal", "ExpandDims", "Flatten", "GetItem", "InputLayer", "NotEqual",
        "OnesLike", "Repeat", "Reshape", "Squeeze", "Take", "Transpose", "ZerosLike",
    }
)  # fmt: skip
UNIT_WISE: Final = ("Activation", "BatchNormalization", "LayerNormalization", "ReLU")
"""Layers after a sum that keep each unit in its place."""


@dataclass(frozen=True)
class Recomputed:
    """A dense layer in NumPy.

    Attributes:
        z: before the activation.
        activation: its name.
        check: of the layer's output.
    """

    z: Numbers
    activation: str
    check: NumpyCheck


@dataclass(frozen=True)
class TracedNetwork:
    """The parts of a network that a row goes through.

    Attributes:
        whole: the network as one Keras model of raw columns.
        columns: of the network.
    """

    whole: Any
    columns: tuple[Column, ...]
    target: Target

    def trace(self, groups: Mapping[str, Any], output: int) -> RowTrace:
        """Trace one row.

        Args:
            groups: group → (1, …), as the encoder takes them.
            output: the class whose sum is written out at the head, 0 where the target is a number.
        """
        before: list[RecordedCall] = []
        within: list[RecordedCall] = []
        encoded = record_calls(self._part("encoder"), groups, before)
        record_calls(self._part("body"), encoded, within)
        rows = {name: numbers(tensor)[0] for name, tensor in encoded.items()}
        plain = Plain(*self._plain(rows))
        logits = numbers(find_call(within, HEAD).output)[0]
        unit = min(output, logits.shape[-1] - 1)
        layers = [
            _trace(call, before[place + 1 :], "encoder", plain, None)
            for place, call in enumerate(before)
            if call.is_layer and not _is_quiet(call)
        ]
        body = [
            _trace(call, within[place + 1 :], "body", plain, unit if _is_head(call) else None)
            for place, call in enumerate(within)
            if not _is_quiet(call)
        ]
        end = trace_outputs(self._part("finish"), logits, self.target)
        received = received_inputs(self.columns, self.whole, rows)
        return RowTrace(received, (*layers, *body), *end, n_quiet=len(within) - len(body))

    def _plain(self, rows: Mapping[str, Numbers]) -> tuple[tuple[str, ...], Numbers]:
        """Return the names and the values of the numbers that a layer may get as they are."""
        names = tuple(column.name for column in self.columns if column.type == "number")
        return names, rows["number"] if names else np.zeros(0)

    def _part(self, name: str) -> Any:
        return self.whole.get_layer(f"dlrun_{name}")


@dataclass(frozen=True)
class Plain:
    """The scaled numbers of a row, by which the first layer's inputs are found again.

    Attributes:
        names: of their columns.
        values: (columns,).
    """

    names: tuple[str, ...]
    values: Numbers

    def name(self, x: Numbers, place: int) -> str:
        """Return the column of an input of a layer that gets x; empty where x is made of more."""
        is_plain = place < len(self.names) and np.array_equal(x[: len(self.names)], self.values)
        return self.names[place] if is_plain else ""


def _is_head(call: RecordedCall) -> bool:
    name: str = call.operation.name
    return name == HEAD


def _is_quiet(call: RecordedCall) -> bool:
    return call.kind in QUIET or _makes_weights(call)


def _makes_weights(call: RecordedCall) -> bool:
    """Return whether a dense layer on a single 1 stands for a trained tensor."""
    first = call.inputs[0]
    return call.kind == "Dense" and tuple(first.shape) == (1, 1) and float(first[0, 0]) == 1.0


def _trace(
    call: RecordedCall, later: Sequence[RecordedCall], part: str, plain: Plain, unit: int | None
) -> LayerTrace:
    output = numbers(call.output)
    own = output[0] if output.ndim else output[None]
    done = _recompute(call, output)
    is_fused = done is not None and done.activation != "linear" and call.kind != "Activation"
    traced = LayerTrace(
        name=" / ".join((*call.within, call.operation.name)),
        kind=call.kind,
        part=part,
        shape=own.shape,
        output=spread_of(own),
        largest=tuple(_largest(own)),
        z=spread_of(done.z) if done and is_fused else None,
        check=done.check if done else None,
    )
    if done is None or call.kind != "Dense":
        return traced
    return replace(traced, unit=_unit_sum(call, later, done, plain, unit))


def _largest(values: Numbers) -> Iterator[tuple[tuple[int, ...], float]]:
    flat = values.ravel()
    for place in np.argsort(-np.abs(flat), kind="stable")[:LARGEST]:
        yield tuple(map(int, np.unravel_index(place, values.shape))), float(flat[place])


def _recompute(call: RecordedCall, output: Numbers) -> Recomputed | None:
    """Compute a dense layer, or an activation, again; None of other layers."""
    layer = call.operation
    if call.kind not in ("Dense", "EinsumDense", "Activation"):
        return None
    activation = name_of(layer.activation)
    x, precision = numbers(call.inputs[0]), layer.compute_dtype
    if call.kind == "Activation":
        if activation not in ACTIVATIONS:
            return None
        ours = ACTIVATIONS[activation](x)
        size = float(np.abs(x).max(initial=0.0))
        return Recomputed(x, activation, check(f"{activation}(z)", ours, output, size, precision))
    kernel = numbers(layer.kernel)
    bias = None if layer.bias is None else numbers(layer.bias)
    z, size = _sums(call, x, kernel, bias)
    ours = _activate(layer, activation, z)
    formula = "z = Wᵀx + b" if bias is not None else "z = Wᵀx"
    formula += f", a = {activation}(z)" * (activation != "linear")
    return Recomputed(z, activation, check(formula, ours, output, size, precision))


def _sums(
    call: RecordedCall, x: Numbers, kernel: Numbers, bias: Numbers | None
) -> tuple[Numbers, float]:
    """Return z, and the largest sum of absolute products."""
    if call.kind == "Dense":
        z = weighted_sum(x, kernel, bias)
        absolute = weighted_sum(np.abs(x), np.abs(kernel), None)
    else:
        equation = call.operation.equation
        z = np.einsum(equation, x, kernel) + (0.0 if bias is None else bias)
        absolute = np.einsum(equation, np.abs(x), np.abs(kernel))
    return z, float(absolute.max(initial=0.0))


def _activate(layer: Any, activation: str, z: Numbers) -> Numbers:
    """Return a of z; by Keras where the activation has settings or is the user's own."""
    if activation in ACTIVATIONS:
        return ACTIVATIONS[activation](z)
    return numbers(layer.activation(keras.ops.convert_to_tensor(z)))


def _unit_sum(
    call: RecordedCall,
    later: Sequence[RecordedCall],
    done: Recomputed,
    plain: Plain,
    unit: int | None,
) -> UnitSum:
    """Write out the sum of the wanted unit, else of the one farthest from zero after all steps."""
    output = numbers(call.output)
    steps = [(done.activation, output)] if done.activation != "linear" else [*_steps(call, later)]
    final = steps[-1][1] if steps else output
    place = (0, unit) if unit is not None else np.unravel_index(np.abs(final).argmax(), final.shape)
    x = numbers(call.inputs[0])[tuple(place[:-1])]
    weights = numbers(call.operation.kernel)[:, place[-1]]
    order = np.argsort(-np.abs(weights * x), kind="stable")
    chosen, rest = order[:LARGEST], order[LARGEST:]
    return UnitSum(
        place=tuple(map(int, place[1:])),
        terms=tuple(
            Term(int(i), plain.name(x, int(i)), float(weights[i]), float(x[i])) for i in chosen
        ),
        n_others=len(rest),
        others=float((weights * x)[rest].sum()),
        bias=0.0 if call.operation.bias is None else float(numbers(call.operation.bias)[place[-1]]),
        z=float(done.z[tuple(place)]),
        steps=tuple((name, float(values[tuple(place)])) for name, values in steps),
    )


def _steps(call: RecordedCall, later: Sequence[RecordedCall]) -> Iterator[tuple[str, Numbers]]:
    """Yield what follows a sum up to its activation, where each unit keeps its place."""
    found, current = [], call.output
    for following in later:
        if following.kind not in UNIT_WISE or following.inputs[0] is not current:
            return
        current = following.output
        is_last = following.kind in ("Activation", "ReLU")
        name = name_of(getattr(following.operation, "activation", None)) if is_last else ""
        found.append((name if is_last else following.kind, numbers(current)))
        if is_last:
            yield from found
            return
