"""One row's way through a network: what it gets, what each layer makes of it, and its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Spread:
    """How numbers are spread.

    Attributes:
        zeros: share of them that are exactly 0.
    """

    mean: float
    std: float
    low: float
    high: float
    zeros: float


@dataclass(frozen=True)
class InputValue:
    """One number that enters a network.

    Attributes:
        name: of the column, or the place within a group.
        value: the number: standardised, or the id of a token or category.
        meaning: the word that an id stands for; empty for other numbers.
    """

    name: str
    value: float
    meaning: str = ""


@dataclass(frozen=True)
class ReceivedInput:
    """What a network gets of one column, or of all columns of a kind side by side.

    Attributes:
        kind: of the columns.
        shape: of the tensor, without rows.
        values: one by one, where they are few enough to be read.
    """

    kind: str
    columns: tuple[str, ...]
    shape: tuple[int, ...]
    spread: Spread
    values: tuple[InputValue, ...] = ()


@dataclass(frozen=True)
class NumpyCheck:
    """A layer's output against the same formula in NumPy, in float64.

    Attributes:
        formula: that was computed.
        difference: the largest, over all units.
        tolerance: what rounding explains, in the precision that the layer computes in.
    """

    formula: str
    difference: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Return whether the difference is one of rounding; NaN is none."""
        return self.difference <= self.tolerance


@dataclass(frozen=True)
class Term:
    """A product of a weight and the input that it belongs to.

    Attributes:
        place: of the input in x.
        name: of the column that enters there, where the layer gets columns as they are.
    """

    place: int
    name: str
    weight: float
    x: float

    @property
    def product(self) -> float:
        """Return weight times input."""
        return self.weight * self.x


@dataclass(frozen=True)
class UnitSum:
    """The sum of one unit of a dense layer, z = Wᵀx + b, and what becomes of it.

    Attributes:
        place: of the unit in the layer's output.
        terms: the largest products.
        n_others: how many products are not among the terms.
        others: their sum.
        bias: 0 where the layer has none.
        steps: name of what follows, such as relu, → the unit's number after it; up to the first
            activation.
    """

    place: tuple[int, ...]
    terms: tuple[Term, ...]
    n_others: int
    others: float
    bias: float
    z: float
    steps: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class LayerTrace:
    """What one layer makes of a row.

    Attributes:
        name: of the layer, behind that of the network within the network that it belongs to.
        kind: its class in Keras.
        part: of the network: encoder, whose weights rest, or body.
        shape: of its output, without rows.
        output: of all units.
        largest: place → number, of the few units farthest from zero.
        z: before the activation, where a dense layer has one of its own.
        check: against NumPy; None where the layer was not checked.
        unit: the sum of its largest unit, of a dense layer.
    """

    name: str
    kind: str
    part: str
    shape: tuple[int, ...]
    output: Spread
    largest: tuple[tuple[tuple[int, ...], float], ...]
    z: Spread | None = None
    check: NumpyCheck | None = None
    unit: UnitSum | None = None


@dataclass(frozen=True)
class OutputStep:
    """An output of the head and what it becomes.

    Attributes:
        label: of the class; empty where the target is a number.
        logits: the head's output, one for each member of an ensemble.
        value: the probability, or the number in the target's unit.
    """

    label: str
    logits: tuple[float, ...]
    value: float


@dataclass(frozen=True)
class RowTrace:
    """One row's way through a network.

    Attributes:
        received: what the network gets.
        layers: in the order in which they are computed.
        activation: what turns logits into predictions: softmax, sigmoid, softplus or linear.
        outputs: one for each class or label, or one number.
        scale: with `shift`, the target's unit over the network's; 1 and 0 of classes.
        check: of the last step against NumPy.
        n_quiet: operations that only move numbers or make weights, which are not listed.
    """

    received: tuple[ReceivedInput, ...]
    layers: tuple[LayerTrace, ...]
    activation: str
    outputs: tuple[OutputStep, ...]
    scale: float
    shift: float
    check: NumpyCheck
    n_quiet: int = 0

    @property
    def n_checked(self) -> int:
        """Count the layers that were computed again in NumPy."""
        return sum(layer.check is not None for layer in self.layers)


@runtime_checkable
class Traces(Protocol):
    """A fitted candidate that shows a row's way through its layers."""

    def trace(self, frame: pd.DataFrame, output: int) -> RowTrace:
        """Trace one typed row.

        Args:
            frame: one row; not changed.
            output: the class whose sum is written out at the head, 0 where the target is a number.
        """


@dataclass(frozen=True)
class FeatureRow:
    """A row as an estimator gets it.

    Attributes:
        largest: the few features farthest from zero.
    """

    n_features: int
    spread: Spread
    largest: tuple[InputValue, ...]


@runtime_checkable
class ShowsFeatures(Protocol):
    """A fitted estimator that shows the features that it gets."""

    def show_features(self, frame: pd.DataFrame) -> FeatureRow:
        """Return the features of one typed row; the frame is not changed."""
