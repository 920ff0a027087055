"""Tags of runs and models that are read as well as written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dlrun.contract.study import KeptModel

KIND: Final = "dlrun.kind"  # of a candidate; a blend and studies of earlier versions lack it
NOTE: Final = "mlflow.note.content"  # what MLflow shows as the description
KEPT: Final = "dlrun.kept"  # of a study: the candidate whose model is the study's
TRAINED_ON: Final = "dlrun.trained_on"  # of a model, and of a study for its own: rows, in words


def kept_model(tags: Mapping[str, str]) -> KeptModel | None:
    """Return the model of the study that has these tags."""
    return KeptModel(tags[KEPT], tags[TRAINED_ON]) if tags.get(KEPT) else None
