"""One row's way through the models of a study: gathers what is shown of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.catalog.metrics import get_metric
from dlrun.contract.candidate import BLEND, SIDES
from dlrun.contract.explanation import ExplainedPrediction, Explanation, ShownRow
from dlrun.contract.trace import ShowsFeatures, Traces
from dlrun.data.model_io import load
from dlrun.data.predict_rows import read_rows
from dlrun.data.targets import target_kind
from dlrun.data.types import column_module
from dlrun.errors import UsageError
from dlrun.evidence.candidates import CandidateResults, read_candidates
from dlrun.study.inside.activations import unwrapped
from dlrun.study.inside.reasons import cell_reasons
from dlrun.study.reasons import explain_rows, methods_of
from dlrun.study.reread import reread
from dlrun.system.text import suggest
from dlrun.tracking.read import find_study
from dlrun.tracking.stored_model import StoredModel, find_model

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.attribution import Attribution
    from dlrun.contract.candidate import Family
    from dlrun.contract.dataset import Column
    from dlrun.contract.reasons import CellReasons
    from dlrun.contract.study import Study
    from dlrun.data.model_io import SavedModel
    from dlrun.tracking.store import Store


@dataclass(frozen=True)
class Request:
    """What is to be explained.

    Attributes:
        study: its name.
        row: a row number of the study, or a file.
        number: the row of the file, counted from 0.
        candidate: None: the study's own model, and the best of the other side.
        method: of attribution; None: each model's own.
        trusted: modules that the study's recipe may import.
    """

    study: str
    row: str
    number: int = 0
    candidate: str | None = None
    method: str | None = None
    trusted: tuple[str, ...] = ()

    @property
    def is_file(self) -> bool:
        """Return whether the row is in a file: a whole number is a row of the study."""
        return not self.row.isdecimal()


@dataclass(frozen=True)
class _Row:
    """The row: of the study, typed already, or raw of a file."""

    title: str
    typed: pd.DataFrame | None
    raw: pd.DataFrame | None = None
    folder: Path = Path()
    truth: str = ""
    part: str = ""

    def cast(self, saved: SavedModel) -> pd.DataFrame:
        """Return the one row as a model takes it."""
        if self.typed is not None:
            return self.typed
        assert self.raw is not None
        return saved.cast(self.raw, self.folder)


def explain_row(store: Store, request: Request) -> Explanation:
    """Explain one row by the candidate that is asked for, and the best of the other side.

    Without a candidate it is the model that the study keeps. Of a blend, the best network and the
    best classic model are explained beside it.

    Raises:
        UsageError: there is no such study, candidate, row or method.
        DataError: the data have changed, or cannot be read.
    """
    study = find_study(store, request.study)
    first = find_model(store, study.id, request.candidate)
    saved = load(first.folder)
    if request.method:
        _check_method(saved, request.method)
    row = _read_row(study, request, saved)
    models = [(first, saved)]
    models += [
        (found, load(found.folder))
        for name in _others(study, first.candidate)
        if (found := _find(store, study, name))
    ]
    predictions = [
        _explain(study, row, stored, model, request.method if stored is first else None)
        for stored, model in models
    ]
    columns = saved.facts.columns
    shown = ShownRow(row.title, columns, dict(_cells(columns, row.cast(saved))), row.truth)
    return Explanation(study.name, saved.facts.target, shown, tuple(predictions))


def _check_method(saved: SavedModel, method: str) -> None:
    allowed = methods_of(saved.fitted)
    if method not in allowed:
        message = (
            f"--method: {method!r} does not explain {saved.facts.candidate}. "
            f"{suggest(method, allowed)}"
        )
        raise UsageError(message)


def _read_row(study: Study, request: Request, saved: SavedModel) -> _Row:
    if request.is_file:
        return _row_of_file(request, saved)
    if request.number:
        message = f"--row: it chooses a row of a file, and {request.row} is a row of the study"
        raise UsageError(message)
    data = reread(study, trusted=request.trusted)
    place = data.place(int(request.row))
    dataset = data.dataset
    target = dataset.target
    predictions = _no_prediction(len(target.labels))
    ((truth, _),) = target_kind(target.task).row_texts(
        dataset.y[place : place + 1], predictions, target.labels
    )
    typed = dataset.frame.iloc[[place]].reset_index(drop=True)
    title = f"row {request.row} of {study.data.source if study.data else study.name}"
    return _Row(title, typed, truth=truth, part=data.part_of(place))


def _no_prediction(n_labels: int) -> Any:
    import numpy as np

    from dlrun.contract.candidate import Predictions

    return Predictions(np.full((1, n_labels), 1.0 / n_labels) if n_labels else np.zeros(1))


def _row_of_file(request: Request, saved: SavedModel) -> _Row:
    facts = saved.facts
    rows, folder = read_rows(
        request.row, facts.columns, form=saved.format, target=facts.target.name
    )
    if not 0 <= request.number < len(rows):
        message = (
            f"--row {request.number}: {request.row} has {len(rows):,} rows, counted from 0. "
            f"Allowed: 0 to {len(rows) - 1}"
        )
        raise UsageError(message)
    title = f"row {request.number} of {request.row}"
    has_lags = any(column.lag for column in facts.columns)
    if has_lags:  # they need the rows before
        typed = saved.cast(rows, folder).iloc[[request.number]].reset_index(drop=True)
        return _Row(title, typed)
    truth = ""
    if facts.target.name in rows:
        truth = str(rows[facts.target.name].iloc[request.number])
    return _Row(title, None, rows.iloc[[request.number]], folder, truth)


def _others(study: Study, first: str) -> Iterator[str]:
    """Yield the best candidate, by its validation rows, of each side that the first is not on."""
    results = read_candidates([study], study.metrics[0])
    sides: dict[str, Family] = {each.name: each.family for each in results}
    for side in SIDES:
        fitting = [each for each in results if each.family == side and not each.is_dummy]
        best = max(fitting, key=_rank, default=None)
        if best and sides.get(first) != side and best.name != first and not isnan(best.mean):
            yield best.name


def _rank(results: CandidateResults) -> float:
    score = get_metric(results.metric).sign * results.validation
    return -float("inf") if isnan(score) else score


def _find(store: Store, study: Study, name: str) -> StoredModel | None:
    """Return the model of a candidate; None where the store has lost it."""
    try:
        return find_model(store, study.id, name)
    except UsageError:
        return None


def _explain(
    study: Study, row: _Row, stored: StoredModel, saved: SavedModel, method: str | None
) -> ExplainedPrediction:
    frame = row.cast(saved)
    facts, fitted = saved.facts, saved.fitted
    predictions = fitted.predict(frame)
    task = target_kind(facts.target.task)
    answers = task.answers(predictions, facts.target)
    output = task.outputs(predictions)
    attribution, unexplained = None, ""
    try:
        (attribution,) = explain_rows(saved, frame, outputs=output, method=method)
    except UsageError as error:
        unexplained = str(error)
    kept = study.kept.candidate if study.kept else ""
    made = ExplainedPrediction(
        candidate=stored.candidate,
        family=_family(study, stored.candidate),
        kept=stored.candidate == kept,
        trained_on=stored.trained_on,
        seen=_seen(stored.trained_on, row.part),
        answers={str(name): values[0].item() if hasattr(values[0], "item") else values[0]
                 for name, values in answers.items()},
        methods=methods_of(fitted),
        attribution=attribution,
        unexplained=unexplained,
        maps=tuple(_maps(attribution, facts.columns, frame)) if attribution else (),
        members=tuple(_members(study, stored.candidate)),
    )  # fmt: skip
    inner, frame = unwrapped(fitted, frame)
    if isinstance(inner, Traces):
        return replace(made, trace=inner.trace(frame, int(output[0])))
    if isinstance(inner, ShowsFeatures):
        return replace(made, features=inner.show_features(frame))
    return made


def _maps(
    attribution: Attribution, columns: Iterable[Column], frame: pd.DataFrame
) -> Iterator[CellReasons]:
    """Yield the weights of the parts of what is no single value."""
    known = {column.name: column for column in columns}
    for part in attribution.columns:
        if part.weights.ndim and part.weights.size:
            cell = frame[part.column].iloc[0]
            yield cell_reasons(part, known[part.column], cell)


def _family(study: Study, candidate: str) -> Any:
    own = study.trials.loc[study.trials["candidate"] == candidate, "family"]
    return str(own.iloc[0])


def _members(study: Study, candidate: str) -> Iterator[tuple[str, float]]:
    if candidate != BLEND:
        return
    (blend,) = (
        each for each in read_candidates([study], study.metrics[0]) if each.name == candidate
    )
    yield from blend.weights.items()


def _seen(trained_on: str, part: str) -> str:
    """Return in words whether a model was trained on the row, as far as that is known."""
    if not part or not trained_on:
        return ""
    if trained_on.startswith("all "):
        return "It was trained on this row, whose prediction is no test therefore."
    if trained_on.startswith("a sample"):
        return "It was trained on a sample, in which this row may be."
    if part == "training":
        return "It was trained on this row, whose prediction is no test therefore."
    if part == "validation":
        return "It was not trained on this row, but this row decided with others when it stopped."
    return "It was not trained on this row, which is one of its test rows."


def _cells(columns: Iterable[Column], frame: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    for column in columns:
        yield column.name, column_module(column.type).show(column, frame[column.name].iloc[0])
