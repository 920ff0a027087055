"""Classification: y holds class codes, (rows,) int64, -1 where missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from dlrun.catalog.notes import GUESSED_TASK
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Target
from dlrun.contract.note import Note
from dlrun.data.targets import Calibration, Detection, TypedTarget, Y
from dlrun.data.targets.regression import is_amount
from dlrun.data.targets.single_column import gives_class
from dlrun.data.types.category import to_category
from dlrun.data.types.infer import infer_type

if TYPE_CHECKING:
    from collections.abc import Sequence

TASK: Final = __name__.rpartition(".")[2]  # a task is found by its module's name
NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
LEAST_PROBABILITY: Final = 1e-15  # of which a loss is finite
LEAST_CHANCE: Final = 1e-6  # of a class and of all others, so that log-odds are finite
LABEL_TYPES: Final = {"str": "string", "int": "long", "float": "double", "bool": "boolean"}


def recognise(values: pd.Series[Any]) -> tuple[Note, ...] | None:
    """Take words and booleans for classes, and whole numbers too when they are few."""
    if is_amount(values):
        return None
    n_values = values.nunique() if infer_type(values) == "number" else 0
    if n_values <= 2:  # noqa: PLR2004 - two numbers are a yes and a no
        return ()
    text = (
        f"{values.name!r} has {n_values} different whole numbers, which are taken for classes; "
        "if they are amounts, set task: regression."
    )
    return (GUESSED_TASK.note(text),)


def read(values: pd.Series[Any]) -> TypedTarget:
    """Number the classes in the order of `sort_labels`."""
    found = parse(values)
    labels = tuple(sort_labels(found.categories))
    target = Target(str(values.name), TASK, labels, label_dtype(values))
    return TypedTarget(target, encode_labels(found, labels))


def declare(values: pd.Series[Any]) -> Target:
    """Return the target without labels."""
    return Target(str(values.name), TASK, dtype=label_dtype(values))


def parse(values: pd.Series[Any]) -> pd.Categorical:
    """Return the values as categories."""
    return to_category(values)


def label_dtype(values: pd.Series[Any]) -> Literal["str", "int", "float", "bool"]:
    """Return the kind of value that a label is in the user's file."""
    kind = types.infer_dtype(values)
    if kind == "categorical":
        kind = types.infer_dtype(values.cat.categories)
    if kind == "floating" and (values.dropna() % 1 == 0).all():
        kind = "integer"
    known: dict[str, Literal["int", "float", "bool"]]
    known = {"boolean": "bool", "integer": "int", "floating": "float"}
    return known.get(kind, "str")


def sort_labels(labels: Iterable[str]) -> list[str]:
    """Sort numbers by value before words, and `class10` after `class9`."""
    return sorted(labels, key=_natural)


def _natural(label: str) -> tuple[bool, float, list[str | int]]:
    if NUMBER.fullmatch(label):
        return False, float(label), []
    pieces = re.split(r"([0-9]+)", label)  # words at even places, digits at odd ones
    return True, 0.0, [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)]


def encode_labels(categories: pd.Categorical, labels: Sequence[str]) -> NDArray[np.int64]:
    """Return the code of each label, (rows,) int64, -1 where missing."""
    codes = {label: code for code, label in enumerate(labels)}
    places = np.array([*(codes[name] for name in categories.categories), -1], dtype=np.int64)
    found: NDArray[np.int64] = places[categories.codes]
    return found


def is_present(y: Y) -> NDArray[np.bool_]:
    """Return which rows have a class."""
    present: NDArray[np.bool_] = y >= 0
    return present


def distinct(_y: Y, target: Target) -> list[object]:
    """Return the labels."""
    return [*target.labels]


def strata(y: Y) -> NDArray[np.int64]:
    """Return the class codes."""
    return y


def rare_classes(y: Y, target: Target, n_needed: int) -> list[str]:
    """Return the classes with fewer rows than needed."""
    counts = np.bincount(y, minlength=len(target.labels))
    pairs = zip(target.labels, counts, strict=True)
    return [f"{label!r} ({n})" for label, n in pairs if n < n_needed]


def only_class(y: Y, target: Target) -> str | None:
    """Return the only class among the rows."""
    codes = np.unique(y)
    return target.labels[codes[0]] if len(codes) == 1 else None


def is_given_by(values: pd.Series[Any], y: Y) -> bool:
    """Return whether a column separates the classes."""
    return gives_class(values, y)


def describe(y: Y, target: Target) -> dict[str, float]:
    """Count the rows of each class."""
    counts = np.bincount(y, minlength=len(target.labels))
    return dict(zip(target.labels, counts.tolist(), strict=True))


def format_description(description: Mapping[str, float], n_rows: int) -> str:
    """Write each class with its rows and share."""
    return ", ".join(f"{label} {n:,.0f} ({n / n_rows:.1%})" for label, n in description.items())


def title(target: Target) -> str:
    """Return, for example, "classification of late (2 classes)"."""
    return f"classification of {target.name} ({len(target.labels)} classes)"


