"""A few steps of a training, timed before it begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Dataset
from dlrun.deep.backbones.backbone import Reader
from dlrun.deep.backend import tf
from dlrun.deep.distributed.collective import CollectiveGroup
from dlrun.deep.inputs.groups import frame_reader
from dlrun.deep.network import Network
from dlrun.deep.objective import Objective
from dlrun.deep.precision import POLICIES, choose_precision
from dlrun.deep.spec import NetworkSpec
from dlrun.deep.training.device_data import encode_table
from dlrun.deep.training.loop import rows_of_step
from dlrun.deep.training.pace import measure_pace
from dlrun.deep.training.steps import Steps


@dataclass(frozen=True)
class TrialSteps:
    """The steps of a training, as one of its replicas takes them.

    Attributes:
        train: the training rows, or a sample where these are streamed.
        readers: group → what reads it for a pretrained network.
        make: dtype policy → a network with fresh weights, and its optimizer.
        n_replicas: that share a batch.
    """

    spec: NetworkSpec
    objective: Objective
    train: Dataset
    readers: Mapping[str, Reader]
    make: Callable[[str], tuple[Network, Any]]
    n_replicas: int

    def choose_precision(self, context: FitContext, group: CollectiveGroup | None) -> str:
        """Return the dtype policy of the training: the chief's, where several workers share it."""
        training = self.spec.training
        if group is None or group.worker.is_chief:
            n_steps = self._count_steps(context.epochs)
            policy = choose_precision(
                training, self.measure, n_steps, self._key, context.checkpoint
            )
        else:
            policy = POLICIES[0]
        return POLICIES[int(group.broadcast(np.int64(POLICIES.index(policy))))] if group else policy

    def measure(self, policy: str, *, by_xla: bool = False) -> float:
        """Measure the seconds of a step.

        Args:
            policy: of Keras' dtypes.
            by_xla: whether XLA compiles it.
        """
        n_rows = min(len(self.train), self._rows_of_step // self.n_replicas)
        network, optimizer = self.make(policy)
        optimizer.build(network.body.trainable_variables)
        one_device = tf.distribute.get_strategy()
        accumulate = self.spec.training.accumulate
        steps = Steps(network, self.objective, optimizer, one_device, accumulate)
        reader = frame_reader(self.train.columns, network.reader, self.readers)
        some = self.train.take(np.arange(n_rows))
        rows = encode_table(some, reader, network, self.objective)
        return measure_pace(steps.compile(network.trained(), n_rows if by_xla else None), rows)

    def _count_steps(self, n_epochs: int | None) -> int:
        """Count the steps that are sure to come."""
        n_epochs = n_epochs or self.spec.training.sure_epochs
        return n_epochs * ceil(self._n_rows / self._rows_of_step)

    @property
    def _n_rows(self) -> int:
        return self.train.stream.sizes[0] if self.train.stream else len(self.train)

    @property
    def _rows_of_step(self) -> int:
        training = self.spec.training
        return min(
            self._n_rows, rows_of_step(training.batch_size, training.accumulate, self._n_rows)
        )

    @property
    def _key(self) -> tuple[object, ...]:
        """Return what the pace of the steps depends on: not on the fold, nor on its words."""
        training = self.spec.training
        return (
            repr(self.spec.model),
            repr(self.spec.preprocessing),
            tuple((column.type, column.shape) for column in self.train.columns),
            training.optimizer.name,
            training.accumulate,
            rows_of_step(training.batch_size, training.accumulate, self._n_rows) // self.n_replicas,
        )
