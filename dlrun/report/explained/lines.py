"""An explanation as lines and tables of text, which the terminal and the page both show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dlrun.contract.explanation import ExplainedPrediction
    from dlrun.contract.trace import (
        FeatureRow,
        InputValue,
        LayerTrace,
        NumpyCheck,
        ReceivedInput,
        RowTrace,
        Spread,
        UnitSum,
    )

TINY: Final = 1e-4
LARGE: Final = 1e5
LAYER_HEAD: Final = (
    "layer", "kind", "shape", "mean", "sd", "min", "max", "zeros", "NumPy", "largest units",
)  # fmt: skip


@dataclass(frozen=True)
class TextTable:
    """A table of text.

    Attributes:
        left: columns of words from the left; the others are numbers.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def number(value: float) -> str:
    """Write a number with four digits and a real minus."""
    is_plain = value == 0 or TINY <= abs(value) < LARGE
    text = f"{value:.4g}" if not is_plain or abs(value) < 1 else f"{value:.5g}"
    return text.replace("-", "−")


def short(value: float) -> str:
    """Write a number of a summary with three digits and a real minus."""
    return f"{value:.3g}".replace("-", "−")


def shape_text(shape: Sequence[int]) -> str:
    """Write a shape."""
    return " × ".join(map(str, shape)) or "1"


def place_text(place: Sequence[int]) -> str:
    """Write the place of a unit."""
    return f"[{', '.join(map(str, place))}]"


def spread_text(spread: Spread) -> tuple[str, ...]:
    """Write mean, standard deviation, ends and the share of zeros."""
    ends = (spread.mean, spread.std, spread.low, spread.high)
    return (*map(short, ends), f"{spread.zeros:.0%}")


def check_text(check: NumpyCheck | None) -> str:
    """Write how far a layer is from NumPy."""
    if check is None:
        return "–"
    return f"{'✓' if check.agrees else '✗'} {small(check.difference)}"


def small(difference: float) -> str:
    """Write a difference of rounding."""
    return f"{difference:.0e}" if difference else "0"


def checks_sentence(trace: RowTrace) -> str:
    """Say which layers were computed again in NumPy, and how far they are from it."""
    checks = [layer.check for layer in trace.layers if layer.check]
    wrong = [layer.name for layer in trace.layers if layer.check and not layer.check.agrees]
    if not checks:
        return "No layer was checked against NumPy: there is no dense layer and no activation."
    farthest = max(check.difference for check in checks)
    text = (
        f"z = Wᵀx + b and a = σ(z) of {len(checks)} of {len(trace.layers)} layers were checked "
        f"against NumPy: they differ by at most {small(farthest)}."
    )
    others = len(trace.layers) - len(checks)
    text += f" The other {others} were not checked." if others else ""
    if wrong:
        text += f" More than rounding explains: {', '.join(wrong)}."
    return text


def layer_row(layer: LayerTrace) -> tuple[str, ...]:
    """Write a layer as cells of `LAYER_HEAD`."""
    largest = "  ".join(f"{place_text(p)} {number(v)}" for p, v in layer.largest[:3])
    name = f"{layer.name} (at rest)" if layer.part == "encoder" else layer.name
    kind, shape = layer.kind, shape_text(layer.shape)
    return (name, kind, shape, *spread_text(layer.output), check_text(layer.check), largest)


def sum_lines(unit: UnitSum) -> Iterator[str]:
    """Write the sum of a unit out, one product a line."""
    for term in unit.terms:
        x = term.name or f"x[{term.place}]"
        product = number(term.product)
        yield f"w · {x} = {number(term.weight)} · {number(term.x)} = {product}"
    if unit.n_others:
        yield f"{unit.n_others:,} other products = {number(unit.others)}"
    yield f"b = {number(unit.bias)}"
    yield f"z = {number(unit.z)}"
    for name, value in unit.steps:
        yield f"{'a = ' * (name == unit.steps[-1][0])}{name} → {number(value)}"


def written_sums(trace: RowTrace) -> list[tuple[str, UnitSum]]:
    """Return the sums that are written out: of the first dense layer and of the head."""
    sums = [(layer.name, layer.unit) for layer in trace.layers if layer.unit]
    return [sums[0], sums[-1]] if len(sums) > 1 else sums


def received_table(each: ReceivedInput) -> TextTable:
    """Write what a network gets of some columns."""
    facts = f"{each.kind} · shape {shape_text(each.shape)}"
    if not each.values:
        low, high = number(each.spread.low), number(each.spread.high)
        row = (", ".join(each.columns), f"{low} to {high}, mean {number(each.spread.mean)}")
        return TextTable(facts, ("column", "as the network gets it"), (row,), 2)
    rows = tuple((value.name, _value(value)) for value in each.values)
    return TextTable(facts, ("input", "as the network gets it"), rows, 2)


def _value(value: InputValue) -> str:
    return f"{value.value:.0f} = {value.meaning}" if value.meaning else number(value.value)


def features_table(features: FeatureRow) -> TextTable:
    """Write what an estimator gets."""
    zeros = f"{features.spread.zeros:.0%}"
    caption = (
        f"{features.n_features:,} features, {zeros} of them 0; the {len(features.largest)} "
        "farthest from 0"
    )
    rows = tuple((each.name, number(each.value)) for each in features.largest)
    return TextTable(caption, ("feature", "value"), rows)


def outputs_table(trace: RowTrace) -> TextTable:
    """Write how the head's outputs become predictions."""
    steps = [_output_row(step.label, step.logits, step.value) for step in trace.outputs]
    is_number = not trace.outputs[0].label
    words = {
        "softmax": "p = exp(z) / Σ exp(z)",
        "sigmoid": "p = 1 / (1 + exp(−z))",
        "softplus": "a = ln(1 + exp(z))",
        "linear": "a = z",
    }.get(trace.activation, f"a = {trace.activation}(z)")
    if is_number:
        words += f"; prediction = a · {number(trace.scale)} + {number(trace.shift)}"
    many = len(trace.outputs[-1].logits)
    if many > 1:
        words += f"; {many} members, whose predictions are averaged"
    caption = f"{words}. Against NumPy: differs by {small(trace.check.difference)}."
    head = ("output" if is_number else "label", "z", "prediction" if is_number else "p")
    return TextTable(caption, head, tuple(steps))


def _output_row(label: str, logits: tuple[float, ...], value: float) -> tuple[str, ...]:
    own = number(sum(logits) / len(logits)) if logits else "–"
    if len(logits) > 1:
        own = f"mean {own} ({number(min(logits))} to {number(max(logits))})"
    return (label or "number", own, number(value))


def prediction_words(each: ExplainedPrediction) -> str:
    """Write what a candidate predicts."""
    said = each.answers["prediction"]
    chance = each.answers.get(f"p_{said}")
    text = number(said) if isinstance(said, float) else str(said)
    return f"{text}, {chance:.1%}" if isinstance(chance, float) else text


def model_words(each: ExplainedPrediction) -> str:
    """Write which model it is and what it was trained on."""
    kept = " · the study's own model" if each.kept else ""
    rows = f" · trained on {each.trained_on}" if each.trained_on else ""
    return f"{each.candidate} ({each.family}{kept}{rows})"
