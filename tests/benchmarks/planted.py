"""A signal that is planted in a column, a patch, a word, a stretch: whether explanations find it.

    python tests/benchmarks/planted.py [part of a name…]

Each candidate is trained on rows whose target depends on one part of each row alone. Its methods,
and those of the same network with random weights, explain ten test rows; the table says how much
of the absolute weight lies on the planted part, how large the residual is, and the rank
correlation of the weights with the random network's explanations (Adebayo et al. 2018).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.catalog.attributions import ATTRIBUTIONS
from dlrun.classic.candidates import make_candidates as make_classic
from dlrun.contract.attribution import Attribution, ColumnAttribution
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.contract.sees_inside import SeesInside
from dlrun.data.model_io import SavedModel, load
from dlrun.data.reference import write_reference
from dlrun.data.types.decode import as_cells
from dlrun.deep.candidates import make_candidates as make_deep
from dlrun.evidence.agreement import rank_correlation
from dlrun.recipe.schema import Recipe
from dlrun.study.reasons import explain_rows, methods_of
from dlrun.system.cost import pin_threads

N_ROWS, N_TRAIN, N_EXPLAINED = 2400, 2000, 10
SIDE, PATCH = 16, slice(4, 8)
STEPS, STRETCH = 48, slice(12, 20)
RATE, SOUND = 4000, 1600  # a second has so many samples, and a sound
TONE = slice(480, 800)  # samples
FRAMES = slice(10, 23)  # of 10 ms that the tone is in, whose windows are 25 ms
WORDS = ["sun", "rain", "wind", "snow", "fog", "ice"]
TARGET = Target("y", "classification", ("no", "yes"))


@dataclass(frozen=True)
class Planted:
    """Rows with a planted signal.

    Attributes:
        share: of the absolute weight of an attribution that is on the planted part.
    """

    dataset: Dataset
    share: Callable[[Attribution], float]


def _dataset(name: str, columns: Sequence[Column], frame: pd.DataFrame, y: Any) -> Dataset:
    return Dataset(name, "planted", tuple(columns), TARGET, frame, y, np.arange(len(y)))


def _on_mask(weights: NDArray[np.float64], masks: Sequence[slice], sides: Sequence[int]) -> float:
    """Return the share on a part, whatever the resolution of the weights; places in touch count."""
    for axis, (mask, side) in enumerate(zip(masks, sides, strict=True)):
        n_places = weights.shape[axis]
        edges = np.arange(n_places + 1) * side / n_places
        touches = (edges[1:] > mask.start) & (edges[:-1] < mask.stop)
        weights = weights * touches.reshape([-1 if a == axis else 1 for a in range(weights.ndim)])
    return float(np.abs(weights).sum())


def _share(part: Callable[[ColumnAttribution], float]) -> Callable[[Attribution], float]:
    def share(attribution: Attribution) -> float:
        total = sum(float(np.abs(each.weights).sum()) for each in attribution.columns)
        return sum(map(part, attribution.columns)) / (total or 1.0)

    return share


def table() -> Planted:
    """Ten numbers, of which one decides."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N_ROWS, 10))
    frame = pd.DataFrame(values, columns=[f"x{number}" for number in range(10)])
    columns = [Column(name, "number") for name in frame]
    part = _share(lambda each: float(abs(each.weights)) * (each.column == "x3"))
    return Planted(_dataset("table", columns, frame, (values[:, 3] > 0).astype(int)), part)


def text() -> Planted:
    """Words, of which one at any place decides."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, N_ROWS)
    sentences = [list(rng.choice(WORDS, rng.integers(4, 10))) for _ in y]
    for words, is_good in zip(sentences, y, strict=True):
        words[rng.integers(len(words))] = "good" if is_good else "bad"
    frame = pd.DataFrame({"text": pd.Series(map(" ".join, sentences), dtype="str")})

    def part(each: ColumnAttribution) -> float:
        is_word = [bool({"good", "bad"} & {*token.split()}) for token in each.parts]
        return float(np.abs(each.weights[np.array(is_word, bool)]).sum())

    return Planted(_dataset("text", [Column("text", "text")], frame, y), _share(part))


def image() -> Planted:
    """A patch of a grey image with some noise is light or dark."""
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, N_ROWS)
    pixels = rng.normal(128, 6, (N_ROWS, SIDE, SIDE, 1))
    pixels[:, PATCH, PATCH] += np.where(y, 60, -60)[:, None, None, None]
    cells = as_cells(list(pixels.clip(0, 255).astype(np.uint8)), N_ROWS)
    column = Column("image", "image", (SIDE, SIDE, 1))
    part = _share(lambda each: _on_mask(each.weights, [PATCH, PATCH], [SIDE, SIDE]))
    return Planted(_dataset("image", [column], pd.DataFrame({"image": cells}), y), part)


def series() -> Planted:
    """A stretch of a flat series with some noise is high or low."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, N_ROWS)
    values = rng.normal(0, 0.1, (N_ROWS, STEPS, 1))
    values[:, STRETCH] += np.where(y, 1.0, -1.0)[:, None, None]
    cells = as_cells(list(values.astype(np.float32)), N_ROWS)
    column = Column("series", "series", (STEPS, 1))
    part = _share(lambda each: _on_mask(each.weights, [STRETCH], [STEPS]))
    return Planted(_dataset("series", [column], pd.DataFrame({"series": cells}), y), part)