def with_label_noise(y: Y, target: Target, rows: Y, rng: np.random.Generator) -> Y:
    """Give these rows one of the other classes."""
    n_classes, changed = len(target.labels), y.copy()
    changed[rows] = (changed[rows] + rng.integers(1, n_classes, len(rows))) % n_classes
    return changed


# ------------------------------------------------------------------------------ predictions


def table_columns(y: Y, predictions: Predictions, target: Target) -> dict[str, Y]:
    """Return codes, and the probability of each class."""
    return {
        "truth": y,
        "prediction": predictions.class_indices,
        **_probabilities(predictions, target.labels),
    }


def from_table(frame: pd.DataFrame, labels: tuple[str, ...]) -> tuple[Y, Predictions]:
    """Return codes (rows,) int64 and probabilities (rows, classes)."""
    columns = [f"p_{label}" for label in labels]
    probabilities = frame[columns].to_numpy(dtype=np.float64)
    return frame["truth"].to_numpy(dtype=np.int64), Predictions(probabilities)


def answers(predictions: Predictions, target: Target) -> dict[str, Y]:
    """Return the most probable label of each row, and the probability of each."""
    labels = pd.Series([_value(label, target.dtype) for label in target.labels])
    chosen = labels.iloc[predictions.class_indices].to_numpy()
    return {"prediction": chosen, **_probabilities(predictions, target.labels)}


def _probabilities(predictions: Predictions, labels: tuple[str, ...]) -> dict[str, Y]:
    return {f"p_{label}": predictions.values[:, code] for code, label in enumerate(labels)}


def _value(label: str, dtype: str) -> str | int | float | bool:
    """Return a label as the kind of value that it is in the user's file."""
    if dtype == "bool":
        return label == "True"
    if dtype == "int":
        return int(label)
    return float(label) if dtype == "float" else label


def answer_types(target: Target) -> dict[str, str]:
    """Return column → MLflow type."""
    probabilities = dict.fromkeys((f"p_{label}" for label in target.labels), "double")
    return {"prediction": LABEL_TYPES[target.dtype], **probabilities}


def sample(signal: NDArray[np.float64]) -> TypedTarget:
    """Cut the signal into three classes."""
    codes = np.digitize(signal, np.quantile(signal, [0.3, 0.6])).astype(np.int64)
    return TypedTarget(Target("kind", TASK, ("low", "middle", "high")), codes)


def calibration(y: Y, predictions: Predictions, labels: tuple[str, ...]) -> Calibration:
    """Take the second of two classes, or the predicted one of more."""
    if len(labels) == 2:  # noqa: PLR2004
        return Calibration(labels[1], predictions.values[:, 1], y == 1)
    is_right = predictions.class_indices == y
    return Calibration("the predicted class", predictions.values.max(axis=1), is_right)


def confusion(y: Y, predictions: Predictions, labels: tuple[str, ...]) -> NDArray[np.int64]:
    """Count true against predicted classes."""
    n = len(labels)
    cells = np.bincount(y * n + predictions.class_indices, minlength=n * n)
    return cells.reshape(n, n)


def detections(y: Y, predictions: Predictions, labels: tuple[str, ...]) -> Iterator[Detection]:
    """Yield the second of two classes, or each class against the rest."""
    chosen = predictions.class_indices
    for code in (1,) if len(labels) == 2 else range(len(labels)):  # noqa: PLR2004
        yield Detection(labels[code], predictions.values[:, code], y == code, chosen == code)


def row_losses(y: Y, predictions: Predictions) -> NDArray[np.float64]:
    """Return the cross-entropy of each row."""
    true = predictions.values[np.arange(len(y)), y]
    losses: NDArray[np.float64] = -np.log(np.clip(true, LEAST_PROBABILITY, 1.0))
    return losses


def outputs(predictions: Predictions) -> NDArray[np.int64]:
    """Return the most probable class or label."""
    return predictions.class_indices


def margins(predictions: Predictions, outputs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the log-odds of a class against all others, from -13.8 to 13.8."""
    is_own = np.arange(predictions.values.shape[1]) == outputs[:, None]
    others = np.where(is_own, 0.0, predictions.values).sum(axis=1)  # 1 - p would cancel
    return log_odds(predictions.values[is_own], others)


def log_odds(chance: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log-odds of a probability, beside that of everything else."""
    odds: NDArray[np.float64] = np.log((chance + LEAST_CHANCE) / (others + LEAST_CHANCE))
    return odds


def margin_unit() -> str:
    """Return log-odds."""
    return "log-odds"


def indicators(y: Y, codes: Sequence[int]) -> NDArray[np.float64]:
    """Return 1 in the column of each row's class, (rows, codes)."""
    is_class: NDArray[np.bool_] = y[:, None] == np.asarray(codes)
    return is_class.astype(np.float64)


def row_texts(y: Y, predictions: Predictions, labels: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the true class, and the most probable one with its probability."""
    chosen, said = predictions.class_indices, predictions.values.max(axis=1)
    return [
        (labels[true], f"{labels[code]}, {share:.1%}")
        for true, code, share in zip(y, chosen, said, strict=True)
    ]
