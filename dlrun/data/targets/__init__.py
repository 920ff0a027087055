"""Targets: what is predicted, read from its raw column; one module for each task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.parts import load_part
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Target
from dlrun.contract.note import Note

if TYPE_CHECKING:
    import pandas as pd

Y = NDArray[Any]
"""(rows, …) as `Dataset.y`."""


@dataclass(frozen=True)
class TypedTarget:
    """A target column after typing.

    Attributes:
        y: (rows, …) as `Dataset.y`; rows without a target are marked as `TargetKind.is_present`
            recognises them.
        notes: how the task was inferred, where that could surprise.
    """

    target: Target
    y: Y
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Calibration:
    """Predicted probabilities beside what was observed.

    Attributes:
        of: what is probable, for a caption.
        probabilities: (predictions,) float64.
        observed: (predictions,) bool, whether it was so.
    """

    of: str
    probabilities: NDArray[np.float64]
    observed: NDArray[np.bool_]


@dataclass(frozen=True)
class Detection:
    """Predictions of whether an event occurs, such as one class against the rest.

    Attributes:
        event: the class or the label.
        probabilities: (predictions,) float64.
        occurred: (predictions,) bool.
        predicted: (predictions,) bool, what `answers` says.
    """

    event: str
    probabilities: NDArray[np.float64]
    occurred: NDArray[np.bool_]
    predicted: NDArray[np.bool_]


class TargetKind(Protocol):
    """The functions of a module `data.targets.<task>`; y and predictions have that task's shapes.

    Raw values are a pandas Series whose index counts the rows of the source.
    """

    def recognise(self, values: pd.Series[Any]) -> tuple[Note, ...] | None:
        """Return notes when the values look like a target of this task, else None."""

    def read(self, values: pd.Series[Any]) -> TypedTarget:
        """Type raw values.

        Raises:
            DataError: the column cannot be a target of this task; without its place.
        """

    def combine(self, frame: pd.DataFrame, names: Sequence[str]) -> pd.Series[Any]:
        """Join columns to one of raw values; for tasks whose row says `joins_columns`."""

    def declare(self, values: pd.Series[Any]) -> Target:
        """Return the target as some rows of a stream show it, without its labels."""

    def parse(self, values: pd.Series[Any]) -> Any:
        """Type the raw values of a batch of a stream: a Categorical, or (rows,) float64."""

    def is_present(self, y: Y) -> NDArray[np.bool_]:
        """Return which rows have a target, (rows,)."""

    def distinct(self, y: Y, target: Target) -> list[object]:
        """Return the different values, of which a target needs two."""

    def strata(self, y: Y) -> NDArray[np.int64]:
        """Return the stratum of each row, (rows,)."""

    def rare_classes(self, y: Y, target: Target, n_needed: int) -> list[str]:
        """Return the classes with too few rows, each with its count."""

    def only_class(self, y: Y, target: Target) -> str | None:
        """Return the class that all rows have, if there is one."""

    def is_given_by(self, values: pd.Series[Any], y: Y) -> bool:
        """Return whether a typed column alone gives the target."""

    def describe(self, y: Y, target: Target) -> dict[str, float]:
        """Return rows of each label, or quantiles."""

    def format_description(self, description: Mapping[str, float], n_rows: int) -> str:
        """Return a description as text."""

    def title(self, target: Target) -> str:
        """Return the task and the target in a few words."""

    def with_label_noise(self, y: Y, target: Target, rows: Y, rng: np.random.Generator) -> Y:
        """Return y with another value in these rows."""

    def table_columns(self, y: Y, predictions: Predictions, target: Target) -> dict[str, Y]:
        """Return truth, prediction and probabilities as the columns of `predictions.parquet`."""

    def from_table(self, frame: pd.DataFrame, labels: tuple[str, ...]) -> tuple[Y, Predictions]:
        """Return y and the predictions from those columns."""

    def answers(self, predictions: Predictions, target: Target) -> dict[str, Y]:
        """Return predictions as columns for people: values of the user's own kind."""

    def answer_types(self, target: Target) -> dict[str, str]:
        """Return column → MLflow type of `answers`."""

    def sample(self, signal: NDArray[np.float64]) -> TypedTarget:
        """Return a y that follows a signal, (rows,), for checks of candidates."""

    def calibration(
        self, y: Y, predictions: Predictions, labels: tuple[str, ...]
    ) -> Calibration | None:
        """Return what a reliability diagram is drawn from; None without probabilities."""

    def confusion(
        self, y: Y, predictions: Predictions, labels: tuple[str, ...]
    ) -> NDArray[np.int64] | None:
        """Return counts, (true, predicted); None where a row has no single class."""

    def detections(
        self, y: Y, predictions: Predictions, labels: tuple[str, ...]
    ) -> Iterator[Detection]:
        """Yield what curves of thresholds are drawn from; nothing without probabilities."""

    def row_losses(self, y: Y, predictions: Predictions) -> NDArray[np.float64]:
        """Return how wrong each prediction is, (rows,): cross-entropy or absolute error."""

    def outputs(self, predictions: Predictions) -> NDArray[np.int64]:
        """Return which output of each row is explained, (rows,): the most probable class or label.

        It is 0 where the target is a number.
        """

    def margins(self, predictions: Predictions, outputs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the log-odds of a class or label of each row, or its number, (rows,)."""

    def margin_unit(self) -> str:
        """Return the unit of `margins`, empty for the target's own."""

    def indicators(self, y: Y, codes: Sequence[int]) -> NDArray[np.float64]:
        """Return whether a row is of these classes or labels, (rows, codes), or the number."""

    def row_texts(
        self, y: Y, predictions: Predictions, labels: tuple[str, ...]
    ) -> list[tuple[str, str]]:
        """Return truth and prediction of each row in words."""


def target_kind(task: str) -> TargetKind:
    """Return the functions of a task."""
    return cast(TargetKind, load_part("dlrun.data.targets", task))
