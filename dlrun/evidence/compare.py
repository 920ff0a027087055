"""Comparison of tracked studies: candidates side by side, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from dlrun.catalog.metrics import metrics_of
from dlrun.catalog.notes import unmuted
from dlrun.evidence import verdict
from dlrun.evidence.candidates import (
    CandidateResults,
    check_comparable,
    choose_best,
    read_candidates,
)
from dlrun.evidence.comparison import CandidateSummary, Comparison, Difference, Verdict
from dlrun.evidence.formatting import decimals, places_of
from dlrun.evidence.notes import notes_on
from dlrun.evidence.pairs import (
    ComparisonSettings,
    Pair,
    TestSets,
    compare_pairs,
    read_test_sets,
)
from dlrun.evidence.statistics import holm

if TYPE_CHECKING:
    from dlrun.contract.study import Study
    from dlrun.evidence.paired_tests import PairedComparison

__all__ = ["Comparison", "compare"]


def compare(studies: Sequence[Study], metric: str | None = None) -> Comparison:
    """Compare the candidates of one or several studies and reach the verdict.

    Each side is represented by its best candidate on the validation rows; `dummy` represents a
    side only where it is alone. Choosing by test score would favour the side that tried more.

    Three or more paired splits are compared by the Bayesian correlated t-test, fewer by a paired
    bootstrap of their test rows. Splits that test the same rows count once.

    Args:
        studies: at least one; several are joined when they share their splits.
        metric: one that all studies measured; default: the first study's primary metric.

    Raises:
        ComparisonError: the studies do not share splits or target, or did not measure the metric.
    """
    metric = check_comparable(studies, metric)
    candidates = read_candidates(studies, metric)
    deep, classic = (choose_best(candidates, family, metric) for family in ("deep", "classic"))
    settings = _settings(studies, metric, candidates)
    pairs = _pairs(candidates, deep, classic)
    paired = compare_pairs(pairs, {each.name: each for each in candidates}, settings)
    differences = _differences(paired)
    sign = settings.metric.sign
    ranked = sorted(candidates, key=lambda each: (not each.scores, -sign * each.mean))
    rows = tuple(_summary(each, differences.get(each.name)) for each in ranked)
    return Comparison(
        studies={study.id: study.name for study in studies},
        task=studies[0].task,
        metric=metric,
        rope=settings.rope,
        n_rows=settings.n_rows,
        n_test_rows=settings.test_sets.n_distinct,
        n_splits=max(study.trials["step"].nunique() for study in studies),
        split_digest=studies[0].split_digest,
        decimals=max(_decimals(rows, deep, classic), places_of(settings.rope)),
        rows=rows,
        best_deep=deep.name if deep else None,
        best_classic=classic.name if classic else None,
        verdict=_verdict(candidates, (deep, classic), paired, differences, settings),
        notes=unmuted(notes_on(studies, candidates, (deep, classic), metric), _muted(studies)),
    )


def _muted(studies: Sequence[Study]) -> set[str]:
    """Return the codes that all studies mute: a note on one of them is muted there alone."""
    return set.intersection(*(set(study.muted) for study in studies))


def _settings(
    studies: Sequence[Study], metric: str, candidates: Sequence[CandidateResults]
) -> ComparisonSettings:
    tested = [each for each in candidates if each.scores]
    return ComparisonSettings(
        metric=metrics_of(studies[0].task)[metric],
        n_rows=studies[0].n_rows,
        rope=_rope(studies, metric, tested),
        test_sets=read_test_sets(tested) if tested else TestSets(0, 0, {}),
    )


def _rope(studies: Sequence[Study], metric: str, tested: Sequence[CandidateResults]) -> float:
    """Return the widest that a recipe sets for this metric, else the automatic one."""
    own = [study.rope for study in studies if study.rope is not None and study.metrics[0] == metric]
    if own:
        return max(own)
    scale = min((abs(each.mean) for each in tested), default=0.0)
    return metrics_of(studies[0].task)[metric].automatic_rope(scale)


def _pairs(
    candidates: Sequence[CandidateResults],
    deep: CandidateResults | None,
    classic: CandidateResults | None,
) -> list[Pair]:
    """Pair each candidate with the other side's best, or with the only side's best."""
    rivals = {"deep": classic or deep, "classic": deep or classic}
    return [
        (each.name, rival.name)
        for each in candidates
        if each.scores and (rival := rivals[each.family]) and rival is not each
    ]


def _differences(paired: Mapping[Pair, PairedComparison]) -> dict[str, Difference]:
    """Return each candidate's difference to its rival.

    The p-values are adjusted for the number of distinct pairs: the best of each side are each
    other's rivals, but one pair.
    """
    raw = {frozenset(pair): each.p_value for pair, each in paired.items()}
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
    return {
        name: _difference(rival, each, adjusted[frozenset((name, rival))])
        for (name, rival), each in paired.items()
    }


def _difference(against: str, paired: PairedComparison, p_value: float) -> Difference:
    interval = paired.interval
    return Difference(
        against, interval.mean, interval.low, interval.high, p_value, paired.basis, paired.n
    )


def _summary(candidate: CandidateResults, difference: Difference | None) -> CandidateSummary:
    scores = np.array(list(candidate.scores.values()))
    return CandidateSummary(
        name=candidate.name,
        family=candidate.family,
        mean=candidate.mean,
        sd=float(np.std(scores, ddof=1)) if len(scores) > 1 else float("nan"),
        n=len(scores),
        n_failed=candidate.n_failed,
        validation=candidate.validation,
        scores=candidate.means,
        cost=candidate.cost,
        difference=difference,
        error=candidate.error,
    )


def _decimals(
    rows: Sequence[CandidateSummary],
    deep: CandidateResults | None,
    classic: CandidateResults | None,
) -> int:
    """Return the significant decimals, from the verdict's interval, else a std, else a score."""
    names = [each.name for each in (deep, classic) if each]
    best = [row for row in rows if row.name in names]
    widths = [
        *(row.difference.high - row.difference.low for row in best if row.difference),
        *(4 * row.sd for row in best),
        *(abs(row.mean) / 10 for row in best),
    ]
    return decimals(next((width for width in widths if isfinite(width) and width > 0), 0.0))


def _verdict(
    candidates: Sequence[CandidateResults],
    best: tuple[CandidateResults | None, CandidateResults | None],
    paired: Mapping[Pair, PairedComparison],
    differences: Mapping[str, Difference],
    settings: ComparisonSettings,
) -> Verdict:
    deep, classic = best
    if deep is None or classic is None:
        only = deep or classic
        lead = _lead_of_one_side(only, candidates, paired, settings) if only else ""
        return verdict.no_verdict(candidates, only, lead)
    found = paired.get((deep.name, classic.name))
    if found is None:
        return verdict.no_shared_splits(deep, classic)
    difference = differences[deep.name]
    return verdict.decide(verdict.BestVsBest(deep, classic, found, difference, settings))


def _lead_of_one_side(
    best: CandidateResults,
    candidates: Sequence[CandidateResults],
    paired: Mapping[Pair, PairedComparison],
    settings: ComparisonSettings,
) -> str:
    others = [each for each in candidates if (each.name, best.name) in paired]
    runner_up = choose_best(others, best.family, settings.metric.name)
    if runner_up is None:
        return ""
    found = paired[runner_up.name, best.name]
    behind = "ahead of" if found.interval.mean <= 0 else "on the test rows behind"
    return f", {behind} {runner_up.name} by {verdict.lead_phrase(found, settings.metric.title)}"
