"""The model that a study keeps: the one to use, trained on all rows once the verdict is known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dlrun.contract.candidate import BLEND, Epoch
from dlrun.contract.study import KeptModel, rows_of_last_split
from dlrun.contract.trial import Cost, Trial
from dlrun.errors import UsageError
from dlrun.evidence.formatting import first_line
from dlrun.study.blend import mean_weights, write_blend
from dlrun.study.embedded import within
from dlrun.study.refit import RefitJob, make_refit
from dlrun.study.resume import warned_of_a_full_disk
from dlrun.study.strands import run_strands
from dlrun.study.workers import is_joint
from dlrun.system.text import suggest

if TYPE_CHECKING:
    from dlrun.contract.candidate import Candidate
    from dlrun.contract.dataset import Dataset
    from dlrun.contract.job import Strand
    from dlrun.report.context import ReportContext
    from dlrun.report.progress import Reporter
    from dlrun.study.engines.engine import Engine
    from dlrun.study.plan import StudyPlan
    from dlrun.study.resume import Journal
    from dlrun.tracking.study import StudyRun

ALL_ROWS: Final = f"{BLEND}.refit"  # the folder of the blend in the journal


def check_wanted(plan: StudyPlan, wanted: str | None) -> None:
    """Check that the candidate that is to be trained on all rows is one of the study's.

    Raises:
        UsageError: it is none.
    """
    names = [*(each.name for each in plan.candidates), BLEND]
    if wanted is not None and wanted not in names:
        message = f"--refit: {wanted!r} is no candidate of this recipe. {suggest(wanted, names)}"
        raise UsageError(message)


@dataclass(frozen=True)
class TrainedModel:
    """A model that was trained on all rows.

    Attributes:
        trial: of the training.
        settings: of the candidate, as they were chosen.
        folder: that `Fitted.save` wrote.
        trained_on: which rows, in words.
    """

    trial: Trial
    settings: Mapping[str, object]
    folder: Path
    trained_on: str


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
        names = self._names(name, finished)
        weights = mean_weights([each for each in trials if each.members]) if BLEND in names else {}
        jobs = self._jobs({*names, *weights}, trials)
        trained = self._train(jobs, names, context)
        if BLEND in names:
            self._blend(weights, trained, context.expectation(BLEND))
        n_splits = len(self.plan.splits.splits)
        made = trained.get(name)
        kept = KeptModel(name, made.trained_on if made else rows_of_last_split(n_splits))
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

    def _train(
        self, jobs: Sequence[RefitJob], logged: Collection[str], context: ReportContext
    ) -> dict[str, TrainedModel]:
        """Run the jobs; return the models of those that did not fail, by candidate.

        Args:
            jobs: to run.
            logged: the candidates whose models are logged; others are members of a blend.
            context: of the study.
        """
        trained = {}

        def on_epoch(number: int, epoch: Epoch) -> None:
            self.reporter.epoch(self._title(jobs[number]), jobs[number].split, epoch)

        for number, trial in run_strands(self.engine, map(self._strand, jobs), on_epoch):
            job, name = jobs[number], trial.candidate
            self.reporter.end(replace(trial, candidate=self._title(job)))
            if trial.error:
                self._note(name, first_line(trial.error))
                continue
            rows = self._rows(job, trial.n_sampled)
            trained[name] = TrainedModel(trial, job.candidate.settings, job.model_folder, rows)
            if name in logged:
                self._log(trained[name], context.expectation(name))
        return trained

    def _blend(
        self, weights: Mapping[str, float], trained: dict[str, TrainedModel], expected: str
    ) -> None:
        """Add the blend of models that were trained on all rows, with its mean weights.

        Args:
            weights: candidate → its mean weight over the splits.
            trained: candidate → its model; the blend is added.
            expected: what to expect of it.
        """
        missing = [name for name in weights if name not in trained]
        members = {name: trained[name] for name in weights if name in trained}
        folders = {name: each.folder for name, each in members.items()}
        folder = None if missing else write_blend(self.journal.folder / ALL_ROWS, folders, weights)
        if folder is None:
            self._note(BLEND, f"{', '.join(missing) or 'the model'} is missing")
            return
        seconds = sum(each.trial.cost.fit_seconds or 0.0 for each in members.values())
        split = next(iter(members.values())).trial.split
        trial = Trial(BLEND, "both", split, cost=Cost(fit_seconds=seconds))
        rows = " and ".join(dict.fromkeys(each.trained_on for each in members.values()))
        settings = {f"weight.{name}": round(share, 3) for name, share in weights.items()}
        trained[BLEND] = TrainedModel(trial, settings, folder, rows)
        self._log(trained[BLEND], expected)

    def _strand(self, job: RefitJob) -> Strand[Trial]:
        """Return the trial that was kept before, or run the job and keep its trial."""
        own = job.candidate
        self.reporter.begin(self._title(job), own.family, 0, own.framework)
        if known := job.recall():
            return known
        self.reporter.trial(self._title(job), job.split)
        trial: Trial = yield job
        with warned_of_a_full_disk(self.journal.folder):
            job.keep(trial)
        return trial

    def _log(self, made: TrainedModel, expected: str) -> None:
        kept = KeptModel(made.trial.candidate, made.trained_on)
        words = f"{expected} It was trained on {made.trained_on}, and has no test rows of its own."
        self.study.log_refit(made.trial, made.settings, made.folder, kept, words)

    def _title(self, job: RefitJob) -> str:
        return f"{job.candidate.name}, on {self._rows(job, job.n_sampled)}"

    def _rows(self, job: RefitJob, n_sampled: int | None) -> str:
        """Return in words which rows a candidate is trained on.

        Args:
            job: of the candidate.
            n_sampled: as in `Trial`.
        """
        dataset, n_rows = self.plan.dataset, n_sampled or len(job.split.train)
        n_all = sum(dataset.stream.sizes) if dataset.stream else n_rows
        if n_all == n_rows or not (n_sampled or _learns_from_memory(job.candidate, dataset)):
            return f"all {n_all:,} rows"
        return f"a sample of {n_rows:,} of all {n_all:,} rows"

    def _note(self, name: str, reason: str) -> None:
        self.reporter.note(
            f"{name} is not trained on all rows, and its model of the last split stays: {reason}"
        )


def _learns_from_memory(candidate: Candidate, dataset: Dataset) -> bool:
    """Return whether a candidate learns from the rows of a stream that are in memory."""
    from dlrun.classic.candidate import ClassicCandidate
    from dlrun.classic.features.pipeline import has_structure

    if has_structure(dataset.columns):
        return False
    candidate = within(candidate)
    task = dataset.target.task
    return isinstance(candidate, ClassicCandidate) and not candidate.supports_partial_fit(task)
