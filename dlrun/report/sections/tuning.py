"""The section on tuning: what it gained, the course of the searches, and the settings chosen."""

from __future__ import annotations

import json
from functools import partial
from math import isnan
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import (
    FAMILY_TITLES,
    compact,
    counted,
    decimals,
    fixed,
    signed,
    span,
)
from dlrun.evidence.tuning import SearchCourse, gains, search_courses, settings_importance
from dlrun.report.charts.course import CourseLine, draw_course
from dlrun.report.charts.drops import draw_drops
from dlrun.report.charts.intervals import ScoreRow, draw_intervals
from dlrun.report.charts.marks import Estimate
from dlrun.report.columns import tuning_caption
from dlrun.report.html import tag
from dlrun.report.sections.section import (
    ReportSection,
    candidate_title,
    figure,
    on_any_width,
    panels,
    table,
)
from dlrun.report.styles import Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from dlrun.evidence.comparison import TuningGain
    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import CandidateView, ReportContext
    from dlrun.report.html import Content

SIDE_STYLES: Final = {
    "deep": Style("var(--deep)", "circle"),
    "classic": Style("var(--classic)", "square"),
}
PANEL: Final = 440.0
DEFAULT: Final = "default"


def write_tuning(context: ReportContext) -> ReportSection | None:
    """Draw what tuning gained, the course of the searches, and what settings mattered."""
    tuned = [(view, view.row.tuning) for view in context.candidates if view.row.tuning]
    if not tuned:
        return None
    views = [view for view, _ in tuned]
    caption = tuning_caption(context.comparison)
    parts = [
        tag("p", f"{caption[0].upper()}{caption[1:]}."),
        _gains(context, tuned),
        _costs(context),
        _course(context, views),
        _importance(views),
        tag("h3", "Chosen settings"),
        *(_choices(context, view) for view in views),
    ]
    return ReportSection("tuning", "Tuning", Markup().join(parts))


# ------------------------------------------------------------------------------------ the gain


def _gains(context: ReportContext, tuned: Sequence[tuple[CandidateView, TuningGain]]) -> Markup:
    rows = [
        ScoreRow(_gain(context, view, found), _single_gains(context, view))
        for view, found in tuned
        if not isnan(found.gain.mean)
    ]
    if not rows:
        return Markup()
    draw = partial(
        draw_intervals,
        rows,
        title="Gain by tuning",
        axis=f"gain in {context.metric} on test rows",
        in_view=[row.score.name for row in rows],
        origin=0.0,
    )
    has_ends = any(row.score.ends for row in rows)
    caption = (
        "Right of zero, the chosen settings are better than the default ones. Large mark: mean"
        + ("; line: its 95 % interval (Nadeau & Bengio)" if has_ends else "")
        + "; small dots: single splits. Settings were chosen without the test rows, so that "
        "tuning may also lose there."
    )
    return figure(on_any_width(draw), caption=caption)


def _gain(context: ReportContext, view: CandidateView, found: TuningGain) -> Estimate:
    places, gain = context.comparison.decimals, found.gain
    ends = None if isnan(gain.low) else (gain.low, gain.high)
    text = signed(gain.mean, places) + (f" {span(*ends, places)}" if ends else "")
    return Estimate(view.name, view.style, gain.mean, text, ends)


def _single_gains(context: ReportContext, view: CandidateView) -> tuple[tuple[float, str], ...]:
    places = context.comparison.decimals + 1
    return tuple(
        (gain, f"{view.name}, {context.split_name(view, split)}: {signed(gain, places)}")
        for split, gain in gains(view.results).items()
    )


def _costs(context: ReportContext) -> Markup:
    """List the score before and after, and what a search took."""
    places = context.comparison.decimals
    rows = [
        [
            row.name,
            *(
                "–" if isnan(score) else fixed(score, places)
                for score in (found.default, found.tuned)
            ),
            f"{found.n_trials:.3g}",
            compact(found.seconds),
            compact(found.cpu_seconds),
        ]
        for row in context.comparison.rows
        if (found := row.tuning)
    ]
    head = ["candidate", "default", "tuned", "trials", "seconds", "CPU seconds"]
    caption = f"{context.metric} on test rows, and what a search took: means over the splits."
    return table(caption, head, rows)


# ---------------------------------------------------------------------------------- the course


def _course(context: ReportContext, views: Sequence[CandidateView]) -> Markup:
    """Draw the best validation score so far of the candidates in view, and of both sides."""
    from pandas import concat

    metric = context.studies[0].metrics[0]
    searched = [view for view in views if view.study.metrics[0] == metric]
    near = [view for view in searched if view.name in context.in_view] or searched
    search = concat([view.read_search() for view in near])
    lines = _lines(search_courses(search, metric), near)
    if not lines:
        return Markup()
    far = [view.name for view in searched if view not in near]
    axis = _score_axis(search, metric)
    draw = partial(draw_course, lines, title="Course of the search", axis=axis)
    caption = (
        "The best score so far against the seconds that each search has spent on "
        "fitting, the mean over the splits. It starts with the default settings. A side's line is "
        "that of its best candidate at every time, on each split anew."
        + (f" Too far behind to be drawn: {', '.join(far)}." if far else "")
    )
    return tag("h3", "Course of the search") + figure(on_any_width(draw), caption=caption)


