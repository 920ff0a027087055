"""What a network is made by; all that training and summary know of a candidate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dlrun.recipe.preprocessing import Preprocessing
from dlrun.recipe.schema import Model
from dlrun.recipe.training import Training


@dataclass(frozen=True)
class NetworkSpec:
    """The sections of the recipe that make one network; plain values, so that it can be pickled.

    Attributes:
        model: the recipe's section.
        training: the recipe's section, with the model's own overrides.
        preprocessing: the recipe's section, with the model's own embedding of numbers.
        metric: the study's primary one, measured after every epoch.
        folder: of the recipe, where the user's own modules are.
        trusted: modules elsewhere that an architecture may come from.
    """

    model: Model
    training: Training
    preprocessing: Preprocessing
    metric: str
    folder: Path
    trusted: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Return the name of the candidate."""
        return self.model.title

    @property
    def epoch_metrics(self) -> tuple[str, ...]:
        """Return the metrics to score after every epoch: the primary and the monitored one."""
        stopping = self.training.early_stopping
        monitored = stopping.monitor.removeprefix("val/") if stopping else "loss"
        names = dict.fromkeys((self.metric, monitored))
        return tuple(name for name in names if name != "loss")
