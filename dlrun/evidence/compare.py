"""Comparison of tracked studies: candidates side by side, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from dlrun.catalog.metrics import metrics_of
from dlrun.catalog.notes import unmuted
from dlrun.contract.candidate import SIDES
from dlrun.evidence import verdict
from dlrun.evidence.blend import blend_pairs, blend_vs_sides, note_of, shown_pairs, with_blend
from dlrun.evidence.blend_parts import blend_parts
from dlrun.evidence.candidates import CandidateResults, check_comparable, read_candidates
from dlrun.evidence.choice import Side, choose_side
from dlrun.evidence.clarity import price_of_clarity
from dlrun.evidence.comparison import CandidateSummary, Comparison, Difference, Verdict
from dlrun.evidence.formatting import decimals, places_of
from dlrun.evidence.kinds import compare_kinds, pretraining_sentence
from dlrun.evidence.notes import notes_on
from dlrun.evidence.paired_tests import difference_of
from dlrun.evidence.pairs import (
    ComparisonSettings,
    Pair,
    TestSets,
    compare_pairs,
    read_test_sets,
)
from dlrun.evidence.statistics import holm
from dlrun.evidence.tuning import search_costs, tuning_gain

if TYPE_CHECKING:
    from dlrun.contract.search import SearchBudget
    from dlrun.contract.study import Study
    from dlrun.evidence.paired_tests import PairedComparison

__all__ = ["Comparison", "compare"]


def compare(studies: Sequence[Study], metric: str | None = None) -> Comparison:
    """Compare the candidates of one or several studies and reach the verdict.

    Each side is represented on every split by its best candidate on that split's validation rows;
    `dummy` represents a side only where it is alone. Choosing by test score would favour the side
    that tried more. A side wins where its choice beats that of the other side and every candidate
    of it. Where there is a blend that beats the choices of both sides and every candidate, the
    answer is both together.

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
    singles = [each for each in candidates if each.family != "both"]
    sides = {family: choose_side(candidates, family) for family in SIDES}
    deep, classic = sides["deep"], sides["classic"]
    settings = _settings(studies, metric, singles, (deep, classic))
    pairs = _pairs(singles, deep, classic)
    both = choose_side(candidates, "both") if deep and classic else None
    parts: list[CandidateResults] = []
    if deep and classic and both:
        parts = [*blend_parts(both.chosen, candidates, settings.metric)]
        pairs += blend_pairs(both, candidates, parts, (deep, classic))
    compared = [*candidates, *parts, *(side.chosen for side in (deep, classic, both) if side)]
    paired = compare_pairs(pairs, {each.name: each for each in compared}, settings)
    ahead = _ahead(deep, classic, paired)
    differences = _differences(shown_pairs(paired, both, candidates, ahead))
    found = _verdict(singles, deep, classic, paired, differences, settings)
    notes = [*notes_on(studies, candidates, (deep, classic))]
    if both and ahead and (both.chosen.name, ahead.name) in paired:
        blend = blend_vs_sides(both, ahead, paired, differences, settings)
        found = with_blend(found, blend)
        notes += [] if blend.is_named else [note_of(blend)]
    if sentence := pretraining_sentence(singles, deep if ahead else None, settings):
        found = replace(found, sentence=f"{found.sentence} {sentence}")
    sign = settings.metric.sign
    ranked = sorted(candidates, key=lambda each: (not each.scores, -sign * each.mean))
    rows = tuple(_summary(each, differences.get(each.name), settings) for each in ranked)
    return Comparison(
        studies={study.id: study.name for study in studies},
        task=studies[0].task,
        metric=metric,
        rope=settings.rope,
        test_share=settings.test_share,
        n_rows=settings.n_rows,
        n_test_rows=settings.test_sets.n_distinct,
        n_splits=max(study.trials["step"].nunique() for study in studies),
        split_digest=studies[0].split_digest,
        decimals=max(_decimals(rows, deep, classic), places_of(settings.rope)),
        rows=rows,
        best_deep=deep.best.name if deep else None,
        best_classic=classic.best.name if classic else None,
        choices={family: dict(side.n_splits) for family, side in sides.items() if side},
        verdict=found,
        notes=unmuted(notes, _muted(studies)),
        search_budget=settings.search_budget,
        search_costs=search_costs(candidates),
        kept=kept_models(studies),
        kinds=compare_kinds(singles, settings),
        clarity=price_of_clarity(singles, settings),
    )


def kept_models(studies: Sequence[Study]) -> tuple[str, ...]:
    """Return the models of studies, each with what it was trained on."""
    if len(studies) == 1:
        return tuple(str(study.kept) for study in studies if study.kept)
    return tuple(f"{study.name}: {study.kept}" for study in studies if study.kept)


def _muted(studies: Sequence[Study]) -> set[str]:
    """Return the codes that all studies mute: a note on one of them is muted there alone."""
    return set.intersection(*(set(study.muted) for study in studies))


def _settings(
    studies: Sequence[Study],
    metric: str,
    candidates: Sequence[CandidateResults],
    sides: tuple[Side | None, Side | None],
) -> ComparisonSettings:
    tested = [each for each in candidates if each.scores]
    test_sets = read_test_sets(tested) if tested else TestSets(0, np.empty(0, np.int64), {})
    return ComparisonSettings(
        metric=metrics_of(studies[0].task)[metric],
        n_rows=studies[0].n_rows,
        rope=_rope(studies, metric, tested, sides),
        test_share=_test_share(studies[0], test_sets),
        test_sets=test_sets,
        search_budget=_shared_budget(studies),
    )


