"""The trials of all candidates: resumed from the journal or run, tracked and reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from dlrun.contract.candidate import Candidate, Epoch
from dlrun.contract.dataset import Split
from dlrun.contract.job import Strand
from dlrun.contract.search import SearchTrial
from dlrun.contract.trial import Trial
from dlrun.report.eta import PlannedTrials
from dlrun.report.line import SearchProgress
from dlrun.study.search.strand import SettingsSearch, best_of
from dlrun.study.strands import run_strands
from dlrun.study.trial import TrialTask

if TYPE_CHECKING:
    from dlrun.report.progress import Reporter
    from dlrun.study.engines.engine import Engine
    from dlrun.study.plan import StudyPlan
    from dlrun.study.resume import Journal
    from dlrun.study.search.plan import SearchPlan
    from dlrun.tracking.study import StudyRun


@dataclass(frozen=True)
class CandidateRunner:
    """Runs the candidates of a study: a strand for each trial, all on one engine.

    The strands start in the order of the study: candidate by candidate, on all splits, then under
    all conditions. With one slot, they also end in this order.

    Attributes:
        engine: runs the jobs; journal, tracking and reports are this process's.
        before_networks: called before the first network starts.
    """

    plan: StudyPlan
    study: StudyRun
    reporter: Reporter
    journal: Journal
    engine: Engine
    before_networks: Callable[[], None]
    _chosen: dict[tuple[str, int], Mapping[str, object]] = field(default_factory=dict)

    def run(self) -> list[Trial]:
        """Run every candidate on every split and under every condition, and track it.

        Returns:
            The trials on the splits, by candidate and split.
        """
        tasks = [task for each in self.plan.candidates for task in self._tasks(each)]
        n_left = Counter(task.candidate.name for task in tasks)
        trials: dict[int, Trial] = {}

        def on_epoch(number: int, epoch: Epoch) -> None:
            self._log_epoch(tasks[number], epoch)

        for number, trial in run_strands(self.engine, self._strands(tasks), on_epoch):
            candidate = tasks[number].candidate
            if tasks[number].condition:
                self._end_under_condition(tasks[number], trial)
            else:
                self._end(trial)
                trials[number] = trial
            self.study.log_probe_scores(trial.probe_scores, number)
            n_left[candidate.name] -= 1
            if not n_left[candidate.name]:
                self._finish(candidate)
        return [trials[number] for number in sorted(trials)]

    def _tasks(self, candidate: Candidate) -> Iterator[TrialTask]:
        """Yield the plain trials of a candidate, then those under conditions."""
        splits, folder = self.plan.splits.splits, self.journal.model_folder(candidate)
        looks_inside = self.plan.recipe.evaluation.inside
        for split in splits:
            yield TrialTask(
                candidate,
                split.index,
                split,
                self.plan.metrics,
                perturbations=self.plan.perturbations,
                model_folder=folder if split is splits[-1] else None,
                checkpoint=self.journal.checkpoint(candidate, split),
                watches_layers=looks_inside and split is splits[-1],
            )
        for number, condition in enumerate(self.plan.conditions):
            yield TrialTask(
                candidate,
                number,
                condition.split,
                self.plan.metrics[:1],
                condition,
            )

    def _strands(self, tasks: Sequence[TrialTask]) -> Iterator[Strand[Trial]]:
        """Yield the tasks' strands; what is reported before the first network comes first."""
        for framework, of_framework in groupby(tasks, lambda task: task.candidate.framework):
            if framework == "tensorflow":
                self.before_networks()
            for _, line in groupby(of_framework, _title):
                of_line = list(line)
                self._begin(of_line)
                strand = self._condition_strand if of_line[0].condition else self._trial_strand
                yield from map(strand, of_line)

    def _trial_strand(self, task: TrialTask) -> Strand[Trial]:
        """Return a trial of the journal, or run it, after a search, and keep it there."""
        trial = self.journal.recall(task.candidate, task.split, model=task.model_folder)
        if trial is None:
            self.reporter.trial(_title(task), _shown(task))
            trial = yield from self._search(task)
            self.journal.keep(trial, model=task.model_folder)
        chosen = trial.tuning.settings if trial.tuning else {}
        self._chosen[task.candidate.name, task.split.index] = chosen
        return trial

    def _search(self, task: TrialTask) -> Strand[Trial]:
        search = self.plan.searches.get(task.candidate.name)
        if search is None:
            trial: Trial = yield task
            return trial
        on_searched = partial(self._report_search, task, search)
        return (yield from SettingsSearch(task, search, self.journal, on_searched).run())

    def _condition_strand(self, task: TrialTask) -> Strand[Trial]:
        """Return a trial of the journal, or run it with the settings chosen on its split."""
        candidate, condition = task.candidate, task.condition
        while (chosen := self._chosen.get((candidate.name, task.split.index))) is None:
            yield None
        known = self.journal.recall(candidate, task.split, condition, chosen=chosen)
        if known:
            return known
        self.reporter.trial(_title(task), _shown(task))
        trial: Trial = yield replace(
            task,
            candidate=candidate.with_settings(chosen) if chosen else candidate,
            checkpoint=self.journal.checkpoint(candidate, task.split, condition, chosen),
        )
        self.journal.keep(trial, condition, chosen=chosen)
        return trial

    def _report_search(
        self, task: TrialTask, search: SearchPlan, trials: Sequence[SearchTrial]
    ) -> None:
        best = best_of(trials, task.metrics[0])
        progress = SearchProgress(len(trials), search.n_trials, best.score)
        self.reporter.searched(task.candidate.name, task.split, progress)

    def _begin(self, line: Sequence[TrialTask]) -> None:
        candidate = line[0].candidate
        self.reporter.begin(_title(line[0]), candidate.family, len(line), candidate.framework)
        if line[0].condition is None:
            self.study.begin_candidate(candidate.name, candidate.kind, candidate.settings)

    def _log_epoch(self, task: TrialTask, epoch: Epoch) -> None:
        self.reporter.epoch(_title(task), _shown(task), epoch)
        if task.condition is None and task.candidate.name not in self.plan.searches:
            self.study.log_epoch(task.candidate.name, task.split, epoch)

    def _end(self, trial: Trial) -> None:
        if trial.resumed or trial.tuning:  # the epochs of a search are of other trials, too
            for epoch in trial.epochs:
                self.study.log_epoch(trial.candidate, trial.split, epoch)
        self.study.log_trial(trial)
        self.reporter.end(trial)

    def _end_under_condition(self, task: TrialTask, trial: Trial) -> None:
        """Report it as a trial of a candidate of its own."""
        self.reporter.end(replace(trial, candidate=_title(task), split=_shown(task)))

    def _finish(self, candidate: Candidate) -> None:
        folder = self.journal.model_folder(candidate)
        self.study.finish_candidate(candidate.name, folder if folder.exists() else None)


