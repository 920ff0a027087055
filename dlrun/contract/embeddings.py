"""Rows as points of a plane, as a layer of a network places them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Projection = Literal["pca", "tsne"]


@dataclass(frozen=True)
class LayerEmbedding:
    """The rows as one layer places them.

    Attributes:
        layer: its name in the network.
        method: how its numbers became two.
        points: (rows, 2).
        explained: the share of the variance that each of two principal components has; empty for
            other methods.
    """

    layer: str
    method: Projection
    points: tuple[tuple[float, float], ...]
    explained: tuple[float, ...] = ()


@dataclass(frozen=True)
class Embeddings:
    """The same test rows, as some layers place them.

    Attributes:
        row_ids: (rows,) as `Dataset.row_ids`.
        values: (rows,) the code of the class or the number that is to be predicted; of label sets
            the number of labels.
        labels: the classes by code; empty where the values are numbers.
        layers: in the order of the network.
    """

    row_ids: tuple[int, ...]
    values: tuple[float, ...]
    labels: tuple[str, ...]
    layers: tuple[LayerEmbedding, ...]