def _shared_budget(studies: Sequence[Study]) -> SearchBudget | None:
    budgets = {study.search_budget for study in studies}
    return budgets.pop() if len(budgets) == 1 else None


def _test_share(study: Study, test_sets: TestSets) -> float:
    """Return test rows ÷ (training + test rows), the mean over the splits.

    The splits of an expanding window train on more and more rows, so that each has its own share.
    """
    if study.data is None:  # all that is known
        return test_sets.n_per_split / study.n_rows
    shares = [n_test / (n_train + n_test) for n_train, _, n_test in study.data.sizes]
    return float(np.mean(shares))


def _rope(
    studies: Sequence[Study],
    metric: str,
    tested: Sequence[CandidateResults],
    sides: tuple[Side | None, Side | None],
) -> float:
    """Return the widest that a recipe sets for this metric, else the automatic one.

    That narrows near the ends of the scale, except where both sides score alike: then it is not a
    difference that would be called too small.
    """
    own = [study.rope for study in studies if study.rope is not None and study.metrics[0] == metric]
    if own:
        return max(own)
    row = metrics_of(studies[0].task)[metric]
    deep, classic = sides
    if deep and classic and deep.chosen.mean == classic.chosen.mean and not row.is_rope_relative:
        return row.rope
    return row.automatic_rope(max((row.sign * each.mean for each in tested), default=0.0))


def _pairs(
    candidates: Sequence[CandidateResults], deep: Side | None, classic: Side | None
) -> list[Pair]:
    """Pair each candidate with the other side's choice, or with the only side's best.

    The two choices are a pair too.
    """
    if deep and classic:
        rivals = {"deep": classic.chosen, "classic": deep.chosen}
        members = [deep.chosen, classic.chosen, *candidates]
    else:
        rivals = {side.best.family: side.best for side in (deep, classic) if side}
        members = [*candidates]
    pairs = [
        (each.name, rival.name)
        for each in members
        if each.scores and (rival := rivals.get(each.family)) and rival is not each
    ]
    return list(dict.fromkeys(pairs))


def _ahead(
    deep: Side | None, classic: Side | None, paired: Mapping[Pair, PairedComparison]
) -> CandidateResults | None:
    """Return the choice of the side that is ahead; None where the sides are not compared."""
    if not (deep and classic):
        return None
    found = paired.get((deep.chosen.name, classic.chosen.name))
    if found is None:
        return None
    return deep.chosen if found.interval.mean >= 0 else classic.chosen


def _differences(paired: Mapping[Pair, PairedComparison]) -> dict[str, Difference]:
    """Return each candidate's difference to its rival.

    The p-values are adjusted for the number of distinct pairs: the best of each side are each
    other's rivals, but one pair.
    """
    raw = {frozenset(pair): each.p_value for pair, each in paired.items()}
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
    return {
        name: difference_of(rival, each, adjusted[frozenset((name, rival))])
        for (name, rival), each in paired.items()
    }


def _summary(
    candidate: CandidateResults, difference: Difference | None, settings: ComparisonSettings
) -> CandidateSummary:
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
        tuning=tuning_gain(candidate, settings.test_sets, settings.test_share),
        kind=candidate.kind,
    )


def _decimals(rows: Sequence[CandidateSummary], deep: Side | None, classic: Side | None) -> int:
    """Return the significant decimals, from the verdict's interval, else a std, else a score."""
    names = [side.best.name for side in (deep, classic) if side]
    best = [row for row in rows if row.name in names]
    widths = [
        *(row.difference.high - row.difference.low for row in best if row.difference),
        *(4 * row.sd for row in best),
        *(abs(row.mean) / 10 for row in best),
    ]
    return decimals(next((width for width in widths if isfinite(width) and width > 0), 0.0))


def _verdict(
    candidates: Sequence[CandidateResults],
    deep: Side | None,
    classic: Side | None,
    paired: Mapping[Pair, PairedComparison],
    differences: Mapping[str, Difference],
    settings: ComparisonSettings,
) -> Verdict:
    if deep is None or classic is None:
        only = deep or classic
        lead = _lead_of_one_side(only.best, candidates, paired, settings) if only else ""
        return verdict.no_verdict(candidates, only.best if only else None, lead)
    found = paired.get((deep.chosen.name, classic.chosen.name))
    if found is None:
        return verdict.no_shared_splits(deep.chosen, classic.chosen)
    return verdict.decide(
        verdict.BestVsBest(
            deep,
            classic,
            found,
            differences[deep.chosen.name],
            _rivals(candidates, deep, classic, found, paired),
            settings,
        )
    )


def _rivals(
    candidates: Sequence[CandidateResults],
    deep: Side,
    classic: Side,
    found: PairedComparison,
    paired: Mapping[Pair, PairedComparison],
) -> dict[str, PairedComparison]:
    """Return the candidates of the side that is behind, compared with the choice of the other."""
    ahead, behind = (deep, classic) if found.interval.mean >= 0 else (classic, deep)
    return {
        each.name: paired[each.name, ahead.chosen.name]
        for each in candidates
        if each.family == behind.best.family and (each.name, ahead.chosen.name) in paired
    }


def _lead_of_one_side(
    best: CandidateResults,
    candidates: Sequence[CandidateResults],
    paired: Mapping[Pair, PairedComparison],
    settings: ComparisonSettings,
) -> str:
    others = [each for each in candidates if (each.name, best.name) in paired]
    runner_up = choose_side(others, best.family)
    if runner_up is None:
        return ""
    found = paired[runner_up.best.name, best.name]
    behind = "ahead of" if found.interval.mean <= 0 else "on the test rows behind"
    lead = verdict.lead_phrase(found, settings.metric.title)
    return f", {behind} {runner_up.best.name} by {lead}"
