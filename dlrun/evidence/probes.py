"""What layer probes say, in sentences."""

from __future__ import annotations

from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, Final

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import fixed, signed

if TYPE_CHECKING:
    from dlrun.contract.probes import LayerProbe, LayerProbes

PLACES: Final = 3


def layer_title(place: int, layer: LayerProbe) -> str:
    """Name a layer by its place in the network, from 1, and its kind: "3 Conv2D"."""
    return f"{place} {layer.kind}"


def references(probes: LayerProbes) -> dict[str, float]:
    """Return what the layers are compared with, in words, and the scores that are known."""
    engineered = f"engineered features ({', '.join(probes.features)})"
    known = {
        "raw inputs": probes.raw,
        engineered: probes.engineered,
        "the network itself": probes.network,
    }
    return {name: score for name, score in known.items() if isfinite(score)}


def describe_probes(probes: LayerProbes) -> str:
    """Say how good the representation is at each depth, and what the layers add."""
    metric, layers = get_metric(probes.metric).title, probes.layers
    first, last = layers[0], layers[-1]
    words = [
        f"A linear model on layer {layer_title(1, first)} scores {fixed(first.score, PLACES)} "
        f"{metric}, and on layer {layer_title(len(layers), last)} {fixed(last.score, PLACES)}."
    ]
    if len(layers) > 1:
        words.append(_steps(probes))
    words.append(
        f"With random weights it goes from {fixed(first.random_score, PLACES)} to "
        f"{fixed(last.random_score, PLACES)}."
    )
    others = [f"{name} {fixed(score, PLACES)}" for name, score in references(probes).items()]
    words.append(f"To compare: {', '.join(others)}.")
    return " ".join(words)


def _steps(probes: LayerProbes) -> str:
    """Say what a layer adds on average, and where the largest step is."""
    layers = probes.layers
    gains = [after.score - before.score for before, after in pairwise(layers)]
    mean = sum(gains) / len(gains)
    largest = max(range(len(gains)), key=lambda place: gains[place])
    if gains[largest] <= 0:
        return f"No layer adds to the one before it ({signed(mean, PLACES)} on average)."
    title = layer_title(largest + 2, layers[largest + 1])
    return (
        f"Each layer adds {signed(mean, PLACES)} on average; the largest step, "
        f"{signed(gains[largest], PLACES)}, is at layer {title}."
    )
