"""Regression: y holds numbers, (rows,) float64, NaN where missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Target
from dlrun.contract.note import Note
from dlrun.data.targets import Detection, TypedTarget, Y
from dlrun.data.targets.single_column import gives_number
from dlrun.data.types.infer import infer_type
from dlrun.data.types.number import to_number
from dlrun.errors import DataError

TASK: Final = __name__.rpartition(".")[2]  # a task is found by its module's name
MAX_CLASSES: Final = 20  # whole numbers with at most so many values are classes …
CLASS_SHARE: Final = 0.05  # … if the values are few beside the rows, too …
COMMON_CLASSES: Final = 10  # … and, where they are more than these,
LEAST_ROWS: Final = 5  # … none is rare: counts and grades have tails
QUANTILES: Final = {"min": 0.0, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "max": 1.0}


def recognise(values: pd.Series[Any]) -> tuple[Note, ...] | None:
    """Take amounts."""
    return () if is_amount(values) else None


def is_amount(values: pd.Series[Any]) -> bool:
    """Return whether these are numbers, and not whole ones with as few values as classes have."""
    if infer_type(values) != "number":
        return False
    present = values.dropna()
    few = min(MAX_CLASSES, max(2, CLASS_SHARE * len(present)))
    n_rows = present.value_counts()
    has_tail = len(n_rows) > COMMON_CLASSES and n_rows.min() < LEAST_ROWS
    return not is_whole(values) or len(n_rows) > few or has_tail


def read(values: pd.Series[Any]) -> TypedTarget:
    """Read the numbers.

    Raises:
        DataError: a value is no number.
    """
    try:
        numbers = to_number(values)
    except DataError as error:
        message = f"{error} Or set task: classification."
        raise DataError(message) from error
    return TypedTarget(declare(values), numbers)


def declare(values: pd.Series[Any]) -> Target:
    """Return the target, of whole or of any numbers."""
    return Target(str(values.name), TASK, dtype="int" if is_whole(values) else "float")


def is_whole(values: pd.Series[Any]) -> bool:
    """Return whether these are integers; a CSV shows integers with gaps as floats."""
    if types.is_integer_dtype(values.dtype):
        return True
    present = values.dropna()
    if len(present) == len(values) or not types.is_numeric_dtype(values.dtype):
        return False
    return bool((present % 1 == 0).all())


def parse(values: pd.Series[Any]) -> NDArray[np.float64]:
    """Return the numbers."""
    return to_number(values)


def is_present(y: Y) -> NDArray[np.bool_]:
    """Return which rows have a number."""
    return ~np.isnan(y)


def distinct(y: Y, _target: Target) -> list[object]:
    """Return the different numbers."""
    numbers: list[object] = pd.unique(y[is_present(y)]).tolist()
    return numbers


def strata(y: Y) -> NDArray[np.int64]:
    """Return zeros: all rows are alike."""
    return np.zeros(len(y), dtype=np.int64)


def rare_classes(_y: Y, _target: Target, _n_needed: int) -> list[str]:
    """Return nothing: numbers have no classes."""
    return []


def only_class(_y: Y, _target: Target) -> None:
    """Return None: numbers have no classes."""


def is_given_by(values: pd.Series[Any], y: Y) -> bool:
    """Return whether a column follows the numbers."""
    return gives_number(values, y)


def describe(y: Y, _target: Target) -> dict[str, float]:
    """Return the quartiles."""
    values = np.quantile(y, list(QUANTILES.values()))
    return dict(zip(QUANTILES, values.tolist(), strict=True))


def format_description(description: Mapping[str, float], _n_rows: int) -> str:
    """Write each quantile with its value."""
    return ", ".join(f"{name} {value:g}" for name, value in description.items())


def title(target: Target) -> str:
    """Return, for example, "regression of price"."""
    return f"regression of {target.name}"


def with_label_noise(y: Y, _target: Target, rows: Y, rng: np.random.Generator) -> Y:
    """Permute the numbers of these rows."""
    changed = y.copy()
    changed[rows] = changed[rng.permutation(rows)]
    return changed


# ------------------------------------------------------------------------------ predictions


def table_columns(y: Y, predictions: Predictions, _target: Target) -> dict[str, Y]:
    """Return true and predicted numbers."""
    return {"truth": y, "prediction": predictions.values}


def from_table(frame: pd.DataFrame, _labels: tuple[str, ...]) -> tuple[Y, Predictions]:
    """Return true and predicted numbers, (rows,) float64 each."""
    predicted = frame["prediction"].to_numpy(dtype=np.float64)
    return frame["truth"].to_numpy(dtype=np.float64), Predictions(predicted)


def answers(predictions: Predictions, _target: Target) -> dict[str, Y]:
    """Return the predicted numbers."""
    return {"prediction": predictions.values}


def answer_types(_target: Target) -> dict[str, str]:
    """Return column → MLflow type."""
    return {"prediction": "double"}


def sample(signal: NDArray[np.float64]) -> TypedTarget:
    """Take the signal itself."""
    return TypedTarget(Target("kind", TASK, dtype="float"), signal)


def calibration(_y: Y, _predictions: Predictions, _labels: tuple[str, ...]) -> None:
    """Return None: numbers have no probabilities."""


def confusion(_y: Y, _predictions: Predictions, _labels: tuple[str, ...]) -> None:
    """Return None: numbers have no classes."""


def detections(_y: Y, _predictions: Predictions, _labels: tuple[str, ...]) -> Iterator[Detection]:
    """Yield nothing: numbers have no probabilities."""
    yield from ()


def row_losses(y: Y, predictions: Predictions) -> NDArray[np.float64]:
    """Return the absolute error of each row."""
    return np.abs(y - predictions.values)


def outputs(predictions: Predictions) -> NDArray[np.int64]:
    """Return zeros: there is one output."""
    return np.zeros(len(predictions.values), dtype=np.int64)


def margins(predictions: Predictions, _outputs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the numbers."""
    return predictions.values


def margin_unit() -> str:
    """Return no unit: the target's own."""
    return ""


def indicators(y: Y, _codes: Sequence[int]) -> NDArray[np.float64]:
    """Return y, (rows, 1)."""
    return y[:, None]


def row_texts(y: Y, predictions: Predictions, _labels: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the true and the predicted number."""
    pairs = zip(y, predictions.values, strict=True)
    return [(f"{true:.6g}", f"{predicted:.6g}") for true, predicted in pairs]
