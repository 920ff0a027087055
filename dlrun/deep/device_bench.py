"""How fast networks of three kinds are on this device: with and without XLA, and in half precision.

What `dlrun doctor --bench` measures. Each is one of dlrun's own architectures on made-up rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.deep.backend import tf
from dlrun.deep.inputs.groups import fit_encodings
from dlrun.deep.objective import choose_objective
from dlrun.deep.precision import BFLOAT16, FULL, mixed_policy
from dlrun.deep.spec import NetworkSpec
from dlrun.deep.train import make_network
from dlrun.deep.trial_steps import TrialSteps
from dlrun.recipe.preprocessing import Preprocessing
from dlrun.recipe.schema import Model
from dlrun.recipe.training import Training

MakeCell = Callable[[np.random.Generator], Any]


@dataclass(frozen=True)
class BenchNetwork:
    """A network that is timed.

    Attributes:
        title: in the table.
        settings: of the model, as in a recipe.
        column: each of its columns.
        n_columns: of this kind.
        n_rows: of a step.
        make: draws one cell.
    """

    title: str
    settings: dict[str, Any]
    column: Column
    n_columns: int
    n_rows: int
    make: MakeCell

    def dataset(self) -> Dataset:
        """Return the rows of a step, of two classes."""
        rng = np.random.default_rng(0)
        columns = tuple(
            Column(f"x{i}", self.column.type, self.column.shape) for i in range(self.n_columns)
        )
        rows = np.arange(self.n_rows)
        frame = pd.DataFrame({each.name: [self.make(rng) for _ in rows] for each in columns})
        target = Target("y", "classification", ("no", "yes"))
        return Dataset(self.title, "made", columns, target, frame, rows % 2, rows)


NETWORKS: Final = (
    BenchNetwork(
        "dense 2 × 256", {"architecture": "mlp", "hidden": [256, 256]},
        Column("x", "number"), 50, 512, lambda rng: rng.normal(),
    ),
    BenchNetwork(
        "3 convolutions", {"architecture": "cnn"},
        Column("x", "image", (32, 32, 3)), 1, 64,
        lambda rng: rng.integers(0, 256, (32, 32, 3), dtype=np.uint8),
    ),
    BenchNetwork(
        "LSTM 64", {"architecture": "rnn", "bidirectional": False},
        Column("x", "series", (48, 4)), 1, 128,
        lambda rng: rng.normal(size=(48, 4)).astype(np.float32),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class BenchPaces:
    """What was measured of a network.

    Attributes:
        network: its title.
        n_rows: of a step.
        seconds: of a step, for each of `programs()`; None where it cannot be run here.
    """

    network: str
    n_rows: int
    seconds: tuple[float | None, ...]


def programs() -> tuple[tuple[str, bool], ...]:
    """Return the dtype policies that are measured, each without XLA and with it."""
    mixed = mixed_policy() or BFLOAT16
    return (FULL, False), (FULL, True), (mixed, False), (mixed, True)


def measure_networks(networks: tuple[BenchNetwork, ...] = NETWORKS) -> Iterator[BenchPaces]:
    """Measure one network after the other, a few seconds each."""
    for network in networks:
        trial = _trial(network)
        paces = tuple(_measure(trial, policy, by_xla=by_xla) for policy, by_xla in programs())
        yield BenchPaces(network.title, network.n_rows, paces)


def _trial(network: BenchNetwork) -> TrialSteps:
    rows = network.dataset()
    training = Training(batch_size=network.n_rows)
    model = Model.model_validate(network.settings)
    spec = NetworkSpec(model, training, Preprocessing(), "accuracy", Path())
    encodings = fit_encodings(rows.columns, rows.frame, spec.preprocessing)
    objective = choose_objective(training, rows.target, rows.y)
    make = partial(make_network, spec, rows.columns, encodings, objective)
    return TrialSteps(spec, objective, rows, {}, make, n_replicas=1)


def _measure(trial: TrialSteps, policy: str, *, by_xla: bool) -> float | None:
    try:
        return trial.measure(policy, by_xla=by_xla)
    except tf.errors.OpError:
        return None
