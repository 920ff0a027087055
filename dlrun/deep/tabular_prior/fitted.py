"""A `tabular_prior` with the training rows that it answers from, and its files."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.data.model_io import ModelInfo, read_facts
from dlrun.data.splits.stratify import draw, strata_of
from dlrun.deep.network import count_parameters
from dlrun.deep.spec import NetworkSpec
from dlrun.deep.summary import WIDTH, Summary
from dlrun.deep.tabular_prior.columns import MatrixReader, most_telling
from dlrun.deep.tabular_prior.context import Context
from dlrun.deep.tabular_prior.limits import MAX_COLUMNS, MAX_ROWS
from dlrun.deep.tabular_prior.weights import find_weights, read_weights

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

WEIGHTS: Final = "weights.npz"
ROWS: Final = "rows.npz"
READER: Final = "columns.json"


@dataclass(frozen=True)
class FittedTabularPrior:
    """A network and its context.

    Attributes:
        candidate: its name.
        columns: of the table.
        reader: of those that the network sees.
        context: the training rows.
        classes: (classes,) the label of each class of the context.
        weights: the file of the network's weights.
    """

    candidate: str
    columns: tuple[Column, ...]
    target: Target
    reader: MatrixReader
    context: Context
    classes: NDArray[np.int64]
    weights: Path

    @property
    def parameters(self) -> int:
        """Count the pretrained weights."""
        return count_parameters(self.context.network)

    @property
    def best_epoch(self) -> int | None:
        """Return None: there are no epochs."""
        return None

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Predict typed rows; a class without training rows gets the probability 0."""
        known = self.context.predict(self.reader.read(frame))
        values = np.zeros((len(known), len(self.target.labels)))
        values[:, self.classes] = known
        return Predictions(values)

    def save(self, folder: Path) -> None:
        """Write the weights, the training rows and how columns are read."""
        shutil.copyfile(self.weights, folder / WEIGHTS)
        context = self.context
        order = np.array([context.members, context.seed])
        np.savez(
            folder / ROWS, matrix=context.matrix, y=context.y, classes=self.classes, order=order
        )
        seen = {"columns": [c.name for c in self.reader.columns], "values": self.reader.values}
        text = json.dumps(seen, indent=2, ensure_ascii=False)
        (folder / READER).write_text(text, encoding="utf-8")
        ModelInfo(self.candidate, "tabular_prior", self.columns, self.target).write(folder)


def fit_context(spec: NetworkSpec, train: Dataset, seed: int) -> FittedTabularPrior:
    """Keep the training rows and columns that the network takes.

    Raises:
        WeightsError: the weights cannot be read.
    """
    if len(train) > MAX_ROWS:
        strata = strata_of(train.y, train.target)
        train = train.take(np.sort(draw(strata, MAX_ROWS, np.random.default_rng(seed))))
    settings = spec.model.complete_settings
    weights = find_weights(settings["weights"], spec.folder)
    classes, y = np.unique(train.y, return_inverse=True)
    reader = MatrixReader.of(train.columns, train.frame)
    matrix = reader.read(train.frame)
    if len(train.columns) > MAX_COLUMNS:
        chosen = most_telling(matrix, y, MAX_COLUMNS)
        reader, matrix = reader.only(chosen), matrix[:, chosen]
    context = Context(read_weights(weights), matrix, y, settings["members"], seed)
    return FittedTabularPrior(
        spec.name, train.columns, train.target, reader, context, classes, weights
    )


def load(folder: Path) -> FittedTabularPrior:
    """Load what `FittedTabularPrior.save` wrote.

    Raises:
        UsageError: the folder has no model.
        WeightsError: the weights cannot be read.
    """
    facts = read_facts(folder)
    seen = json.loads((folder / READER).read_text(encoding="utf-8"))
    columns = {column.name: column for column in facts.columns}
    values = {name: tuple(each) for name, each in seen["values"].items()}
    reader = MatrixReader(tuple(columns[name] for name in seen["columns"]), values)
    with np.load(folder / ROWS, allow_pickle=False) as rows:
        members, seed = map(int, rows["order"])
        network = read_weights(folder / WEIGHTS)
        context = Context(network, rows["matrix"], rows["y"], members, seed)
        classes = rows["classes"]
    return FittedTabularPrior(
        facts.candidate, facts.columns, facts.target, reader, context, classes, folder / WEIGHTS
    )


def summarize(spec: NetworkSpec) -> Summary:
    """List the layers of the network, with its pretrained weights.

    Raises:
        WeightsError: the weights cannot be read.
    """
    network = read_weights(find_weights(spec.model.complete_settings["weights"], spec.folder))
    lines: list[str] = []
    network.summary(line_length=WIDTH, print_fn=lines.append)
    return Summary(spec.name, count_parameters(network), "\n".join(lines))
