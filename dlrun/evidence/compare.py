"""Compare: tracked studies in, candidates side by side and the verdict out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from dlrun.catalog.metrics import get_metric, metrics_of
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
from dlrun.evidence.paired_tests import (
    ComparisonSettings,
    Pair,
    PairedComparison,
    TestSets,
    compare_pairs,
    read_test_sets,
)
from dlrun.evidence.statistics import holm

if TYPE_CHECKING:
    from dlrun.contract.study import Study

__all__ = ["Comparison", "compare"]


def compare(studies: Sequence[Study], metric: str | None = None) -> Comparison:
    """Put the candidates of one or several studies side by side and reach the verdict.

    Each side is represented by its best candidate on the validation rows, `dummy` only where it
    is alone. Choosing by test score would flatter whichever side tried more candidates; chosen by
    validation score, a candidate's test scores have had no part in its choice.

    Three or more paired splits are judged by the Bayesian correlated t-test, fewer by a paired
    bootstrap of their test rows. Splits that test the same rows count once.

    Args:
        studies: at least one; several are joined when they share their splits.
        metric: one that all studies measured; default: the first study's primary metric.

    Raises:
        ComparisonError: the studies must not be compared, or did not measure the metric.
    """
    metric = check_comparable(studies, metric)
    entries = read_candidates(studies, metric)
    deep, classic = (choose_best(entries, family, metric) for family in ("deep", "classic"))
    setting = _setting(studies, metric, entries)
    pairs = _pairs(entries, deep, classic)
    pairings = compare_pairs(pairs, {entry.name: entry for entry in entries}, setting)
    differences = _differences(pairings)
    rows = tuple(_row(entry, differences.get(entry.name)) for entry in _best_first(entries, metric))
    return Comparison(
        studies={study.id: study.name for study in studies},
        task=setting.task,
        metric=metric,
        rope=setting.rope,
        n_rows=setting.n_rows,
        n_test_rows=setting.test_sets.n_distinct,
        n_splits=max(study.trials["step"].nunique() for study in studies),
        split_digest=studies[0].split_digest,
        decimals=max(_decimals(rows, deep, classic), places_of(setting.rope)),
        rows=rows,
        best_deep=deep.name if deep else None,
        best_classic=classic.name if classic else None,
        verdict=_verdict(entries, (deep, classic), pairings, differences, setting),
        notes=tuple(notes_on(studies, entries, (deep, classic), metric)),
    )


def _setting(
    studies: Sequence[Study], metric: str, entries: Sequence[CandidateResults]
) -> ComparisonSettings:
    tested = [entry for entry in entries if entry.scores]
    return ComparisonSettings(
        metric=metric,
        task=studies[0].task,
        labels=studies[0].labels,
        n_rows=studies[0].n_rows,
        rope=_rope(studies, metric, tested),
        test_sets=read_test_sets(tested) if tested else TestSets(0, 0, {}),
    )


def _pairs(
    entries: Sequence[CandidateResults],
    deep: CandidateResults | None,
    classic: CandidateResults | None,
) -> list[Pair]:
    """Set each candidate against the other side's best, or the only side's best."""
    rivals = {"deep": classic or deep, "classic": deep or classic}
    return [
        (entry.name, rival.name)
        for entry in entries
        if entry.scores and (rival := rivals[entry.family]) and rival is not entry
    ]


def _rope(studies: Sequence[Study], metric: str, tested: Sequence[CandidateResults]) -> float:
    """Take the recipes' own, the widest, where it was set for this metric, else `auto`."""
    own = [study.rope for study in studies if study.rope is not None and study.metrics[0] == metric]
    if own:
        return max(own)
    scale = min((abs(entry.mean) for entry in tested), default=0.0)
    return metrics_of(studies[0].task)[metric].automatic_rope(scale)


def _differences(pairings: Mapping[Pair, PairedComparison]) -> dict[str, Difference]:
    """Give each candidate's difference to its rival.

    The p-values are adjusted for the number of distinct pairs: the best of each side are each
    other's rivals, but one pair.
    """
    raw = {frozenset(pair): pairing.p_value for pair, pairing in pairings.items()}
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
    return {
        name: _difference(rival, pairing, adjusted[frozenset((name, rival))])
        for (name, rival), pairing in pairings.items()
    }


def _best_first(entries: Sequence[CandidateResults], metric: str) -> list[CandidateResults]:
    sign = get_metric(metric).sign
    return sorted(entries, key=lambda entry: (not entry.scores, -sign * entry.mean))


def _row(entry: CandidateResults, difference: Difference | None) -> CandidateSummary:
    scores = np.array(list(entry.scores.values()))
    return CandidateSummary(
        name=entry.name,
        family=entry.family,
        mean=entry.mean,
        sd=float(np.std(scores, ddof=1)) if len(scores) > 1 else float("nan"),
        n=len(scores),
        n_failed=entry.n_failed,
        validation=entry.validation,
        scores=entry.means,
        cost=entry.cost,
        difference=difference,
        error=entry.error,
    )


def _difference(against: str, pairing: PairedComparison, p_value: float) -> Difference:
    at = pairing.interval
    return Difference(against, at.mean, at.low, at.high, p_value, pairing.basis, pairing.n)


def _decimals(
    rows: Sequence[CandidateSummary],
    deep: CandidateResults | None,
    classic: CandidateResults | None,
) -> int:
    """Let the verdict's interval say how many decimals mean something, else a spread or a score."""
    names = [entry.name for entry in (deep, classic) if entry]
    best = [row for row in rows if row.name in names]
    widths = [
        *(row.difference.high - row.difference.low for row in best if row.difference),
        *(4 * row.sd for row in best),
        *(abs(row.mean) / 10 for row in best),
    ]
    return decimals(next((width for width in widths if isfinite(width) and width > 0), 0.0))


def _verdict(
    entries: Sequence[CandidateResults],
    best: tuple[CandidateResults | None, CandidateResults | None],
    pairings: Mapping[Pair, PairedComparison],
    differences: Mapping[str, Difference],
    setting: ComparisonSettings,
) -> Verdict:
    deep, classic = best
    if deep is None or classic is None:
        only = deep or classic
        lead = _lead_of_one_side(only, entries, pairings, setting.metric) if only else ""
        return verdict.no_verdict(entries, only, lead)
    pairing = pairings.get((deep.name, classic.name))
    if pairing is None:
        return verdict.no_shared_splits(deep, classic)
    difference = differences[deep.name]
    return verdict.decide(verdict.BestVsBest(deep, classic, pairing, difference, setting))


def _lead_of_one_side(
    best: CandidateResults,
    entries: Sequence[CandidateResults],
    pairings: Mapping[Pair, PairedComparison],
    metric: str,
) -> str:
    others = [entry for entry in entries if (entry.name, best.name) in pairings]
    runner_up = choose_best(others, best.family, metric)
    if runner_up is None:
        return ""
    pairing = pairings[runner_up.name, best.name]
    behind = "ahead of" if pairing.interval.mean <= 0 else "on the test rows behind"
    return f", {behind} {runner_up.name} by {verdict.lead_phrase(pairing, metric)}"
