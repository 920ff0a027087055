"""The verdict in one sentence: the better side, by how much, and at what cost."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from statistics import fmean
from typing import TYPE_CHECKING, Final

from dlrun.evidence.comparison import Verdict
from dlrun.evidence.decision import MAX_GROWTH, SETTLED
from dlrun.evidence.formatting import (
    FAMILY_TITLES,
    budget_phrase,
    counted,
    decimals,
    either_of,
    fixed,
    rounded_up,
    small,
    span,
    times,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlrun.contract.search import SearchBudget
    from dlrun.evidence.candidates import CandidateResults
    from dlrun.evidence.choice import Side
    from dlrun.evidence.comparison import Difference
    from dlrun.evidence.paired_tests import PairedComparison
    from dlrun.evidence.pairs import ComparisonSettings


CHANCE: Final = f", with a chance of {SETTLED:.0%}".replace("%", " %")
WIDE: Final = 2.0  # a spread of ratios that is worth telling


@dataclass(frozen=True)
class BestVsBest:
    """The two sides, compared.

    Attributes:
        paired: the two sides' choices.
        rivals: each candidate of the side that is behind, as the first, against the choice of the
            side that is ahead.
    """

    deep_side: Side
    classic_side: Side
    paired: PairedComparison
    difference: Difference
    rivals: Mapping[str, PairedComparison]
    settings: ComparisonSettings

    @property
    def deep(self) -> CandidateResults:
        """Return the results of the deep side's choice."""
        return self.deep_side.chosen

    @property
    def classic(self) -> CandidateResults:
        """Return the results of the classic side's choice."""
        return self.classic_side.chosen

    @property
    def not_beaten(self) -> dict[str, PairedComparison]:
        """Return the rivals that a winner does not beat; empty where there is no winner.

        That a side is better than every candidate of the other is shown by one test of each at
        the same level, without a correction for their number (intersection-union test; Berger,
        1982, "Multiparameter hypothesis testing and acceptance sampling").
        """
        if self.paired.outcome not in ("deep", "classic"):
            return {}
        return {name: each for name, each in self.rivals.items() if each.outcome != "classic"}


def decide(best: BestVsBest) -> Verdict:
    """Decide between the sides.

    A side wins where its choice beats the other side's choice and every candidate of it: that the
    other side chose badly is no merit. Equivalence speaks of the two choices alone.
    """
    paired = best.paired
    not_beaten = best.not_beaten
    remedy = _remedy_of(best)
    if not_beaten:
        sentence = _not_all_beaten(best, remedy)
    elif paired.outcome == "undecided":
        sentence = _undecided(best, remedy)
    else:
        sentence = _equivalent(best) if paired.outcome == "equivalent" else _won(best)
    kind = "undecided" if not_beaten else paired.outcome
    return Verdict(
        kind=kind,
        sentence=sentence + tuning_phrase(best.settings.search_budget) + scope_phrase(paired),
        difference=best.difference,
        not_beaten=tuple(not_beaten),
        leads=paired.differences,
        posterior=paired.posterior,
        probabilities=paired.probabilities,
        more_folds=remedy.more_folds,
        more_rows=remedy.more_rows,
        advised=None if kind == "undecided" else _advised(best),
    )


def no_verdict(
    candidates: Sequence[CandidateResults], best: CandidateResults | None, lead: str
) -> Verdict:
    """Return the reason why there is no verdict between the sides.

    Args:
        candidates: of both sides.
        best: of the only side that finished; None when nothing did.
        lead: its difference to the next, in words; may be empty.
    """
    if best is None:
        reason = "every candidate failed" if candidates else "no candidate has finished a split"
        return Verdict("none", f"No verdict: {reason}.")
    other = "classic" if best.family == "deep" else "deep"
    was_tried = any(each.family == other for each in candidates)
    missing = f"every {other} candidate failed" if was_tried else f"there is no {other} candidate"
    sentence = (
        f"No verdict: {missing}, and deep against classic needs one of each. "
        f"The best {best.family} candidate is {best.name}{lead}."
    )
    return Verdict("none", sentence)


