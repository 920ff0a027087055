"""Loss and scores on the validation rows after an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dlrun.contract.dataset import Dataset
from dlrun.deep.backend import tf
from dlrun.deep.network import Network
from dlrun.deep.objective import Objective, to_predictions
from dlrun.deep.training.device_data import DeviceDataset, chunks
from dlrun.deep.training.programs import Program
from dlrun.metrics.scores import score
from dlrun.system.cost import startup


@dataclass(frozen=True)
class Evaluator:
    """Evaluates a network on the validation rows.

    Attributes:
        network: its last part makes predictions.
        program: that it is trained by.
        encoded: the rows of `dataset`.
        metrics: the names to score.
    """

    network: Network
    program: Program
    objective: Objective
    encoded: DeviceDataset
    dataset: Dataset
    metrics: tuple[str, ...]

    def evaluate(self) -> dict[str, float]:
        """Return `val/loss` and the scores as `val/<metric>`; nothing without rows."""
        if not len(self.encoded):
            return {}
        outputs = tf.concat([self._forward(chunk) for chunk in self._chunks()], axis=0)
        losses = self.objective.losses(self.encoded.y, outputs)
        return {"val/loss": float(tf.reduce_mean(losses)), **self._scores(outputs)}

    def _scores(self, outputs: Any) -> dict[str, float]:
        target = self.dataset.target
        predictions = to_predictions(self.network.finish(outputs).numpy(), target)
        if not np.isfinite(predictions.values).all():
            return {f"val/{name}": float("nan") for name in self.metrics}
        scores = score(self.metrics, predictions, self.dataset.y, target)
        return {f"val/{name}": value for name, value in scores.items()}

    @cached_property
    def _forward(self) -> Any:
        with startup():
            self.program.forward(next(self._chunks()))
        return self.program.forward

    def _chunks(self) -> Iterator[dict[str, Any]]:
        return chunks(self.encoded.inputs, self.program.network.body)
