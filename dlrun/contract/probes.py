"""Layer probes: how well a linear model predicts from what each layer of a network computes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerProbe:
    """A linear model on the activations of one layer (Alain & Bengio 2016).

    Attributes:
        layer: its name in the network.
        kind: its class, such as Conv2D.
        shape: of its output for one row.
        width: how many numbers of a row the linear model gets.
        score: on the metric of the probes.
        random_score: the same of the network with fresh random weights.
    """

    layer: str
    kind: str
    shape: tuple[int | None, ...]
    width: int
    score: float
    random_score: float


@dataclass(frozen=True)
class LayerProbes:
    """The probes of a network, fitted to the same training rows and scored on the same test rows.

    Attributes:
        metric: the name of the metric.
        layers: in the order of the network.
        raw: the score of a linear model on the encoded inputs.
        engineered: that of one on features as classic candidates get them.
        features: names of the engineered features, and of the types of other columns.
        network: the score of the network itself.
        n_train: rows that the linear models are fitted to.
        n_test: rows that all are scored on.
    """

    metric: str
    layers: tuple[LayerProbe, ...]
    raw: float
    engineered: float
    features: tuple[str, ...]
    network: float
    n_train: int
    n_test: int
