"""The stage on which candidates run: their trials, recalled or new, and who hears of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from dlrun.contract.candidate import Candidate, Epoch
from dlrun.contract.dataset import Dataset, Split, Splits
from dlrun.contract.trial import ProbeScore, RetrainingCondition, TestPerturbation, Trial

if TYPE_CHECKING:
    from dlrun.deep.candidate import DeepCandidate
    from dlrun.recipe.schema import Recipe
    from dlrun.report.progress import Reporter
    from dlrun.study.feature_networks import FeatureNetworkCandidate
    from dlrun.study.resume import Journal
    from dlrun.tracking.study import StudyRun

    Network = DeepCandidate | FeatureNetworkCandidate


@dataclass(frozen=True)
class StudyPlan:
    """A study before it starts; whatever can be refused has been checked."""

    recipe: Recipe
    dataset: Dataset
    splits: Splits
    metrics: tuple[str, ...]
    classic: tuple[Candidate, ...]
    deep: tuple[Network, ...]
    probes: tuple[TestPerturbation, ...]
    variations: tuple[RetrainingCondition, ...]

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Return the candidates of both families."""
        return (*self.classic, *self.deep)


class TrainingAnnouncement(Protocol):
    """Tells other workers that a network's training begins."""

    def __call__(self, candidate: Candidate, number: int, *, is_variation: bool) -> None:
        """Say which network, and which split or variation."""


@dataclass(frozen=True)
class CandidateRunner:
    """Where the trials of a study run: what they need, and who hears of them."""

    plan: StudyPlan
    study: StudyRun
    reporter: Reporter
    journal: Journal
    announce: TrainingAnnouncement

    def run(self, candidate: Candidate) -> list[Trial]:
        """Run a candidate on every split and every variation, but for what is recalled."""
        name, family = candidate.name, candidate.family
        self.reporter.begin(name, family, len(self.plan.splits.splits))
        self.study.begin_candidate(name, family, candidate.settings)
        trials = list(self._hear_trials(candidate))
        self._hear_variations(candidate)
        folder = self.journal.model_folder(candidate)
        self.study.finish_candidate(name, folder if any(folder.iterdir()) else None)
        return trials

    def _hear_trials(self, candidate: Candidate) -> Iterator[Trial]:
        splits = self.plan.splits.splits
        kept = [self.journal.recall(candidate, split) for split in splits]
        missing = [split for split, trial in zip(splits, kept, strict=True) if trial is None]
        new = self._run_trials(candidate, missing)
        for recalled in kept:
            trial = recalled or next(new)
            if recalled:
                for epoch in trial.epochs:
                    self.study.log_epoch(candidate.name, trial.split, epoch)
            else:
                self.journal.keep(trial)
            self.study.log_trial(trial)
            self.study.log_probe_scores(trial.probe_scores)
            self.reporter.end(trial)
            yield trial

    def _hear_variations(self, candidate: Candidate) -> None:
        """Show the trials on changed rows as a line of their own, and track what they measured."""
        variations = self.plan.variations
        if not variations:
            return
        title = _once_more(candidate)
        self.reporter.begin(title, candidate.family, len(variations))
        kept = [self.journal.recall_varied(candidate, variation) for variation in variations]
        places = [place for place, found in enumerate(kept) if found is None]
        new = self._run_variations(candidate, places)
        for place, variation in enumerate(variations):
            found = kept[place]
            trial, measurement = found or next(new)
            if found is None:
                self.journal.keep_varied(candidate, variation, trial, measurement)
            self.study.log_probe_scores([measurement])
            self.reporter.end(
                replace(trial, candidate=title, split=replace(trial.split, index=place))
            )

    def _run_trials(self, candidate: Candidate, splits: Sequence[Split]) -> Iterator[Trial]:
        """Run classic candidates on the recipe's workers, networks here, one after the other."""
        from dlrun.study.trial import run_trials

        if candidate.family == "deep":
            return (self._train(candidate, split) for split in splits)
        return run_trials(
            candidate,
            self.plan.dataset,
            splits,
            metrics=self.plan.metrics,
            folder=self.journal.model_folder(candidate),
            last=self.plan.splits.splits[-1],
            execution=self.plan.recipe.execution,
            probes=self.plan.probes,
        )

    def _run_variations(
        self, candidate: Candidate, places: Sequence[int]
    ) -> Iterator[tuple[Trial, ProbeScore]]:
        from dlrun.study.trial import run_variations

        if candidate.family == "deep":
            return (self._vary(candidate, place) for place in places)
        return run_variations(
            candidate,
            self.plan.dataset,
            [self.plan.variations[place] for place in places],
            metric=self.plan.metrics[0],
            folder=self.journal.model_folder(candidate),
            execution=self.plan.recipe.execution,
        )

    def _train(self, candidate: Candidate, split: Split) -> Trial:
        from dlrun.study.trial import run_trial

        def on_epoch(epoch: Epoch) -> bool:
            self.reporter.epoch(candidate.name, split, epoch)
            self.study.log_epoch(candidate.name, split, epoch)
            return True

        self.announce(candidate, split.index, is_variation=False)
        return run_trial(
            candidate,
            self.plan.dataset,
            split,
            metrics=self.plan.metrics,
            folder=self.journal.model_folder(candidate),
            on_epoch=on_epoch,
            checkpoint=self.journal.checkpoint(candidate, split),
            save=split is self.plan.splits.splits[-1],
            probes=self.plan.probes,
        )

    def _vary(self, candidate: Candidate, place: int) -> tuple[Trial, ProbeScore]:
        from dlrun.study.trial import run_variation

        variation = self.plan.variations[place]
        shown = replace(variation.split, index=place)

        def on_epoch(epoch: Epoch) -> bool:
            self.reporter.epoch(_once_more(candidate), shown, epoch)
            return True

        self.announce(candidate, place, is_variation=True)
        return run_variation(
            candidate,
            self.plan.dataset,
            variation,
            metric=self.plan.metrics[0],
            folder=self.journal.model_folder(candidate),
            on_epoch=on_epoch,
            checkpoint=self.journal.varied_checkpoint(candidate, variation),
        )


def _once_more(candidate: Candidate) -> str:
    return f"{candidate.name}, on varied rows"
