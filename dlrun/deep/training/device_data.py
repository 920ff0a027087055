"""Encoded rows in the memory of the device that trains on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from math import prod
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Dataset
from dlrun.deep.backend import tf
from dlrun.deep.inputs.groups import FrameReader
from dlrun.deep.network import Network, has_backbone
from dlrun.deep.objective import Objective
from dlrun.deep.training.device_memory import rows_in_memory

CHUNK_NUMBERS: Final = 2**18  # that a network gets at once on a CPU
MAX_ROWS, MIN_ROWS = 8192, 16
PRETRAINED_ROWS: Final = 32  # whose activations are far larger than what enters


class TrainingData(Protocol):
    """The rows that a network is trained on, once in every epoch, by all workers together."""

    def __len__(self) -> int:
        """Count the rows of an epoch."""

    def windows(self, epoch: int, n_steps: int) -> Iterator[Window]:
        """Yield the rows of an epoch here, in windows that are in memory one after the other.

        Rows are shuffled within a window only. The same epoch has the same windows every time, so
        that a training can resume.

        Args:
            epoch: counted from 1.
            n_steps: of the epoch; one window holds the rows of a step at least.
        """


@dataclass(frozen=True)
class DeviceDataset:
    """Rows that were encoded once for all epochs: `TrainingData` in one window.

    Attributes:
        inputs: of the network's body, for each column group a tensor (rows, *encoded.shape).
        y: (rows, …) what the loss compares with.
    """

    inputs: Mapping[str, Any]
    y: Any

    def __len__(self) -> int:
        return int(self.y.shape[0])

    def windows(self, _epoch: int, _n_steps: int) -> Iterator[Window]:
        """Yield all rows."""
        yield Window(self, (len(self),))


class Window(NamedTuple):
    """Rows of an epoch that are in memory together.

    Attributes:
        rows: those that this worker has read.
        shares: how many each worker has of its own; a single number where all have read the same.
    """

    rows: DeviceDataset
    shares: tuple[int, ...]


def even_edges(n_rows: int, n_pieces: int) -> NDArray[np.int64]:
    """Return where the rows of each of some pieces begin, and where those of the last one end."""
    return np.arange(n_pieces + 1) * n_rows // max(1, n_pieces)


def join(parts: Sequence[DeviceDataset]) -> DeviceDataset:
    """Return the rows of several parts, one after the other."""
    names = parts[0].inputs
    inputs = {name: tf.concat([part.inputs[name] for part in parts], axis=0) for name in names}
    return DeviceDataset(inputs, tf.concat([part.y for part in parts], axis=0))


def chunks(groups: Mapping[str, Any], *models: Any) -> Iterator[dict[str, Any]]:
    """Split column groups into pieces of some rows; without rows there is one piece.

    On a CPU they are few, and stay in its caches; on a GPU as many as its memory is sure to take.

    Args:
        groups: name → (rows, …).
        models: that take them.
    """
    n_rows = next(iter(groups.values())).shape[0]
    step = _rows_at_once(groups, models)
    for start in range(0, max(1, n_rows), step):
        yield {name: rows[start : start + step] for name, rows in groups.items()}


def _rows_at_once(groups: Mapping[str, Any], models: tuple[Any, ...]) -> int:
    shapes = [rows.shape[1:] for rows in groups.values()]
    fitting = rows_in_memory(models, longest=max(chain([1], *shapes)))
    if fitting is not None:
        return min(MAX_ROWS, max(MIN_ROWS, fitting))
    most = PRETRAINED_ROWS if any(map(has_backbone, models)) else MAX_ROWS
    return min(most, max(MIN_ROWS, CHUNK_NUMBERS // max(1, sum(map(prod, shapes)))))


def encode_table(
    dataset: Dataset, reader: FrameReader, network: Network, objective: Objective
) -> DeviceDataset:
    """Read and encode a dataset, which may have no rows: those some encoders do not take."""
    if not len(dataset):
        return DeviceDataset({}, tf.zeros(0))
    return encode_groups(reader.open(dataset.frame), dataset.y, network, objective)


def encode_groups(
    groups: Mapping[str, Any], y: NDArray[Any], network: Network, objective: Objective
) -> DeviceDataset:
    """Encode rows of column groups, arrays or `UnreadRows`."""
    encode = network.encoder if network.encodes else partial(_constant, network.encoder.input)
    pieces = [encode(piece) for piece in chunks(groups, network.encoder)]
    inputs = {name: tf.concat([piece[name] for piece in pieces], axis=0) for name in groups}
    return DeviceDataset(inputs, tf.constant(objective.head.encode_y(y)))


def copy_to_replicas(strategy: Any, rows: DeviceDataset) -> tuple[Any, Any]:
    """Return inputs and y of each replica: once on every device, and not again where they are.

    Args:
        strategy: of tf.distribute.
        rows: in the memory of one device.
    """
    if strategy is tf.distribute.get_strategy():
        return rows.inputs, rows.y
    devices = strategy.extended.worker_devices  # of this process

    def copy(context: Any) -> tuple[Any, Any]:
        with tf.device(devices[context.replica_id_in_sync_group % len(devices)]):
            return {name: tf.identity(each) for name, each in rows.inputs.items()}, tf.identity(
                rows.y
            )

    copies: tuple[Any, Any] = strategy.experimental_distribute_values_from_function(copy)
    return copies


def _constant(inputs: Mapping[str, Any], groups: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return groups that are encoded as they are, as tensors of the dtypes of Keras inputs."""
    return {name: tf.constant(rows, inputs[name].dtype) for name, rows in groups.items()}
