"""A study in an MLflow store: runs, tags, params, metrics and artifacts."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from dlrun.contract.candidate import Epoch, Kind, side_of
from dlrun.contract.dataset import Split
from dlrun.contract.excerpt import DataExcerpt
from dlrun.contract.inside import Inside
from dlrun.contract.study import KeptModel, rows_of_last_split
from dlrun.contract.trial import ProbeScore, Trial
from dlrun.system.environment import user_name
from dlrun.system.secrets import mask, mask_uri
from dlrun.system.spreadsheet import guarded
from dlrun.system.version import __version__
from dlrun.tracking import tables
from dlrun.tracking.client import PARAMS_AT_ONCE, in_batches
from dlrun.tracking.excerpt import EXCERPT, excerpt_to_json
from dlrun.tracking.inside import log_inside
from dlrun.tracking.model import (
    ModelCard,
    delete_models,
    log_model,
    model_name,
    replace_model,
)
from dlrun.tracking.params import short_params
from dlrun.tracking.saved_view import save_view
from dlrun.tracking.store import candidates_of, next_name
from dlrun.tracking.summary import Points, logged_points, summarize
from dlrun.tracking.tags import KEPT, KIND, NOTE, TRAINED_ON

if TYPE_CHECKING:
    from dlrun.tracking.facts import StudyFacts
    from dlrun.tracking.store import Store

COMPARISON: Final = "comparison.json"
LONGEST_NOTE: Final = 5000


class StudyWriter:
    """Writes a study: one parent run, and one child run for every candidate.

    Args:
        half: the run id of the same study on a server that failed.
        before: the run id of the same study, stopped before its end; its runs are reopened.

    Attributes:
        id: the run id of the parent, once it is started.
        now: the time stamp of what is written next, milliseconds since 1970.
        has_view: whether the experiment has the saved view of `dlrun.tracking.saved_view`.
    """

    def __init__(
        self, store: Store, facts: StudyFacts, *, half: str = "", before: str | None = None
    ) -> None:
        self.store = store
        self.id = before or ""
        self.now = 0
        self.has_view = False
        self._facts = facts
        self._half = half
        self._before: dict[str, Any] = {}  # candidate → run of the stopped study
        self._points: dict[str, Points] = {}  # run id → what a reopened run has already
        self._runs: dict[str, str] = {}  # candidate → run id
        self._open: dict[str, str] = {}  # those that are not finished
        self._trials: dict[str, list[Trial]] = {}
        self._settings: dict[str, Mapping[str, object]] = {}
        self._kinds: dict[str, Kind | None] = {}
        self._rows: dict[tuple[int, int], dict[str, object]] = {}  # by their places
        self._searched: list[Trial] = []
        self._probe_scores: dict[int, Sequence[ProbeScore]] = {}  # by their places

    def start(self) -> None:
        """Create or reopen the parent run, and log what is known before the trials."""
        facts = self._facts
        if self.id:
            self._reopen(self.id)
            self._before = candidates_of(self.store, self.id)
        else:
            name = next_name(self.store, facts.recipe)
            self.id = self._create_run(name, "study")
        self._describe_run(self.id, "study", facts.params)
        self._log_text("recipe.yaml", facts.recipe_text)
        self._log_text("environment.txt", facts.environment)
        self._log_text("study.json", json.dumps(facts.study_json, indent=2, ensure_ascii=False))
        self._log_trials()
        if facts.description:
            self._describe(self.id, facts.description)

    def begin_candidate(self, name: str, kind: Kind | None, settings: Mapping[str, object]) -> None:
        """Create the child run of a candidate, or reopen it unless it is complete."""
        self._kinds[name] = kind
        self._trials[name] = []
        self._settings[name] = settings
        run = self._before.get(name)
        if run and (run.data.tags.get(NOTE) or kind is None or run.data.tags.get(KIND) != kind):
            # Its scores will be others: a trial failed, it is a blend, or of an earlier version.
            # MLflow can take no number back.
            delete_models(self.store, run.info.run_id)
            self.store.client.delete_run(run.info.run_id)
            run = None
        self._runs[name] = run.info.run_id if run else self._create_run(name, side_of(kind), kind)
        if run and run.info.status == "FINISHED":
            return
        if run:
            self._reopen(run.info.run_id)
        self._open[name] = self._runs[name]
        self._describe_run(self._runs[name], name, settings)

    def log_epoch(self, name: str, split: Split, epoch: Epoch) -> None:
        """Log an epoch of the first split; `epochs.csv` has those of all splits.

        MLflow draws one line per key, with the epochs as its steps: a second split would overwrite
        it, and keys for each split would fill the page.
        """
        if split.index == 0 and name in self._open:
            self._log_metrics(self._open[name], epoch.metrics, step=epoch.number)

    def log_trial(self, trial: Trial) -> None:
        """Add a trial to the table of trials.

        Splits are rows of tables, and no steps of a metric: MLflow would draw them as a curve.
        """
        self._trials[trial.candidate].append(trial)
        self._trials[trial.candidate].sort(key=lambda each: each.split.index)
        self._rows[self._place(trial)] = tables.trial_row(trial, self._kinds[trial.candidate])
        self._log_trials()
        if trial.tuning:
            self._searched.append(trial)
            self._searched.sort(key=self._place)
            table = tables.search_table(self._searched)
            self._log_text(tables.SEARCH, guarded(table).to_csv(index=False))

    def log_probe_scores(self, scores: Sequence[ProbeScore], place: int) -> None:
        """Add scores to the study's table of probe scores; `place` says where they stand in it."""
        self._probe_scores[place] = scores
        every = [score for _, scores in sorted(self._probe_scores.items()) for score in scores]
        table = tables.probe_scores_table(every)
        self._log_text(tables.PROBE_SCORES, guarded(table).to_csv(index=False))

    def finish_candidate(self, name: str, model_folder: Path | None) -> None:
        """Log the model, the means over the splits and the predictions; end the child run."""
        run_id, trials = self._open.pop(name, None), self._trials.pop(name)
        if run_id is None:  # it was complete before
            return
        done = [trial for trial in trials if trial.error is None]
        self._describe_failures(run_id, trials)
        # One value at step 0 is what MLflow draws as a bar.
        summary = summarize(done, self._facts.metrics[0])
        if not any((key, 0) in self._points.get(run_id, {}) for key in summary):
            model_id = None
            if run_id in self._points:
                delete_models(self.store, run_id)  # one may be there, half written
            if model_folder is not None:
                rows = rows_of_last_split(len(self._facts.splits.splits))
                last = done[-1] if done else None
                card = self._card(KeptModel(name, rows), self._settings[name], last)
                model_id = log_model(self.store, run_id, model_folder, card)
            self._log_metrics(run_id, summary, step=0, model_id=model_id)
        self._log_tables(run_id, trials)
        self._end(run_id, "FINISHED" if done else "FAILED")

    def log_refit(
        self,
        trial: Trial,
        settings: Mapping[str, object],
        model_folder: Path,
        kept: KeptModel,
        words: str,
    ) -> None:
        """Log a model that was trained on all rows, in place of the last split's.

        The settings are those that were chosen; `words` say what to expect of the model.
        """
        card = self._card(kept, settings, trial)
        seconds = {"dlrun.refit_seconds": f"{trial.cost.fit_seconds:.3g}"}
        card = replace(card, tags={**card.tags, **seconds, NOTE: words})
        replace_model(self.store, self._runs[kept.candidate], model_folder, card)

    def log_kept(self, kept: KeptModel) -> None:
        """Log which model is that of the study."""
        self.store.client.set_tag(self.id, KEPT, kept.candidate)
        self.store.client.set_tag(self.id, TRAINED_ON, kept.trained_on)

    def finish(
        self,
        verdict: str,
        comparison: Mapping[str, Sequence[object]],
        metrics: Mapping[str, float],
    ) -> None:
        """Log the verdict, its metrics and the comparison."""
        before = self._points.get(self.id, {})
        changed = {
            key: value
            for key, value in metrics.items()
            if repr(before.get((key, 0))) != repr(float(value))  # NaN is NaN here
        }
        self._log_metrics(self.id, changed, step=0)
        self.has_view = save_view(self.store, self._facts.metrics[0])
        description = self._facts.description
        self._describe(self.id, f"{verdict}\n\n{description}".strip())
        self._log_comparison(comparison)

    def log_excerpt(self, excerpt: DataExcerpt) -> None:
        """Log an excerpt of the data to the study."""
        self._log_text(EXCERPT, excerpt_to_json(excerpt))

    def log_inside(self, inside: Inside) -> None:
        """Log what a look inside a candidate has found to its run."""
        log_inside(self.store.client, self._runs[inside.candidate], inside)

    def log_report(self, page: str, figures: Mapping[str, Mapping[str, bytes]]) -> None:
        """Log the page to the study, and the figures to the candidates; those of "" to it, too."""
        self._log_text("report.html", page)
        for candidate, images in figures.items():
            with TemporaryDirectory() as folder:
                for name, image in images.items():
                    Path(folder, name).write_bytes(image)
                run_id = self._runs[candidate] if candidate else self.id
                self.store.client.log_artifacts(run_id, folder, "figures")

    def close(self, status: str) -> None:
        """End the parent run and the candidates that were not finished."""
        for name, run_id in self._open.items():
            self._log_tables(run_id, self._trials[name])
        self.mark(status)

    def mark(self, status: str) -> None:
        """Set the status of all that is not finished."""
        for run_id in [*self._open.values(), self.id]:
            self._end(run_id, status)

    # ------------------------------------------------------------------------------- pieces

    def _create_run(self, name: str, role: str, kind: Kind | None = None) -> str:
        tags = self._tags(role) | ({KIND: kind} if kind else {})
        tags |= {"mlflow.parentRunId": self.id} if self.id else {}
        run = self.store.client.create_run(
            self.store.experiment_id, start_time=self.now, tags=tags, run_name=name
        )
        run_id: str = run.info.run_id
        return run_id

    def _describe_run(self, run_id: str, candidate: str, params: Mapping[str, object]) -> None:
        from mlflow.entities import Param

        facts, client = self._facts, self.store.client
        own = {"candidate": candidate, "seed": facts.seed, "data.rows": len(facts.dataset)}
        texts = short_params({**params, **own})
        entries = [Param(key, text) for key, text in texts.items()]
        for batch in in_batches(entries, PARAMS_AT_ONCE):
            client.log_batch(run_id, params=batch)
        client.log_inputs(run_id, [self._dataset_input()])

    def _reopen(self, run_id: str) -> None:
        client = self.store.client
        self._points[run_id] = logged_points(client, run_id)
        client.update_run(run_id, status="RUNNING")
        client.set_tag(run_id, "dlrun.pid", str(os.getpid()))
        client.set_tag(run_id, "dlrun.host", socket.gethostname())
        client.set_tag(run_id, NOTE, self._facts.description if run_id == self.id else "")

    def _tags(self, role: str) -> dict[str, str]:
        facts = self._facts
        tags = {
            "dlrun.role": role,
            "dlrun.family": role,
            "dlrun.recipe": facts.recipe,
            "dlrun.recipe_sha256": facts.recipe_sha256,
            "dlrun.split_digest": facts.splits.digest,
            "dlrun.data_digest": facts.dataset.digest,
            "dlrun.task": facts.dataset.target.task,
            "dlrun.version": __version__,
            "dlrun.host": socket.gethostname(),
            "dlrun.pid": str(os.getpid()),
            "mlflow.source.name": str(facts.source_file),
            "mlflow.source.type": "LOCAL",
            "mlflow.user": user_name(),
        }
        if facts.git_commit:
            tags["mlflow.source.git.commit"] = facts.git_commit
        if self.store.stands_in_for:
            tags["dlrun.push_to"] = self.store.stands_in_for
        if self._half:
            tags["dlrun.half"] = self._half
        return tags

    def _dataset_input(self) -> Any:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        data = self._facts.dataset
        tracked = Dataset(
            name=data.name,
            digest=data.digest,
            source_type="local",
            source=json.dumps({"uri": mask_uri(data.source)}),
            profile=json.dumps({"num_rows": len(data)}),
        )
        return DatasetInput(tracked, [InputTag("mlflow.data.context", "training")])

    def _card(
        self, model: KeptModel, settings: Mapping[str, object], trial: Trial | None
    ) -> ModelCard:
        """Describe a model, which is that of a trial."""
        study = self.store.reader.run(self.id).info.run_name
        return ModelCard(
            name=model_name(study, model.candidate),
            params=short_params(settings),
            tags={
                "dlrun.study": study,
                "dlrun.candidate": model.candidate,
                TRAINED_ON: model.trained_on,
            },
            step=trial.best_epoch or 0 if trial else 0,
        )

    def _log_metrics(
        self, run_id: str, values: Mapping[str, float], *, step: int, model_id: str | None = None
    ) -> None:
        """Log metrics of a run; with a model's id of the model as well, on the study's data.

        What a candidate's run has at a step already, it gets no second time.
        """
        from mlflow.entities import Metric

        data = self._facts.dataset
        on = {"dataset_name": data.name, "dataset_digest": data.digest} if model_id else {}
        entries = [
            Metric(key, float(value), self.now, step, model_id=model_id, run_id=run_id, **on)
            for key, value in values.items()
            if run_id == self.id or (key, step) not in self._points.get(run_id, {})
        ]
        if entries:
            self.store.client.log_batch(run_id, metrics=entries, synchronous=True)

    def _log_comparison(self, comparison: Mapping[str, Sequence[object]]) -> None:
        """Write what MLflow's `log_table` does, which adds its rows to those of an earlier end."""
        import pandas as pd

        table = pd.DataFrame(dict(comparison))
        self._log_text(COMPARISON, table.to_json(orient="split", index=False))
        logged = json.dumps([{"path": COMPARISON, "type": "table"}])
        self.store.client.set_tag(self.id, "mlflow.loggedArtifacts", logged)

    def _place(self, trial: Trial) -> tuple[int, int]:
        """Return where a trial stands in tables, in whatever order trials end."""
        return [*self._settings].index(trial.candidate), trial.split.index

    def _log_trials(self) -> None:
        """Write the whole table after every trial, so that a killed study can be read."""
        rows = [row for _, row in sorted(self._rows.items())]
        table = tables.trials_table(rows, self._facts.metrics)
        self._log_text(tables.TRIALS, guarded(table).to_csv(index=False))

    def _log_tables(self, run_id: str, trials: Sequence[Trial]) -> None:
        with TemporaryDirectory() as folder:
            tables.write_tables(Path(folder), trials, self._facts.dataset)
            rows = [tables.trial_row(each, self._kinds[each.candidate]) for each in trials]
            table = tables.trials_table(rows, self._facts.metrics)
            guarded(table).to_csv(Path(folder, tables.SPLITS), index=False)
            self.store.client.log_artifacts(run_id, folder)

    def _describe_failures(self, run_id: str, trials: Sequence[Trial]) -> None:
        failures = [
            f"Failed on repeat {trial.split.repeat}, fold {trial.split.fold}: {trial.error}"
            for trial in trials
            if trial.error
        ]
        if failures:
            self._describe(run_id, "\n\n".join(failures))

    def _describe(self, run_id: str, text: str) -> None:
        self.store.client.set_tag(run_id, NOTE, mask(text)[:LONGEST_NOTE])

    def _log_text(self, name: str, text: str) -> None:
        self.store.client.log_text(self.id, mask(text), name)

    def _end(self, run_id: str, status: str) -> None:
        self.store.client.set_terminated(run_id, status, end_time=self.now)
