"""A candidate's trials: resumed from the journal or run, tracked and reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlrun.contract.candidate import Candidate, Epoch
from dlrun.contract.trial import Trial
from dlrun.report.eta import PlannedTrials
from dlrun.study.executor import run_trials
from dlrun.study.trial import TrialTask, run_trial

if TYPE_CHECKING:
    from dlrun.report.progress import Reporter
    from dlrun.study.plan import StudyPlan
    from dlrun.study.resume import Journal
    from dlrun.tracking.study import StudyRun


@dataclass(frozen=True)
class CandidateRunner:
    """Runs the candidates of a study, one after the other.

    Attributes:
        announce: called before a network is trained, for the workers that train with this process.
    """

    plan: StudyPlan
    study: StudyRun
    reporter: Reporter
    journal: Journal
    announce: Callable[[TrialTask], None]

    def run(self, candidate: Candidate) -> list[Trial]:
        """Run a candidate on every split and under every condition, and track it.

        Returns:
            The trials on the splits, in their order.
        """
        name, family = candidate.name, candidate.family
        self.reporter.begin(name, family, len(self.plan.splits.splits))
        self.study.begin_candidate(name, family, candidate.settings)
        trials = list(self._run_splits(candidate))
        if self.plan.conditions:
            self._run_conditions(candidate)
        folder = self.journal.model_folder(candidate)
        self.study.finish_candidate(name, folder if folder.exists() else None)
        return trials

    def _run_splits(self, candidate: Candidate) -> Iterator[Trial]:
        splits = self.plan.splits.splits
        folder = self.journal.model_folder(candidate)
        tasks = [
            TrialTask(
                candidate,
                split.index,
                split,
                self.plan.metrics,
                perturbations=self.plan.perturbations,
                model_folder=folder if split is splits[-1] else None,
                checkpoint=self.journal.checkpoint(candidate, split),
            )
            for split in splits
        ]
        for trial in self._resume_or_run(tasks):
            if trial.resumed:
                for epoch in trial.epochs:
                    self.study.log_epoch(candidate.name, trial.split, epoch)
            self.study.log_trial(trial)
            self.study.log_probe_scores(trial.probe_scores)
            self.reporter.end(trial)
            yield trial

    def _run_conditions(self, candidate: Candidate) -> None:
        """Retrain under every condition; it is reported as a candidate of its own."""
        title, conditions = _retrained(candidate), self.plan.conditions
        tasks = [
            TrialTask(
                candidate,
                number,
                condition.split,
                self.plan.metrics[:1],
                condition,
                checkpoint=self.journal.checkpoint(candidate, condition.split, condition),
            )
            for number, condition in enumerate(conditions)
        ]
        self.reporter.begin(title, candidate.family, len(conditions))
        for number, trial in enumerate(self._resume_or_run(tasks)):
            self.study.log_probe_scores(trial.probe_scores)
            shown = replace(trial.split, index=number)
            self.reporter.end(replace(trial, candidate=title, split=shown))

    def _resume_or_run(self, tasks: Sequence[TrialTask]) -> Iterator[Trial]:
        """Yield the tasks' trials in order: those of the journal, and new ones, written to it."""
        known = [
            self.journal.recall(each.candidate, each.split, each.condition, each.model_folder)
            for each in tasks
        ]
        new = self._run([task for task, trial in zip(tasks, known, strict=True) if trial is None])
        for task, resumed in zip(tasks, known, strict=True):
            trial = resumed or next(new)
            if not resumed:
                self.journal.keep(trial, task.condition, task.model_folder)
            yield trial

    def _run(self, tasks: Sequence[TrialTask]) -> Iterator[Trial]:
        """Run classic candidates on the recipe's workers, networks here, one after the other."""
        if tasks and tasks[0].candidate.family == "classic":
            return run_trials(tasks, self.plan.dataset, self.plan.recipe.execution)
        return map(self._train, tasks)

    def _train(self, task: TrialTask) -> Trial:
        name = _retrained(task.candidate) if task.condition else task.candidate.name
        shown = replace(task.split, index=task.number)

        def on_epoch(epoch: Epoch) -> bool:
            self.reporter.epoch(name, shown, epoch)
            if task.condition is None:
                self.study.log_epoch(name, task.split, epoch)
            return True

        self.announce(task)
        return run_trial(task, self.plan.dataset, on_epoch=on_epoch)


def _retrained(candidate: Candidate) -> str:
    return f"{candidate.name}, on varied rows"


def planned_trials(plan: StudyPlan, journal: Journal) -> Iterator[PlannedTrials]:
    """Yield the trials that are to be run, in the order of the study, line by line."""
    splits, conditions = plan.splits.splits, plan.conditions
    whole = len(splits[0].train)
    for each in plan.candidates:
        missing = [split for split in splits if not journal.has(each, split)]
        yield PlannedTrials(each.name, each.name, each.family, (1.0,) * len(missing))
        if conditions:
            sizes = [
                len(condition.split.train) / whole
                for condition in conditions
                if not journal.has(each, condition.split, condition)
            ]
            yield PlannedTrials(_retrained(each), each.name, each.family, tuple(sizes))
