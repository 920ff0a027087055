"""Two candidates on the splits that both finished: by how much is the first better?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from dlrun.catalog.metrics import metrics_of
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Target, Task
from dlrun.errors import ComparisonError
from dlrun.evidence import decision, statistics
from dlrun.evidence.no_difference import NoDifference, effective_rows
from dlrun.metrics.bootstrap import bootstrap_scorer

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.catalog.metrics.row import Metric
    from dlrun.evidence.candidates import CandidateResults
    from dlrun.evidence.comparison import Basis
    from dlrun.evidence.decision import VerdictKind
    from dlrun.evidence.statistics import Interval, Probabilities
    from dlrun.metrics.bootstrap import BootstrapScorer

FEWEST_FOLDS: Final = 3  # with two, one degree of freedom is left and every interval is endless

Pair = tuple[str, str]


class PairedComparison(Protocol):
    """By how much the first candidate is better than the second, and how sure that is."""

    @property
    def basis(self) -> Basis:
        """Say what was paired."""

    @property
    def n(self) -> int:
        """Count the paired folds or rows."""

    @property
    def interval(self) -> Interval:
        """Give the mean difference and its 95 % interval."""

    @property
    def p_value(self) -> float:
        """Give the two-sided p-value of no difference."""

    def probabilities(self, rope: float) -> Probabilities:
        """Take the first as deep and the second as classic."""

    def outcome(self, rope: float) -> VerdictKind:
        """Take the first as deep and the second as classic, and decide."""

    def more_folds(self, rope: float) -> int | None:
        """Count the further folds that would settle it."""

    def growth(self, rope: float) -> float | None:
        """Give how many times as many rows would settle it."""


@dataclass(frozen=True)
class FoldComparison:
    """Differences on folds whose training rows overlap, and the share of rows each tests."""

    differences: NDArray[np.float64]
    test_share: float
    basis: Basis = "folds"

    @property
    def n(self) -> int:
        """Count the folds."""
        return len(self.differences)

    @property
    def interval(self) -> Interval:
        """Give the Nadeau-Bengio interval."""
        return statistics.nadeau_bengio_interval(self.differences, self.test_share)

    @property
    def p_value(self) -> float:
        """Give the p-value of the corrected t-test."""
        return statistics.corrected_t_p_value(self.differences, self.test_share)

    def probabilities(self, rope: float) -> Probabilities:
        """Run the Bayesian correlated t-test."""
        return statistics.correlated_t_test(self.differences, rope, self.test_share)

    def outcome(self, rope: float) -> VerdictKind:
        """Decide from the folds."""
        return decision.decide_by_folds(self.probabilities(rope), self.interval)

    def more_folds(self, rope: float) -> int | None:
        """Count the further folds that would settle it."""
        at = statistics.posterior(self.differences, self.test_share)
        return decision.folds_to_settle(at, rope, self.test_share)

    def growth(self, rope: float) -> float | None:
        """Give how many times as many rows would settle it with as many folds."""
        at = statistics.posterior(self.differences, self.test_share)
        return decision.growth_to_settle(at, rope)


@dataclass(frozen=True)
class BootstrapComparison:
    """The difference on the test rows of one or two splits, and on draws of these rows."""

    mean: float
    resampled: NDArray[np.float64]
    n: int
    exact_p_value: float | None = None  # McNemar, for accuracy on one test set
    basis: Basis = "rows"

    @property
    def interval(self) -> Interval:
        """Give the percentile interval of the paired bootstrap."""
        return statistics.percentile_interval(self.mean, self.resampled)

    @property
    def p_value(self) -> float:
        """Give the p-value of McNemar's test where it applies, else of the bootstrap."""
        if self.exact_p_value is not None:
            return self.exact_p_value
        return statistics.resampled_p_value(self.resampled)

    def probabilities(self, rope: float) -> Probabilities:
        """Give the shares of draws."""
        return statistics.resampled_probabilities(self.resampled, rope)

    def outcome(self, rope: float) -> VerdictKind:
        """Decide from the rows."""
        return decision.decide_by_rows(self.interval, rope)

    def more_folds(self, rope: float) -> int | None:
        """Say nothing: how a fold would differ cannot be seen from one."""
        return None

    def growth(self, rope: float) -> float | None:
        """Give how many times as many test rows would settle it."""
        return decision.growth_to_settle_rows(self.interval, rope)


@dataclass(frozen=True)
class TestSets:
    """The rows that the splits of a study test.

    Attributes:
        n_per_split: mean number of rows.
        n_distinct: rows that some split tests.
        of_step: step of the split → number of its test set; splits that test the same rows and
            differ in their seed alone have the same.
    """

    n_per_split: float
    n_distinct: int
    of_step: Mapping[int, int]


def read_test_sets(entries: Sequence[CandidateResults]) -> TestSets:
    """Look at the test rows of all splits, in as few candidates' predictions as hold them."""
    rows: dict[int, NDArray[np.int64]] = {}
    for entry in entries:
        if not rows.keys() >= entry.scores.keys():
            frame = entry.read_predictions()
            row_ids = frame["row_id"].to_numpy()
            rows |= {step: np.sort(row_ids[at]) for step, at in _places(frame, entry).items()}
    numbers: dict[bytes, int] = {}
    return TestSets(
        n_per_split=float(np.mean([len(each) for each in rows.values()])),
        n_distinct=len(np.unique(np.concatenate(list(rows.values())))),
        of_step={
            step: numbers.setdefault(each.tobytes(), len(numbers)) for step, each in rows.items()
        },
    )


