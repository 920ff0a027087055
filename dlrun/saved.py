"""A fitted candidate on disk: one folder with `model.json` and one model file, without pickle."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dlrun.contract import Column, Family, Target
from dlrun.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract import Fitted

LOADERS: Final = {"deep": "dlrun.deep.saved", "classic": "dlrun.classic.saved"}
FACTS: Final = "model.json"


@dataclass(frozen=True)
class SavedModel:
    """A loaded model and the facts that are needed to feed it and to read what it says."""

    candidate: str
    family: Family
    columns: tuple[Column, ...]
    target: Target
    fitted: Fitted

    def answer(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Predict raw rows, as they stand in a user's file.

        Returns:
            One row per row with `prediction`, in the target's own kind of value, and for classes
            `p_<label>`, the probability of each.

        Raises:
            DataError: a column is missing or holds values of another type.
        """
        import pandas as pd

        from dlrun.data.columns import conform

        predictions = self.fitted.predict(conform(rows, self.columns))
        if self.target.task == "regression":
            return pd.DataFrame({"prediction": predictions.values}, index=rows.index)
        labels = pd.Series([_value(label, self.target.dtype) for label in self.target.labels])
        answers = pd.DataFrame({"prediction": labels.iloc[predictions.codes].to_numpy()})
        for code, label in enumerate(self.target.labels):
            answers[f"p_{label}"] = predictions.values[:, code]
        return answers.set_axis(rows.index)


def _value(label: str, dtype: str) -> str | int | float | bool:
    """Turn a label back into the kind of value that it was in the user's file."""
    if dtype == "bool":
        return label == "True"
    if dtype == "int":
        return int(label)
    return float(label) if dtype == "float" else label


def write_facts(
    folder: Path, *, candidate: str, family: Family, columns: tuple[Column, ...], target: Target
) -> None:
    """Write `model.json` beside the model file."""
    facts = {
        "candidate": candidate,
        "family": family,
        "columns": {column.name: column.type for column in columns},
        "target": {
            "name": target.name,
            "task": target.task,
            "labels": target.labels,
            "dtype": target.dtype,
        },
    }
    text = json.dumps(facts, indent=2, ensure_ascii=False)
    (folder / FACTS).write_text(text, encoding="utf-8")


def load(folder: Path) -> SavedModel:
    """Load a model that `Fitted.save` wrote.

    Each family has its loader, `dlrun.<family>.saved.load(folder)`, imported only here and now:
    this module stands below both and must not pull in TensorFlow for a classic model.

    Raises:
        UsageError: the folder holds no model.
    """
    path = folder / FACTS
    if not path.is_file():
        message = f"{folder}: no {FACTS} here, so this is not a model that dlrun saved."
        raise UsageError(message)
    facts = json.loads(path.read_text(encoding="utf-8"))
    target = facts["target"]
    loader = importlib.import_module(LOADERS[facts["family"]])
    return SavedModel(
        candidate=facts["candidate"],
        family=facts["family"],
        columns=tuple(Column(name, kind) for name, kind in facts["columns"].items()),
        target=Target(target["name"], target["task"], tuple(target["labels"]), target["dtype"]),
        fitted=loader.load(folder),
    )
