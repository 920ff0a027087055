"""A study in MLflow while it runs: written live, with a fallback when its server fails."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from dlrun.contract.candidate import Epoch, Kind
from dlrun.contract.dataset import Split
from dlrun.contract.excerpt import DataExcerpt
from dlrun.contract.inside import Inside
from dlrun.contract.study import KeptModel
from dlrun.contract.trial import ProbeScore, Trial
from dlrun.errors import TrackingError
from dlrun.system.forced_exit import last_words
from dlrun.system.secrets import mask
from dlrun.system.signals import deferred_signals
from dlrun.system.text import first_line
from dlrun.tracking.client import clear_errors, failures, reason_of
from dlrun.tracking.facts import StudyFacts
from dlrun.tracking.store import Store, fallback_store
from dlrun.tracking.ui import study_url
from dlrun.tracking.write import StudyWriter

Write = Callable[[StudyWriter], None]


class StudyRun:
    """A study that is being tracked; a context manager that always ends its runs.

    Ctrl-C, SIGTERM and SIGHUP (inside `signals.raise_on_signals`) end them KILLED, errors FAILED.

    When a server fails in the middle, all writes so far are replayed on the store of this folder,
    where the study goes on; `store.note` then says so. Model folders must therefore stay in place
    until the study ends.
    """

    def __init__(self, store: Store, facts: StudyFacts, before: str | None = None) -> None:
        """Prepare a study; `before` is the run id of a stopped one that it resumes."""
        self._facts = facts
        self._writer = StudyWriter(store, facts, before=before)
        self._writes: list[tuple[int, Write]] = []  # so far, with their times, on a server
        self._watched = ExitStack()

    @property
    def store(self) -> Store:
        """Return the store that the study is in: the given one, or the fallback."""
        return self._writer.store

    @property
    def id(self) -> str:
        """Return the run id of the study in that store."""
        return self._writer.id

    @property
    def url(self) -> str:
        """Return the link to the runs of its experiment, in the saved view once there is one."""
        return study_url(self.store, has_view=self._writer.has_view)

    def __enter__(self) -> Self:
        self._watched.enter_context(last_words(self._mark_killed))
        try:
            self._write(StudyWriter.start)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watched.close()
        status = _status(kind)
        try:
            self._write(lambda writer: writer.close(status))
        except TrackingError:
            if error is None:  # else the first error is raised
                raise

    def begin_candidate(self, name: str, kind: Kind | None, settings: Mapping[str, object]) -> None:
        """Create the run of a candidate; without a kind: of a blend."""
        self._write(lambda writer: writer.begin_candidate(name, kind, settings))

    def log_epoch(self, name: str, split: Split, epoch: Epoch) -> None:
        """Log an epoch; charts show those of the first split (see `StudyWriter.log_epoch`)."""
        self._write(lambda writer: writer.log_epoch(name, split, epoch))

    def log_trial(self, trial: Trial) -> None:
        """Log a finished or failed trial."""
        self._write(lambda writer: writer.log_trial(trial))

    def log_probe_scores(self, scores: Sequence[ProbeScore], place: int) -> None:
        """Log probe scores, at their place in the table of all."""
        if scores:
            self._write(lambda writer: writer.log_probe_scores(scores, place))

    def finish_candidate(self, name: str, model_folder: Path | None) -> None:
        """Summarise a candidate and log its model, a folder that `Fitted.save` wrote."""
        self._write(lambda writer: writer.finish_candidate(name, model_folder))

    def log_refit(
        self,
        trial: Trial,
        settings: Mapping[str, object],
        model_folder: Path,
        kept: KeptModel,
        words: str,
    ) -> None:
        """Log a model that was trained on all rows; see `StudyWriter.log_refit`."""
        self._write(lambda writer: writer.log_refit(trial, settings, model_folder, kept, words))

    def log_kept(self, kept: KeptModel) -> None:
        """Log which model is that of the study."""
        self._write(lambda writer: writer.log_kept(kept))

    def finish(
        self,
        verdict: str,
        comparison: Mapping[str, Sequence[object]],
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Log the verdict sentence and its numbers, and the comparison as column → values."""
        self._write(lambda writer: writer.finish(verdict, comparison, metrics or {}))

    def log_excerpt(self, excerpt: DataExcerpt) -> None:
        """Log an excerpt of the data."""
        self._write(lambda writer: writer.log_excerpt(excerpt))

    def log_inside(self, inside: Inside) -> None:
        """Log what a look inside a candidate has found."""
        self._write(lambda writer: writer.log_inside(inside))

    def log_report(self, page: str, figures: Mapping[str, Mapping[str, bytes]]) -> None:
        """Log the report as HTML, and figures as candidate → file name → content.

        Those of the study itself stand under an empty name.
        """
        self._write(lambda writer: writer.log_report(page, figures))

    def _mark_killed(self) -> None:
        """Mark the runs as killed, while the main thread does not react."""
        with suppress(*failures()):
            self._writer.mark("KILLED")

    def _write(self, write: Write) -> None:
        now = time.time_ns() // 1_000_000
        if not self.store.is_local:
            self._writes.append((now, write))
        try:
            with deferred_signals():
                self._do(write, now)
        except failures() as error:
            if self.store.is_local:
                reason = f"{self.store.place}: {mask(first_line(error))}"
                message = f"{reason}. What was trained is kept: the same command goes on"
                raise TrackingError(message) from error
            self._fall_back(reason_of(error))

    def _do(self, write: Write, now: int) -> None:
        self._writer.now = now
        write(self._writer)

    def _fall_back(self, reason: str) -> None:
        store = fallback_store(self.store.uri, reason, experiment=self.store.experiment)
        self._writer = StudyWriter(store, self._facts, half=self.id)
        with clear_errors(store.place):
            for now, write in self._writes:
                self._do(write, now)
        self._writes.clear()


def to_reopen(store: Store, run_id: str | None) -> str | None:
    """Return the run id if that study is in the store, and was not deleted.

    It may have ended with failed trials, which are tried again in the same study.
    """
    if run_id is None:
        return None
    try:
        run = store.client.get_run(run_id)
    except failures():
        return None
    return run_id if run.info.lifecycle_stage == "active" else None


def _status(kind: type[BaseException] | None) -> str:
    if kind is None:
        return "FINISHED"
    return "KILLED" if issubclass(kind, KeyboardInterrupt) else "FAILED"
