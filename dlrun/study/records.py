"""The record of a trial on disk: sealed, so that damage is found; with the digest of its model."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.contract.candidate import Epoch, Predictions
from dlrun.contract.dataset import Split
from dlrun.contract.search import SearchTrial, Tuning
from dlrun.contract.trial import Cost, ProbeScore, Trial
from dlrun.system.files import read_sealed, write_sealed


@dataclass(frozen=True)
class Record:
    """A trial that was kept.

    Attributes:
        model: the digest of the folder with its model; None where none was asked for.
    """

    trial: Trial
    model: str | None = None

    def write(self, path: Path) -> None:
        """Write a line of JSON, then the predictions of the test and of the validation rows.

        Raises:
            OSError: it cannot be written.
        """
        trial = self.trial
        bare = replace(trial, split=None, predictions=None, validation_predictions=None)  # type: ignore[arg-type]
        values = asdict(bare)
        header = json.dumps({"trial": values, "model": self.model}, default=float)
        content = BytesIO()
        content.write(f"{header}\n".encode())
        for predictions in (trial.predictions, trial.validation_predictions):
            if predictions is not None:
                np.save(content, predictions.values)
        write_sealed(path, lambda file: file.write(content.getbuffer()))


def read_record(path: Path, split: Split) -> Record | None:
    """Read the record of a trial on a split; None where there is none, or a version's with others.

    Those of earlier versions have no predictions of the validation rows.

    Raises:
        DamagedFileError: its content has changed since it was written.
    """
    try:
        header, _, arrays = read_sealed(path).partition(b"\n")
    except OSError:
        return None
    found = json.loads(header)
    try:
        return Record(_trial(found["trial"], split, BytesIO(arrays)), found["model"])
    except (KeyError, TypeError):  # written by a version with other fields
        return None


def _trial(values: dict[str, object], split: Split, arrays: BytesIO) -> Trial:
    known = {
        "split": split,
        "predictions": _read_predictions(arrays),
        "validation_predictions": _read_predictions(arrays),
        "members": (),
        "cost": Cost(**values["cost"]),  # type: ignore[arg-type]
        "epochs": tuple(
            Epoch.read(epoch, resumed=True)
            for epoch in values["epochs"]  # type: ignore[attr-defined]
        ),
        "probe_scores": tuple(
            ProbeScore(**each)
            for each in values["probe_scores"]  # type: ignore[attr-defined]
        ),
        "tuning": _tuning(values.get("tuning")),
        "resumed": True,
    }
    return Trial(**{**values, **known})  # type: ignore[arg-type]


def _tuning(values: Any) -> Tuning | None:
    if values is None:
        return None
    trials = tuple(SearchTrial(**each) for each in values["trials"])
    return Tuning(**{**values, "trials": trials})


def _read_predictions(arrays: BytesIO) -> Predictions | None:
    """Read the next array; None at the end."""
    if arrays.tell() == arrays.getbuffer().nbytes:
        return None
    return Predictions(np.load(arrays, allow_pickle=False))
