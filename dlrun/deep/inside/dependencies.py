"""Which groups each operation of a network depends on, without computing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dlrun.deep.backend import keras
from dlrun.deep.inside.forward import TrainedParts
from dlrun.deep.inside.graph import Call, evaluate

Place = tuple[int, int]
"""The id of an operation, and which of its calls."""


@dataclass(frozen=True)
class Traced:
    """A tensor that is not computed.

    Attributes:
        groups: that it depends on.
        sides: of the output of the last convolution on the way to it; empty where there is none.
    """

    groups: frozenset[str]
    sides: tuple[int | None, ...] = ()


See = Callable[[Any, Place, Traced, tuple[int | None, ...]], Traced]
"""Operation, its place, what enters it and the shape of its output → what leaves it."""


def trace(parts: TrainedParts, see: See) -> None:
    """Go through the operations of a network, in the order in which they are computed."""
    calls: Counter[int] = Counter()

    def call(operation: Any, args: Any, kwargs: Any) -> Any:
        calls[id(operation)] += 1
        flat = keras.tree.flatten((args, kwargs))
        entering = [each for each in flat if isinstance(each, Traced)]
        groups = frozenset().union(*(each.groups for each in entering))
        sides = [each.sides for each in entering if each.sides]
        traced = Traced(groups, sides[-1] if sides else ())
        outputs = keras.tree.flatten(operation.output)
        leaving = see(operation, (id(operation), calls[id(operation)]), traced, outputs[0].shape)
        return [leaving] * len(outputs)

    encoded = {name: Traced(frozenset([name])) for name in parts.groups}
    for name, trunk in parts.frozen.items():
        encoded[name] = evaluate(trunk, encoded[name], call)
    evaluate(parts.body, encoded, call)


def at_places(change: Callable[[Place, Any, Any, Any], Any]) -> Call:
    """Return what computes operations by `change`, which is told their place."""
    calls: Counter[int] = Counter()

    def call(operation: Any, args: Any, kwargs: Any) -> Any:
        calls[id(operation)] += 1
        return change((id(operation), calls[id(operation)]), operation, args, kwargs)

    return call
