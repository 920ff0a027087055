"""The price of clarity: how much the best glass box loses to the best black box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from dlrun.evidence.choice import choose
from dlrun.evidence.comparison import PriceOfClarity
from dlrun.evidence.formatting import either_of
from dlrun.evidence.kinds import compare_choices, not_beaten
from dlrun.evidence.paired_tests import difference_of
from dlrun.evidence.verdict import amount_phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlrun.evidence.candidates import CandidateResults
    from dlrun.evidence.paired_tests import PairedComparison
    from dlrun.evidence.pairs import ComparisonSettings


def price_of_clarity(
    candidates: Sequence[CandidateResults], settings: ComparisonSettings
) -> PriceOfClarity | None:
    """Compare the best glass box with the best black box, as the verdict compares two sides.

    Either is the candidate that is best on the validation rows of each split (see `choose`).
    Clarity costs something where the black box beats every glass box, and nothing where the two are
    equivalent, or the glass box is better or ahead.

    Args:
        candidates: of all kinds; `dummy` is no glass box, since there is nothing to see.
        settings: of the comparison.
    """
    glass_boxes = [each for each in candidates if each.is_glass_box and not each.is_dummy]
    glass = choose(glass_boxes)
    black = choose([each for each in candidates if each.is_glass_box is False])
    if glass is None or black is None:
        return None
    paired = compare_choices(black, glass, settings)
    if paired is None:
        return None
    equals = not_beaten(black, glass_boxes, settings) if paired.outcome == "deep" else ()
    return PriceOfClarity(
        glass.best.name,
        black.best.name,
        difference_of(glass.chosen.name, paired, paired.p_value),
        _outcome(paired, equals),
        _sentence(glass.chosen.name, black.chosen.name, paired, equals, settings.metric.title),
    )


def _outcome(paired: PairedComparison, equals: Sequence[str]) -> Literal["costs", "free", "open"]:
    if paired.outcome == "deep":
        return "open" if equals else "costs"
    is_open = paired.outcome == "undecided" and paired.interval.mean >= 0
    return "open" if is_open else "free"


def _sentence(
    glass: str, black: str, paired: PairedComparison, equals: Sequence[str], title: str
) -> str:
    lead = amount_phrase(paired, title)
    if equals:
        rest = f"{black} beats {glass} by {lead}, but not {either_of(equals)}"
        return f"The price of clarity is open: {rest}."
    if paired.outcome == "undecided":
        return _open(glass, black, lead, paired.interval.mean)
    sentences = {
        "deep": f"The price of clarity: {glass} loses {lead} to {black}.",
        "classic": f"Clarity costs nothing: {glass} beats {black} by {lead}.",
        "equivalent": f"Clarity costs nothing that matters: {glass} and {black} differ by {lead}.",
    }
    return sentences[paired.outcome]


def _open(glass: str, black: str, lead: str, mean: float) -> str:
    if mean >= 0:
        return f"The price of clarity is open: {black} is ahead of {glass} by {lead}."
    return f"Clarity costs nothing measurable: {glass} is ahead of {black} by {lead}."
