"""Multi-label classification: y is 0 or 1 for each label, (rows, labels) int64, -1 if missing.

A raw value is a set of labels: a list, or a list in JSON, or, where the recipe says
`task: multilabel`, words with a semicolon, a vertical bar or a comma between them. An empty cell
is missing; the empty set is `[]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Target
from dlrun.contract.note import Note
from dlrun.data.targets import Calibration, Detection, TypedTarget, Y, classification
from dlrun.data.targets.classification import LEAST_PROBABILITY
from dlrun.data.targets.single_column import gives_class
from dlrun.data.types.category import category_name
from dlrun.errors import DataError

SEPARATORS: Final = re.compile(r"\s*[;|,]\s*")
FEWEST_ROWS: Final = 5  # of a label set that makes a stratum of its own
THRESHOLD: Final = 0.5  # from which probability on a label is predicted


def recognise(values: pd.Series[Any]) -> tuple[Note, ...] | None:
    """Take lists of words, also in JSON."""
    for value in values.dropna():
        found = _parse_json(value) if isinstance(value, str) else value
        if not types.is_list_like(found):
            return None
        if cells := [*found]:  # type: ignore[misc]
            return () if all(isinstance(cell, str) for cell in cells) else None
    return None


def read(values: pd.Series[Any]) -> TypedTarget:
    """Number the labels in the order of `sort_labels`.

    Raises:
        DataError: a value is no set of labels.
    """
    sets = [_labels_of(value) for value in values]
    labels = tuple(classification.sort_labels({label for found in sets for label in found or ()}))
    target = Target(str(values.name), "multilabel", labels)
    return TypedTarget(target, _encode(sets, labels))


def declare(values: pd.Series[Any]) -> Target:
    """Return the target without labels."""
    return Target(str(values.name), "multilabel")


def parse(values: pd.Series[Any]) -> Any:
    """Refuse: rows with several labels are not streamed."""
    message = f"{values.name!r} holds sets of labels, which are not streamed"
    raise DataError(message)


def combine(frame: pd.DataFrame, names: Iterable[str]) -> pd.Series[Any]:
    """Join columns of 0 and 1, true and false, or yes and no to one column of label sets.

    Raises:
        DataError: a column holds something else.
    """
    columns = {name: _is_set(frame[name]) for name in names}
    cells = [
        None if None in row else [name for name, is_set in zip(columns, row, strict=True) if is_set]
        for row in zip(*columns.values(), strict=True)
    ]
    return pd.Series(cells, index=frame.index, name=", ".join(columns), dtype=object)


YES_OR_NO: Final = {"1": True, "True": True, "yes": True, "0": False, "False": False, "no": False}


def _is_set(values: pd.Series[Any]) -> list[bool | None]:
    known = {value: YES_OR_NO.get(category_name(value)) for value in values.dropna().unique()}
    wrong = [value for value, is_set in known.items() if is_set is None]
    if wrong:
        message = (
            f"column {values.name!r} holds {str(wrong[0])!r}, but the column of a label holds 0 or "
            "1, true or false, yes or no"
        )
        raise DataError(message)
    return [None if pd.isna(value) else known[value] for value in values]


def _labels_of(value: Any) -> set[str] | None:
    """Return a value as a set of labels; None where it is missing."""
    if isinstance(value, str):
        found = _parse_json(value)
        value = SEPARATORS.split(value.strip()) if found is None else found
    if types.is_list_like(value):
        return {category_name(label) for label in value} - {""}
    return None if pd.isna(value) else {category_name(value)}


def _parse_json(text: str) -> list[Any] | None:
    try:
        found = json.loads(text) if text.lstrip().startswith("[") else None
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _encode(sets: Iterable[set[str] | None], labels: tuple[str, ...]) -> NDArray[np.int64]:
    rows = [
        [-1] * len(labels) if found is None else [label in found for label in labels]
        for found in sets
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, len(labels))


def is_present(y: Y) -> NDArray[np.bool_]:
    """Return which rows have a label set, perhaps an empty one."""
    return np.asarray((y >= 0).all(axis=1))


def distinct(y: Y, _target: Target) -> list[object]:
    """Return the different label sets."""
    return [*map(tuple, np.unique(y[is_present(y)], axis=0).tolist())]


def strata(y: Y) -> NDArray[np.int64]:
    """Number the label sets; those with fewer than five rows share a stratum."""
    _, places, counts = np.unique(y, axis=0, return_inverse=True, return_counts=True)
    places = places.reshape(-1)
    return np.where(counts[places] < FEWEST_ROWS, -1, places)


def rare_classes(_y: Y, _target: Target, _n_needed: int) -> list[str]:
    """Return nothing: a rare label leaves rows enough for the others."""
    return []


def only_class(y: Y, target: Target) -> str | None:
    """Return the only label set among the rows."""
    found = np.unique(y, axis=0)
    if len(found) > 1:
        return None
    return json.dumps(_names(found[0], target.labels), ensure_ascii=False)


def is_given_by(values: pd.Series[Any], y: Y) -> bool:
    """Return whether a column separates the rows with a label from those without it."""
    return any(gives_class(values, labels) for labels in y.T)


def describe(y: Y, target: Target) -> dict[str, float]:
    """Count the rows of each label."""
    return dict(zip(target.labels, y.sum(axis=0).tolist(), strict=True))


def format_description(description: Mapping[str, float], n_rows: int) -> str:
    """Write each label with its rows and share."""
    return classification.format_description(description, n_rows)


def title(target: Target) -> str:
    """Return, for example, "multilabel of topics (12 labels)"."""
    return f"multilabel of {target.name} ({len(target.labels)} labels)"


def with_label_noise(y: Y, _target: Target, rows: Y, rng: np.random.Generator) -> Y:
    """Permute the label sets of these rows."""
    changed = y.copy()
    changed[rows] = changed[rng.permutation(rows)]
    return changed


# ------------------------------------------------------------------------------ predictions


def table_columns(y: Y, predictions: Predictions, target: Target) -> dict[str, Y]:
    """Return true and predicted label sets in JSON, and the probability of each label."""
    return {"truth": _as_json(y, target.labels), **answers(predictions, target)}


def from_table(frame: pd.DataFrame, labels: tuple[str, ...]) -> tuple[Y, Predictions]:
    """Return y (rows, labels) int64 and probabilities (rows, labels)."""
    columns = [f"p_{label}" for label in labels]
    sets = [set(json.loads(text)) for text in frame["truth"]]
    return _encode(sets, labels), Predictions(frame[columns].to_numpy(dtype=np.float64))


def answers(predictions: Predictions, target: Target) -> dict[str, Y]:
    """Return the labels of a probability of 0.5 and more, in JSON, and all probabilities."""
    chosen = _as_json(predictions.values >= THRESHOLD, target.labels)
    probabilities = zip(target.labels, predictions.values.T, strict=True)
    return {"prediction": chosen, **{f"p_{label}": column for label, column in probabilities}}


def _as_json(rows: Y, labels: tuple[str, ...]) -> NDArray[np.object_]:
    texts = [json.dumps(_names(row, labels), ensure_ascii=False) for row in rows]
    return np.array(texts, dtype=object)


def _names(row: Y, labels: tuple[str, ...]) -> list[str]:
    return [label for label, is_set in zip(labels, row, strict=True) if is_set]


def answer_types(target: Target) -> dict[str, str]:
    """Return column → MLflow type."""
    probabilities = dict.fromkeys((f"p_{label}" for label in target.labels), "double")
    return {"prediction": "string", **probabilities}


def sample(signal: NDArray[np.float64]) -> TypedTarget:
    """Set each of three labels where the signal is above a quantile of its own."""
    y = (signal[:, None] > np.quantile(signal, [0.3, 0.5, 0.7])).astype(np.int64)
    return TypedTarget(Target("kind", "multilabel", ("low", "middle", "high")), y)


def calibration(y: Y, predictions: Predictions, _labels: tuple[str, ...]) -> Calibration:
    """Take all labels of all rows."""
    return Calibration("each label", predictions.values.ravel(), y.ravel() == 1)


def confusion(_y: Y, _predictions: Predictions, _labels: tuple[str, ...]) -> None:
    """Return None: a row has no single class."""


def detections(y: Y, predictions: Predictions, labels: tuple[str, ...]) -> Iterator[Detection]:
    """Yield each label."""
    for code, label in enumerate(labels):
        probabilities = predictions.values[:, code]
        yield Detection(label, probabilities, y[:, code] == 1, probabilities >= THRESHOLD)


def row_losses(y: Y, predictions: Predictions) -> NDArray[np.float64]:
    """Return the mean cross-entropy of each row over its labels."""
    said = np.where(y == 1, predictions.values, 1 - predictions.values)
    losses: NDArray[np.float64] = -np.log(np.clip(said, LEAST_PROBABILITY, 1.0)).mean(axis=1)
    return losses


outputs, margin_unit = classification.outputs, classification.margin_unit


def margins(predictions: Predictions, outputs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the log-odds of a label, from -13.8 to 13.8."""
    chance = predictions.values[np.arange(len(outputs)), outputs]
    return classification.log_odds(chance, 1.0 - chance)


def indicators(y: Y, codes: Sequence[int]) -> NDArray[np.float64]:
    """Return these columns of y as float64."""
    return y[:, codes].astype(np.float64)


def row_texts(y: Y, predictions: Predictions, labels: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the true labels, and the predicted ones with their probabilities."""
    return [
        (
            ", ".join(_names(row, labels)) or "none",
            ", ".join(
                f"{label} {share:.0%}"
                for label, share in zip(labels, said, strict=True)
                if share >= THRESHOLD
            )
            or "none",
        )
        for row, said in zip(y, predictions.values, strict=True)
    ]
