"""Encoded rows in the memory of the device that trains on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dlrun.contract import Dataset
from dlrun.deep.backend import tf
from dlrun.deep.inputs.groups import FrameReader
from dlrun.deep.network import Network
from dlrun.deep.objective import Objective

CHUNK_ROWS: Final = 8192  # that a network is given at once when it predicts, to bound its memory


@dataclass(frozen=True)
class Table:
    """Rows that were read and encoded once, for all epochs.

    Attributes:
        inputs: of the network's body, for each column group a tensor (rows, …).
        truth: (rows,) what the loss compares with.
    """

    inputs: Mapping[str, Any]
    truth: Any

    def __len__(self) -> int:
        return int(self.truth.shape[0])


def chunks(groups: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Cut column groups into pieces of a few thousand rows; without rows there is one piece."""
    n_rows = next(iter(groups.values())).shape[0]
    for start in range(0, max(1, n_rows), CHUNK_ROWS):
        yield {kind: rows[start : start + CHUNK_ROWS] for kind, rows in groups.items()}


def encode_table(
    dataset: Dataset, reader: FrameReader, network: Network, objective: Objective
) -> Table:
    """Read and encode a dataset."""
    groups = {kind: tf.constant(group) for kind, group in reader.read(dataset.frame).items()}
    return Table(network.encoder(groups), tf.constant(objective.encode_truth(dataset.truth)))
