"""Candidates compared over several data sets: ranks, pairs, and one side against the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from dlrun.catalog.baselines import DUMMY
from dlrun.catalog.metrics import get_metric
from dlrun.catalog.notes import FEW_DATA_SETS, NOT_RANKED, SAME_ROWS, unmuted
from dlrun.contract.note import Note
from dlrun.errors import ComparisonError
from dlrun.evidence.decision import CONFIDENCE
from dlrun.evidence.formatting import counted
from dlrun.evidence.ranking import Ranking, rank_candidates
from dlrun.evidence.statistics import differences, signed_rank_probabilities

if TYPE_CHECKING:
    from dlrun.contract.candidate import Family
    from dlrun.contract.study import Study
    from dlrun.evidence.comparison import Comparison
    from dlrun.evidence.decision import VerdictKind

MIN_DATA_SETS: Final = 3
MIN_NAMED: Final = 5  # data sets on which a leader is named
BETTER: Final = 0.99
SIDES: Final = ("deep learning", "classic ML")
SMALLEST_ROPE: Final = 1e-12


@dataclass(frozen=True)
class DataSetResult:
    """What the study of one data set found.

    Attributes:
        name: of the recipe.
        study: its MLflow run id.
        rope: half width of the region of practical equivalence on the metric.
        scores: candidate → mean test score, of those that finished every split.
        normalised: candidate → 1 for the best score of the data set, 0 for that of `dummy` (the
            worst, where there is none) or below, in proportion between them.
        sentence: of the verdict.
        lead: of the deep side's choice over the classic side's; None without both.
    """

    name: str
    study: str
    metric: str
    rope: float
    n_rows: int
    scores: Mapping[str, float]
    normalised: Mapping[str, float]
    verdict: VerdictKind | str
    sentence: str
    lead: float | None


@dataclass(frozen=True)
class Duel:
    """Two candidates, or both sides, over the data sets that they share.

    Attributes:
        wins: data sets on which the first is better by more than the ROPE.
        ties: on which neither is.
        p_win: probability that the first is better on data sets like these; None for fewer than
            three (Bayesian signed-rank test on differences in ROPEs).
        p_tie: that the difference is within the ROPE.
    """

    first: str
    second: str
    wins: int
    ties: int
    losses: int
    p_win: float | None = None
    p_tie: float | None = None
    p_loss: float | None = None

    @property
    def n(self) -> int:
        """Return the number of data sets."""
        return self.wins + self.ties + self.losses

    @property
    def leader(self) -> Literal["first", "second", "tie"] | None:
        """Return who is better over the data sets; None: that is open.

        In simulations without any difference, where every data set goes one way or the other, a
        probability of 0.99 names a leader in 5 % of five and more data sets; 0.95 in 10 to 15 %.
        """
        if self.p_win is None or self.p_tie is None or self.p_loss is None or self.n < MIN_NAMED:
            return None
        if max(self.p_win, self.p_loss) > BETTER:
            return "first" if self.p_win > self.p_loss else "second"
        return "tie" if self.p_tie > CONFIDENCE else None


@dataclass(frozen=True)
class BenchCandidate:
    """A candidate over the data sets.

    Attributes:
        n: data sets on which it finished.
        mean_rank: None where it was not ranked.
        normalised: the mean of its normalised scores.
    """

    name: str
    family: Family
    n: int
    mean_rank: float | None
    normalised: float

    @property
    def is_dummy(self) -> bool:
        """Return whether it is the baseline that ignores the columns."""
        return self.name == DUMMY


@dataclass(frozen=True)
class Bench:
    """Candidates over several data sets.

    Attributes:
        data_sets: in the order of the recipes.
        candidates: best mean rank first, those without a rank last.
        ranking: of the candidates that finished on every data set, without `dummy`; None for fewer
            than three data sets or two such candidates.
        duels: of every two candidates but `dummy`.
        sides: the choice of the deep side against that of the classic side; None where no data set
            has both.
        verdicts: kind → data sets with that verdict.
    """

    data_sets: tuple[DataSetResult, ...]
    candidates: tuple[BenchCandidate, ...]
    ranking: Ranking | None
    duels: tuple[Duel, ...]
    sides: Duel | None
    verdicts: Mapping[str, int]
    notes: tuple[Note, ...] = ()

    @property
    def kind(self) -> VerdictKind:
        """Return the side that is better over the data sets."""
        kinds: dict[str | None, VerdictKind] = {
            "first": "deep", "second": "classic", "tie": "equivalent",
        }  # fmt: skip
        return kinds.get(self.sides.leader if self.sides else None, "undecided")


def compare_over(entries: Sequence[tuple[Study, Comparison]]) -> Bench:
    """Compare the candidates of several studies, each of another data set.

    Metrics of different scales are comparable by their ranks, and differences in units of each
    data set's ROPE.

    Args:
        entries: each study with its own comparison.

    Raises:
        ComparisonError: there is none, or two are of recipes of one name.
    """
    if not entries:
        message = "There is no study to compare over data sets"
        raise ComparisonError(message)
    names = Counter(study.recipe for study, _ in entries)
    if repeated := [name for name, n in names.items() if n > 1]:
        message = f"Two recipes are called {repeated[0]}. Give each a name of its own"
        raise ComparisonError(message)
    results = tuple(_result(study, comparison) for study, comparison in entries)
    muted = set.intersection(*(set(study.muted) for study, _ in entries))
    families = {row.name: row.family for _, each in entries for row in each.rows}
    ranking = _ranking(results)
    candidates = _candidates(results, families, ranking)
    duels = [
        duel
        for first, second in combinations([each.name for each in candidates], 2)
        if DUMMY not in (first, second) and (duel := _duel(first, second, results))
    ]
    return Bench(
        data_sets=results,
        candidates=candidates,
        ranking=ranking,
        duels=tuple(duels),
        sides=_sides(results),
        verdicts=dict(Counter(each.verdict for each in results)),
        notes=unmuted(_notes(entries, results, candidates), muted),
    )


def _result(study: Study, comparison: Comparison) -> DataSetResult:
    verdict = comparison.verdict
    scores = {row.name: row.mean for row in comparison.rows if row.n and not row.n_failed}
    return DataSetResult(
        name=study.recipe,
        study=study.id,
        metric=comparison.metric,
        rope=comparison.rope,
        n_rows=comparison.n_rows,
        scores=scores,
        normalised=_normalised(scores, comparison.metric),
        verdict=verdict.kind,
        sentence=verdict.sentence,
        lead=verdict.difference.mean if verdict.difference else None,
    )


def _normalised(scores: Mapping[str, float], metric: str) -> dict[str, float]:
    sign = get_metric(metric).sign
    signed = {name: sign * score for name, score in scores.items()}
    if not signed:
        return {}
    best, worst = max(signed.values()), signed.get(DUMMY, min(signed.values()))
    room = best - worst
    return {
        name: max(0.0, (score - worst) / room) if room > 0 else float(score == best)
        for name, score in signed.items()
    }


def _ranking(results: Sequence[DataSetResult]) -> Ranking | None:
    everywhere = [
        name
        for name in results[0].scores
        if name != DUMMY and all(name in each.scores for each in results)
    ]
    if len(results) < MIN_DATA_SETS or len(everywhere) < 2:  # noqa: PLR2004 - to differ
        return None
    scores = [
        [get_metric(each.metric).sign * each.scores[name] for name in everywhere]
        for each in results
    ]
    return rank_candidates(everywhere, np.array(scores))


def _candidates(
    results: Sequence[DataSetResult], families: Mapping[str, Family], ranking: Ranking | None
) -> tuple[BenchCandidate, ...]:
    ranks = ranking.ranks if ranking else {}
    found = []
    for name, family in families.items():
        shares = [each.normalised[name] for each in results if name in each.normalised]
        mean = float(np.mean(shares)) if shares else float("nan")
        found.append(BenchCandidate(name, family, len(shares), ranks.get(name), mean))
    worst = len(found) + 1.0
    return tuple(
        sorted(found, key=lambda each: (each.mean_rank or worst, -each.n, -each.normalised))
    )


def _duel(first: str, second: str, results: Sequence[DataSetResult]) -> Duel | None:
    leads = [
        _in_ropes(each.scores[first], each.scores[second], each)
        for each in results
        if first in each.scores and second in each.scores
    ]
    return _decide(first, second, leads) if leads else None


def _in_ropes(first: float, second: float, result: DataSetResult) -> float:
    """Return by how much the first score is better, in units of the data set's ROPE."""
    lead = differences(np.array([first]), np.array([second]), result.metric)
    return float(lead[0]) / max(result.rope, SMALLEST_ROPE)


