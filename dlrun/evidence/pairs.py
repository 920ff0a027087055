"""Pairs of candidates, compared on the splits that both finished."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlrun.catalog.metrics.row import ScoredRows
from dlrun.errors import ComparisonError
from dlrun.evidence import statistics
from dlrun.evidence.jackknife import assign_groups, changes_without, row_variance
from dlrun.evidence.paired_tests import (
    MIN_FOLDS,
    PairedComparison,
    compare_equal,
    compare_folds,
    compare_rows,
    effective_rows,
)
from dlrun.evidence.statistics import ROUNDING
from dlrun.metrics.bootstrap import resample

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.catalog.metrics.row import BootstrapScorer, Metric
    from dlrun.contract.search import SearchBudget
    from dlrun.evidence.candidates import CandidateResults
    from dlrun.evidence.comparison import Basis

Pair = tuple[str, str]
Jackknifed = Mapping[int, "NDArray[np.float64]"]  # split index → changes without each group of rows


@dataclass(frozen=True)
class TestSets:
    """The test rows of a study's splits.

    Attributes:
        n_per_split: mean number of rows.
        distinct: row ids that some split tests, ascending.
        of_split: split index → number of its test set; splits that test the same rows and differ
            in their seed alone have the same.
    """

    n_per_split: float
    distinct: NDArray[np.int64]
    of_split: Mapping[int, int]

    @property
    def n_distinct(self) -> int:
        """Return the number of rows that some split tests."""
        return len(self.distinct)

    def means(self, by_split: NDArray[np.float64], splits: Sequence[int]) -> NDArray[np.float64]:
        """Average the splits that test the same rows.

        Args:
            by_split: (splits, …) values.
            splits: their indices.

        Returns:
            (test sets, …).
        """
        sets = np.array([self.of_split[split] for split in splits])
        return np.array([by_split[sets == each].mean(axis=0) for each in np.unique(sets)])


def read_test_sets(candidates: Sequence[CandidateResults]) -> TestSets:
    """Read the test rows of all splits from as few candidates' predictions as contain them."""
    rows: dict[int, NDArray[np.int64]] = {}
    for candidate in candidates:
        if not rows.keys() >= candidate.scores.keys():
            frame = candidate.read_predictions()
            row_ids = frame["row_id"].to_numpy()
            positions = _rows_of_split(frame, candidate)
            rows |= {split: np.sort(row_ids[at]) for split, at in positions.items()}
    numbers: dict[bytes, int] = {}
    return TestSets(
        n_per_split=float(np.mean([len(each) for each in rows.values()])),
        distinct=np.unique(np.concatenate(list(rows.values()))),
        of_split={
            split: numbers.setdefault(each.tobytes(), len(numbers)) for split, each in rows.items()
        },
    )


@dataclass(frozen=True)
class ComparisonSettings:
    """What all pairs of a comparison share."""

    metric: Metric
    n_rows: int
    rope: float
    test_share: float
    test_sets: TestSets
    search_budget: SearchBudget | None = None


def compare_pairs(
    pairs: Sequence[Pair],
    candidates: Mapping[str, CandidateResults],
    settings: ComparisonSettings,
) -> dict[Pair, PairedComparison]:
    """Compare candidates on the splits that both finished; pairs without any are left out.

    Splits that test the same rows are one result, the mean over their seeds, since a seed is no
    evidence about other rows. With fewer than three results the test rows are compared.
    """
    on_rows: dict[tuple[int, ...], list[Pair]] = defaultdict(list)
    on_folds: list[Pair] = []
    for first, second in pairs:
        shared = candidates[first].scores.keys() & candidates[second].scores.keys()
        splits = tuple(sorted(shared))
        if len({settings.test_sets.of_split[split] for split in splits}) >= MIN_FOLDS:
            on_folds.append((first, second))
        elif splits:
            on_rows[splits].append((first, second))
    compared = _compare_on_folds(on_folds, candidates, settings)
    for splits, group in on_rows.items():
        compared |= _compare_on_rows(group, candidates, splits, settings)
    return compared


def _compare_on_folds(
    pairs: Sequence[Pair],
    candidates: Mapping[str, CandidateResults],
    settings: ComparisonSettings,
) -> dict[Pair, PairedComparison]:
    """Compare by folds, and by leaving groups of test rows out of each."""
    names = dict.fromkeys(name for pair in pairs for name in pair)
    jackknifed = {name: _jackknife(candidates[name], settings) for name in names}
    return {
        (first, second): _compare_one_on_folds(
            candidates[first],
            candidates[second],
            (jackknifed[first], jackknifed[second]),
            settings,
        )
        for first, second in pairs
    }


def _compare_one_on_folds(
    one: CandidateResults,
    other: CandidateResults,
    jackknifed: tuple[Jackknifed, Jackknifed],
    settings: ComparisonSettings,
) -> PairedComparison:
    splits = sorted(one.scores.keys() & other.scores.keys())
    differences = _differences(one, other, splits, settings)
    first, second = (np.array([each[split] for split in splits]) for each in jackknifed)
    raw = settings.metric.sign * (first - second)
    changes = settings.test_sets.means(np.where(np.abs(raw) < ROUNDING, 0.0, raw), splits)
    if settings.metric.rank_rows and not differences.any() and not changes.any():
        tested = _read_tested(one, splits, settings)
        return _compare_equal(tested, settings, "folds", len(differences))
    rows = row_variance(changes, settings.test_sets.n_distinct)
    return compare_folds(differences, settings.test_share, settings.rope, rows)


