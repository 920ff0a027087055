"""Whether the blend of both sides is better than either: the answer "both together"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from dlrun.catalog.notes import BLEND_NOT_NAMED
from dlrun.contract.candidate import SIDES
from dlrun.evidence.comparison import BlendSummary
from dlrun.evidence.formatting import (
    FAMILY_TITLES,
    decimals,
    either_of,
    percent,
    signed,
    span,
)
from dlrun.evidence.verdict import cost_phrase, lead_phrase, scope_phrase, tuning_phrase

if TYPE_CHECKING:
    from dlrun.contract.note import Note
    from dlrun.contract.search import SearchBudget
    from dlrun.evidence.candidates import CandidateResults
    from dlrun.evidence.choice import Side
    from dlrun.evidence.comparison import Difference, Verdict
    from dlrun.evidence.paired_tests import PairedComparison
    from dlrun.evidence.pairs import ComparisonSettings, Pair

MIN_SHARE: Final = 0.1  # of each side in the weights
N_SHOWN: Final = 3  # members


@dataclass(frozen=True)
class BlendVsSides:
    """The blend, compared with the sides.

    Attributes:
        better: the choice of the side that is ahead of the other.
        paired: the blend against it.
        rivals: the blend against the choices of both sides and against every candidate.
        title: of the metric.
        budget: of the searches of all candidates; None where they were not tuned.
    """

    blend: Side
    better: CandidateResults
    paired: PairedComparison
    difference: Difference
    rivals: Mapping[str, PairedComparison]
    title: str
    budget: SearchBudget | None

    @property
    def not_beaten(self) -> tuple[str, ...]:
        """Return the rivals that the blend does not beat by more than the ROPE."""
        return tuple(name for name, each in self.rivals.items() if each.outcome != "deep")

    @property
    def is_of_both(self) -> bool:
        """Return whether each side has a share in its weights that is more than a trace."""
        shares = self.blend.best.side_weights
        return all(shares.get(family, 0.0) >= MIN_SHARE for family in SIDES)

    @property
    def is_named(self) -> bool:
        """Return whether the answer is both together.

        The blend beats the choice of each side, every candidate and its own members of each side
        alone, each by one test at the same level (intersection-union test; Berger, 1982): that a
        side chose badly, or would gain by averaging, is no merit of the blend. One of which a side
        has less than a tenth is an ensemble of the other side.
        """
        return not self.not_beaten and self.is_of_both

    @property
    def summary(self) -> BlendSummary:
        """Return what a comparison keeps of it."""
        weights = self.blend.best.weights
        return BlendSummary(self.blend.best.name, weights, self.difference, self.not_beaten)


def blend_pairs(
    both: Side,
    candidates: Sequence[CandidateResults],
    parts: Sequence[CandidateResults],
    sides: tuple[Side, Side],
) -> list[Pair]:
    """Pair blends with the choices of the sides, and the chosen one with candidates and parts."""
    choices = [side.chosen.name for side in sides]
    tested = [each for each in candidates if each.scores]
    singles = [each.name for each in tested if each.family != "both"]
    own_parts = [each.name for each in parts]
    pairs = [(each.name, rival) for each in tested if each.family == "both" for rival in choices]
    pairs += [(both.chosen.name, rival) for rival in (*choices, *singles, *own_parts)]
    return list(dict.fromkeys(pairs))


def shown_pairs(
    paired: Mapping[Pair, PairedComparison],
    both: Side | None,
    candidates: Sequence[CandidateResults],
    ahead: CandidateResults | None,
) -> dict[Pair, PairedComparison]:
    """Leave of a blend's pairs the one with the choice of the side that is ahead."""
    blends = {each.name for each in candidates if each.family == "both"}
    blends |= {both.chosen.name} if both else set()
    rival = ahead.name if ahead else None
    return {
        (first, second): each
        for (first, second), each in paired.items()
        if first not in blends or second == rival
    }


def blend_vs_sides(
    both: Side,
    ahead: CandidateResults,
    paired: Mapping[Pair, PairedComparison],
    differences: Mapping[str, Difference],
    settings: ComparisonSettings,
) -> BlendVsSides:
    """Return the chosen blend, compared with both sides.

    Args:
        both: the choice among blends, of which each joined study may have one.
        ahead: the choice of the side that is ahead.
        paired: of `blend_pairs` at least.
        differences: candidate → difference to its rival.
        settings: of the comparison.
    """
    name = both.chosen.name
    rivals = {rival: each for (first, rival), each in paired.items() if first == name}
    title, budget = settings.metric.title, settings.search_budget
    return BlendVsSides(both, ahead, rivals[ahead.name], differences[name], rivals, title, budget)


def with_blend(verdict: Verdict, found: BlendVsSides) -> Verdict:
    """Return the verdict on the sides, or that both together are better than either."""
    kept = replace(verdict, blend=found.summary)
    if not found.is_named:
        return kept
    chosen = found.blend.chosen
    cost = cost_phrase(chosen, found.better)
    sentence = (
        f"{FAMILY_TITLES['both']}: {chosen.name} ({shares_phrase(found.blend.best.weights)}) beats "
        f"{found.better.name} by {lead_phrase(found.paired, found.title)}{cost and f', at {cost}'}."
        f"{tuning_phrase(found.budget)}{scope_phrase(found.paired)}"
    )
    return replace(
        kept,
        kind="both",
        sentence=sentence,
        not_beaten=(),
        more_folds=None,
        more_rows=None,
        advised=found.blend.best.name,
    )


def note_of(found: BlendVsSides) -> Note:
    """Return what the blend would give, where it is not the answer."""
    interval = found.paired.interval
    places = decimals(interval.width)
    ends = span(interval.low, interval.high, places)
    lead = f"{signed(interval.mean, places)} {found.title} {ends}"
    return BLEND_NOT_NAMED.note(
        f"{found.blend.chosen.name} ({shares_phrase(found.blend.best.weights)}) against "
        f"{found.better.name}: {lead}, {_reason(found)}."
    )


def shares_phrase(weights: Mapping[str, float]) -> str:
    """Return the weights in words, "63 % mlp, 30 % svm and 7 % of 2 others"."""
    first = [f"{percent(weight)} {name}" for name, weight in [*weights.items()][:N_SHOWN]]
    others = [*weights.values()][N_SHOWN:]
    if not others:
        return ", ".join(first)
    named = "another" if len(others) == 1 else f"{len(others)} others"
    return f"{', '.join(first)} and {percent(sum(others))} of {named}"


def _reason(found: BlendVsSides) -> str:
    outcome = found.paired.outcome
    if outcome != "deep":
        reasons = {"classic": "it is worse", "equivalent": "it is not worth it"}
        return reasons.get(outcome, "its gain is not certain")
    if found.not_beaten:
        return f"but it does not beat {either_of(found.not_beaten)}"
    return f"but one side has less than {percent(MIN_SHARE)} of its weight"
