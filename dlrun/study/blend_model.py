"""A saved blend: the models of its members, each in a folder of its own, and their weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.contract.candidate import BLEND, Fitted, Predictions
from dlrun.data.model_io import FORMAT, ModelInfo, read_facts
from dlrun.data.model_io import load as load_member
from dlrun.data.reference import REFERENCE
from dlrun.metrics.blend import mix

if TYPE_CHECKING:
    import pandas as pd

WEIGHTS: Final = "weights.json"


@dataclass(frozen=True)
class FittedBlend:
    """Fitted candidates, and the weights of their predictions, which sum to one."""

    members: tuple[Fitted, ...]
    weights: tuple[float, ...]

    @property
    def parameters(self) -> int:
        """Return the parameters of all members."""
        return sum(each.parameters for each in self.members)

    @property
    def best_epoch(self) -> None:
        """Return None: a blend is not trained."""

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Return the weighted mean of the members' predictions of typed rows."""
        values = np.stack([each.predict(frame).values for each in self.members])
        return Predictions(mix(values, np.array(self.weights)))


def save_blend(
    folder: Path, members: Mapping[str, Path], weights: Mapping[str, float], name: str = BLEND
) -> None:
    """Write a blend into an existing, empty folder.

    Args:
        folder: where it is written, as `Fitted.save` does.
        members: candidate → the folder of its model; at least one.
        weights: the same candidates → their weights, which sum to one.
        name: of the blend.

    Raises:
        OSError: it cannot be written.
    """
    places = {candidate: f"member-{place}" for place, candidate in enumerate(members)}
    for candidate, model in members.items():
        shutil.copytree(model, folder / places[candidate])
    found = [read_facts(model) for model in members.values()]
    columns = dict.fromkeys(column for facts in found for column in facts.columns)
    ModelInfo(name, "both", tuple(columns), found[0].target).write(folder)
    text = {places[candidate]: weights[candidate] for candidate in members}
    (folder / WEIGHTS).write_text(json.dumps(text, indent=2), encoding="utf-8")
    first = next(iter(members.values()))
    for beside in (FORMAT, REFERENCE):  # all are trained on the same rows
        if (first / beside).is_file():
            shutil.copy(first / beside, folder / beside)


def load(folder: Path) -> FittedBlend:
    """Load a blend that `save_blend` wrote.

    Raises:
        UsageError: a member cannot be loaded.
    """
    weights: dict[str, float] = json.loads((folder / WEIGHTS).read_text(encoding="utf-8"))
    members = tuple(load_member(folder / place).fitted for place in weights)
    return FittedBlend(members, tuple(weights.values()))