def no_shared_splits(deep: CandidateResults, classic: CandidateResults) -> Verdict:
    """Return that the sides' best did not finish on a common split."""
    sentence = f"No verdict: {deep.name} and {classic.name} did not finish on any split together."
    return Verdict("none", sentence)


def lead_phrase(paired: PairedComparison, title: str) -> str:
    """Return a lead as "0.071 ROC AUC [0.064, 0.078] over 5 paired folds"; never negative."""
    return f"{amount_phrase(paired, title)} {_basis(paired)}"


def amount_phrase(paired: PairedComparison, title: str) -> str:
    """Return a lead without what was paired: "0.071 ROC AUC [0.064, 0.078]"."""
    interval = paired.interval
    low, high = interval.low, interval.high
    if interval.mean < 0:
        low, high = -high, -low
    places = decimals(interval.width)
    mean = fixed(abs(interval.mean), places)
    return f"{mean} {title} {span(low, high, places)}"


def _basis(paired: PairedComparison) -> str:
    if paired.basis == "rows":
        return f"on {counted(paired.n, 'test row')}"
    return f"over {paired.n} paired folds"


def _lead(best: BestVsBest) -> str:
    return lead_phrase(best.paired, best.settings.metric.title)


def _better_first(best: BestVsBest) -> tuple[CandidateResults, CandidateResults]:
    if best.paired.interval.mean >= 0:
        return best.deep, best.classic
    return best.classic, best.deep


def _won(best: BestVsBest) -> str:
    winner, loser = _better_first(best)
    cost = cost_phrase(winner, loser)
    side = FAMILY_TITLES[winner.family]
    return f"{side}: {winner.name} beats {loser.name} by {_lead(best)}{cost and f', at {cost}'}."


def _equivalent(best: BestVsBest) -> str:
    cheaper, dearer = _cheaper_first(best)
    cost = cost_phrase(cheaper, dearer)
    advice = f"take the cheaper, {cheaper.name}, at {cost}" if cost else "take either"
    names = f"{best.deep.name} and {best.classic.name}"
    return f"Equivalent: {names} differ by {_lead(best)}: {advice}."


def _advised(best: BestVsBest) -> str:
    """Return the candidate to use: of the winner, or of the cheaper side where they are alike."""
    is_equivalent = best.paired.outcome == "equivalent"
    chosen, _ = (_cheaper_first if is_equivalent else _better_first)(best)
    side = best.deep_side if chosen is best.deep else best.classic_side
    return side.best.name


def _undecided(best: BestVsBest, remedy: Remedy) -> str:
    better, worse = _better_first(best)
    if best.paired.interval.mean == 0:
        return f"Undecided: {better.name} and {worse.name} differ by {_lead(best)}; {remedy.text}."
    return f"Undecided: {better.name} is ahead of {worse.name} by {_lead(best)}; {remedy.text}."


def _not_all_beaten(best: BestVsBest, remedy: Remedy) -> str:
    winner, loser = _better_first(best)
    names = either_of(list(best.not_beaten))
    grounds = f"{winner.name} beats {loser.name} by {_lead(best)}, but not {names}"
    return f"Undecided: {grounds}{remedy.text and f'; {remedy.text}'}."


@dataclass(frozen=True)
class Remedy:
    """What would settle an open verdict: further folds, or further rows of data or of tests."""

    text: str = ""
    more_folds: int | None = None
    more_rows: int | None = None


