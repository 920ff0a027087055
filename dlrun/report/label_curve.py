"""Scores of the kinds of candidates by labels: chart and table on the terminal, JSON and CSV."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from io import StringIO
from itertools import pairwise
from math import isfinite, log
from typing import TYPE_CHECKING, Final

from rich.text import Text

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import decimals, fixed
from dlrun.evidence.label_curve import KIND_TITLES
from dlrun.report.plain import known
from dlrun.report.terminal import plain_table
from dlrun.system.spreadsheet import guard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console
    from rich.table import Table

    from dlrun.contract.candidate import Kind
    from dlrun.evidence.label_curve import LabelCurve, LabelCurves, LabelPoint

MARKS: Final[Mapping[Kind, tuple[str, str]]] = {
    "pretrained": ("o", "green"),
    "network": ("x", "cyan"),
    "classic": ("+", "magenta"),
}
"""Kind → mark and style in the terminal's chart."""
BETWEEN: Final = "·"
HEIGHT: Final = 14
WIDEST: Final = 72
MARGIN: Final = 10  # of the axis of scores

Cells = dict[tuple[int, int], tuple[str, str]]


def print_label_curves(console: Console, found: LabelCurves) -> None:
    """Print which kind leads at which numbers of labels, under their chart and table."""
    console.print(chart(found, min(WIDEST, console.width - MARGIN - len(" labels"))))
    console.print()
    console.print(table(found))
    for sentence in found.sentences:
        console.print(Text(f"\n{sentence}"))


def places_of(found: LabelCurves) -> int:
    """Return the decimals of a score."""
    return decimals(max(abs(curve.points[-1].mean) for curve in found.curves) / 20)


def table(found: LabelCurves) -> Table:
    """Return a row for each number of labels, a column for each kind."""
    result = plain_table(f"{get_metric(found.metric).title} by labels")
    result.add_column("labels", justify="right")
    for curve in found.curves:
        result.add_column(Text(KIND_TITLES[curve.kind], style=MARKS[curve.kind][1]))
    for row in cells(found):
        result.add_row(*map(Text, row))
    return result


def cells(found: LabelCurves) -> list[list[str]]:
    """Return a row for each number of labels: it, then score and candidate of each kind."""
    labels = sorted({point.labels for curve in found.curves for point in curve.points})
    by_kind = [{point.labels: point for point in curve.points} for curve in found.curves]
    places = places_of(found)
    return [[f"{n:,}", *(_cell(points.get(n), places) for points in by_kind)] for n in labels]


def _cell(point: LabelPoint | None, places: int) -> str:
    if point is None:
        return ""
    name, *others = point.chosen
    spread = f" ± {fixed(point.sd, places)}" if isfinite(point.sd) else ""
    return (
        f"{fixed(point.mean, places)}{spread} {name}{f' and {len(others)} more' if others else ''}"
    )


# ------------------------------------------------------------------------------------ the chart


def chart(found: LabelCurves, width: int) -> Text:
    """Draw the mean scores over a logarithmic axis of labels, in characters."""
    means = [point.mean for curve in found.curves for point in curve.points]
    low, high = min(means), max(means)
    labels = sorted({point.labels for curve in found.curves for point in curve.points})
    drawn: Cells = {}
    for curve in found.curves:
        _draw(drawn, curve, (labels[0], labels[-1]), (low, high), width)
    lines = [
        Text(f"{_tick(row, low, high, places_of(found)):>{MARGIN - 2}} ┤").append_text(
            _line(drawn, row, width)
        )
        for row in range(HEIGHT)
    ]
    axis = Text(" " * (MARGIN - 1) + "└" + "─" * width)
    legend = Text("   ").join(
        Text(f"{MARKS[curve.kind][0]} {curve.title}", style=MARKS[curve.kind][1])
        for curve in found.curves
    )
    return Text("\n").join([*lines, axis, _ticks(labels, width), legend])


def _draw(
    drawn: Cells,
    curve: LabelCurve,
    labels: tuple[float, float],
    scores: tuple[float, float],
    width: int,
) -> None:
    """Draw a curve: its points over the lines between them, and these over nothing."""
    mark, style = MARKS[curve.kind]
    places = [
        (_place(log(point.labels), log(labels[0]), log(labels[1]), width), _row(point.mean, scores))
        for point in curve.points
    ]
    for (x, y), (next_x, next_y) in pairwise(places):
        for step in range(x + 1, next_x):
            row = round(y + (next_y - y) * (step - x) / (next_x - x))
            drawn.setdefault((row, step), (BETWEEN, style))
    for x, y in places:
        taken = drawn.get((y, x), (BETWEEN, ""))[0]
        drawn[y, x] = (mark, style) if taken == BETWEEN else ("*", "")


def _place(value: float, low: float, high: float, n: int) -> int:
    return round((value - low) / (high - low) * (n - 1)) if high > low else 0


def _row(score: float, scores: tuple[float, float]) -> int:
    return HEIGHT - 1 - _place(score, *scores, HEIGHT)


def _line(drawn: Cells, row: int, width: int) -> Text:
    line = Text()
    for column in range(width):
        line.append(*drawn.get((row, column), (" ", "")))
    return line


def _tick(row: int, low: float, high: float, places: int) -> str:
    if row % 3 and row != HEIGHT - 1:
        return ""
    return fixed(high - (high - low) * row / (HEIGHT - 1), places)


def _ticks(labels: Sequence[int], width: int) -> Text:
    """Write the numbers of labels below their places, where there is room, the largest first."""
    line = [" "] * (width + MARGIN + 1)
    for n in reversed(labels):
        text = f"{n:,}"
        end = MARGIN + _place(log(n), log(labels[0]), log(labels[-1]), width) + 1
        start = max(0, end - len(text))
        if not "".join(line[max(0, start - 1) : end + 1]).strip():
            line[start:end] = text
    return Text("".join(line).rstrip() + " labels")


# --------------------------------------------------------------------------------- plain formats


def to_json(found: LabelCurves) -> str:
    """Write curves and leads; unknown values are null, as are turns beyond the measured labels."""
    values = {
        "metric": found.metric,
        "curves": [
            {"kind": curve.kind, "points": [*map(_values, curve.points)]} for curve in found.curves
        ],
        "leads": [asdict(lead) for lead in found.leads],
    }
    return json.dumps(known(values), indent=2, ensure_ascii=False, allow_nan=False)


def _values(point: LabelPoint) -> dict[str, object]:
    scores = list(point.scores.values())
    return asdict(point) | {"scores": scores, "mean": point.mean, "sd": point.sd}


def to_csv(found: LabelCurves) -> str:
    """Write one line per kind and number of labels; unknown values are empty."""
    lines = StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["kind", "labels", found.metric, "sd", "splits", "candidates"])
    for curve in found.curves:
        for point in curve.points:
            names = " ".join(map(guard, point.chosen))
            numbers = [known(point.mean), known(point.sd), len(point.scores)]
            writer.writerow([curve.kind, point.labels, *numbers, names])
    return lines.getvalue()