@dataclass(frozen=True)
class ComparisonSettings:
    """What all pairs of a comparison share."""

    metric: str
    task: Task
    labels: tuple[str, ...]
    n_rows: int
    rope: float
    test_sets: TestSets

    @property
    def row(self) -> Metric:
        """Return the metric's row of the catalog."""
        return metrics_of(self.task)[self.metric]


def compare_pairs(
    pairs: Sequence[Pair], entries: Mapping[str, CandidateResults], setting: ComparisonSettings
) -> dict[Pair, PairedComparison]:
    """Pair candidates by name on the splits that both finished; pairs without any are left out.

    Splits that test the same rows are one result, the mean over their seeds: a seed tells nothing
    about other rows. With fewer than three results the pair rests on the test rows.
    """
    paired: dict[Pair, PairedComparison] = {}
    on_rows: dict[tuple[int, ...], list[Pair]] = defaultdict(list)
    for first, second in pairs:
        steps = tuple(sorted(entries[first].scores.keys() & entries[second].scores.keys()))
        leads = _leads(entries[first], entries[second], steps, setting)
        if len(leads) >= FEWEST_FOLDS and setting.row.rank_rows and not leads.any():
            tested = _read_tested(entries[first], steps, setting)
            paired[first, second] = _alike(tested, setting.row, "folds", len(leads))
        elif len(leads) >= FEWEST_FOLDS:
            share = setting.test_sets.n_per_split / setting.n_rows
            paired[first, second] = FoldComparison(leads, share)
        elif steps:
            on_rows[steps].append((first, second))
    for steps, group in on_rows.items():
        paired |= _pair_on_rows(group, entries, steps, setting)
    return paired


def _leads(
    one: CandidateResults,
    other: CandidateResults,
    steps: Sequence[int],
    setting: ComparisonSettings,
) -> NDArray[np.float64]:
    """Return by how much `one` is better, one mean per test set."""
    first, second = (np.array([entry.scores[step] for step in steps]) for entry in (one, other))
    leads = statistics.differences(first, second, setting.metric)
    sets = np.array([setting.test_sets.of_step[step] for step in steps])
    return np.array([leads[sets == each].mean() for each in np.unique(sets)])


def _pair_on_rows(
    pairs: Sequence[Pair],
    entries: Mapping[str, CandidateResults],
    steps: tuple[int, ...],
    setting: ComparisonSettings,
) -> dict[Pair, PairedComparison]:
    """Score all candidates of these pairs on the same draws of the test rows."""
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    tested = {name: _read_tested(entries[name], steps, setting) for name in names}
    _check_equal_y(tested)
    parts = tested[names[0]]
    distinct = np.unique(np.concatenate([part.row_ids for part in parts]))
    scores = statistics.resample(
        [[part.rescore for part in tested[name]] for name in names],
        [np.searchsorted(distinct, part.row_ids) for part in parts],
        draw_splits=len({setting.test_sets.of_step[step] for step in steps}) == 1,
    )
    resampled = dict(zip(names, scores, strict=True))
    paired: dict[Pair, PairedComparison] = {}
    for first, second in pairs:
        mean = _leads(entries[first], entries[second], steps, setting).mean()
        draws = statistics.resampled_differences(
            resampled[first], resampled[second], setting.metric
        )
        if setting.row.rank_rows and mean == 0 and not draws.any():
            paired[first, second] = _alike(parts, setting.row, "rows", len(distinct))
            continue
        exact = None
        if setting.metric == "accuracy" and len(steps) == 1:
            exact = statistics.mcnemar(tested[first][0].is_right, tested[second][0].is_right)
        paired[first, second] = BootstrapComparison(float(mean), draws, len(distinct), exact)
    return paired


def _alike(parts: Sequence[_Tested], metric: Metric, basis: Basis, n: int) -> NoDifference:
    row_ids, y = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("row_ids", "y")
    )
    return NoDifference(n, effective_rows(row_ids, y, metric), basis)


@dataclass(frozen=True)
class _Tested:
    """A candidate on the test rows of one split, by ascending row id."""

    row_ids: NDArray[np.int64]
    y: NDArray[np.int64] | NDArray[np.float64]
    predictions: Predictions
    rescore: BootstrapScorer

    @property
    def is_right(self) -> NDArray[np.bool_]:
        return np.equal(self.predictions.class_indices, self.y)


def _read_tested(
    entry: CandidateResults, steps: Sequence[int], setting: ComparisonSettings
) -> list[_Tested]:
    frame = entry.read_predictions()
    places = _places(frame, entry)
    return [_tested(frame.iloc[places[step]].sort_values("row_id"), setting) for step in steps]


def _tested(part: pd.DataFrame, setting: ComparisonSettings) -> _Tested:
    target = Target("target", setting.task, setting.labels)
    if setting.task == "regression":
        y = part["truth"].to_numpy(dtype=np.float64)
        predictions = Predictions(part["prediction"].to_numpy(dtype=np.float64))
    else:
        columns = [f"p_{label}" for label in setting.labels]
        y = part["truth"].to_numpy(dtype=np.int64)
        predictions = Predictions(part[columns].to_numpy(dtype=np.float64))
    rescore = bootstrap_scorer(setting.metric, predictions, y, target)
    return _Tested(part["row_id"].to_numpy(), y, predictions, rescore)


def _places(frame: pd.DataFrame, entry: CandidateResults) -> dict[int, NDArray[np.intp]]:
    """Say where the predictions for each split stand, by its step."""
    places = frame.groupby(["repeat", "fold"]).indices
    return {step: np.asarray(places[fold]) for step, fold in entry.folds.items()}


def _check_equal_y(tested: Mapping[str, Sequence[_Tested]]) -> None:
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