def audio() -> Planted:
    """A stretch of near silence is a high or a low tone."""
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, N_ROWS)
    samples = rng.normal(0, 1e-4, (N_ROWS, SOUND))
    seconds = np.arange(TONE.stop - TONE.start) / RATE
    tones = np.sin(2 * np.pi * np.where(y, 1200, 400)[:, None] * seconds)
    samples[:, TONE] += 0.3 * tones * np.hanning(len(seconds))
    cells = as_cells(list(samples.astype(np.float32)), N_ROWS)
    column = Column("sound", "audio", (SOUND,), RATE)
    n_frames = 100 * SOUND // RATE
    part = _share(lambda each: _on_mask(each.weights, [FRAMES], [n_frames]))
    return Planted(_dataset("audio", [column], pd.DataFrame({"sound": cells}), y), part)


MADE = {"table": table, "text": text, "image": image, "series": series, "audio": audio}
NETWORKS: dict[str, tuple[dict[str, object], ...]] = {
    "table": (
        {"architecture": "mlp", "hidden": [16]},
        {"architecture": "tabm", "members": 4, "hidden": [16]},
        {"architecture": "ft_transformer", "width": 16, "heads": 2, "blocks": 2},
    ),
    "text": (
        {"architecture": "text_cnn", "embedding": 8, "filters": 8, "kernel_sizes": [1]},
        {"architecture": "rnn", "cell": "gru", "units": [8], "embedding": 8},
        {"architecture": "transformer", "blocks": 1, "width": 16, "heads": 2, "feedforward": 16},
    ),
    "image": (
        {"architecture": "mlp", "hidden": [16]},
        {"architecture": "cnn", "filters": [8, 8]},
        {"architecture": "transformer", "blocks": 1, "width": 16, "heads": 2, "feedforward": 16},
    ),
    "series": (
        {"architecture": "fcn", "filters": [8, 8], "kernel_sizes": [5, 3]},
        {"architecture": "cnn", "filters": [8, 8]},
        {"architecture": "inception_time", "depth": 3, "filters": 4, "bottleneck": 4},
    ),
    "audio": (
        {"architecture": "cnn", "filters": [8, 8]},
        {"architecture": "fcn", "filters": [8, 8], "kernel_sizes": [5, 3]},
    ),
}
BASELINES: dict[str, tuple[dict[str, object], ...]] = {
    "table": ({"name": "linear"}, {"name": "hist_gradient_boosting"}, {"name": "knn"}),
    "text": ({"name": "linear", "features": ["tfidf"]},),
    "image": (
        {"name": "linear", "features": ["pixels"]},
        {"name": "svm", "features": ["hog"]},
    ),
    "series": ({"name": "linear", "features": ["flat"]}, {"name": "mini_rocket"}),
    "audio": ({"name": "linear", "features": ["mfcc"]},),
}
EPOCHS = 40
OPTIMIZER = {"name": "adamw", "weight_decay": 0.3}


def candidates(modality: str, dataset: Dataset) -> Iterator[Any]:
    """Yield the networks and the baselines of a modality."""
    data = {"source": "made"}
    training = {"epochs": EPOCHS, "learning_rate": 0.01, "optimizer": OPTIMIZER}
    for model in NETWORKS[modality]:
        yield make_deep(
            Recipe.model_validate({"data": data, "model": model, "training": training}), dataset
        )[0]
    for baseline in BASELINES[modality]:
        recipe = Recipe.model_validate({"data": data, "baselines": [baseline]})
        yield make_classic(recipe, dataset)[-1]


def _line(saved: SavedModel, planted: Planted, frame: pd.DataFrame, method: str) -> str:
    started = time.process_time()
    explained = explain_rows(saved, frame, method=method)
    seconds = (time.process_time() - started) / len(frame)
    shares = [planted.share(each) for each in explained]
    cells = [f"{np.mean(shares):6.0%}", f"{seconds:8.2f}"]
    if ATTRIBUTIONS[method].is_complete:
        scaled = [
            abs(each.residual) / max(1, abs(each.value - each.baseline)) for each in explained
        ]
        cells.append(f"{max(scaled):10.0e}")
    else:
        cells.append(" " * 10)
    if isinstance(saved.fitted, SeesInside):
        other = replace(saved, fitted=saved.fitted.randomized(0))
        outputs = np.array([each.output for each in explained])
        random = explain_rows(other, frame, outputs=outputs, method=method)
        likeness = [
            rank_correlation(*map(_joined, pair)) for pair in zip(explained, random, strict=True)
        ]
        cells.append(f"{np.mean([planted.share(each) for each in random]):6.0%}")
        cells.append(f"{np.nanmean(likeness):6.2f}")
    return "  ".join(cells)


def _joined(attribution: Attribution) -> NDArray[np.float64]:
    return np.concatenate([each.weights.ravel() for each in attribution.columns])


def main(wanted: Sequence[str]) -> None:
    """Print a line for each candidate and method."""
    pin_threads()
    print(
        f"{'':44}  score  {'method':20}  planted  CPU s a row  residual  random  likeness",
        flush=True,
    )
    for modality, make in MADE.items():
        planted = make()
        rows = np.arange(N_ROWS)
        train, validation, test = map(
            planted.dataset.take, np.split(rows, [N_TRAIN, N_TRAIN + (N_ROWS - N_TRAIN) // 2])
        )
        for candidate in candidates(modality, planted.dataset):
            name = f"{modality} {candidate.name}"
            if wanted and not any(each in name for each in wanted):
                continue
            fitted = candidate.fit(train, validation, FitContext(0))
            with TemporaryDirectory() as folder:
                fitted.save(Path(folder))
                write_reference(Path(folder), train)
                saved = load(Path(folder))
                score = (saved.fitted.predict(test.frame).class_indices == test.y).mean()
                for method in methods_of(saved.fitted):
                    line = _line(saved, planted, test.frame[:N_EXPLAINED], method)
                    print(f"{name:44}  {score:5.2f}  {method:20}  {line}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
