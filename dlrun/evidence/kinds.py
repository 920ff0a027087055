"""The kinds of candidates side by side, and what pretraining brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlrun.contract.candidate import KINDS
from dlrun.evidence.choice import Side, choose
from dlrun.evidence.comparison import KindSummary
from dlrun.evidence.formatting import decimals, either_of, signed, span
from dlrun.evidence.paired_tests import difference_of
from dlrun.evidence.pairs import compare_pairs
from dlrun.evidence.statistics import holm
from dlrun.evidence.verdict import lead_phrase

if TYPE_CHECKING:
    from dlrun.contract.candidate import Kind
    from dlrun.evidence.candidates import CandidateResults
    from dlrun.evidence.paired_tests import PairedComparison
    from dlrun.evidence.pairs import ComparisonSettings


def compare_kinds(
    candidates: Sequence[CandidateResults], settings: ComparisonSettings
) -> tuple[KindSummary, ...]:
    """Compare the best of each kind with the best of all other kinds; none where there is one kind.

    Either is the candidate that is best on the validation rows of each split (see `choose`).
    The p-values are adjusted for the number of kinds (Holm).
    """
    best = _best_of_kinds(candidates)
    if len(best) < 2:  # noqa: PLR2004 - there is nothing to compare
        return ()
    found = [
        _summary(kind, side, _others(kind, candidates), settings) for kind, side in best.items()
    ]
    p_values = iter(holm([each.difference.p_value for each in found if each.difference]))
    return tuple(
        replace(each, difference=replace(each.difference, p_value=next(p_values)))
        if each.difference
        else each
        for each in found
    )


def pretraining_sentence(
    candidates: Sequence[CandidateResults], deep: Side | None, settings: ComparisonSettings
) -> str:
    """Return what pretraining brought, in one sentence; empty where the study cannot tell.

    It needs a pretrained candidate and a network from scratch. Either wins as a side does: where
    it beats every candidate of the other kind. The pretrained one is compared with the best classic
    candidate as well where the verdict is about another deep one.

    Args:
        candidates: of all kinds.
        deep: the choice of the deep side, which the verdict is about; None without a verdict.
        settings: of the comparison.
    """
    best = _best_of_kinds(candidates)
    if not best.keys() >= {"pretrained", "network"}:
        return ""
    pretrained, scratch = best["pretrained"], best["network"]
    paired = compare_choices(pretrained, scratch, settings)
    if paired is None:
        return ""
    ahead, behind = (pretrained, scratch) if paired.interval.mean >= 0 else (scratch, pretrained)
    open_rivals = not_beaten(ahead, _of_kind(behind.best.kind, candidates), settings)
    lead = PretrainingLead(pretrained, scratch, paired, open_rivals, settings.metric.title)
    is_known = deep is not None and deep.n_splits.keys() <= pretrained.n_splits.keys()
    classic = None if is_known else best.get("classic")
    return f"{lead.sentence}{_against_classic(pretrained, classic, settings)}."


@dataclass(frozen=True)
class PretrainingLead:
    """By how much the best pretrained candidate is better than the best network from scratch.

    Attributes:
        not_beaten: candidates of the kind that is behind which the choice of the other one does not
            beat.
        title: of the metric.
    """

    pretrained: Side
    scratch: Side
    paired: PairedComparison
    not_beaten: tuple[str, ...]
    title: str

    @property
    def sentence(self) -> str:
        """Return it in words, without the full stop."""
        own, other = (
            self.pretrained.chosen.name,
            f"{self.scratch.chosen.name}, trained from scratch,",
        )
        lead, outcome = lead_phrase(self.paired, self.title), self.paired.outcome
        if outcome == "equivalent":
            return f"Pretraining makes no difference: {own} and {other} differ by {lead}"
        if outcome == "deep" and not self.not_beaten:
            return f"Pretraining pays: {own} beats {other} by {lead}"
        if outcome == "classic" and not self.not_beaten:
            return f"Pretraining does not pay: {other} beats {own} by {lead}"
        return f"What pretraining brings is open: {self._open(own, other, lead)}"

    def _open(self, own: str, other: str, lead: str) -> str:
        mean = self.paired.interval.mean
        if mean == 0:
            return f"{own} and {other} differ by {lead}"
        verb = "is ahead of" if self.paired.outcome == "undecided" else "beats"
        but = (
            "" if self.paired.outcome == "undecided" else f", but not {either_of(self.not_beaten)}"
        )
        first, second = (own, other) if mean > 0 else (other, own)
        return f"{first} {verb} {second} by {lead}{but}"


def _against_classic(pretrained: Side, classic: Side | None, settings: ComparisonSettings) -> str:
    """Return the difference to the best classic candidate; empty where there is none."""
    if classic is None or classic.best.is_dummy:
        return ""
    paired = compare_choices(pretrained, classic, settings)
    if paired is None:
        return ""
    interval = paired.interval
    places = decimals(interval.width)
    lead = f"{signed(interval.mean, places)} {span(interval.low, interval.high, places)}"
    names = f"{pretrained.chosen.name} against {classic.chosen.name}, the best classic candidate"
    return f"; {names}: {lead}"


def _best_of_kinds(candidates: Sequence[CandidateResults]) -> dict[Kind, Side]:
    found = {kind: choose(_of_kind(kind, candidates)) for kind in KINDS}
    return {kind: side for kind, side in found.items() if side}


def _of_kind(kind: Kind | None, candidates: Sequence[CandidateResults]) -> list[CandidateResults]:
    return [each for each in candidates if each.kind == kind]


def _others(kind: Kind, candidates: Sequence[CandidateResults]) -> Side | None:
    return choose([each for each in candidates if each.kind not in (kind, None)])


def compare_choices(
    one: Side, other: Side, settings: ComparisonSettings
) -> PairedComparison | None:
    """Compare two choices, whose names may be alike; None where they share no split."""
    pair = ("one", "other")
    return compare_pairs([pair], {"one": one.chosen, "other": other.chosen}, settings).get(pair)


def not_beaten(
    ahead: Side, rivals: Sequence[CandidateResults], settings: ComparisonSettings
) -> tuple[str, ...]:
    """Return the rivals that a choice does not beat (intersection-union test; Berger, 1982)."""
    numbered = {str(number): each for number, each in enumerate(rivals) if each.scores}
    pairs = [("ahead", number) for number in numbered]
    found = compare_pairs(pairs, {"ahead": ahead.chosen, **numbered}, settings)
    return tuple(
        numbered[rival].name for (_, rival), each in found.items() if each.outcome != "deep"
    )


def _summary(
    kind: Kind, own: Side, others: Side | None, settings: ComparisonSettings
) -> KindSummary:
    summary = KindSummary(kind, own.best.name, own.n_splits, own.chosen.mean, own.chosen.cost)
    paired = compare_choices(own, others, settings) if others else None
    if others is None or paired is None:
        return summary
    chances = paired.probabilities
    return replace(
        summary,
        difference=difference_of(others.chosen.name, paired, paired.p_value),
        p_better=chances.deep,
        p_equivalent=chances.equivalent,
        p_worse=chances.classic,
    )