def _jackknife(
    candidate: CandidateResults, settings: ComparisonSettings
) -> dict[int, NDArray[np.float64]]:
    """Return split index → how its score changes without each group of rows, (groups,)."""
    distinct = settings.test_sets.distinct
    groups = assign_groups(len(distinct))
    splits = sorted(candidate.scores)
    tested = _read_tested(candidate, splits, settings)
    own = [groups[np.searchsorted(distinct, part.row_ids)] for part in tested]
    changes = changes_without([part.scorer for part in tested], own, int(groups.max()) + 1)
    return dict(zip(splits, changes, strict=True))


def _differences(
    one: CandidateResults,
    other: CandidateResults,
    splits: Sequence[int],
    settings: ComparisonSettings,
) -> NDArray[np.float64]:
    """Return by how much `one` is better, one mean per test set."""
    first, second = (np.array([each.scores[split] for split in splits]) for each in (one, other))
    by_split = statistics.differences(first, second, settings.metric.name)
    return settings.test_sets.means(by_split, splits)


def _compare_on_rows(
    pairs: Sequence[Pair],
    candidates: Mapping[str, CandidateResults],
    splits: tuple[int, ...],
    settings: ComparisonSettings,
) -> dict[Pair, PairedComparison]:
    """Score all candidates of these pairs on the same bootstrap samples of the test rows."""
    metric = settings.metric
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    tested = {name: _read_tested(candidates[name], splits, settings) for name in names}
    _check_equal_y(tested)
    parts = tested[names[0]]
    distinct = np.unique(np.concatenate([part.row_ids for part in parts]))
    scores = resample(
        [[part.scorer for part in tested[name]] for name in names],
        [np.searchsorted(distinct, part.row_ids) for part in parts],
        draw_splits=len({settings.test_sets.of_split[split] for split in splits}) == 1,
    )
    resampled = dict(zip(names, scores, strict=True))
    compared: dict[Pair, PairedComparison] = {}
    for first, second in pairs:
        one, other = candidates[first], candidates[second]
        mean = float(_differences(one, other, splits, settings).mean())
        samples = statistics.resampled_differences(resampled[first], resampled[second], metric.name)
        if metric.rank_rows and mean == 0 and not samples.any():
            compared[first, second] = _compare_equal(parts, settings, "rows", len(distinct))
            continue
        exact = None
        if metric.is_right and len(splits) == 1:
            is_right = [metric.is_right(tested[name][0].rows) for name in (first, second)]
            exact = statistics.mcnemar(*is_right)
        compared[first, second] = compare_rows(mean, samples, len(distinct), settings.rope, exact)
    return compared


def _compare_equal(
    tested: Sequence[_TestedRows], settings: ComparisonSettings, basis: Basis, n: int
) -> PairedComparison:
    row_ids = np.concatenate([part.row_ids for part in tested])
    y = np.concatenate([part.y for part in tested])
    return compare_equal(basis, n, effective_rows(row_ids, y, settings.metric), settings.rope)


@dataclass(frozen=True)
class _TestedRows:
    """A candidate's predictions for the test rows of one split, by ascending row id."""

    row_ids: NDArray[np.int64]
    rows: ScoredRows
    scorer: BootstrapScorer

    @property
    def y(self) -> NDArray[Any]:
        return self.rows.y


def _read_tested(
    candidate: CandidateResults, splits: Sequence[int], settings: ComparisonSettings
) -> list[_TestedRows]:
    frame = candidate.read_predictions()
    positions = _rows_of_split(frame, candidate)
    return [
        _tested_rows(candidate, frame.iloc[positions[split]].sort_values("row_id"), settings)
        for split in splits
    ]


def _tested_rows(
    candidate: CandidateResults, frame: pd.DataFrame, settings: ComparisonSettings
) -> _TestedRows:
    y, predictions = candidate.decode_predictions(frame)
    rows = ScoredRows(y, predictions.values)
    scorer = settings.metric.bootstrap_scorer(rows)
    return _TestedRows(frame["row_id"].to_numpy(), rows, scorer)


def _rows_of_split(frame: pd.DataFrame, candidate: CandidateResults) -> dict[int, NDArray[np.intp]]:
    """Return split index → positions of its rows in a table of predictions."""
    positions = frame.groupby(["repeat", "fold"]).indices
    return {split: np.asarray(positions[fold]) for split, fold in candidate.folds.items()}


def _check_equal_y(tested: Mapping[str, Sequence[_TestedRows]]) -> None:
    (first, reference), *others = tested.items()
    for name, parts in others:
        for one, other in zip(reference, parts, strict=True):
            same_rows = np.array_equal(one.row_ids, other.row_ids)
            if not (same_rows and np.array_equal(one.y, other.y)):
                message = (
                    f"{first} and {name} cannot be compared: their test rows hold different "
                    "truths. Train them again on the same data."
                )
                raise ComparisonError(message)
