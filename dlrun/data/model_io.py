"""A fitted candidate on disk: a folder with `model.json` and a model file, without pickle."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dlrun.contract.dataset import AUTO, Column, Lag, Target, TextFormat
from dlrun.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.candidate import Fitted

LOADERS: Final = {
    "deep": "dlrun.deep.fitted",
    "classic": "dlrun.classic.persistence",
    "both": "dlrun.study.blend_model",
    "engineered": "dlrun.study.feature_networks",
    "tabular_prior": "dlrun.deep.tabular_prior.fitted",
    "embedded": "dlrun.study.embedded",
}
"""Loader → the module whose `load(folder)` reads the model."""

FACTS: Final = "model.json"
FORMAT: Final = "format.json"
TUPLES: Final = ("shape", "parts", "missing")  # of a column


@dataclass(frozen=True)
class ModelInfo:
    """The inputs and outputs of a saved model.

    Attributes:
        loader: of `LOADERS`.
    """

    candidate: str
    loader: str
    columns: tuple[Column, ...]
    target: Target

    def write(self, folder: Path) -> None:
        """Write `model.json` beside the model file."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        (folder / FACTS).write_text(text, encoding="utf-8")


def read_facts(folder: Path) -> ModelInfo:
    """Read the `model.json` of a folder.

    Raises:
        UsageError: the folder has none.
    """
    path = folder / FACTS
    if not path.is_file():
        message = f"{folder}: no {FACTS} here, so this is not a model that dlrun saved."
        raise UsageError(message)
    facts = json.loads(path.read_text(encoding="utf-8"))
    target = {**facts["target"], "labels": tuple(facts["target"]["labels"])}
    return ModelInfo(
        candidate=facts["candidate"],
        loader=_loader(facts),
        columns=tuple(map(_column, facts["columns"])),
        target=Target(**target),
    )


def _loader(facts: dict[str, Any]) -> str:
    """Return the loader; older models have a family, and say whether they are engineered."""
    is_engineered = facts.get("is_engineered", False)
    loader: str = facts.get("loader") or ("engineered" if is_engineered else facts["family"])
    return loader


def _column(facts: dict[str, Any]) -> Column:
    """Read a column; older models know no parts, no lags and no missing values."""
    lag = facts.get("lag")
    return Column(
        **{
            **facts,
            **{name: tuple(facts.get(name, ())) for name in TUPLES},
            "lag": Lag(**lag) if lag else None,
        }
    )


def write_format(folder: Path, form: TextFormat) -> None:
    """Write beside a model how the text files were read that it was trained on, if any were."""
    if form == AUTO:
        return
    text = json.dumps(asdict(form), indent=2, ensure_ascii=False)
    (folder / FORMAT).write_text(text, encoding="utf-8")


def _read_format(folder: Path) -> TextFormat:
    """Read it; older models, and those of other files, lack it."""
    path = folder / FORMAT
    if not path.is_file():
        return AUTO
    facts = json.loads(path.read_text(encoding="utf-8"))
    na = facts["na"]
    names = tuple(facts["names"])
    return TextFormat(**{**facts, "names": names, "na": None if na is None else tuple(na)})


@dataclass(frozen=True)
class SavedModel:
    """A loaded model that predicts raw rows.

    Attributes:
        format: how the text files were read that it was trained on.
        reference: one typed row, with which rows are compared (see `make_reference`); None where
            the model is older than this.
    """

    facts: ModelInfo
    fitted: Fitted
    format: TextFormat = AUTO
    reference: pd.DataFrame | None = None

    def predict(self, rows: pd.DataFrame, folder: Path = Path()) -> pd.DataFrame:
        """Predict raw rows, as in a user's file.

        Args:
            rows: the columns that the model was trained on, and perhaps others. An image, a sound
                or a text may be a path, encoded bytes, base64 or a data: URI; a series is a list
                of channels with a list of steps each, or a list of steps; also in JSON. Lags are
                computed from the earlier rows among these (see `with_lags`).
            folder: where relative paths start, before the working directory.

        Returns:
            For each row `prediction`, of the target's own type, and for classes `p_<label>`, the
            probability of each.

        Raises:
            DataError: a column is missing, or a value cannot be cast.
        """
        return self.answer(self.cast(rows, folder)).set_index(rows.index)

    def answer(self, typed: pd.DataFrame) -> pd.DataFrame:
        """Predict typed rows, as `cast` returns them; the columns are those of `predict`."""
        import pandas as pd

        from dlrun.data.targets import target_kind

        target = self.facts.target
        columns = target_kind(target.task).answers(self.fitted.predict(typed), target)
        return pd.DataFrame(columns, index=typed.index)

    def cast(self, rows: pd.DataFrame, folder: Path = Path()) -> pd.DataFrame:
        """Return raw rows as typed ones, numbered from 0; arguments and errors as in `predict`."""
        from dlrun.data.lags import with_lags
        from dlrun.data.types.cast import cast_columns

        complete = with_lags(rows.reset_index(drop=True), self.facts.columns)
        return cast_columns(complete, self.facts.columns, (folder, Path()))


def load(folder: Path) -> SavedModel:
    """Load a model that `Fitted.save` wrote.

    The module with the loader's `load(folder)` is imported only when it is needed: a classic model
    must not import TensorFlow.

    Raises:
        UsageError: the folder has no model.
    """
    from dlrun.data.reference import read_reference

    facts = read_facts(folder)
    loader = importlib.import_module(LOADERS[facts.loader])
    reference = read_reference(folder, facts.columns)
    return SavedModel(facts, loader.load(folder), _read_format(folder), reference)