def _title(task: TrialTask) -> str:
    name = task.candidate.name
    return _retrained(name) if task.condition else name


def _retrained(name: str) -> str:
    return f"{name}, on varied rows"


def _shown(task: TrialTask) -> Split:
    return replace(task.split, index=task.number)


def planned_trials(
    plan: StudyPlan, journal: Journal, units: Mapping[str, float]
) -> Iterator[PlannedTrials]:
    """Yield the trials that are to be run, in the order of the study, line by line.

    Args:
        plan: of the study.
        journal: has the trials that need not be run.
        units: candidate → seconds that a trial is expected to take, where they are known.
    """
    splits, conditions = plan.splits.splits, plan.conditions
    whole = len(splits[0].train)
    for each in plan.candidates:
        is_searched, unit = each.name in plan.searches, units.get(each.name)
        sizes = (1.0,) * sum(not journal.has(each, split) for split in splits)
        yield PlannedTrials(each.name, each.name, each.family, sizes, is_searched, unit)
        if conditions:
            shares = [
                len(condition.split.train) / whole
                for condition in conditions
                if not journal.has(each, condition.split, condition)
            ]
            yield PlannedTrials(
                _retrained(each.name),
                each.name,
                each.family,
                tuple(shares),
                expected=None if is_searched else unit,
            )
