"""What a report tells of: studies, their comparison, and each candidate with its look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.candidates import CandidateResults, read_candidates
from dlrun.evidence.formatting import fixed, span
from dlrun.evidence.paired_tests import MIN_FOLDS
from dlrun.evidence.pairs import TestSets, read_test_sets
from dlrun.evidence.statistics import Interval, differences, nadeau_bengio_interval
from dlrun.report.prediction_stats import Classes, Joint, count_classes, count_numbers
from dlrun.report.styles import Style, assign_styles

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.study import Study
    from dlrun.evidence.comparison import CandidateSummary, Comparison

FAR: Final = 2.5  # times as far behind the best as the one before
NEAR: Final = 0.05  # of the best score; a smaller distance is never far


@dataclass(frozen=True)
class CandidateView:
    """A candidate in a report.

    Attributes:
        own_name: the name in its study; `row.name` may tell the study too.
        interval: of its mean score over the folds; None with fewer than three test sets.
    """

    row: CandidateSummary
    entry: CandidateResults
    look: Style
    study: Study
    own_name: str
    interval: Interval | None

    @property
    def name(self) -> str:
        """Return the name, unique within the report."""
        return self.row.name

    @property
    def ends(self) -> tuple[float, float] | None:
        """Return the ends of the interval."""
        return (self.interval.low, self.interval.high) if self.interval else None

    @cached_property
    def classes(self) -> Classes | None:
        """Count its test predictions of classes; None for numbers, or where there are none."""
        if self.study.task == "regression" or not self.row.n:
            return None
        return count_classes(self.entry.read_predictions(), self.study.labels)

    @cached_property
    def numbers(self) -> Joint | None:
        """Count its test predictions of numbers; None for classes, or where there are none."""
        if self.study.task == "classification" or not self.row.n:
            return None
        return count_numbers(self.entry.read_predictions())

    @property
    def trials(self) -> pd.DataFrame:
        """Return its trials."""
        return self.study.trials[self.study.trials["candidate"] == self.own_name]

    def read_epochs(self) -> pd.DataFrame:
        """Return its epochs, as `Study.read_epochs` does."""
        return self.study.read_epochs(self.own_name)


@dataclass(frozen=True)
class ReportContext:
    """All that the sections of a report are written from; see `build_context`.

    Attributes:
        candidates: in the order of the comparison's rows.
        test_sets: None when no split was finished.
    """

    studies: tuple[Study, ...]
    comparison: Comparison
    candidates: tuple[CandidateView, ...]
    test_sets: TestSets | None

    @property
    def metric(self) -> str:
        """Return the name of the metric that is compared."""
        return get_metric(self.comparison.metric).title

    @property
    def finished(self) -> list[CandidateView]:
        """Return the candidates with a score."""
        return [shown for shown in self.candidates if shown.row.n]

    @property
    def champions(self) -> list[CandidateView]:
        """Return who stands for each side; without two sides, the best."""
        names = {self.comparison.best_deep, self.comparison.best_classic}
        return [shown for shown in self.finished if shown.name in names] or self.finished[:1]

    @property
    def in_view(self) -> list[str]:
        """Name the candidates that an axis of scores spans.

        One that is far behind the best, compared with the one before it, would squeeze the others
        together; it is drawn at the end of the axis, as are those behind it.
        """
        sign = -1 if self.comparison.lower_is_better else 1
        ranked = sorted(self.finished, key=lambda shown: -sign * shown.row.mean)
        needed = {shown.name for shown in self.champions}
        names: list[str] = []
        reach = 0.0
        for shown in ranked:
            behind = abs(shown.row.mean - ranked[0].row.mean)
            if needed <= set(names) and behind > FAR * reach:
                break
            reach = max(behind, self._nearest)
            names.append(shown.name)
        return names

    @property
    def _nearest(self) -> float:
        """Return a distance that is never far: a share of the best score, or an interval."""
        widths = [shown.interval.width for shown in self.champions if shown.interval]
        best = self.comparison.best
        return max([*widths, NEAR * abs(best.mean) if best else 0.0])

    def score_text(self, shown: CandidateView) -> str:
        """Write a candidate's score with its interval, or why there is none."""
        places = self.comparison.decimals
        if not shown.row.n:
            return f"failed: {shown.row.error or 'no score'}"
        mean = fixed(shown.row.mean, places)
        return f"{mean} {span(*shown.ends, places)}" if shown.ends else mean

    def split_name(self, shown: CandidateView, step: int) -> str:
        """Name a split: "fold 2", or "repeat 1, fold 2" where there are several repeats."""
        repeat, fold = shown.entry.folds[step]
        has_repeats = any(study.trials["repeat"].max() for study in self.studies)
        return f"repeat {repeat + 1}, fold {fold + 1}" if has_repeats else f"fold {fold + 1}"

    def leads(self, first: CandidateView, second: CandidateView) -> list[float]:
        """Return by how much the first is better, one mean for each test set that both have."""
        if self.test_sets is None:
            return []
        steps = sorted(first.entry.scores.keys() & second.entry.scores.keys())
        one, other = (
            np.array([each.entry.scores[step] for step in steps]) for each in (first, second)
        )
        raw = differences(one, other, self.comparison.metric)
        return _per_test_set(raw, steps, self.test_sets)


def build_context(studies: Sequence[Study], comparison: Comparison) -> ReportContext:
    """Put together what a report tells of.

    Args:
        studies: those that were compared.
        comparison: what `dlrun.evidence.compare` made of them.
    """
    entries = read_candidates(studies, comparison.metric)
    owners = [
        (study, str(name)) for study in studies for name in study.trials["candidate"].unique()
    ]
    owner_of = {entry.name: owner for entry, owner in zip(entries, owners, strict=True)}
    entry_of = {entry.name: entry for entry in entries}
    tested = [entry for entry in entries if entry.scores]
    test_sets = read_test_sets(tested) if tested else None
    looks = assign_styles(entries)
    candidates = tuple(
        CandidateView(
            row,
            entry_of[row.name],
            looks[row.name],
            *owner_of[row.name],
            _interval(entry_of[row.name], test_sets, comparison),
        )
        for row in comparison.rows
    )
    return ReportContext(tuple(studies), comparison, candidates, test_sets)


def _interval(
    entry: CandidateResults, test_sets: TestSets | None, comparison: Comparison
) -> Interval | None:
    """Give the interval of a mean score whose folds share training rows (Nadeau & Bengio, 2003).

    It ends where scores do: none that is better when higher exceeds one, none that is better when
    lower falls below zero.
    """
    if test_sets is None:
        return None
    steps = sorted(entry.scores)
    scores = np.array([entry.scores[step] for step in steps])
    means = _per_test_set(scores, steps, test_sets)
    if len(means) < MIN_FOLDS:
        return None
    found = nadeau_bengio_interval(np.array(means), test_sets.n_per_split / comparison.n_rows)
    if comparison.lower_is_better:
        return Interval(found.mean, max(0.0, found.low), found.high)
    return Interval(found.mean, found.low, min(1.0, found.high))


def _per_test_set(values: np.ndarray, steps: Sequence[int], test_sets: TestSets) -> list[float]:
    sets = np.array([test_sets.of_split[step] for step in steps])
    return [float(values[sets == each].mean()) for each in np.unique(sets)]
