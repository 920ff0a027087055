"""The values of a comparison, which are printed, tracked and drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from math import inf, isnan
from typing import TYPE_CHECKING, Final, Literal

from dlrun.catalog.baselines import DUMMY
from dlrun.catalog.metrics import get_metric
from dlrun.contract.trial import Cost
from dlrun.errors import UsageError

if TYPE_CHECKING:
    from dlrun.contract.candidate import Family, Kind
    from dlrun.contract.note import Note
    from dlrun.contract.search import SearchBudget
    from dlrun.evidence.decision import VerdictKind
    from dlrun.evidence.statistics import Interval, Posterior, Probabilities

Basis = Literal["folds", "rows"]
COSTS: Final = tuple(each.name for each in fields(Cost))
TUNING_KEYS: Final = ("gain", "search_seconds")


@dataclass(frozen=True)
class Difference:
    """How much better a candidate is than another, in the metric's unit.

    Attributes:
        against: the other candidate.
        low: lower end of the 95 % interval.
        high: upper end.
        p_value: two-sided, of no difference, adjusted for the number of pairs (Holm).
        basis: paired folds and their rows, or the rows of one or two test sets (bootstrap).
        n: folds or rows.
    """

    against: str
    mean: float
    low: float
    high: float
    p_value: float
    basis: Basis
    n: int


@dataclass(frozen=True)
class TuningGain:
    """What tuning a candidate gained and cost; numbers of searches are means over the splits.

    Attributes:
        default: mean test score with the default settings.
        tuned: the same with the chosen ones, on the same splits.
        gain: by how much the chosen ones are better; the ends are NaN for one or two test sets.
        n_trials: settings that a search tried, the default among them.
        seconds: of fitting, in a search.
        cpu_seconds: of a search.
    """

    default: float
    tuned: float
    gain: Interval
    n_trials: float
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class SearchCost:
    """What all searches of a side took together."""

    n_searches: int
    n_trials: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class CandidateSummary:
    """One candidate of the comparison, over the splits on which it finished.

    Attributes:
        mean: test score on the compared metric; NaN when no split finished.
        sd: standard deviation of that score over the splits; NaN for fewer than two.
        n: splits that finished.
        n_failed: splits that did not.
        validation: mean validation score.
        scores: mean test score on every metric of its study.
        cost: means over the splits.
        difference: to the other side's choice, of a blend to the better side's; with one side
            alone, to the best of that side.
        error: first line of the first error.
        tuning: what tuning gained and cost; None where it was not tuned.
        kind: None where it is a blend.
    """

    name: str
    family: Family
    mean: float
    sd: float
    n: int
    n_failed: int
    validation: float
    scores: Mapping[str, float]
    cost: Cost
    difference: Difference | None = None
    error: str | None = None
    tuning: TuningGain | None = None
    kind: Kind | None = None


@dataclass(frozen=True)
class KindSummary:
    """The best of a kind of candidates, against the best of all other kinds.

    Attributes:
        best: the candidate that was chosen on the most splits, by its validation rows.
        choices: candidate → splits on which it was chosen.
        mean: test score of the chosen ones.
        cost: means over the splits.
        difference: to the choice among the candidates of all other kinds; None where they share
            no split.
        p_better: probability that the kind is better by more than the ROPE, and so on.
    """

    kind: Kind
    best: str
    choices: Mapping[str, int]
    mean: float
    cost: Cost
    difference: Difference | None = None
    p_better: float | None = None
    p_equivalent: float | None = None
    p_worse: float | None = None


@dataclass(frozen=True)
class PriceOfClarity:
    """How much the best glass box loses to the best black box.

    Attributes:
        glass_box: the choice among the glass boxes on the validation rows of each split.
        black_box: likewise.
        difference: by how much the black box is better.
        outcome: clarity costs something; it is free, since both are equivalent or the glass box is
            ahead; or that is open.
        sentence: the price in words.
    """

    glass_box: str
    black_box: str
    difference: Difference
    outcome: Literal["costs", "free", "open"]
    sentence: str


@dataclass(frozen=True)
class BlendSummary:
    """The blend of both sides, against the better of them.

    Attributes:
        weights: candidate → its mean weight over the splits, the heaviest first.
        difference: to the choice of the side that is ahead.
        not_beaten: candidates, and choices of a side, that it does not beat.
    """

    name: str
    weights: Mapping[str, float]
    difference: Difference
    not_beaten: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """The answer.

    Attributes:
        kind: the better side, or both where their blend is better than either; `none` where a
            side is missing.
        sentence: the answer in words.
        difference: by how much the deep side's choice is better than the classic side's.
        not_beaten: candidates of the side that is behind which the choice of the other one does
            not beat; a side wins where there are none.
        leads: the difference on each test set.
        posterior: of the difference; None for one or two test sets, and where nothing varies.
        probabilities: by the correlated t-test; for a single test set, shares of resamples.
        more_folds: further folds that would settle an undecided verdict.
        more_rows: further rows that would: of the data, or of the test set where the verdict
            rests on rows.
        advised: the candidate that the sentence says to use; None where it leaves that open.
        blend: None where there is none, or a side is missing.
    """

    kind: VerdictKind | Literal["none"]
    sentence: str
    difference: Difference | None = None
    probabilities: Probabilities | None = None
    not_beaten: tuple[str, ...] = ()
    leads: tuple[float, ...] = ()
    posterior: Posterior | None = None
    more_folds: int | None = None
    more_rows: int | None = None
    advised: str | None = None
    blend: BlendSummary | None = None


@dataclass(frozen=True)
class Comparison:
    """Candidates of one or several studies side by side, best first, and the verdict.

    Attributes:
        studies: MLflow run id → name.
        rope: half width of the region of practical equivalence on the metric.
        test_share: test rows ÷ (training + test rows) of a split, mean over the splits.
        n_splits: paired splits of the studies.
        n_test_rows: distinct test rows.
        decimals: significant decimals of the scores.
        best_deep: the deep candidate that was chosen on the most splits.
        choices: side → candidate → splits on which it was the side's best on the validation rows.
        notes: what the numbers do not show.
        search_budget: of each search; None where there was none, or not the same in all studies.
        search_costs: side → what its searches took; empty without any.
        kept: the studies' models, each with what it was trained on.
        kinds: those of which a candidate finished a split, where there are several.
        clarity: its price; None without a glass box beside the dummy, or without a black box.
    """

    studies: Mapping[str, str]
    task: str
    metric: str
    rope: float
    test_share: float
    n_rows: int
    n_test_rows: int
    n_splits: int
    split_digest: str
    decimals: int
    rows: tuple[CandidateSummary, ...]
    best_deep: str | None
    best_classic: str | None
    choices: Mapping[Family, Mapping[str, int]]
    verdict: Verdict
    notes: tuple[Note, ...] = ()
    search_budget: SearchBudget | None = None
    search_costs: Mapping[Family, SearchCost] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    kinds: tuple[KindSummary, ...] = ()
    clarity: PriceOfClarity | None = None

    @property
    def has_pretrained(self) -> bool:
        """Return whether a pretrained candidate finished a split."""
        return any(each.kind == "pretrained" for each in self.kinds)

    @property
    def lower_is_better(self) -> bool:
        """Return whether a lower score is better."""
        return get_metric(self.metric).lower_is_better

    @property
    def best(self) -> CandidateSummary | None:
        """Return the row with the best mean test score."""
        finished = [row for row in self.rows if row.n]
        sign = get_metric(self.metric).sign
        return max(finished, key=lambda row: sign * row.mean, default=None)

    @property
    def to_use(self) -> str | None:
        """Return the candidate that the verdict says to use; None when nothing finished.

        Where it leaves that open, the one with the best mean validation score: the best of several
        test scores would be too good to be expected again. `dummy`, and candidates that failed on
        a split, come last. A blend is used where the verdict says so alone, since its weights
        were chosen by the very validation rows.
        """
        if self.verdict.advised:
            return self.verdict.advised
        finished = [row for row in self.rows if row.n and row.family != "both"]
        best = max(finished, key=self._selection_key, default=None)
        return best.name if best else None

    def _selection_key(self, row: CandidateSummary) -> tuple[bool, bool, float]:
        score = get_metric(self.metric).sign * row.validation
        return (row.name != DUMMY, not row.n_failed, -inf if isnan(score) else score)

    def sorted_by(self, key: str) -> Comparison:
        """Return the comparison with its rows sorted by a column: best or cheapest first.

        Raises:
            UsageError: there is no such column.
        """
        measured = dict.fromkeys(name for row in self.rows for name in row.scores)
        allowed = ("candidate", "family", "difference", *measured, *COSTS)
        allowed += TUNING_KEYS if self.search_costs else ()
        if key not in allowed:
            message = f"--sort: {key!r} is not a column. Allowed: {', '.join(allowed)}"
            raise UsageError(message)
        rows = sorted(self.rows, key=_sort_key(key))
        return replace(self, rows=tuple(rows))


def _sort_key(key: str) -> Callable[[CandidateSummary], tuple[bool, float | str]]:
    """Return the key that sorts rows by a column; missing values come last."""
    if key == "candidate":
        return lambda row: (False, row.name)
    if key == "family":
        return lambda row: (False, row.family)
    return lambda row: _missing_last(_badness(row, key))


def _badness(row: CandidateSummary, key: str) -> float | None:
    if key == "difference":
        return None if row.difference is None else -row.difference.mean
    if key in TUNING_KEYS:
        return _of_tuning(row, key)
    if key in COSTS:
        cost: float | None = getattr(row.cost, key)
        return cost
    score = row.scores.get(key)
    return None if score is None else -get_metric(key).sign * score


def _of_tuning(row: CandidateSummary, key: str) -> float | None:
    if row.tuning is None:
        return None
    return -row.tuning.gain.mean if key == "gain" else row.tuning.seconds


def _missing_last(value: float | None) -> tuple[bool, float]:
    is_missing = value is None or isnan(value)
    return is_missing, inf if value is None or is_missing else value
