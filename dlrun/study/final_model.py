"""The model that a study keeps: the one to use, trained on all rows once the verdict is known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlrun.contract.candidate import Epoch
from dlrun.contract.study import KeptModel, rows_of_last_split
from dlrun.contract.trial import Trial
from dlrun.errors import UsageError
from dlrun.evidence.formatting import first_line
from dlrun.study.refit import RefitJob, make_refit
from dlrun.study.resume import warned_of_a_full_disk
from dlrun.study.strands import run_strands
from dlrun.study.workers import is_joint
from dlrun.system.text import suggest

if TYPE_CHECKING:
    from dlrun.contract.candidate import Candidate
    from dlrun.contract.job import Strand
    from dlrun.report.context import ReportContext
    from dlrun.report.progress import Reporter
    from dlrun.study.engines.engine import Engine
    from dlrun.study.plan import StudyPlan
    from dlrun.study.resume import Journal
    from dlrun.tracking.study import StudyRun


def check_wanted(plan: StudyPlan, wanted: str | None) -> None:
    """Check that the candidate that is to be trained on all rows is one of the study's.

    Raises:
        UsageError: it is none.
    """
    names = [each.name for each in plan.candidates]
    if wanted is not None and wanted not in names:
        message = f"--refit: {wanted!r} is no candidate of this recipe. {suggest(wanted, names)}"
        raise UsageError(message)


@dataclass(frozen=True)
class FinalModels:
    """Trains candidates of a study on all rows.

    Attributes:
        wanted: the candidate whose model is kept, whatever the verdict and the recipe say; None: as
            they say.
    """

    plan: StudyPlan
    study: StudyRun
    reporter: Reporter
    journal: Journal
    engine: Engine
    wanted: str | None = None

    def keep(self, context: ReportContext, trials: Sequence[Trial]) -> KeptModel | None:
        """Train what the recipe says; return the model that the study keeps, None without a score.

        Where that training fails, the model of the last split stays, and a note says why.
        """
        finished = [view.name for view in context.finished]
        name = self.wanted if self.wanted in finished else context.comparison.to_use
        if name is None:
            return None
        n_splits = len(self.plan.splits.splits)
        trained = self._train(self._jobs(self._names(name, finished), trials), context)
        kept = trained.get(name) or KeptModel(name, rows_of_last_split(n_splits))
        self.study.log_kept(kept)
        return kept

    def _names(self, chosen: str, finished: Sequence[str]) -> Sequence[str]:
        """Return the candidates to train on all rows."""
        refit = self.plan.recipe.evaluation.refit
        if refit == "all":
            return finished
        return [chosen] if self.wanted or refit == "winner" else []

    def _jobs(self, names: Collection[str], trials: Sequence[Trial]) -> list[RefitJob]:
        jobs = []
        for candidate in self.plan.candidates:
            if candidate.name not in names:
                continue
            if is_joint(self.plan, candidate):
                self._note(candidate.name, "several processes train it together")
                continue
            own = [trial for trial in trials if trial.candidate == candidate.name]
            folder, metric = self.journal.model_folder(candidate).parent, self.plan.metrics[0]
            jobs.append(make_refit(candidate, own, self.plan.splits, metric, folder))
        return jobs

    def _train(self, jobs: Sequence[RefitJob], context: ReportContext) -> dict[str, KeptModel]:
        """Run the jobs and log their models; return those that did not fail, by candidate."""
        trained = {}

        def on_epoch(number: int, epoch: Epoch) -> None:
            self.reporter.epoch(self._title(jobs[number]), jobs[number].split, epoch)

        for number, trial in run_strands(self.engine, map(self._strand, jobs), on_epoch):
            job, name = jobs[number], trial.candidate
            self.reporter.end(replace(trial, candidate=self._title(job)))
            if trial.error:
                self._note(name, first_line(trial.error))
                continue
            trained[name] = KeptModel(name, self._rows(job))
            self._log(job, trial, trained[name], context.expectation(name))
        return trained

    def _strand(self, job: RefitJob) -> Strand[Trial]:
        """Return the trial that was kept before, or run the job and keep its trial."""
        self.reporter.begin(self._title(job), job.candidate.family, 0)
        if known := job.recall():
            return known
        trial: Trial = yield job
        with warned_of_a_full_disk(self.journal.folder):
            job.keep(trial)
        return trial

    def _log(self, job: RefitJob, trial: Trial, kept: KeptModel, expected: str) -> None:
        words = f"{expected} It was trained on {kept.trained_on}, and has no test rows of its own."
        self.study.log_refit(trial, job.candidate.settings, job.model_folder, kept, words)

    def _title(self, job: RefitJob) -> str:
        return f"{job.candidate.name}, on {self._rows(job)}"

    def _rows(self, job: RefitJob) -> str:
        """Return in words which rows a candidate is trained on."""
        dataset, n_rows = self.plan.dataset, len(job.split.train)
        n_all = sum(dataset.stream.sizes) if dataset.stream else n_rows
        if n_all == n_rows or _reads_stream(job.candidate, dataset.target.task):
            return f"all {n_all:,} rows"
        return f"a sample of {n_rows:,} of all {n_all:,} rows"

    def _note(self, name: str, reason: str) -> None:
        self.reporter.note(
            f"{name} is not trained on all rows, and its model of the last split stays: {reason}"
        )


def _reads_stream(candidate: Candidate, task: str) -> bool:
    """Return whether a candidate learns from all rows of a stream, and not from a sample."""
    if candidate.family == "deep":
        return not candidate.features
    from dlrun.classic.candidate import ClassicCandidate

    return isinstance(candidate, ClassicCandidate) and candidate.supports_partial_fit(task)
