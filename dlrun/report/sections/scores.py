"""Sections on who is better: the difference, the scores, all numbers, and every split."""

from __future__ import annotations

from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import counted, decimals, fixed, signed, small, span
from dlrun.evidence.statistics import posterior
from dlrun.report.charts.difference import Belief, Lead, draw_difference
from dlrun.report.charts.intervals import Points, draw_intervals
from dlrun.report.columns import make_columns
from dlrun.report.html import Markup, join
from dlrun.report.sections.section import ReportSection, figure, on_any_width, table

if TYPE_CHECKING:
    from dlrun.evidence.comparison import Difference
    from dlrun.report.context import CandidateView, ReportContext

MOST_DOTS: Final = 60  # single scores per row; more are a smear


def difference(findings: ReportContext) -> ReportSection | None:
    """Show by how much the best deep candidate is better than the best classic one."""
    found = findings.comparison.verdict.difference
    if found is None:
        return None
    deep, classic = sorted(findings.champions, key=lambda shown: shown.row.family != "deep")
    lead = _lead(findings, found, deep, classic)
    title = f"{deep.name} minus {classic.name}"
    axis = f"difference in {findings.metric}"
    chart = on_any_width(partial(draw_difference, lead, title=title, axis=axis))
    by = "Deep and classic are represented by their best candidate on the validation rows. "
    caption = by + _difference_caption(findings, found)
    return ReportSection("difference", f"The difference: {title}", figure(chart, caption=caption))


def _lead(
    findings: ReportContext, found: Difference, deep: CandidateView, classic: CandidateView
) -> Lead:
    leads = findings.leads(deep, classic)
    places = decimals(found.high - found.low)
    words = "test set" if findings.comparison.n_splits > len(leads) else "fold"
    each = tuple(
        (value, f"{words} {place}: {signed(value, places)}")
        for place, value in enumerate(leads[:MOST_DOTS], start=1)
        if len(leads) > 1  # else the mean says it all
    )
    text = f"{deep.name} minus {classic.name}: {signed(found.mean, places)} "
    text += span(found.low, found.high, places)
    belief = None
    if found.basis == "folds" and findings.test_sets is not None:
        share = findings.test_sets.n_per_split / findings.comparison.n_rows
        at = posterior(np.array(leads), share)
        belief = Belief(at.mean, at.scale, at.df) if at.scale > 0 else None
    ends = (found.low, found.high)
    return Lead(found.mean, ends, findings.comparison.rope, text, each, belief)


def _difference_caption(findings: ReportContext, found: Difference) -> str:
    rope = (
        f"The shaded band marks what is too small to matter (± {small(findings.comparison.rope)})."
    )
    if found.basis == "rows":
        return (
            f"The line is the 95 % interval of {counted(found.n, 'test row')}, drawn again and "
            f"again (paired bootstrap). {rope}"
        )
    return (
        f"Dots are the {found.n} paired folds, the line is the 95 % interval of their mean "
        "(Nadeau & Bengio), the hill is how probable each true difference is (Bayesian "
        f"correlated t-test). {rope}"
    )


def scores(findings: ReportContext) -> ReportSection | None:
    """Show every candidate's score with its interval."""
    if not findings.finished:
        return None
    comparison = findings.comparison
    rows = [
        Points(
            shown.name,
            shown.look,
            shown.row.mean,
            findings.score_text(shown),
            shown.ends,
            _each(findings, shown),
        )
        for shown in findings.candidates
    ]
    direction = "lower is better" if comparison.lower_is_better else "higher is better"
    draw = partial(
        draw_intervals,
        rows,
        title=f"{findings.metric} of every candidate",
        axis=f"{findings.metric} on test rows, {direction}",
        shown=findings.in_view,
    )
    return ReportSection("scores", "Scores", figure(on_any_width(draw), caption=_caption(findings)))


def _each(findings: ReportContext, shown: CandidateView) -> tuple[tuple[float, str], ...]:
    if len(shown.entry.scores) < 2:  # noqa: PLR2004 - the mean says it all
        return ()
    places = findings.comparison.decimals + 1
    return tuple(
        (score, f"{shown.name}, {findings.split_name(shown, step)}: {fixed(score, places)}")
        for step, score in list(shown.entry.scores.items())[:MOST_DOTS]
    )


