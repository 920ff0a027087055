"""What is known of a study before it starts, without timing: its fits, and what it took before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dlrun.contract.forecast import Pace
from dlrun.evidence.formatting import counted
from dlrun.recipe.write import recipe_digest
from dlrun.study.size import count_final, count_fits, size_of

if TYPE_CHECKING:
    from dlrun.study.budget import Cut
    from dlrun.study.plan import StudyPlan
    from dlrun.tracking.store import Store

PURPOSES: Final = {
    "splits": "on the splits",
    "search": "of searches",
    "conditions": "on varied rows",
    "final": "on all rows",
}
UNKNOWN: Final = "dlrun plan says how long, by a few fits that it times"


@dataclass(frozen=True)
class Outlook:
    """What is known of a study before it starts.

    Attributes:
        fits: how many there are, in words.
        expected: what they are expected to take, in words.
        units: candidate → seconds of a trial, with its search; empty where they are not known.
    """

    fits: str
    expected: str = UNKNOWN
    units: Mapping[str, float] = field(default_factory=dict)


def make_outlook(plan: StudyPlan, cut: Cut | None, store: Store) -> Outlook:
    """Say what is known: by the forecast that made the study smaller, else by the last such study.

    Args:
        plan: of the study.
        cut: how it was made smaller to keep its budget.
        store: in which a study of the same recipe may be.
    """
    from dlrun.report.forecast import about, size
    from dlrun.tracking.past import find_past

    fits = describe_fits(plan)
    if cut:
        return Outlook(fits, f"about {about(cut.seconds)}", cut.units)
    past = find_past(store, recipe_digest(plan.recipe))
    if past is None:
        return Outlook(fits)
    took = f"about {about(past.seconds)} and {size(past.memory_mb)} of memory"
    return Outlook(fits, f"{took}, as the study {past.name} took", past.units)


def describe_fits(plan: StudyPlan) -> str:
    """Write how many fits there are: "75 on the splits, 870 of searches, 1 on all rows"."""
    size, counts = size_of(plan), Counter[str]()
    for candidate in plan.candidates:
        for each in count_fits(plan, candidate, size, Pace(())):
            counts[each.purpose] += each.n
    counts["final"] = count_final(plan)
    is_open = any(search.seconds for search in plan.searches.values())
    parts = [
        f"{'up to ' if is_open and purpose == 'search' else ''}{counts[purpose]:,} {words}"
        for purpose, words in PURPOSES.items()
        if counts[purpose]
    ]
    whole = counted(len(plan.candidates), "candidate")
    return ", ".join(parts) if len(parts) > 1 else f"{parts[0]}, of {whole}"
