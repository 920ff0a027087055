"""The section on what the units of a network look for."""

from __future__ import annotations

from collections import Counter
from math import isnan
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from dlrun.evidence.formatting import counted, percent, signed
from dlrun.report.charts.exciting import draw_lines, draw_pictures
from dlrun.report.charts.sparkline import draw_sparkline
from dlrun.report.html import render, tag
from dlrun.report.sections.section import ReportSection, candidate_title, figure

if TYPE_CHECKING:
    from dlrun.contract.units import NetworkUnits, Unit, UnitColumn, UnitForm, UnitLayer
    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import CandidateView, ReportContext

MEANT: Final[dict[UnitForm, str]] = {
    "image": "A frame marks the pixels that at least 95 % of its gradient comes from.",
    "sound": "Of sounds the spectrogram is shown, the lowest band at the bottom; a frame marks "
    "what at least 95 % of its gradient comes from.",
    "line": "Of series the channels that move it most are shown; a band marks the steps that at "
    "least 95 % of its gradient comes from.",
    "quote": "Quoted are the words that at least 95 % of its gradient comes from.",
    "table": "Of tables the columns are named whose values are unusual in these rows, with the "
    "middle half of all rows in brackets; a weight is its gradient by the standardised number.",
}
FILTERS: Final = (
    "The first filters, the weights of the network's first convolution. Grey is zero, white adds "
    "to the unit's activation and black takes away; each has a contrast of its own."
)
MOST_NAMED: Final = 2  # columns of the sentence


def write_units(context: ReportContext) -> ReportSection | None:
    """Show the units of the best network that was looked into."""
    for view in context.finished:
        units = view.inside.units if view.inside else None
        if units and units.layers:
            body = Markup().join(_parts(view, units))
            return ReportSection("units", "What its units look for", body)
    return None


def _parts(view: CandidateView, units: NetworkUnits) -> list[Markup]:
    n_layers = len(units.layers)
    parts = [
        tag("p", _caption(units)),
        candidate_title(view, f"{counted(n_layers, 'layer')}, from its input to its output"),
    ]
    if units.filters:
        pictures = [
            tag("img", src=f"data:{each}", alt=f"filter {number}")
            for number, each in enumerate(units.filters)
        ]
        parts.append(figure(tag("div", *pictures, class_="filters"), caption=FILTERS))
    for depth, layer in enumerate(units.layers, start=1):
        heading = f"Depth {depth} of {n_layers}: {layer.layer}"
        facts = f"{layer.kind}, {counted(layer.n_units, 'unit')}; {_told(layer)}"
        cards = [_card(unit, layer, has_labels=bool(view.study.labels)) for unit in layer.units]
        parts += [tag("h3", heading), tag("p", facts)]
        parts.append(render("units", form=layer.form, units=cards))
    return parts


def _caption(units: NetworkUnits) -> str:
    forms = dict.fromkeys(layer.form for layer in units.layers)
    return (
        f"Of each layer the units that the target explains best and that differ (correlation "
        f"below .8), each with the training rows, of {units.n_rows:,}, in which it is most active. "
        f"{' '.join(MEANT[form] for form in forms)}"
    )


def _told(layer: UnitLayer) -> str:
    largest = max(unit.told_by_target for unit in layer.units)
    return f"of the variance of a unit the target explains up to {percent(largest)}"


def _card(unit: Unit, layer: UnitLayer, *, has_labels: bool) -> dict[str, Any]:
    facts = _facts(unit, has_labels=has_labels)
    return {
        "number": unit.number,
        "filter": unit.filter,
        "filter_chart": _filter_chart(unit),
        "facts": facts,
        "chart": _chart(unit, layer, facts),
        "words": _words(unit),
        "sentence": _sentence(unit),
        "columns": [
            {
                "column": column.column,
                "range": column.values,
                "usual": column.usual,
                "weight": "" if isnan(column.weight) else f", weight {signed(column.weight, 2)}",
            }
            for column in unit.columns
        ],
    }


def _facts(unit: Unit, *, has_labels: bool) -> str:
    """Say of which class or values the rows are, and how often the unit is active."""
    truths = [row.truth for row in unit.rows]
    if has_labels:
        ((name, count),) = Counter(truths).most_common(1)
        rows = f"{count} of {len(truths)}: {name}"
    else:
        numbers = sorted(map(float, truths))
        rows = f"target {numbers[0]:.3g} to {numbers[-1]:.3g}"
    return f"{rows}; active {percent(unit.active)}"


def _filter_chart(unit: Unit) -> Chart | str:
    if not unit.filter_lines:
        return ""
    title = f"filter of unit {unit.number}"
    return draw_sparkline(unit.filter_lines, title=title, description="its weights over steps")


def _chart(unit: Unit, layer: UnitLayer, facts: str) -> Chart | None:
    title = f"rows that excite unit {unit.number} of {layer.layer}"
    if unit.sheet:
        return draw_pictures(unit, layer.sides, title=title, description=facts)
    if layer.form == "line":
        return draw_lines(unit, title=title, description=facts)
    return None


def _words(unit: Unit) -> list[str]:
    """Return the words that the unit looks at, each once."""
    words = (row.words[1] or row.words[2] for row in unit.rows if row.words)
    return [*dict.fromkeys(filter(None, words))]


def _sentence(unit: Unit) -> str:
    named = " and ".join(map(_leaning, unit.columns[:MOST_NAMED]))
    return f"looks for {named}" if named else ""


def _leaning(column: UnitColumn) -> str:
    if isnan(column.weight) and column.leaning not in ("high", "low", "late", "early"):
        return f"{column.column} {column.leaning}"
    return f"{column.leaning} {column.column}"
