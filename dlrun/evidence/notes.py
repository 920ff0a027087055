"""Notes on a comparison: what its numbers do not show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.catalog.baselines import BASELINES
from dlrun.catalog.notes import (
    BETTER_ON_TEST,
    BUSY_MACHINE,
    CAPPED_EPOCHS,
    DIFFERENT_DATA,
    FAILED_TRIALS,
    NO_BETTER_THAN_DUMMY,
    NO_BETTER_THAN_NAIVE,
    NO_VALIDATION,
    SAMPLE_LEARNERS,
    SPOILING,
    STOPPED_STUDY,
    UNEQUAL_BUDGETS,
    VARIED_CHOICE,
)
from dlrun.contract.candidate import KINDS, SIDES, side_of
from dlrun.evidence.formatting import budget_phrase, counted, duration
from dlrun.evidence.health import diagnose
from dlrun.evidence.statistics import differences
from dlrun.evidence.tuning import n_search_trials, search_costs

if TYPE_CHECKING:
    from dlrun.contract.note import Note
    from dlrun.contract.search import SearchBudget
    from dlrun.contract.study import Study
    from dlrun.contract.trial import Cost
    from dlrun.evidence.candidates import CandidateResults
    from dlrun.evidence.choice import Side

NAIVE: Final = frozenset(row.name for row in BASELINES.values() if row.n_lags)

NETWORKS: Final = tuple(kind for kind in KINDS if side_of(kind) == "deep")

BUSY_RATIO: Final = 1.5
BUSY_SECONDS: Final = 0.5  # shorter fits are not judged
ALIKE: Final = 1.1  # the ratio of two budgets up to which they are equal


def notes_on(
    studies: Sequence[Study],
    candidates: Sequence[CandidateResults],
    sides: tuple[Side | None, Side | None],
) -> Iterator[Note]:
    """Yield notes on the studies, on training, failures, each side's best, and the floor.

    A study's notes on its data are among them where they spoil the verdict.
    """
    yield from _on_data(studies)
    yield from _on_studies(studies)
    yield from _on_samples(studies, candidates)
    yield from _on_epochs(candidates)
    yield from _on_health(candidates)
    yield from _on_busy_machine(candidates)
    yield from _on_budgets(studies, candidates, sides)
    yield from _on_failures(candidates)
    for side in sides:
        if side is not None:
            yield from _on_choice(side, candidates)
            yield from _on_dummy(side.chosen, candidates)
            yield from _on_naive(side.chosen, candidates)


def _on_data(studies: Sequence[Study]) -> Iterator[Note]:
    notes = (note for study in studies if study.data for note in study.data.notes)
    yield from (note for note in dict.fromkeys(notes) if note.code in SPOILING)


def _on_studies(studies: Sequence[Study]) -> Iterator[Note]:
    for study in studies:
        if study.status in ("KILLED", "FAILED"):
            yield STOPPED_STUDY.note(
                f"Study {study.name} was stopped early: candidates or splits may be missing."
            )
    if len({study.data_digest for study in studies}) > 1:
        yield DIFFERENT_DATA.note(
            "The studies' data differ (fingerprints); their splits agree, so that each "
            "candidate saw the same rows, but perhaps other columns."
        )


def _on_epochs(candidates: Sequence[CandidateResults]) -> Iterator[Note]:
    for each in candidates:
        if each.n_capped > len(each.scores) / 2:
            splits = counted(len(each.scores), "split")
            yield CAPPED_EPOCHS.note(
                f"{each.name} still improved when training.epochs stopped it, on {each.n_capped} "
                f"of {splits}: its score is that of a training that was cut short."
            )


def _on_health(candidates: Sequence[CandidateResults]) -> Iterator[Note]:
    for each in candidates:
        if each.kind in NETWORKS:
            for symptom in diagnose(each.read_layers()):
                yield symptom.note(each.name)


def _on_samples(studies: Sequence[Study], candidates: Sequence[CandidateResults]) -> Iterator[Note]:
    """Yield a note on the candidates that were fitted to a part of a stream's training rows."""
    all_rows = next((study.data.sizes[0][0] for study in studies if study.data), None)
    for each in candidates:
        counts = [n for n in each.by_split("n_sampled").values() if n > 0]
        if counts:
            n_all = f" of {all_rows:,}" if all_rows else ""
            yield SAMPLE_LEARNERS.note(
                f"{each.name} learned from a sample of {int(min(counts)):,}{n_all} training rows."
            )


def _on_busy_machine(candidates: Sequence[CandidateResults]) -> Iterator[Note]:
    trained = [each for each in candidates if each.family != "both"]
    names = [each.name for each in trained if _is_slowed(each.cost)]
    if names:
        yield BUSY_MACHINE.note(
            f"The machine was busy: {', '.join(names)} took more than {BUSY_RATIO:g} times as long "
            "as the processor worked. Compare CPU seconds, not seconds."
        )


def _is_slowed(cost: Cost) -> bool:
    wall, cpu = cost.fit_seconds or 0.0, cost.cpu_seconds or 0.0
    return cpu > 0 and wall >= BUSY_SECONDS and wall > BUSY_RATIO * cpu