def _score_axis(search: pd.DataFrame, metric: str) -> str:
    """Return the metric and the rows that settings were scored on."""
    is_inner = (search["inner"] == "folds").all()
    return f"{get_metric(metric).title} on {'inner folds' if is_inner else 'validation rows'}"


def _lines(courses: Sequence[SearchCourse], views: Sequence[CandidateView]) -> list[CourseLine]:
    """Return a line for each candidate, and in front of them one for a side of several."""
    styles = {view.name: view.style for view in views}
    sizes = [each.family for each in courses if each.candidate]
    return [
        CourseLine(
            name=each.candidate or f"{FAMILY_TITLES[each.family]}, the best",
            style=styles[each.candidate] if each.candidate else SIDE_STYLES[each.family],
            points=each.points,
            text=_course_text(each),
            is_strong=not each.candidate or sizes.count(each.family) == 1,
        )
        for each in courses
        if each.candidate or sizes.count(each.family) > 1
    ]


def _course_text(course: SearchCourse) -> str:
    (start, first), (end, last) = course.points[0], course.points[-1]
    places = decimals(abs(last) / 50)
    return (
        f"{fixed(first, places)} after {compact(start)} s, "
        f"{fixed(last, places)} after {compact(end)} s"
    )


def draw_search(view: CandidateView) -> Chart | None:
    """Draw the course of one candidate's searches; None where it was not searched."""
    metric = view.study.metrics[0]
    search = view.read_search()
    lines = _lines(search_courses(search, metric), [view])
    if not lines:
        return None
    title = f"Course of the search of {view.name}"
    return draw_course(lines, title=title, axis=_score_axis(search, metric), width=2 * PANEL)


# -------------------------------------------------------------------------------- the settings


def _importance(views: Sequence[CandidateView]) -> Markup:
    found = [
        (view, settings_importance(view.read_search(), view.study.metrics[0])) for view in views
    ]
    charts = [_importance_panel(view, shares) for view, shares in found if len(shares) > 1]
    few = [view.name for view, shares in found if not shares]
    words = f"Too few trials to say which settings matter: {', '.join(few)}." if few else ""
    title = tag("h3", "Importance of the settings")
    if not charts:
        return title + tag("p", words) if few else Markup()
    caption = (
        "How much each setting tells the best tenth of a search's trials from the others "
        "(PED-ANOVA), as a share of all; trials of all splits together."
    )
    return title + figure(panels(charts), caption=f"{caption} {words}".strip())


def _importance_panel(view: CandidateView, shares: dict[str, float]) -> tuple[Markup, Content]:
    lanes = {
        _short(name, view): [Estimate(name, view.style, share, f"{100 * share:.0f} %")]
        for name, share in shares.items()
    }
    whole = [Estimate("all", view.style, 1.0, "")]
    title = f"Importance of the settings of {view.name}"
    draw = partial(draw_drops, lanes, title=title, axis="share of importance", spanned=whole)
    return candidate_title(view), on_any_width(draw, wide=PANEL)


def _choices(context: ReportContext, view: CandidateView) -> Markup:
    """List the settings that were chosen on each split."""
    splits = sorted(view.results.folds)
    chosen = dict(zip(view.trials["step"], view.trials["chosen_settings"], strict=True))
    choices = [json.loads(chosen[split]) if chosen[split] else {} for split in splits]
    names = list(dict.fromkeys(name for choice in choices for name in choice))
    n_default = sum(not choice for choice in choices)
    n_distinct = len({json.dumps(choice, sort_keys=True) for choice in choices})
    of = counted(len(splits), "split")
    if not names:
        return tag("p", f"{view.name}: the default settings were chosen on all of {of}.")
    caption = (
        f"{view.name}: the settings chosen on each split, {counted(n_distinct, 'choice')} on {of}"
        + (f", the default on {n_default}." if n_default else ".")
    )
    head = ["setting", *(context.split_name(view, split) for split in splits)]
    rows = [[_short(name, view), *(_cell(choice, name) for choice in choices)] for name in names]
    return table(caption, head, rows)


def _short(setting: str, view: CandidateView) -> str:
    """Return a setting without the name of its baseline."""
    return setting.removeprefix(f"baselines.{view.own_name}.")


def _cell(choice: dict[str, Any], name: str) -> str:
    if name not in choice:
        return DEFAULT
    value = choice[name]
    if isinstance(value, float):
        return f"{value:.3g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
