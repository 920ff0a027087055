"""Sections on the scores: the difference, the means, all numbers, and every split."""

from __future__ import annotations

from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import counted, decimals, fixed, signed, small, span
from dlrun.report.charts.difference import Lead, draw_difference
from dlrun.report.charts.intervals import ScoreRow, draw_intervals
from dlrun.report.columns import make_columns
from dlrun.report.sections.section import ReportSection, figure, on_any_width, table

if TYPE_CHECKING:
    from dlrun.evidence.comparison import Difference
    from dlrun.report.context import CandidateView, ReportContext

MOST_DOTS: Final = 60  # single scores per row
ELSEWHERE: Final = ("gain", "n_search_trials", "search_seconds")  # in the section on tuning


def write_difference(context: ReportContext) -> ReportSection | None:
    """Draw the difference between the best deep and the best classic candidate."""
    found = context.comparison.verdict.difference
    if found is None:
        return None
    deep, classic = context.comparison.best_deep, context.comparison.best_classic
    lead = _lead(context, found, f"{deep} minus {classic}")
    title = f"{deep} minus {classic}"
    axis = f"difference in {context.metric}"
    chart = on_any_width(partial(draw_difference, lead, title=title, axis=axis))
    by = "Each side is represented on every split by its best candidate on the validation rows. "
    caption = by + _difference_caption(context, found)
    return ReportSection("difference", f"The difference: {title}", figure(chart, caption=caption))


def _lead(context: ReportContext, found: Difference, names: str) -> Lead:
    verdict = context.comparison.verdict
    leads = verdict.leads
    places = decimals(found.high - found.low)
    words = "test set" if context.comparison.n_splits > len(leads) else "fold"
    each = tuple(
        (value, f"{words} {place}: {signed(value, places)}")
        for place, value in enumerate(leads[:MOST_DOTS], start=1)
        if len(leads) > 1  # else it is the mean
    )
    text = f"{names}: {signed(found.mean, places)} {span(found.low, found.high, places)}"
    ends = (found.low, found.high)
    return Lead(found.mean, ends, context.comparison.rope, text, each, verdict.posterior)


def _difference_caption(context: ReportContext, found: Difference) -> str:
    rope = (
        f"The shaded band marks what is too small to matter (± {small(context.comparison.rope)})."
    )
    if found.basis == "rows":
        return (
            f"The line is the 95 % interval over {counted(found.n, 'test row')}, resampled in "
            f"pairs (paired bootstrap). {rope}"
        )
    return (
        f"Dots are the {found.n} paired folds. The line is the 95 % interval of their mean, from "
        "the test rows (grouped jackknife) and from folds, which share training rows (Nadeau & "
        f"Bengio); the hill is the distribution that it comes from. {rope}"
    )


def write_scores(context: ReportContext) -> ReportSection | None:
    """Draw every candidate's score with its interval."""
    if not context.finished:
        return None
    comparison = context.comparison
    rows = [
        ScoreRow(view.estimate(context.score_text(view)), _single_scores(context, view))
        for view in context.candidates
    ]
    direction = "lower is better" if comparison.lower_is_better else "higher is better"
    draw = partial(
        draw_intervals,
        rows,
        title=f"{context.metric} of every candidate",
        axis=f"{context.metric} on test rows, {direction}",
        in_view=context.in_view,
        bounds=context.bounds,
    )
    return ReportSection("scores", "Scores", figure(on_any_width(draw), caption=_caption(context)))


def _single_scores(context: ReportContext, view: CandidateView) -> tuple[tuple[float, str], ...]:
    if len(view.results.scores) < 2:  # noqa: PLR2004 - it is the mean
        return ()
    places = context.comparison.decimals + 1
    return tuple(
        (score, f"{view.name}, {context.split_name(view, index)}: {fixed(score, places)}")
        for index, score in list(view.results.scores.items())[:MOST_DOTS]
    )


def _caption(context: ReportContext) -> str:
    comparison = context.comparison
    facts = (
        f"{counted(comparison.n_splits, 'split')}, {counted(comparison.n_test_rows, 'test row')}. "
    )
    sides = "Round marks are deep networks, cornered ones classic models. "
    if not any(view.interval for view in context.finished):
        if not comparison.verdict.difference:
            return facts + sides
        return (
            f"{facts}{sides}One score has no interval; that of the difference is estimated from "
            "the test rows."
        )
    return (
        f"{facts}{sides}Large mark: mean; line: its 95 % interval, corrected for the training "
        "rows that folds share (Nadeau & Bengio); small dots: single splits."
    )


def write_numbers(context: ReportContext) -> ReportSection | None:
    """List all numbers of the comparison in tables."""
    columns = [each for each in make_columns(context.comparison) if each.key not in ELSEWHERE]
    rows = list(zip(*(column.cells for column in columns), strict=True))
    caption = "Means over the splits. Lead: over the other side's best, with its 95 % interval."
    lines = [[_unaligned(cell) for cell in row] for row in rows]
    whole = table(caption, [column.title for column in columns], lines, left=2)
    return ReportSection("numbers", "All candidates", whole + _metrics(context))


def _unaligned(cell: str) -> str:
    """Remove the spaces that align numbers on a terminal."""
    return " ".join(cell.split()).replace("[ ", "[")


def _metrics(context: ReportContext) -> Markup:
    """List every metric."""
    names = list(dict.fromkeys(name for view in context.finished for name in view.row.scores))
    if len(names) < 2:  # noqa: PLR2004 - it is in the first table
        return Markup()
    columns = [_column(context, name) for name in names]
    cells = [
        [view.name, *texts]
        for view, texts in zip(context.finished, zip(*columns, strict=True), strict=True)
    ]
    head = ["candidate", *(get_metric(name).title for name in names)]
    return table("Every metric, mean over the splits.", head, cells)


def _column(context: ReportContext, metric: str) -> list[str]:
    """Write one metric of all candidates with the decimals that suit the largest value."""
    values = [view.row.scores.get(metric, float("nan")) for view in context.finished]
    places = decimals(max((abs(value) for value in values if isfinite(value)), default=0.0) / 100)
    return [fixed(value, places) if isfinite(value) else "–" for value in values]


def write_splits(context: ReportContext) -> ReportSection | None:
    """List the score of every candidate on every split."""
    folds = {k: fold for view in context.finished for k, fold in view.results.folds.items()}
    if not folds:
        return None
    indices = sorted(folds)
    has_repeats = any(repeat for repeat, _ in folds.values())
    head = [
        f"{repeat + 1}.{fold + 1}" if has_repeats else f"{fold + 1}"
        for repeat, fold in map(folds.__getitem__, indices)
    ]
    places = context.comparison.decimals + 1
    cells = []
    for view in context.candidates:
        known = view.results.scores
        texts = (fixed(known[k], places) if k in known else "failed" for k in indices)
        cells.append([view.name, *texts])
    named = "repeat and fold" if has_repeats else "fold"
    caption = f"{context.metric} on the test rows of each {named}; the best of each is bold."
    whole = table(caption, ["candidate", *head], cells, strong=_best(context, indices))
    return ReportSection("splits", "Every split", whole)


def _best(context: ReportContext, indices: list[int]) -> frozenset[tuple[int, int]]:
    choose = min if context.comparison.lower_is_better else max
    found = set()
    for place, index in enumerate(indices, start=1):
        known = {
            row: view.results.scores[index]
            for row, view in enumerate(context.candidates)
            if index in view.results.scores
        }
        best = choose(known.values())
        found |= {(row, place) for row, score in known.items() if score == best}
    return frozenset(found)
