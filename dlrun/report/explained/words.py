"""The reasons of a prediction in words: the parts of a row that add most to an output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.catalog.attributions import ATTRIBUTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.attribution import Attribution, ColumnAttribution
    from dlrun.contract.dataset import Column, Target
    from dlrun.contract.excerpt import ShownCell

STRETCHES: Final = 8  # of a sound or a series
LONGEST: Final = 40  # letters of a value
ROWS: Final = ("top", "middle", "bottom")
PLACES: Final = ("left", "centre", "right")
HUNDRED: Final = 100


@dataclass(frozen=True)
class Reason:
    """A part of a row and what it adds to an output.

    Attributes:
        part: in words, such as "age = 61".
        weight: in the unit of the attribution.
    """

    part: str
    weight: float

    def __str__(self) -> str:
        return f"{self.part} ({written(self.weight)})"


def written(weight: float) -> str:
    """Write a weight with its sign and about two digits.

    >>> written(0.3249), written(-12.349), written(0.0041)
    ('+0.32', '−12.35', '+0.0041')
    """
    size = abs(weight)
    if size >= HUNDRED:
        text = f"{weight:+,.0f}"
    elif size >= 0.1 or not size:  # noqa: PLR2004
        text = f"{weight:+.2f}"
    else:
        text = f"{weight:+.2g}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def reasons(
    attribution: Attribution, columns: Iterable[Column], cells: Mapping[str, ShownCell]
) -> list[Reason]:
    """Return the parts of a row, the strongest first; parts that add nothing are left out.

    Images are summed in nine fields, sounds and series in stretches of an eighth.

    Args:
        attribution: of the row.
        columns: of the model.
        cells: column → cell, as people see it; of images, sounds, texts and series not needed.
    """
    kinds = {column.name: column.type for column in columns}
    found = [
        reason
        for each in attribution.columns
        for reason in _parts(each, kinds[each.column], cells.get(each.column))
        if reason.weight
    ]
    return sorted(found, key=lambda reason: -abs(reason.weight))


def _parts(each: ColumnAttribution, kind: str, cell: ShownCell | None) -> Iterator[Reason]:
    weights = each.weights
    if weights.ndim == 0:
        yield Reason(f"{each.column} = {_value(cell)}" if cell else each.column, float(weights))
    elif each.parts:
        yield from _words(each)
    elif kind == "image":
        yield from _fields(each.column, weights)
    else:
        yield from _stretches(each.column, weights)


def _value(cell: ShownCell) -> str:
    text = cell.text or "missing"
    return f"{text[:LONGEST]}…" if len(text) > LONGEST else text


def _words(each: ColumnAttribution) -> Iterator[Reason]:
    """Yield each word once, with what all its places add together."""
    totals: dict[str, float] = {}
    for word, weight in zip(each.parts, each.weights.tolist(), strict=True):
        totals[word] = totals.get(word, 0.0) + weight
    for word, weight in totals.items():
        yield Reason(f"{each.column}: “{word}”", weight)


def _fields(column: str, weights: NDArray[np.float64]) -> Iterator[Reason]:
    """Yield the nine fields of an image, (height, width); a coarse one has fewer."""
    rows, places = (np.array_split(np.arange(side), 3) for side in weights.shape[:2])
    for (row, ys), (place, xs) in product(
        zip(ROWS, rows, strict=True), zip(PLACES, places, strict=True)
    ):
        if len(ys) and len(xs):
            name = "centre" if (row, place) == ("middle", "centre") else f"{row} {place}"
            yield Reason(f"{column}: {name}", float(weights[np.ix_(ys, xs)].sum()))


def _stretches(column: str, weights: NDArray[np.float64]) -> Iterator[Reason]:
    """Yield stretches of a sound or a series, whose first axis is time."""
    over_time = weights.reshape(len(weights), -1).sum(axis=1)
    for part in np.array_split(np.arange(len(over_time)), min(STRETCHES, len(over_time))):
        start, end = (HUNDRED * place / len(over_time) for place in (part[0], part[-1] + 1))
        yield Reason(
            f"{column}: {start:.0f}–{end:.0f} % of its length", float(over_time[part].sum())
        )


def unit_words(attribution: Attribution, target: Target) -> str:
    """Return what the weights are counted in."""
    if not target.labels:
        return f"the unit of {target.name}"
    return f"{attribution.unit} of {target.labels[attribution.output]}"


def method_words(attribution: Attribution) -> str:
    """Return the method with its source."""
    row = ATTRIBUTIONS[attribution.method]
    return f"{row.title} ({row.source})"


def balance(attribution: Attribution) -> str:
    """Return what the weights leave unexplained, where the method's weights have a sum."""
    if np.isnan(attribution.baseline):
        return (
            "Each weight is what the output loses when the part alone is replaced by that of the "
            "reference row; they have no sum that is known."
        )
    total = attribution.value - attribution.baseline - attribution.residual
    return (
        f"reference row {written(attribution.baseline)}, all weights {written(total)}, this row "
        f"{written(attribution.value)}; unexplained: {abs(attribution.residual):.1g}"
    )