def _sides(results: Sequence[DataSetResult]) -> Duel | None:
    leads = [each.lead / max(each.rope, SMALLEST_ROPE) for each in results if each.lead is not None]
    return _decide(*SIDES, leads) if leads else None


def _decide(first: str, second: str, leads: Sequence[float]) -> Duel:
    """Count wins, and test where there are enough data sets.

    Args:
        first: name.
        second: name.
        leads: of the first on each data set, in ROPEs.
    """
    values = np.array(leads)
    wins, losses = int(np.sum(values > 1)), int(np.sum(values < -1))
    ties = len(values) - wins - losses
    if len(values) < MIN_DATA_SETS:
        return Duel(first, second, wins, ties, losses)
    found = signed_rank_probabilities(values)
    return Duel(
        first, second, wins, ties, losses, found.deep, found.equivalent, found.classic
    )  # fmt: skip


def _notes(
    entries: Sequence[tuple[Study, Comparison]],
    results: Sequence[DataSetResult],
    candidates: Sequence[BenchCandidate],
) -> Iterator[Note]:
    if len(results) < MIN_DATA_SETS:
        yield FEW_DATA_SETS.note(
            f"{counted(len(results), 'data set')}: too few to say anything of data sets beyond "
            "them, so that nothing is tested. Each has its own verdict."
        )
    partial = [each for each in candidates if each.n < len(results)]
    if partial:
        listed = ", ".join(f"{each.name} ({each.n} of {len(results)})" for each in partial)
        yield NOT_RANKED.note(
            f"Not ranked, as they did not finish on every data set: {listed}. Ranks are computed "
            "over the others, pairs over the data sets that both finished on."
        )
    by_rows: dict[str, list[str]] = {}
    for study, _ in entries:
        by_rows.setdefault(study.data_digest, []).append(study.recipe)
    for names in by_rows.values():
        if len(names) > 1:
            yield SAME_ROWS.note(
                f"{' and '.join(names)} have the same rows. They count as data sets of their own, "
                "and say less than two would."
            )
