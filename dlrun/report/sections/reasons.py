"""The section on why the best of each side predict the same rows as they do."""

from __future__ import annotations

from itertools import combinations
from math import isnan
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from dlrun.catalog.attributions import ATTRIBUTIONS
from dlrun.evidence.agreement import agreement
from dlrun.evidence.formatting import fixed
from dlrun.report.charts.reasons import draw_bars, draw_heat, draw_stretches, kind_of, signed
from dlrun.report.html import render, tag
from dlrun.report.sections.section import ReportSection, candidate_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlrun.contract.reasons import CellReasons, Reasons, RowReasons
    from dlrun.report.context import CandidateView, ReportContext

    Explained = tuple[CandidateView, Reasons]

MOST_BARS: Final = 8
MOST_TOKENS: Final = 150
SIGNED: Final = 0.25  # of the strongest weight, from which on a word bears its sign
HARDLY, LARGELY = 0.2, 0.5  # rank correlations


def write_reasons(context: ReportContext) -> ReportSection | None:
    """Show what speaks for the true output of a few test rows, to each side's best."""
    found = [
        (view, inside.reasons)
        for view in context.champions
        if not view.results.is_dummy and (inside := view.inside) and inside.reasons
    ]
    if not found:
        return None
    cards = [_card(row_id, found) for row_id in _shared_rows(found)]
    body = [tag("p", _introduction(found)), *_notes(found), render("reasons", cards=cards)]
    return ReportSection("reasons", "Why this row", Markup().join(body))


def _introduction(found: list[Explained]) -> str:
    output = found[0][1].rows[0].output
    what = "the true class or label" if output else "the predicted number"
    return (
        f"What raises {what} of a few rows (+, green), and what lowers it (−, purple): rows that "
        "the best of each side predict worst, and some others. From test rows: to look at, not to "
        "tune by."
    )


def _notes(found: list[Explained]) -> Iterator[Markup]:
    """Say how each side is explained, whether they agree, and whether the network's map is its."""
    for view, reasons in found:
        seen = view.inside
        text = _method(reasons)
        if seen and seen.has_seen_test_rows:
            text += f" It was trained on {seen.trained_on}, these rows among them."
        yield candidate_title(view, text)
    for (first, own), (second, theirs) in combinations(found, 2):
        value = agreement(own, theirs)
        if not isnan(value):
            how = "hardly agree" if value < HARDLY else "agree in part"
            how = "largely agree" if value >= LARGELY else how
            yield tag(
                "p",
                f"{first.name} and {second.name} {how} on what matters: the mean rank correlation "
                f"of their weights is {fixed(value, 2)}.",
            )


def _method(reasons: Reasons) -> str:
    row = ATTRIBUTIONS[reasons.method]
    unit = f", in {reasons.unit}" if reasons.unit else ", in the target's unit"
    text = f"by {row.title} ({row.source}){unit}."
    residuals = [abs(each.residual) for each in reasons.rows if not isnan(each.residual)]
    if row.is_complete and residuals:
        text += f" The weights leave at most {max(residuals):.1g} of an output unexplained."
    if not isnan(reasons.randomised):
        says = "it shows what was learned"
        if abs(reasons.randomised) >= LARGELY:
            says = "much of it is the data alone"
        text += (
            " Of the same network with random weights, the map has a rank correlation of "
            f"{fixed(reasons.randomised, 2)} with this one: {says}."
        )
    return text


def _shared_rows(found: list[Explained]) -> list[int]:
    ids = [[row.row_id for row in reasons.rows] for _, reasons in found]
    return [row for row in ids[0] if all(row in own for own in ids)] or ids[0]


def _card(row_id: int, found: list[Explained]) -> dict[str, Any]:
    rows = [
        (view, reasons, row)
        for view, reasons in found
        for row in reasons.rows
        if row.row_id == row_id
    ]
    names = _strongest([row for *_, row in rows])
    return {
        "title": f"Row {row_id}, true: {rows[0][2].truth}",
        "sides": [
            {
                "title": candidate_title(view, f"predicts {row.prediction}"),
                "drawn": [*_drawn(row, names, view.name)],
                "facts": _facts(row, reasons),
            }
            for view, reasons, row in rows
        ],
    }


def _facts(row: RowReasons, reasons: Reasons) -> str:
    what = f"{reasons.unit} of {row.output}" if row.output else "prediction"
    baseline = "" if isnan(row.baseline) else f", from a baseline of {signed(row.baseline)}"
    return f"{what}: {signed(row.value)}{baseline}"


def _strongest(rows: list[RowReasons]) -> list[str]:
    """Return the columns of single values with the largest shares of the weight on any side."""
    shares: dict[str, float] = {}
    for row in rows:
        single = {cell.column: abs(cell.weights[0][0]) for cell in _single(row)}
        total = sum(single.values()) or 1.0
        for name, weight in single.items():
            shares[name] = max(shares.get(name, 0.0), weight / total)
    return sorted(shares, key=lambda name: -shares[name])[:MOST_BARS]


def _single(row: RowReasons) -> list[CellReasons]:
    return [cell for cell in row.cells if cell.shown.form == "plain" and not cell.tokens]


def _drawn(row: RowReasons, names: list[str], candidate: str) -> Iterator[Any]:
    title = f"Row {row.row_id} by {candidate}"
    for cell in row.cells:
        yield from draw_cell(cell, title)
    single: Mapping[str, CellReasons] = {cell.column: cell for cell in _single(row)}
    known = [(name, single[name].shown.text or "missing", single[name].weights[0][0])
             for name in names if name in single]  # fmt: skip
    if known:
        rest = row.left + sum(c.weights[0][0] for name, c in single.items() if name not in names)
        others = [("all others", "", rest)] if len(single) > len(known) else []
        yield draw_bars([*known, *others], title=title)


def draw_cell(cell: CellReasons, title: str) -> Iterator[Any]:
    """Draw a text, an image, a sound or a series with the weights of its parts."""
    if cell.tokens:
        yield _words(cell)
    elif cell.shown.form == "image":
        yield draw_heat(cell.shown, cell.shape[:2], cell.weights, title=title)
    elif cell.shown.form == "line":
        is_sound = len(cell.shape) == 1
        yield draw_stretches(cell.shown, cell.weights, is_sound=is_sound, title=title)


def _words(cell: CellReasons) -> Markup:
    """Write a text, its words shaded by their weights, the strong ones with their signs."""
    weights = cell.weights[0]
    most = max(map(abs, weights), default=0.0) or 1.0
    words: list[Markup | str] = []
    for token, weight in list(zip(cell.tokens, weights, strict=True))[:MOST_TOKENS]:
        share = abs(weight) / most
        sign = [tag("sup", "+" if weight > 0 else "−")] if share >= SIGNED else []
        style = f"--share:{60 * share:.0f}%"
        words += [
            tag("span", token, *sign, class_=kind_of(weight), style=style, title=signed(weight)),
            " ",
        ]
    more = ["…"] if len(weights) > MOST_TOKENS else []
    return tag("p", *words, *more, class_="words")