def _remedy_of(best: BestVsBest) -> Remedy:
    """Return what would settle all that is open; empty where nothing is."""
    paired = [best.paired, *best.not_beaten.values()]
    opened = [each for each in paired if each.outcome == "undecided"]
    if not opened:
        return Remedy()
    on_rows = opened[0].basis == "rows"
    is_tied = all(each.is_tied for each in opened)
    chance = ", if both predict them alike" if is_tied else CHANCE
    folds = [each.more_folds for each in opened]
    if None not in folds:
        more_folds = max(each for each in folds if each)
        text = f"about {counted(more_folds, 'more fold')} would settle it{chance}"
        return Remedy(text, more_folds=more_folds)
    growths = [each.growth for each in opened]
    if None in growths:
        rows = "test rows" if on_rows else "rows of data"
        return Remedy(f"even {MAX_GROWTH} times as many {rows} would not settle it")
    n_now = opened[0].n if on_rows else best.settings.n_rows
    more_rows = rounded_up((max(each for each in growths if each) - 1) * n_now)
    text = f"about {more_rows:,} more test rows would settle it{chance}"
    if not on_rows and is_tied:
        text = f"about {more_rows:,} more rows of data would settle it{chance}"
    elif not on_rows:
        text = (
            "no number of folds would settle it, since they share their training rows; "
            f"about {more_rows:,} more rows of data would{chance}"
        )
    return Remedy(text, more_rows=more_rows)


def tuning_phrase(budget: SearchBudget | None) -> str:
    """Return how both sides were tuned; empty where they were not."""
    return f" Each was tuned {budget_phrase(budget)} per split." if budget else ""


def scope_phrase(paired: PairedComparison) -> str:
    """Return what a verdict from test rows leaves open."""
    is_narrow = paired.basis == "rows"
    return " It speaks of these fitted models, not of training again." if is_narrow else ""


def cost_phrase(candidate: CandidateResults, other: CandidateResults) -> str:
    """Return the ratios of training and latency in words.

    Training is compared by CPU seconds, which other work on the machine changes least, split by
    split; where a side's are unknown, as on a GPU, by seconds. The ends are given where the ratio
    of one split is more than twice that of another.
    """
    parts = []
    cost, rival = candidate.cost, other.cost
    if ratios := _training_ratios(candidate, other):
        low, high = min(ratios), max(ratios)
        spread = f" ({small(low)} to {small(high)}×)" if high > WIDE * low else ""
        title = "CPU training time" if _cpu_ratios(candidate, other) else "training time"
        parts.append(times(_geometric_mean(ratios), title) + spread)
    if cost.latency_ms_batch1 and rival.latency_ms_batch1:
        parts.append(times(cost.latency_ms_batch1 / rival.latency_ms_batch1, "latency"))
    return " and ".join(parts)


def _training_ratios(candidate: CandidateResults, other: CandidateResults) -> list[float]:
    """Return the ratios of the CPU seconds, else the one of the mean seconds, if they are known."""
    if ratios := _cpu_ratios(candidate, other):
        return ratios
    own, rival = candidate.cost.fit_seconds, other.cost.fit_seconds
    return [own / rival] if own and rival else []


def _geometric_mean(ratios: Sequence[float]) -> float:
    """Return 1 where there are none."""
    return exp(fmean(map(log, ratios))) if ratios else 1.0


def _cpu_ratios(candidate: CandidateResults, other: CandidateResults) -> list[float]:
    """Return the ratio of the CPU seconds on each split that both were trained on."""
    own, others = (each.by_split("cpu_seconds") for each in (candidate, other))
    return [own[split] / others[split] for split in own if own[split] > 0 < others.get(split, 0)]


def _cheaper_first(best: BestVsBest) -> tuple[CandidateResults, CandidateResults]:
    """Order by the product of training time and latency."""
    deep, classic = best.deep.cost, best.classic.cost
    ratio = _geometric_mean(_training_ratios(best.deep, best.classic))
    if deep.latency_ms_batch1 and classic.latency_ms_batch1:
        ratio *= deep.latency_ms_batch1 / classic.latency_ms_batch1
    return (best.deep, best.classic) if ratio < 1 else (best.classic, best.deep)