def _caption(findings: ReportContext) -> str:
    comparison = findings.comparison
    facts = (
        f"{counted(comparison.n_splits, 'split')}, {counted(comparison.n_test_rows, 'test row')}. "
    )
    sides = "Round marks are deep networks, cornered ones classic models. "
    if not any(shown.interval for shown in findings.finished):
        return (
            f"{facts}{sides}One score cannot say how much it would vary; the interval of the "
            "difference can be told from the test rows."
            if comparison.verdict.difference
            else facts + sides
        )
    return (
        f"{facts}{sides}Large mark: mean; line: its 95 % interval, corrected for the training "
        "rows that folds share (Nadeau & Bengio); small dots: single splits."
    )


def numbers(findings: ReportContext) -> ReportSection | None:
    """Tell all numbers of the comparison in tables."""
    columns = make_columns(findings.comparison)
    rows = list(zip(*(column.cells for column in columns), strict=True))
    caption = "Means over the splits. Lead: over the other side's best, with its 95 % interval."
    lines = [[_unaligned(cell) for cell in row] for row in rows]
    whole = table(caption, [column.title for column in columns], lines, left=2)
    return ReportSection("numbers", "All candidates", join([whole, _metrics(findings)]))


def _unaligned(cell: str) -> str:
    """Leave out the spaces that set numbers below each other on a terminal."""
    return " ".join(cell.split()).replace("[ ", "[")


def _metrics(findings: ReportContext) -> Markup:
    """Tell every metric that was measured."""
    names = list(dict.fromkeys(name for shown in findings.finished for name in shown.row.scores))
    if len(names) < 2:  # noqa: PLR2004 - the first table has it
        return Markup()
    columns = [_column(findings, name) for name in names]
    cells = [
        [shown.name, *texts]
        for shown, texts in zip(findings.finished, zip(*columns, strict=True), strict=True)
    ]
    head = ["candidate", *(get_metric(name).title for name in names)]
    return table("Every metric, mean over the splits.", head, cells)


def _column(findings: ReportContext, metric: str) -> list[str]:
    """Write one metric of all candidates with as many decimals as the largest deserves."""
    values = [shown.row.scores.get(metric, float("nan")) for shown in findings.finished]
    places = decimals(max((abs(value) for value in values if isfinite(value)), default=0.0) / 100)
    return [fixed(value, places) if isfinite(value) else "–" for value in values]


def splits(findings: ReportContext) -> ReportSection | None:
    """Tell the score of every candidate on every split."""
    folds = {step: fold for shown in findings.finished for step, fold in shown.entry.folds.items()}
    if not folds:
        return None
    steps = sorted(folds)
    has_repeats = any(repeat for repeat, _ in folds.values())
    head = [
        f"{repeat + 1}.{fold + 1}" if has_repeats else f"{fold + 1}"
        for repeat, fold in map(folds.__getitem__, steps)
    ]
    places = findings.comparison.decimals + 1
    cells = [
        [
            shown.name,
            *(
                fixed(shown.entry.scores[step], places) if step in shown.entry.scores else "failed"
                for step in steps
            ),
        ]
        for shown in findings.candidates
    ]
    named = "repeat and fold" if has_repeats else "fold"
    caption = f"{findings.metric} on the test rows of each {named}; the best of each is bold."
    whole = table(caption, ["candidate", *head], cells, strong=_best(findings, steps))
    return ReportSection("splits", "Every split", whole)


def _best(findings: ReportContext, steps: list[int]) -> frozenset[tuple[int, int]]:
    choose = min if findings.comparison.lower_is_better else max
    found = set()
    for place, step in enumerate(steps, start=1):
        known = {
            row: shown.entry.scores[step]
            for row, shown in enumerate(findings.candidates)
            if step in shown.entry.scores
        }
        best = choose(known.values())
        found |= {(row, place) for row, score in known.items() if score == best}
    return frozenset(found)
