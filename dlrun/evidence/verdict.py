"""The verdict in one sentence: which side to take, how sure that is, and at what cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.comparison import Verdict
from dlrun.evidence.decision import MOST_GROWTH
from dlrun.evidence.formatting import (
    FAMILY_TITLES,
    counted,
    decimals,
    fixed,
    rounded_up,
    span,
    times,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlrun.contract.trial import Cost
    from dlrun.evidence.candidates import CandidateResults
    from dlrun.evidence.comparison import Difference
    from dlrun.evidence.paired_tests import ComparisonSettings, PairedComparison


@dataclass(frozen=True)
class BestVsBest:
    """Both sides' best and what their paired results say about deep against classic."""

    deep: CandidateResults
    classic: CandidateResults
    pairing: PairedComparison
    difference: Difference
    setting: ComparisonSettings


def decide(contest: BestVsBest) -> Verdict:
    """Decide between the best deep and the best classic candidate."""
    rope = contest.setting.rope
    kind = contest.pairing.outcome(rope)
    is_open = kind == "undecided"
    more_folds = contest.pairing.more_folds(rope) if is_open else None
    more_rows = _more_rows(contest) if is_open and more_folds is None else None
    if is_open:
        sentence = _undecided(contest, more_folds, more_rows)
    else:
        sentence = _equivalent(contest) if kind == "equivalent" else _won(contest)
    return Verdict(
        kind=kind,
        sentence=sentence + _scope(contest),
        difference=contest.difference,
        probabilities=contest.pairing.probabilities(rope),
        more_folds=more_folds,
        more_rows=more_rows,
    )


def no_verdict(
    entries: Sequence[CandidateResults], best: CandidateResults | None, lead: str
) -> Verdict:
    """Say why there is no verdict between the sides.

    Args:
        entries: all candidates.
        best: the best of the only side that finished; None when nothing did.
        lead: how far it is ahead of the next, or nothing.
    """
    if best is None:
        return Verdict("none", f"No verdict: {_all_failed(entries)}.")
    other = "classic" if best.family == "deep" else "deep"
    was_tried = any(entry.family == other for entry in entries)
    missing = f"every {other} candidate failed" if was_tried else f"there is no {other} candidate"
    sentence = (
        f"No verdict: {missing}, and deep against classic needs one of each. "
        f"The best {best.family} candidate is {best.name}{lead}."
    )
    return Verdict("none", sentence)


def no_shared_splits(deep: CandidateResults, classic: CandidateResults) -> Verdict:
    """Say that the sides' best never finished on the same split."""
    sentence = f"No verdict: {deep.name} and {classic.name} did not finish on any split together."
    return Verdict("none", sentence)


def lead_phrase(pairing: PairedComparison, metric: str) -> str:
    """Write a lead: "0.071 ROC AUC [0.064, 0.078] over 5 paired folds"; never negative."""
    interval = pairing.interval
    low, high = interval.low, interval.high
    if interval.mean < 0:
        low, high = -high, -low
    places = decimals(interval.width)
    mean = fixed(abs(interval.mean), places)
    return f"{mean} {get_metric(metric).title} {span(low, high, places)} {_basis(pairing)}"


def _basis(pairing: PairedComparison) -> str:
    if pairing.basis == "rows":
        return f"on {counted(pairing.n, 'test row')}"
    return f"over {pairing.n} paired folds"


def _ahead(contest: BestVsBest) -> tuple[CandidateResults, CandidateResults]:
    if contest.pairing.interval.mean >= 0:
        return contest.deep, contest.classic
    return contest.classic, contest.deep


def _won(contest: BestVsBest) -> str:
    winner, loser = _ahead(contest)
    lead = lead_phrase(contest.pairing, contest.setting.metric)
    cost = _cost_phrase(winner.cost, loser.cost)
    side = FAMILY_TITLES[winner.family]
    return f"{side}: {winner.name} beats {loser.name} by {lead}{cost and f', at {cost}'}."


def _equivalent(contest: BestVsBest) -> str:
    lead = lead_phrase(contest.pairing, contest.setting.metric)
    cheaper, dearer = _cheaper(contest)
    cost = _cost_phrase(cheaper.cost, dearer.cost)
    advice = f"take the cheaper, {cheaper.name}, at {cost}" if cost else "take either"
    return f"Equivalent: {contest.deep.name} and {contest.classic.name} differ by {lead}: {advice}."


def _undecided(contest: BestVsBest, more_folds: int | None, more_rows: int | None) -> str:
    ahead, behind = _ahead(contest)
    lead = lead_phrase(contest.pairing, contest.setting.metric)
    remedy = _remedy(contest, more_folds, more_rows)
    if contest.pairing.interval.mean == 0:
        return f"Undecided: {ahead.name} and {behind.name} differ by {lead}; {remedy}."
    return f"Undecided: {ahead.name} is ahead of {behind.name} by {lead}; {remedy}."


def _remedy(contest: BestVsBest, more_folds: int | None, more_rows: int | None) -> str:
    if more_folds is not None:
        return f"about {counted(more_folds, 'more fold')} would settle it"
    on_rows = contest.pairing.basis == "rows"
    if more_rows is not None and on_rows:
        return f"about {more_rows:,} more test rows would settle it"
    if more_rows is not None:
        return (
            "no number of folds would settle it, since they share their training rows; "
            f"about {more_rows:,} more rows of data would"
        )
    rows = "test rows" if on_rows else "rows of data"
    return f"even {MOST_GROWTH} times as many {rows} would not settle it"


def _more_rows(contest: BestVsBest) -> int | None:
    growth = contest.pairing.growth(contest.setting.rope)
    if growth is None:
        return None
    n_now = contest.pairing.n if contest.pairing.basis == "rows" else contest.setting.n_rows
    return rounded_up((growth - 1) * n_now)


def _scope(contest: BestVsBest) -> str:
    """Say what a verdict from test rows does not speak of."""
    is_narrow = contest.pairing.basis == "rows"
    return " It speaks of these fitted models, not of training again." if is_narrow else ""


def _cost_phrase(cost: Cost, other: Cost) -> str:
    parts = []
    if cost.fit_seconds and other.fit_seconds:
        parts.append(times(cost.fit_seconds / other.fit_seconds, "training time"))
    if cost.latency_ms_batch1 and other.latency_ms_batch1:
        parts.append(times(cost.latency_ms_batch1 / other.latency_ms_batch1, "latency"))
    return " and ".join(parts)


def _cheaper(contest: BestVsBest) -> tuple[CandidateResults, CandidateResults]:
    """Weigh training time and latency alike: the smaller product of both is cheaper."""
    deep, classic = contest.deep.cost, contest.classic.cost
    ratio = 1.0
    if deep.fit_seconds and classic.fit_seconds:
        ratio *= deep.fit_seconds / classic.fit_seconds
    if deep.latency_ms_batch1 and classic.latency_ms_batch1:
        ratio *= deep.latency_ms_batch1 / classic.latency_ms_batch1
    if ratio < 1:
        return contest.deep, contest.classic
    return contest.classic, contest.deep


def _all_failed(entries: Sequence[CandidateResults]) -> str:
    return "every candidate failed" if entries else "no candidate has finished a split"
