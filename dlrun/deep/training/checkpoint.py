"""A training on disk: after any interruption it resumes where it was, bit for bit.

Keras' own backup keeps neither random numbers, nor early stopping, nor the best weights.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final
from zipfile import ZipFile

import numpy as np

from dlrun.contract.candidate import Epoch
from dlrun.deep.backend import keras, tf
from dlrun.deep.training.early_stopping import EarlyStoppingState
from dlrun.system.files import DamagedFileError, read_sealed, write_sealed

FILE: Final = "training.record"
VERSIONS: Final = f"fields 2, tensorflow {tf.__version__}, keras {keras.__version__}"

log = logging.getLogger(__name__)


@dataclass
class EpochTotals:
    """Sums over the steps of an epoch.

    Attributes:
        steps: taken so far.
        loss: of all their rows.
        norm: the gradients' global L2 norms before clipping.
        seconds: of wall-clock time.
    """

    steps: int = 0
    loss: float = 0.0
    norm: float = 0.0
    seconds: float = 0.0


@dataclass
class TrainerState:
    """All that a training needs to resume, beside the variables of network and optimizer.

    Attributes:
        epoch: the running one, from 1.
        totals: of its steps so far.
        history: the epochs that have ended.
        best_weights: as in `EarlyStopper`.
        by_xla: whether XLA compiles the steps; None: not decided yet.
    """

    epoch: int = 1
    totals: EpochTotals = field(default_factory=EpochTotals)
    stopping: EarlyStoppingState = field(default_factory=EarlyStoppingState)
    history: list[Epoch] = field(default_factory=list)
    best_weights: list[Any] = field(default_factory=list)
    by_xla: bool | None = None

    @property
    def is_begun(self) -> bool:
        """Say whether a step has been taken."""
        return self.epoch > 1 or self.totals.steps > 0


def to_notes(state: TrainerState) -> dict[str, Any]:
    """Return all but the best weights as plain values, by their names in a checkpoint."""
    return {
        "epoch": state.epoch,
        "sums": asdict(state.totals),
        "standing": asdict(state.stopping),
        "history": [asdict(epoch) for epoch in state.history],
        "by_xla": state.by_xla,
    }


def from_notes(notes: Mapping[str, Any], best_weights: list[Any]) -> TrainerState:
    """Invert `to_notes`."""
    return TrainerState(
        epoch=notes["epoch"],
        totals=EpochTotals(**notes["sums"]),
        stopping=EarlyStoppingState(**notes["standing"]),
        history=[Epoch.read(epoch, resumed=epoch["resumed"]) for epoch in notes["history"]],
        best_weights=best_weights,
        by_xla=notes.get("by_xla"),
    )


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint of one training.

    Attributes:
        folder: None where none is kept.
        variables: the Keras variables that training changes: weights, optimizer, random numbers.
    """

    folder: Path | None
    variables: Sequence[Any]

    def save(self, state: TrainerState) -> None:
        """Write the state and all variables. A full disk costs the checkpoint, not the training."""
        if self.folder is None:
            return
        try:
            write_sealed(self.folder / FILE, lambda file: self._write(file, state))
        except OSError as error:
            log.warning("%s: no checkpoint can be written: %s", self.folder, error.strerror)

    def _write(self, file: IO[bytes], state: TrainerState) -> None:
        """Write what `np.load` reads, one array at a time: each is copied for it."""
        notes = json.dumps({"versions": VERSIONS, **to_notes(state)}).encode()
        with ZipFile(file, "w") as archive:

            def add(name: str, array: Any) -> None:
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.save(entry, array, allow_pickle=False)

            for i, each in enumerate(self.variables):
                add(f"variable {i}", np.asarray(each.value))
            for i, each in enumerate(state.best_weights):
                add(f"best {i}", np.asarray(each))
            add("notes", np.frombuffer(notes, dtype=np.uint8))

    def load(self) -> TrainerState:
        """Restore state and variables; without a usable checkpoint training starts anew."""
        arrays = _read(self.folder / FILE) if self.folder else {}
        notes = json.loads(arrays.pop("notes").tobytes()) if "notes" in arrays else {}
        shapes = [arrays[name].shape for name in arrays if name.startswith("variable ")]
        if notes.get("versions") != VERSIONS or shapes != [each.shape for each in self.variables]:
            return TrainerState()
        for i, each in enumerate(self.variables):
            each.assign(arrays[f"variable {i}"])
        return from_notes(notes, [arrays[name] for name in arrays if name.startswith("best ")])


def _read(file: Path) -> dict[str, Any]:
    try:
        with np.load(BytesIO(read_sealed(file)), allow_pickle=False) as arrays:
            return dict(arrays)
    except OSError:
        return {}
    except DamagedFileError as damage:
        log.warning("%s. This training starts anew.", damage)
        return {}
