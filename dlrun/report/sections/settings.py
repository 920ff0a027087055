"""The section on what one setting changes: scores of networks that differ in it alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import floor, log10
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from dlrun.catalog.baselines import BASELINES
from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import fixed
from dlrun.evidence.settings import (
    SettingEffect,
    SettingLine,
    Value,
    find_effects,
    read_settings,
    write_value,
)
from dlrun.report.charts.settings import SettingTrace, draw_settings
from dlrun.report.html import tag
from dlrun.report.sections.section import ReportSection, figure, on_any_width
from dlrun.report.styles import Style

if TYPE_CHECKING:
    from dlrun.report.context import CandidateView, ReportContext

    Views = Mapping[str, CandidateView]

MOST_LINES: Final = 6  # of one chart
MOST_LEVELS: Final = 3  # classic candidates beside them
CLEAR_RATIO: Final = 1.5  # of errors, from which it is written
WHOLE_RATIO: Final = 10
STYLES: Final = tuple(
    Style(colour, marker)
    for colour, marker in (
        ("#0072B2", "circle"), ("#CC79A7", "pentagon"), ("#009E73", "diamond"),
        ("var(--ink)", "star"), ("#56B4E9", "hexagon"), ("#F0E442", "arrow"),
    )
)  # fmt: skip
CAPTION: Final = "Each mark is the mean test score of a network; the networks of a line differ in "


def write_settings(context: ReportContext) -> ReportSection | None:
    """Draw the scores by every setting in which alone at least three networks differ."""
    parts = [_write_effect(context, effect) for effect in effects_of(context)]
    if not parts:
        return None
    return ReportSection("settings", "What one setting changes", Markup().join(parts))


def effects_of(context: ReportContext) -> list[SettingEffect]:
    """Return the settings in which networks with a score differ; of a single study."""
    if len(context.studies) > 1:
        return []
    scored = {view.own_name for view in context.finished}
    networks = read_settings(context.studies[0])
    return find_effects({name: own for name, own in networks.items() if name in scored})


def _write_effect(context: ReportContext, effect: SettingEffect) -> Markup:
    views = {view.own_name: view for view in context.finished}
    lines, levels = effect.lines[:MOST_LINES], best_classic(context, MOST_LEVELS)
    words = () if effect.is_number else tuple(map(str, effect.values))
    traces = [
        _trace(context, effect, line, style, views)
        for line, style in zip(lines, STYLES, strict=False)
    ]
    traces += [
        SettingTrace(view.name, view.style, ((0, view.estimate(context.score_text(view))),), True)
        for view in levels
    ]
    draw = partial(
        draw_settings,
        traces,
        title=f"{context.metric} by {effect.setting}",
        axes=(effect.setting, context.metric),
        words=words,
        bounds=context.bounds,
    )
    body = _write_sentences([_sentence(context, effect, line) for line in lines])
    if levels:
        best = _short(levels[0].row.mean, context.comparison.decimals)
        body += tag("p", f"The best classic candidate, {levels[0].name}, has {best}.")
    return body + figure(on_any_width(draw), caption=_caption(context, effect, levels))


def best_classic(context: ReportContext, most: int) -> list[CandidateView]:
    """Return the best classic candidates, the best kernel machine in place of the last of them."""
    sign = get_metric(context.comparison.metric).sign
    views = [
        view
        for view in context.finished
        if view.row.family == "classic" and not view.results.is_dummy
    ]
    ranked = sorted(views, key=lambda view: -sign * view.row.mean)
    kernels = [view for view in ranked[most - 1 :] if _is_kernel_machine(view)]
    return [*ranked[: most - 1], *(kernels or ranked[most - 1 :])[:1]]


def _is_kernel_machine(view: CandidateView) -> bool:
    row = BASELINES.get(view.own_name.partition("-")[0])  # svm-pixels learns from pixels
    return row is not None and row.is_kernel_machine


def _trace(
    context: ReportContext, effect: SettingEffect, line: SettingLine, style: Style, views: Views
) -> SettingTrace:
    values = effect.values
    points = tuple(
        (
            values.index(value) if isinstance(value, str) else value,
            replace(views[name].estimate(context.score_text(views[name])), style=style),
        )
        for value, name in line.points
    )
    return SettingTrace(line.name or "networks", style, points)


def _write_sentences(sentences: Sequence[str]) -> Markup:
    if len(sentences) == 1:
        return tag("p", sentences[0])
    return tag("ul", *(tag("li", sentence) for sentence in sentences))


def _sentence(context: ReportContext, effect: SettingEffect, line: SettingLine) -> str:
    """Write how the score changes from the first to the last value, and where it is best."""
    sign = get_metric(context.comparison.metric).sign
    metric = context.metric
    opening = f"{line.name}: {metric}" if line.name else f"{metric[0].upper()}{metric[1:]}"
    means = {view.own_name: view.row.mean for view in context.finished}
    scores = [(value, means[name]) for value, name in line.points]
    best, worst = (choose(scores, key=lambda point: sign * point[1]) for choose in (max, min))
    write = partial(_at, effect.setting, context.comparison.decimals)
    if not effect.is_number:
        return f"{opening} is best with {write(best)}, worst with {write(worst)}."
    first, last = scores[0], scores[-1]
    verb = "falls" if last[1] < first[1] else "rises"
    is_between = best[1] not in (first[1], last[1])
    peak = f"; the best is {write(best)}" if is_between else ""
    return (
        f"{opening} {verb} from {write(first)} to {write(last)}"
        f"{_ratio(context, first[1], last[1])}{peak}."
    )


def _at(setting: str, places: int, point: tuple[Value, float]) -> str:
    value, score = point
    if isinstance(value, str):
        return f"{value} ({_short(score, places)})"
    return f"{_short(score, places)} at {write_value(setting, value)}"


def _short(score: float, places: int) -> str:
    """Write a score with about three digits, and no more decimals than are significant."""
    known = 2 - floor(log10(abs(score))) if score else 0
    return fixed(score, min(places, max(0, known)))


def _ratio(context: ReportContext, first: float, last: float) -> str:
    """Write how many times as large an error is; nothing of scores that end at 1."""
    low, high = sorted((first, last))
    is_error = get_metric(context.comparison.metric).lower_is_better
    if not is_error or low <= 0 or high < CLEAR_RATIO * low:
        return ""
    ratio = fixed(high / low, 0 if high > WHOLE_RATIO * low else 1)
    return f", {ratio} × {'less' if last < first else 'more'}"


def _caption(context: ReportContext, effect: SettingEffect, levels: Sequence[CandidateView]) -> str:
    n_lines = len(effect.lines)
    has_interval = any(view.ends for view in context.finished)
    sentences = [
        f"{CAPTION}{effect.setting} alone.",
        f"With it changes the {' and the '.join(effect.linked)}." if effect.linked else "",
        "Vertical lines are 95 % intervals of the mean over the splits." if has_interval else "",
        "Dashed lines are classic candidates: the best, and the best kernel machine."
        if levels
        else "",
        f"The first {MOST_LINES} of {n_lines} lines are drawn." if n_lines > MOST_LINES else "",
    ]
    return " ".join(filter(None, sentences))
