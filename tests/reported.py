"""Studies with predictions, epochs and costs, of any number of classes, folds and candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from dlrun.contract.excerpt import DataExcerpt
from dlrun.contract.inside import Inside
from dlrun.contract.study import DataSummary, Study
from dlrun.contract.trial import Cost
from dlrun.data.targets import target_kind
from dlrun.tracking.tables import layers_table, probe_scores_table, search_table, weights_table

RECIPE = "name: made\ndata: {source: made.csv}\n"
FAMILIES = {"mlp": "deep", "wide": "deep"}


@dataclass(frozen=True, kw_only=True)
class MadeStudy(Study):
    """A study whose tables are in memory."""

    predictions: Mapping[str, pd.DataFrame]
    weights: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    epochs: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    layers: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    probe_scores: pd.DataFrame = field(default_factory=lambda: probe_scores_table([]))
    search: pd.DataFrame = field(default_factory=lambda: search_table([]))
    excerpt: DataExcerpt | None = None
    inside: Mapping[str, Inside] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def read_predictions(self, candidate: str) -> pd.DataFrame:
        return self.predictions[candidate]

    def read_validation_predictions(self, candidate: str) -> None:
        return None

    def read_weights(self, candidate: str) -> pd.DataFrame:
        return self.weights.get(candidate, weights_table([]))

    def decode_predictions(self, frame: pd.DataFrame):
        return target_kind(self.task).from_table(frame, self.labels)

    def read_probe_scores(self) -> pd.DataFrame:
        return self.probe_scores

    def read_search(self) -> pd.DataFrame:
        return self.search

    def read_epochs(self, candidate: str) -> pd.DataFrame:
        return self.epochs.get(candidate, pd.DataFrame())

    def read_layers(self, candidate: str) -> pd.DataFrame:
        return self.layers.get(candidate, layers_table([]))

    def read_excerpt(self) -> DataExcerpt | None:
        return self.excerpt

    def read_inside(self, candidate: str) -> Inside | None:
        return self.inside.get(candidate)

    def read_text(self, name: str) -> str:
        return self.texts[name]


def make(
    *names: str,
    labels: tuple[str, ...] = ("no", "yes"),
    n_folds: int = 5,
    n_repeats: int = 1,
    failed: tuple[str, ...] = (),
    n_rows: int = 300,
    target: str = "late",
) -> MadeStudy:
    """Make a study; without labels it is a regression. `mlp` and `wide` are networks."""
    random = np.random.default_rng(0)
    y = random.integers(0, len(labels), n_rows) if labels else random.gamma(2, 10, n_rows)
    metrics = ("accuracy", "log_loss", "ece") if labels else ("rmse", "mae", "r2")
    splits = [(repeat, fold) for repeat in range(n_repeats) for fold in range(n_folds)]
    frames = {
        name: pd.concat([_predict(y, labels, place, n_folds, split, random) for split in splits])
        for place, name in enumerate(names)
    }
    trials = [
        _trial(name, frames[name], labels, split, step, name in failed)
        for name in names
        for step, split in enumerate(splits)
    ]
    columns = [*trials[0], *(f"val_{metric}" for metric in metrics)]
    table = pd.DataFrame(trials, columns=list(dict.fromkeys(columns)))
    return MadeStudy(
        id="3f2a90c1d4e5",
        name="made-1",
        experiment="made",
        recipe="made",
        source="/recipes/made.yaml",
        status="FINISHED",
        started=datetime(2026, 11, 22, tzinfo=UTC),
        task="classification" if labels else "regression",
        labels=labels,
        metrics=metrics,
        rope=None,
        n_rows=n_rows,
        n_test_rows=n_rows // n_folds,
        split_digest="a" * 36,
        data_digest="d" * 36,
        trials=table,
        predictions=frames,
        epochs=dict.fromkeys(FAMILIES, _epochs(splits)),
        texts={"recipe.yaml": RECIPE, "environment.txt": "python 3.11\ncores 2\n"},
        data=DataSummary(
            "made.csv", target, {"x": "number", "y": "text"}, ((200, 40, 60),) * len(splits), ()
        ),
    )


def _predict(y, labels, place, n_folds, split, random) -> pd.DataFrame:
    """Predict the better, the earlier the candidate stands."""
    rows = np.array_split(np.arange(len(y)), n_folds)[split[1]]
    frame = {"row_id": rows, "repeat": split[0], "fold": split[1], "truth": y[rows]}
    if not labels:
        noise = random.normal(0, 1 + 3 * place, len(rows))
        return pd.DataFrame(frame | {"prediction": y[rows] + noise})
    raw = random.random((len(rows), len(labels)))
    raw[np.arange(len(rows)), y[rows]] += 1.0 / (1 + place)
    shares = raw / raw.sum(axis=1, keepdims=True)
    frame["prediction"] = shares.argmax(axis=1)
    return pd.DataFrame(frame | {f"p_{label}": shares[:, k] for k, label in enumerate(labels)})


def _trial(name, frame, labels, split, step, is_failed) -> dict[str, object]:
    part = frame[(frame["repeat"] == split[0]) & (frame["fold"] == split[1])]
    miss = part["prediction"] - part["truth"]
    if labels:
        scores = {"accuracy": float((miss == 0).mean()), "log_loss": 0.5, "ece": 0.05}
    else:
        scores = {"rmse": float((miss**2).mean() ** 0.5), "mae": float(miss.abs().mean())}
        scores["r2"] = float("nan")
    return {
        "candidate": name,
        "family": FAMILIES.get(name, "classic"),
        "repeat": split[0],
        "fold": split[1],
        "step": step,
        "seed": step,
        "status": "failed" if is_failed else "ok",
        "error": "MemoryError: <12 GB>" if is_failed else "",
        **({key: float("nan") for key in scores} if is_failed else scores),
        **{f"val_{key}": score for key, score in scores.items()},
        **asdict(Cost() if is_failed else Cost(0.5 + len(name), 1.0, 300.0, 2.0, 9.0, 0.1, 61)),
        "best_epoch": 4.0 if name in FAMILIES else float("nan"),
    }


def _epochs(splits) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "repeat": repeat,
            "fold": fold,
            "epoch": epoch,
            "train/loss": 1 / epoch,
            "val/loss": float("nan") if epoch == 2 else 1.2 / epoch,
        }
        for repeat, fold in splits
        for epoch in range(1, 7)
    )
