"""The context of a report: studies, their comparison, and each candidate with its style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.candidates import CandidateResults, read_candidates
from dlrun.evidence.formatting import counted, fixed, span
from dlrun.evidence.paired_tests import MIN_FOLDS
from dlrun.evidence.pairs import TestSets, read_test_sets
from dlrun.evidence.statistics import Interval, posterior
from dlrun.report.charts.marks import Estimate
from dlrun.report.prediction_stats import PredictionStats, describe_predictions
from dlrun.report.styles import Style, assign_styles

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.excerpt import DataExcerpt
    from dlrun.contract.inside import Inside
    from dlrun.contract.study import Study
    from dlrun.evidence.comparison import CandidateSummary, Comparison

FAR: Final = 2.5  # times as far behind the best as the one before
NEAR: Final = 0.05  # of the best score; a smaller distance is never far


@dataclass(frozen=True)
class CandidateView:
    """A candidate in a report.

    Attributes:
        own_name: the name in its study; `row.name` may contain the study's too.
        interval: of the mean score over the folds; None with fewer than three test sets.
    """

    row: CandidateSummary
    results: CandidateResults
    style: Style
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

    def estimate(self, text: str) -> Estimate:
        """Return its mean score with the interval, for a chart; `text` writes both."""
        return Estimate(self.name, self.style, self.row.mean, text, self.ends)

    @cached_property
    def prediction_stats(self) -> PredictionStats:
        """Return the statistics of its test predictions, empty where it failed."""
        if not self.row.n:
            return PredictionStats()
        frame = self.results.read_predictions()
        return describe_predictions(frame, self.study.task, self.study.labels)

    @property
    def trials(self) -> pd.DataFrame:
        """Return the trials of the candidate."""
        return self.study.trials[self.study.trials["candidate"] == self.own_name]

    @cached_property
    def inside(self) -> Inside | None:
        """Return what a look inside the candidate has found, read once."""
        return self.study.read_inside(self.own_name)

    def read_epochs(self) -> pd.DataFrame:
        """Return the epochs of the candidate, as `Study.read_epochs` does."""
        return self.study.read_epochs(self.own_name)

    def read_search(self) -> pd.DataFrame:
        """Return the searches of the candidate under its name here; see `Study.read_search`."""
        search = self.study.read_search()
        return search[search["candidate"] == self.own_name].assign(candidate=self.name)


@dataclass(frozen=True)
class ReportContext:
    """The input of every section; see `build_context`.

    Attributes:
        candidates: in the order of the comparison's rows.
        test_sets: None when no split was finished.
    """

    studies: tuple[Study, ...]
    comparison: Comparison
    candidates: tuple[CandidateView, ...]
    test_sets: TestSets | None

    @cached_property
    def excerpt(self) -> DataExcerpt | None:
        """Return what a study keeps of the rows, which are the same in all."""
        return next(filter(None, (study.read_excerpt() for study in self.studies)), None)

    @property
    def metric(self) -> str:
        """Return the title of the compared metric."""
        return get_metric(self.comparison.metric).title

    @property
    def bounds(self) -> tuple[float, float]:
        """Return the smallest and the largest possible score on that metric."""
        return get_metric(self.comparison.metric).bounds

    @property
    def finished(self) -> list[CandidateView]:
        """Return the candidates with a score."""
        return [view for view in self.candidates if view.row.n]

    @property
    def champions(self) -> list[CandidateView]:
        """Return the best candidate of each family; without two families, the best."""
        names = {self.comparison.best_deep, self.comparison.best_classic}
        return [view for view in self.finished if view.name in names] or self.finished[:1]

    @property
    def worst_rows(self) -> list[int]:
        """Return the ids of rows that candidates predict badly, the worst of each first."""
        views = [view for view in self.finished if not view.results.is_dummy]
        first = [view.name for view in self.champions]
        views.sort(key=lambda view: view.name not in first)
        ranks = zip_longest(*(view.prediction_stats.worst for view in views))
        return [row.row_id for rank in ranks for row in rank if row]

    @property
    def in_view(self) -> list[str]:
        """Return the names of the candidates that an axis of scores spans.

        It leaves out candidates from the first one on that is more than `FAR` times as far behind
        the best as the one before it.
        """
        sign = -1 if self.comparison.lower_is_better else 1
        ranked = sorted(self.finished, key=lambda view: -sign * view.row.mean)
        needed = {view.name for view in self.champions}
        names: list[str] = []
        reach = 0.0
        for view in ranked:
            behind = abs(view.row.mean - ranked[0].row.mean)
            if needed <= set(names) and behind > FAR * reach:
                break
            reach = max(behind, self._nearest)
            names.append(view.name)
        return names

    @property
    def _nearest(self) -> float:
        """Return the distance up to which no candidate is left out of view."""
        widths = [view.interval.width for view in self.champions if view.interval]
        best = self.comparison.best
        return max([*widths, NEAR * abs(best.mean) if best else 0.0])

    def score_text(self, view: CandidateView) -> str:
        """Write a candidate's score with its interval, or the reason of its failure."""
        places = self.comparison.decimals
        if not view.row.n:
            return f"failed: {view.row.error or 'no score'}"
        mean = fixed(view.row.mean, places)
        return f"{mean} {span(*view.ends, places)}" if view.ends else mean

    def expectation(self, name: str) -> str:
        """Write the score to expect of a candidate, from its scores on the splits."""
        (view,) = (view for view in self.candidates if view.name == name)
        n_splits = counted(view.row.n, "split")
        return f"Expected {self.metric}: {self.score_text(view)}, from {n_splits}."

    def split_name(self, view: CandidateView, split_index: int) -> str:
        """Name a split: "fold 2", or "repeat 1, fold 2" where there are several repeats."""
        repeat, fold = view.results.folds[split_index]
        has_repeats = any(study.trials["repeat"].max() for study in self.studies)
        return f"repeat {repeat + 1}, fold {fold + 1}" if has_repeats else f"fold {fold + 1}"


def build_context(studies: Sequence[Study], comparison: Comparison) -> ReportContext:
    """Return the context of a report on studies and their comparison."""
    results = read_candidates(studies, comparison.metric)
    owners = [
        (study, str(name)) for study in studies for name in study.trials["candidate"].unique()
    ]
    owner_of = {each.name: owner for each, owner in zip(results, owners, strict=True)}
    results_of = {each.name: each for each in results}
    tested = [each for each in results if each.scores]
    test_sets = read_test_sets(tested) if tested else None
    styles = assign_styles(results)
    candidates = tuple(
        CandidateView(
            row,
            results_of[row.name],
            styles[row.name],
            *owner_of[row.name],
            _interval(results_of[row.name], test_sets, comparison),
        )
        for row in comparison.rows
    )
    return ReportContext(tuple(studies), comparison, candidates, test_sets)


def _interval(
    results: CandidateResults, test_sets: TestSets | None, comparison: Comparison
) -> Interval | None:
    """Return the interval of a mean over folds that share training rows (Nadeau & Bengio, 2003).

    Its ends do not pass the smallest or the largest possible score.
    """
    if test_sets is None:
        return None
    splits = sorted(results.scores)
    scores = np.array([results.scores[k] for k in splits])
    means = test_sets.means(scores, splits)
    if len(means) < MIN_FOLDS:
        return None
    found = posterior(means, comparison.test_share).interval()
    low, high = get_metric(comparison.metric).bounds
    return Interval(found.mean, max(low, found.low), min(high, found.high))
