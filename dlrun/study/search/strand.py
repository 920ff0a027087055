"""A searched trial: the default settings are tried first, then others, and the best are tested."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isnan
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlrun.catalog.metrics import get_metric
from dlrun.contract.job import Strand
from dlrun.contract.search import SearchTrial, Tuning
from dlrun.contract.trial import Trial
from dlrun.recipe.overrides import SHORTHANDS
from dlrun.study.search.job import SearchJob
from dlrun.study.search.sampler import Sampler, Settings, Space, ask_new, make_sampler

if TYPE_CHECKING:
    from dlrun.contract.candidate import Candidate
    from dlrun.study.resume import Journal
    from dlrun.study.search.plan import SearchPlan
    from dlrun.study.trial import TrialTask

OnSearched = Callable[[Sequence[SearchTrial]], None]


@dataclass(frozen=True)
class SettingsSearch:
    """The search of one candidate's settings on one split.

    The default settings are its first trial, and are chosen unless others are strictly better on
    the validation rows or inner folds. Test rows are predicted with the default settings and with
    those that were chosen, and with no others.

    What was tried before a stop is read from the journal in its order, so that the sampler, which
    depends on nothing else, proposes the same again.

    Attributes:
        task: a plain trial of the candidate with its own settings.
        on_searched: called with the trials so far, whenever one has ended.
    """

    task: TrialTask
    plan: SearchPlan
    journal: Journal
    on_searched: OnSearched

    def run(self) -> Strand[Trial]:
        """Yield the jobs one after the other, and return the trial with the chosen settings."""
        default = yield from self._default()
        trials = [(yield from self._first(default))]
        self.on_searched(trials)
        yield from self._search(trials)
        best = best_of(trials, self.task.metrics[0])
        inner = "folds" if self.plan.inner else "validation"
        tuning = Tuning(tuple(trials), best.number, default.scores, inner)
        if best.number == 1:
            self._use_default_model()
            return replace(default, tuning=tuning, resumed=False)
        task = self._tuned(best.settings)
        tuned: Trial = yield task
        if task.checkpoint:
            shutil.rmtree(task.checkpoint, ignore_errors=True)
        return replace(tuned, tuning=tuning)

    def _default(self) -> Strand[Trial]:
        """Return the trial with the default settings, whose model has a folder of its own."""
        folder = self.task.model_folder
        task = replace(self.task, model_folder=_default_model(folder) if folder else None)
        known = self.journal.recall(task.candidate, task.split, model=task.model_folder, chosen={})
        if known:
            return known
        trial: Trial = yield task
        self.journal.keep(trial, model=task.model_folder, chosen={})
        return trial

    def _first(self, default: Trial) -> Strand[SearchTrial]:
        """Return the default as the first trial of the search."""
        if self.plan.inner and not default.error:
            return (yield from self._try(1, {}, None))
        score = default.validation_scores.get(self.task.metrics[0], float("nan"))
        cost, best_epoch = default.cost, default.best_epoch
        return SearchTrial(
            1, {}, score, cost.fit_seconds, cost.cpu_seconds, best_epoch, default.error
        )

    def _search(self, trials: list[SearchTrial]) -> Strand[None]:
        """Add trials until the budget is spent, or nothing new is proposed."""
        own = own_settings(self.task.candidate, self.plan.space)
        known = [(own, trials[0].score)]
        sampler: Sampler | None = None
        while self.plan.goes_on(trials):
            sampler = sampler or self._sampler(known[0])  # Optuna takes a moment to import
            settings = ask_new(sampler, known)
            if settings is None:
                return
            number, left = len(trials) + 1, self.plan.seconds_left(trials)
            trials.append((yield from self._try(number, settings, left)))
            sampler.tell(trials[-1].score)
            known.append((settings, trials[-1].score))
            self.on_searched(trials)

    def _sampler(self, default: tuple[Settings, float]) -> Sampler:
        task, metric = self.task, get_metric(self.task.metrics[0])
        name = f"{task.split.seed} {task.candidate.name}"
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
        return make_sampler(
            self.plan.sampler,
            self.plan.space,
            seed,
            lower_is_better=metric.lower_is_better,
            default=default,
        )

    def _try(self, number: int, settings: Settings, seconds: float | None) -> Strand[SearchTrial]:
        task, records = self.task, self.journal.search_records(self.task.candidate, self.task.split)
        job = SearchJob(
            task.candidate,
            number,
            settings,
            replace(task.split, test=np.empty(0, np.int64)),
            task.metrics[0],
            self.plan.inner,
            seconds,
            records.checkpoint(settings),
        )
        known = records.recall(job)
        if known:
            return known
        trial: SearchTrial = yield job
        self.journal.keep_searched(records, job, trial)
        return trial

    def _tuned(self, settings: Settings) -> TrialTask:
        task = self.task
        records = self.journal.search_records(task.candidate, task.split)
        candidate = task.candidate.with_settings(settings)
        checkpoint = records.checkpoint({"tuned": settings})
        return replace(task, candidate=candidate, checkpoint=checkpoint)

    def _use_default_model(self) -> None:
        """Put the model of the default settings where the trial's is expected."""
        folder = self.task.model_folder
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
            if _default_model(folder).exists():
                shutil.copytree(_default_model(folder), folder)


def _default_model(folder: Path) -> Path:
    return folder.with_name(f"default-{folder.name}")


def best_of(trials: Sequence[SearchTrial], metric: str) -> SearchTrial:
    """Return the trial with the best score; the first of equal ones, and where all failed."""
    sign = get_metric(metric).sign
    return max(trials, key=lambda each: -inf if isnan(each.score) else sign * each.score)


def own_settings(candidate: Candidate, space: Space) -> Mapping[str, object]:
    """Return the candidate's own values of the settings that are searched, where known."""
    settings = candidate.settings
    long = {key: f"{key}.{SHORTHANDS[key]}" for key in space if key in SHORTHANDS}
    return {
        key: settings[name] for key in space for name in (long.get(key, key),) if name in settings
    }