def _on_budgets(
    studies: Sequence[Study],
    candidates: Sequence[CandidateResults],
    sides: tuple[Side | None, Side | None],
) -> Iterator[Note]:
    budgets = [study.search_budget for study in studies]
    if len(set(budgets)) > 1:
        words = (
            f"{study.name} {budget_phrase(each) if each else 'not at all'}"
            for study, each in zip(studies, budgets, strict=True)
        )
        text = f"Not all candidates were tuned alike: {', '.join(words)}."
        yield UNEQUAL_BUDGETS.note(text)
    elif budget := budgets[0]:
        yield from _on_untuned(candidates, sides)
        yield from _on_seconds(candidates) if budget.seconds else _on_trials(budget, candidates)


def _on_untuned(
    candidates: Sequence[CandidateResults], sides: tuple[Side | None, Side | None]
) -> Iterator[Note]:
    chosen = {name for side in sides if side for name in side.n_splits}
    names = [each.name for each in candidates if each.name in chosen and not n_search_trials(each)]
    if names and search_costs(candidates):
        text = f"{', '.join(names)}: without settings to search, and so not tuned as the others."
        yield UNEQUAL_BUDGETS.note(text)


def _on_trials(budget: SearchBudget, candidates: Sequence[CandidateResults]) -> Iterator[Note]:
    for each in candidates:
        counts = [*n_search_trials(each).values()]
        if counts and budget.trials and np.mean(counts) < budget.trials:
            yield UNEQUAL_BUDGETS.note(
                f"{each.name} tried {np.mean(counts):.3g} of {budget.trials} settings "
                "per split: its space has no more."
            )


def _on_seconds(candidates: Sequence[CandidateResults]) -> Iterator[Note]:
    costs = search_costs(candidates)
    if not costs.keys() >= {*SIDES}:
        return
    spent = [costs[family] for family in SIDES]
    means = [(each.seconds / each.n_searches, each.n_trials / each.n_searches) for each in spent]
    if all(max(pair) > ALIKE * min(pair) for pair in zip(*means, strict=True)):
        (deep, n_deep), (classic, n_classic) = means
        yield UNEQUAL_BUDGETS.note(
            f"The budget was not spent alike: a search took {duration(deep)} and "
            f"{n_deep:.3g} trials of a deep candidate, {duration(classic)} and "
            f"{n_classic:.3g} trials of a classic one."
        )


def _on_failures(candidates: Sequence[CandidateResults]) -> Iterator[Note]:
    for each in candidates:
        if each.n_failed:
            splits = counted(each.n_failed + len(each.scores), "split")
            reason = each.error or "the metric is not defined there"
            text = f"{each.name} failed on {each.n_failed} of {splits}: {reason}"
            yield FAILED_TRIALS.note(text)


def _on_choice(side: Side, candidates: Sequence[CandidateResults]) -> Iterator[Note]:
    best, chosen = side.best, side.chosen
    others = [each for each in candidates if each.family == best.family and not each.is_dummy]
    if len(others) > 1 and np.isnan(chosen.validation):
        yield NO_VALIDATION.note(
            f"No {best.family} candidate has a validation score, so {best.name}, the first "
            "listed, represents its side."
        )
    if len(side.n_splits) > 1:
        counts = ", ".join(f"{name} {n}" for name, n in side.n_splits.items())
        yield VARIED_CHOICE.note(
            f"The {best.family} side is represented on each split by its best candidate there on "
            f"the validation rows: {counts} of {counted(len(chosen.scores), 'split')}."
        )
    rivals = [each for each in others if len(each.scores) == len(chosen.scores)]
    luckiest = max(rivals, key=lambda each: _difference(each, chosen), default=chosen)
    if _difference(luckiest, chosen) > 0 and not np.isnan(chosen.validation):
        choice = (
            f"{best.name} was better on validation and represents its side"
            if chosen is best
            else "the choices on validation represent its side"
        )
        yield BETTER_ON_TEST.note(
            f"{luckiest.name} has the better mean test score, but {choice}: choosing by test score "
            "would be biased."
        )


def _on_dummy(chosen: CandidateResults, candidates: Sequence[CandidateResults]) -> Iterator[Note]:
    dummy = next((each for each in candidates if each.is_dummy and each.scores), None)
    if dummy is chosen:
        text = f"{chosen.name} ignores the columns; there is no other {chosen.family} candidate."
        yield NO_BETTER_THAN_DUMMY.note(text)
    elif dummy is not None and _difference(chosen, dummy) <= 0:
        text = f"{chosen.name} is no better than {dummy.name}, which ignores the columns."
        yield NO_BETTER_THAN_DUMMY.note(text)


def _on_naive(chosen: CandidateResults, candidates: Sequence[CandidateResults]) -> Iterator[Note]:
    naive = [each for each in candidates if each.scores and _is_naive(each)]
    if _is_naive(chosen) or not naive:
        return
    best = max(naive, key=lambda each: _difference(each, chosen))
    if _difference(chosen, best) <= 0:
        yield NO_BETTER_THAN_NAIVE.note(
            f"{chosen.name} is no better than {best.name}, which predicts an earlier value."
        )


def _is_naive(candidate: CandidateResults) -> bool:
    """Return whether it is, or a side chose on every split, a baseline that only looks back."""
    return NAIVE.issuperset(candidate.trials["candidate"].tolist())


def _difference(first: CandidateResults, second: CandidateResults) -> float:
    means = np.array([first.mean]), np.array([second.mean])
    return float(differences(*means, first.metric)[0])
