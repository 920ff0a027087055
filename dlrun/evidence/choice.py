"""The choice of the candidate that represents a side, on every split anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dlrun.catalog.metrics import get_metric

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.candidate import Family
    from dlrun.evidence.candidates import CandidateResults, TrialColumns


@dataclass(frozen=True)
class Side:
    """A side of the comparison, or a kind of candidates.

    Attributes:
        best: the candidate that was chosen on the most splits.
        chosen: results of the chosen one on each split; `best` where it was chosen on all.
        n_splits: candidate → splits on which it was chosen, most often first.
    """

    best: CandidateResults
    chosen: CandidateResults
    n_splits: Mapping[str, int]


def choose_side(candidates: Sequence[CandidateResults], family: Family) -> Side | None:
    """Choose on each split the candidate of a side that is best on its validation rows.

    The best of several noisy test scores is better by luck, and the verdict would take that luck
    for skill (Cawley & Talbot, 2010, "On over-fitting in model selection"). The validation rows
    of a split are among the test rows of others, so that a choice by their mean over the splits
    has seen the test rows as well (Tsamardinos, Greasidou & Borboudakis, 2018, "Bootstrapping the
    out-of-sample predictions"). Chosen split by split, what is scored is the whole procedure:
    train all, keep the best on validation (nested selection; Varma & Simon, 2006).

    A candidate that failed on some split ranks behind those that did not, and `dummy` behind every
    other. Without validation scores the first that the study lists is chosen.
    """
    return choose([each for each in candidates if each.family == family])


def choose(candidates: Sequence[CandidateResults]) -> Side | None:
    """Choose on each split one of the candidates of a side; see `choose_side`."""
    side = [each for each in candidates if each.scores]
    able = [each for each in side if not each.is_dummy] or side
    n_finished = max((len(each.scores) for each in able), default=0)
    able = [each for each in able if len(each.scores) == n_finished]
    if not able:
        return None
    splits = sorted({split for each in able for split in each.scores})
    chosen = {split: _best_on(split, able) for split in splits}
    n_splits = Counter(each.name for each in chosen.values())
    ranked = sorted(able, key=lambda each: -n_splits[each.name])
    best = ranked[0]
    return Side(
        best=best,
        chosen=best if n_splits[best.name] == len(splits) else _join(best, chosen),
        n_splits={each.name: n_splits[each.name] for each in ranked if n_splits[each.name]},
    )


def _best_on(split: int, able: Sequence[CandidateResults]) -> CandidateResults:
    def selection_key(candidate: CandidateResults) -> float:
        score = get_metric(candidate.metric).sign * candidate.validation_scores[split]
        return -np.inf if np.isnan(score) else score

    return max((each for each in able if split in each.scores), key=selection_key)


def _join(best: CandidateResults, chosen: Mapping[int, CandidateResults]) -> CandidateResults:
    """Return the results of the chosen candidates, each on its splits, as one candidate's."""
    n_best = sum(each is best for each in chosen.values())

    def read_predictions() -> pd.DataFrame:
        from pandas import concat

        owners = {each.name: each for each in chosen.values()}
        frames = {name: each.read_predictions() for name, each in owners.items()}
        return concat(
            [
                frame[(frame["repeat"] == repeat) & (frame["fold"] == fold)]
                for split, each in chosen.items()
                for frame, (repeat, fold) in [(frames[each.name], each.folds[split])]
            ]
        )

    return replace(
        best,
        name=f"{best.name} (chosen on {n_best} of {len(chosen)} splits)",
        trials=_join_trials(chosen),
        n_failed=0,
        error=None,
        read_predictions=read_predictions,
    )


def _join_trials(chosen: Mapping[int, CandidateResults]) -> TrialColumns:
    parts = [
        {name: values[each.trials["step"] == split] for name, values in each.trials.items()}
        for split, each in chosen.items()
    ]
    shared = [name for name in parts[0] if all(name in part for part in parts)]
    return {name: np.concatenate([part[name] for part in parts]) for name in shared}
