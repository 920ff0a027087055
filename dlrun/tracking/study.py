"""A study in MLflow while it runs: written live, never lost, never left RUNNING."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from dlrun.contract.candidate import Epoch, Family
from dlrun.contract.dataset import Dataset, Split, Splits
from dlrun.contract.study import DataSummary
from dlrun.contract.trial import ProbeScore, Trial
from dlrun.data.splits.make import sizes
from dlrun.errors import TrackingError
from dlrun.system.signals import deferred_signals
from dlrun.tracking.client import clear_errors, failures, first_line, reason_of
from dlrun.tracking.store import Store, fallback_store
from dlrun.tracking.ui import study_url
from dlrun.tracking.write import StudyWriter

Step = Callable[[StudyWriter], None]


@dataclass(frozen=True)
class StudyFacts:
    """What is known about a study before it starts.

    Attributes:
        recipe: its name.
        recipe_text: the resolved recipe as YAML, to be run again unchanged.
        source_file: the recipe's file.
        dataset: all rows, of which `splits` are made.
        metrics: names of the test metrics, the primary one first.
        rope: half width of the region of practical equivalence on the primary metric, where the
            recipe sets it.
        params: settings of the whole study under dotted recipe keys.
        environment: versions and devices, one per line.
        features: candidate → what it makes of images, texts, sounds and series.
    """

    recipe: str
    recipe_text: str
    recipe_sha256: str
    source_file: Path
    description: str
    seed: int
    dataset: Dataset
    splits: Splits
    metrics: tuple[str, ...]
    rope: float | None
    params: Mapping[str, object]
    environment: str
    features: Mapping[str, tuple[str, ...]]

    @property
    def kept(self) -> dict[str, object]:
        """Return what `study.json` keeps, beyond the tags, for reading the study back."""
        return {
            "labels": self.dataset.target.labels,
            "metrics": self.metrics,
            "rope": self.rope,
            "n_rows": len(self.dataset),
            "n_test_rows": len(self.splits.splits[0].test),
            "data": asdict(self._data),
            "features": self.features,
        }

    @property
    def _data(self) -> DataSummary:
        data = self.dataset
        return DataSummary(
            source=data.source,
            target=data.target.name,
            columns={column.name: column.type for column in data.columns},
            sizes=tuple(sizes(data, split) for split in self.splits.splits),
            notes=data.notes,
        )

    @cached_property
    def git_commit(self) -> str | None:
        """Return the commit checked out where the recipe is, if it is under git."""
        command = ["git", "-C", str(self.source_file.parent), "rev-parse", "HEAD"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=5)
        except (OSError, subprocess.SubprocessError):
            return None
        return answer.stdout.strip()


class StudyRun:
    """A study that is being tracked; a context manager that ends its runs whatever happens.

    Ctrl-C, SIGTERM and SIGHUP (inside `signals.terminable`) end them KILLED, errors FAILED.

    When a server fails in the middle, everything that was written so far is written once more
    into the store of this folder and the study goes on there; `store.note` then says so. For
    that, model folders must stay in place until the study ends.
    """

    def __init__(self, store: Store, facts: StudyFacts, before: str | None = None) -> None:
        """Prepare a study.

        Args:
            store: where it goes.
            facts: what is known about it.
            before: the run id of the study that it goes on with, if there is one.
        """
        self._facts = facts
        self._writer = StudyWriter(store, facts, before=before)
        self._journal: list[tuple[int, Step]] = []

    @property
    def store(self) -> Store:
        """Return the store that the study is in, now."""
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
        self._write(StudyWriter.start)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        status = _status(kind)
        try:
            self._write(lambda writer: writer.close(status))
        except TrackingError:
            if error is None:  # else the first error is the one to hear about
                raise

    def begin_candidate(self, name: str, family: Family, settings: Mapping[str, object]) -> None:
        """Create the run of a candidate."""
        self._write(lambda writer: writer.begin_candidate(name, family, settings))

    def log_epoch(self, name: str, split: Split, epoch: Epoch) -> None:
        """Log an epoch, at once; charts show those of the first split (see `StudyWriter`)."""
        self._write(lambda writer: writer.log_epoch(name, split, epoch))

    def log_trial(self, trial: Trial) -> None:
        """Log a finished or failed trial."""
        self._write(lambda writer: writer.log_trial(trial))

    def log_probe_scores(self, measurements: Sequence[ProbeScore]) -> None:
        """Log what was measured of a candidate beside a trial."""
        if measurements:
            self._write(lambda writer: writer.log_probe_scores(measurements))

    def finish_candidate(self, name: str, model_folder: Path | None) -> None:
        """Summarise a candidate and log its model, a folder that `Fitted.save` wrote."""
        self._write(lambda writer: writer.finish_candidate(name, model_folder))

    def finish(
        self,
        verdict: str,
        comparison: Mapping[str, Sequence[object]],
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Log the verdict sentence and its numbers, and the comparison as column → values."""
        self._write(lambda writer: writer.finish(verdict, comparison, metrics or {}))

    def log_report(self, page: str, figures: Mapping[str, Mapping[str, bytes]]) -> None:
        """Log the report as HTML, and PNG figures as candidate → name → image."""
        self._write(lambda writer: writer.log_report(page, figures))

    def _write(self, step: Step) -> None:
        now = time.time_ns() // 1_000_000
        if not self.store.is_local:
            self._journal.append((now, step))
        try:
            with deferred_signals():
                self._do(step, now)
        except failures() as error:
            if self.store.is_local:
                message = f"{self.store.place}: {first_line(error)}"
                raise TrackingError(message) from error
            self._move(reason_of(error))

    def _do(self, step: Step, now: int) -> None:
        self._writer.now = now
        step(self._writer)

    def _move(self, reason: str) -> None:
        store = fallback_store(self.store.uri, reason, experiment=self.store.experiment)
        self._writer = StudyWriter(store, self._facts, half=self.id)
        with clear_errors(store.place):
            for now, step in self._journal:
                self._do(step, now)
        self._journal.clear()


def unfinished(store: Store, run_id: str | None) -> str | None:
    """Return the run id if that study is in the store and has not come to its end."""
    if run_id is None:
        return None
    try:
        run = store.client.get_run(run_id)
    except failures():
        return None
    is_open = run.info.lifecycle_stage == "active" and run.info.status != "FINISHED"
    return run_id if is_open else None


def _status(kind: type[BaseException] | None) -> str:
    if kind is None:
        return "FINISHED"
    return "KILLED" if issubclass(kind, KeyboardInterrupt) else "FAILED"
