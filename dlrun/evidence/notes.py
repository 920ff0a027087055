"""What a reader of a comparison should know beside the numbers, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dlrun.evidence.formatting import counted
from dlrun.evidence.statistics import differences

if TYPE_CHECKING:
    from dlrun.contract.study import Study
    from dlrun.evidence.candidates import CandidateResults


def notes_on(
    studies: Sequence[Study],
    entries: Sequence[CandidateResults],
    best: tuple[CandidateResults | None, CandidateResults | None],
    metric: str,
) -> Iterator[str]:
    """Give the notes on the studies, on failures, on the choice of the best, and on the floor."""
    yield from _on_studies(studies)
    yield from _on_failures(entries)
    for chosen in best:
        if chosen is not None:
            yield from _on_choice(chosen, entries, metric)
            yield from _on_floor(chosen, entries, metric)


def _on_studies(studies: Sequence[Study]) -> Iterator[str]:
    for study in studies:
        if study.status in ("KILLED", "FAILED"):
            yield f"Study {study.name} was stopped early: candidates or splits may be missing."
    if len({study.data_digest for study in studies}) > 1:
        yield (
            "The studies' data differ (fingerprints); their splits agree, so that each "
            "candidate saw the same rows, but perhaps other columns."
        )


def _on_failures(entries: Sequence[CandidateResults]) -> Iterator[str]:
    for entry in entries:
        if entry.n_failed:
            splits = counted(entry.n_failed + len(entry.scores), "split")
            reason = entry.error or "the metric is not defined there"
            yield f"{entry.name} failed on {entry.n_failed} of {splits}: {reason}"


def _on_choice(
    chosen: CandidateResults, entries: Sequence[CandidateResults], metric: str
) -> Iterator[str]:
    side = [entry for entry in entries if entry.family == chosen.family and not entry.is_floor]
    if len(side) > 1 and np.isnan(chosen.validation):
        yield (
            f"No {chosen.family} candidate has a validation score, so {chosen.name}, the first "
            "listed, stands for its side."
        )
    rivals = [entry for entry in side if len(entry.scores) == len(chosen.scores)]
    luckiest = max(rivals, key=lambda entry: _lead(entry, chosen, metric), default=chosen)
    if _lead(luckiest, chosen, metric) > 0 and not np.isnan(chosen.validation):
        yield (
            f"{luckiest.name} has the better mean test score, but {chosen.name} was better on "
            "validation and stands for its side: choosing by test score would flatter it."
        )


def _on_floor(
    chosen: CandidateResults, entries: Sequence[CandidateResults], metric: str
) -> Iterator[str]:
    floor = next((entry for entry in entries if entry.is_floor and entry.scores), None)
    if floor is chosen:
        yield f"{chosen.name} ignores the columns; there is no other {chosen.family} candidate."
    elif floor is not None and _lead(chosen, floor, metric) <= 0:
        yield f"{chosen.name} is no better than {floor.name}, which ignores the columns."


def _lead(first: CandidateResults, second: CandidateResults, metric: str) -> float:
    return float(differences(np.array([first.mean]), np.array([second.mean]), metric)[0])
