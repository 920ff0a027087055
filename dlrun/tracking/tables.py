"""The tables that a study keeps as artifacts: trials, searches, predictions and epochs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from dlrun.contract.candidate import Kind, Predictions
from dlrun.contract.dataset import Dataset, Split
from dlrun.contract.health import LayerHealth
from dlrun.contract.search import SearchTrial, Tuning
from dlrun.contract.trial import Cost, ProbeScore, Trial
from dlrun.data.targets import target_kind
from dlrun.system.secrets import mask_setting
from dlrun.system.spreadsheet import guarded, unguard

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from numpy.typing import NDArray

TEXT_COLUMNS: Final = ("candidate", "family", "kind", "status", "error", "chosen_settings")
TRIALS: Final = "trials.csv"
SEARCH: Final = "search.csv"
SPLITS: Final = "splits.csv"  # the rows of `trials.csv` of one candidate, in its run
EPOCHS: Final = "epochs.csv"
LAYERS: Final = "layers.csv"
PROBE_SCORES: Final = "measurements.csv"
PREDICTIONS: Final = "predictions.parquet"
VALIDATION_PREDICTIONS: Final = "validation_predictions.parquet"
WEIGHTS: Final = "weights.csv"
INTEGER_COLUMNS: Final = ("repeat", "fold", "step", "seed", "n_epochs", "max_epochs")
SEARCH_COLUMNS: Final = (
    "candidate", "family", "repeat", "fold", "step", "trial", "score", "seconds", "cpu_seconds",
    "epochs", "chosen", "inner", "error", "settings",
)  # fmt: skip
SAMPLED: Final = "n_sampled"
SEARCH_TOTALS: Final = ("n_search_trials", "search_seconds", "search_cpu_seconds")


def trial_row(trial: Trial, kind: Kind | None) -> dict[str, object]:
    """Return a trial as a row of `trials.csv`; see `dlrun.contract.study.Study` for its columns.

    Args:
        trial: of a candidate.
        kind: of the candidate; None for a blend.
    """
    split = trial.split
    return {
        "candidate": trial.candidate,
        "family": trial.family,
        "kind": kind or "",
        "repeat": split.repeat,
        "fold": split.fold,
        "step": split.index,
        "seed": split.seed,
        "status": "failed" if trial.error else "ok",
        "error": trial.error or "",
        **trial.scores,
        **{f"val_{name}": score for name, score in trial.validation_scores.items()},
        **asdict(trial.cost),
        "n_epochs": len(trial.epochs),
        "best_epoch": trial.best_epoch,
        "max_epochs": trial.epochs[-1].of if trial.epochs else 0,
        **({SAMPLED: trial.n_sampled} if trial.n_sampled else {}),
        **(_tuning_cells(trial.tuning) if trial.tuning else {}),
    }


def _tuning_cells(tuning: Tuning) -> dict[str, object]:
    totals = (len(tuning.trials), tuning.seconds, tuning.cpu_seconds)
    return {
        **{f"default_{name}": score for name, score in tuning.default_scores.items()},
        **dict(zip(SEARCH_TOTALS, totals, strict=True)),
        "chosen_settings": _settings_text(tuning.settings),
    }


def _settings_text(settings: Mapping[str, object]) -> str:
    return json.dumps(mask_setting("", settings), ensure_ascii=False, default=str)


def trials_table(rows: Sequence[Mapping[str, object]], metrics: Sequence[str]) -> pd.DataFrame:
    """Return one row per trial; every metric has its columns, even when all trials failed.

    Those of a search are there where some trial was searched, and n_sampled where one learned from
    a sample.
    """
    start = ("candidate", "family", "kind", "repeat", "fold", "step", "seed", "status", "error")
    scores = (*metrics, *(f"val_{name}" for name in metrics))
    end = (*asdict(Cost()), "n_epochs", "best_epoch", "max_epochs")
    tuned = (*(f"default_{name}" for name in metrics), *SEARCH_TOTALS, "chosen_settings")
    was_searched = any("chosen_settings" in row for row in rows)
    sampled = (SAMPLED,) if any(SAMPLED in row for row in rows) else ()
    own = (*sampled, *(tuned if was_searched else ()))
    return pd.DataFrame(rows, columns=[*start, *scores, *end, *own])


def read_trials(file: str | PathLike[str]) -> pd.DataFrame:
    """Read `trials.csv`; floats are restored exactly."""
    # As text first: a candidate may be called "null".
    table = pd.read_csv(file, dtype="str", keep_default_na=False).map(unguard)
    for name in table.columns.difference([*TEXT_COLUMNS, *INTEGER_COLUMNS]):
        table[name] = table[name].replace("", "nan").astype("float64")
    known = table.columns.intersection([*INTEGER_COLUMNS])
    return table.astype(dict.fromkeys(known, "int64"))


def search_table(trials: Sequence[Trial]) -> pd.DataFrame:
    """Return one row per trial of the searches; see `dlrun.contract.study.Study.read_search`."""
    rows = [
        {
            **_search_cells(searched, trial.tuning),
            "candidate": trial.candidate,
            "family": trial.family,
            "repeat": trial.split.repeat,
            "fold": trial.split.fold,
            "step": trial.split.index,
        }
        for trial in trials
        if trial.tuning
        for searched in trial.tuning.trials
    ]
    return pd.DataFrame(rows, columns=[*SEARCH_COLUMNS])


def _search_cells(searched: SearchTrial, tuning: Tuning) -> dict[str, object]:
    return {
        "trial": searched.number,
        "score": searched.score,
        "seconds": searched.seconds,
        "cpu_seconds": searched.cpu_seconds,
        "epochs": searched.epochs,
        "chosen": searched.number == tuning.chosen,
        "inner": tuning.inner,
        "error": searched.error or "",
        "settings": _settings_text(searched.settings),
    }


def read_search(file: str | PathLike[str]) -> pd.DataFrame:
    """Read `search.csv`, as `search_table` makes it; floats are restored exactly."""
    table = pd.read_csv(file, dtype="str", keep_default_na=False).map(unguard)
    for name in ("score", "seconds", "cpu_seconds", "epochs"):
        table[name] = table[name].replace("", "nan").astype("float64")
    table["chosen"] = table["chosen"] == "True"
    return table.astype(dict.fromkeys(("repeat", "fold", "step", "trial"), "int64"))


def probe_scores_table(scores: Sequence[ProbeScore]) -> pd.DataFrame:
    """Return one row per score; the column of `split_index` is `step`."""
    names = [each.name for each in fields(ProbeScore)]
    table = pd.DataFrame([asdict(each) for each in scores], columns=names)
    return table.rename(columns={"split_index": "step"})


def read_probe_scores(file: str | PathLike[str]) -> pd.DataFrame:
    """Read `measurements.csv`, as `probe_scores_table` makes it."""
    # A column may be called "null".
    table = pd.read_csv(file, dtype="str", keep_default_na=False).map(unguard)
    table["level"] = table["level"].astype("float64")
    table["score"] = table["score"].replace("", "nan").astype("float64")
    return table.astype({"step": "int64", "n_train": "int64"})


def write_tables(folder: Path, trials: Sequence[Trial], dataset: Dataset) -> None:
    """Write the tables that a candidate's trials have rows of: predictions, weights, epochs."""
    if any(trial.predictions for trial in trials):
        said = predictions_table(trials, dataset)
        said.to_parquet(folder / PREDICTIONS, index=False)
    if any(trial.validation_predictions for trial in trials):
        said = validation_predictions_table(trials, dataset)
        said.to_parquet(folder / VALIDATION_PREDICTIONS, index=False)
    if any(trial.members for trial in trials):
        guarded(weights_table(trials)).to_csv(folder / WEIGHTS, index=False)
    if any(trial.epochs for trial in trials):
        epochs_table(trials).to_csv(folder / EPOCHS, index=False)
    layers = layers_table(trials)
    if len(layers):
        guarded(layers).to_csv(folder / LAYERS, index=False)


def predictions_table(trials: Sequence[Trial], dataset: Dataset) -> pd.DataFrame:
    """Return the test predictions of a candidate; see `Study.read_predictions`."""
    parts = [
        _predictions(trial.split, trial.split.test, trial.predictions, dataset)
        for trial in trials
        if trial.predictions is not None
    ]
    return pd.concat(parts, ignore_index=True)


def validation_predictions_table(trials: Sequence[Trial], dataset: Dataset) -> pd.DataFrame:
    """Return the predictions of a candidate's validation rows, as `predictions_table` does."""
    parts = [
        _predictions(trial.split, trial.split.validation, trial.validation_predictions, dataset)
        for trial in trials
        if trial.validation_predictions is not None
    ]
    return pd.concat(parts, ignore_index=True)


def _predictions(
    split: Split, rows: NDArray[np.int64], predictions: Predictions, dataset: Dataset
) -> pd.DataFrame:
    table: dict[str, Any] = {
        "row_id": dataset.row_ids[rows],
        "repeat": np.full(len(rows), split.repeat),
        "fold": np.full(len(rows), split.fold),
        **target_kind(dataset.target.task).table_columns(
            dataset.y[rows], predictions, dataset.target
        ),
    }
    return pd.DataFrame(table)


def epochs_table(trials: Sequence[Trial]) -> pd.DataFrame:
    """Return one row per epoch of all splits."""
    rows = [
        {
            "repeat": trial.split.repeat,
            "fold": trial.split.fold,
            "epoch": epoch.number,
            "seconds": epoch.seconds,
            **epoch.metrics,
        }
        for trial in trials
        for epoch in trial.epochs
    ]
    return pd.DataFrame(rows)


def layers_table(trials: Sequence[Trial]) -> pd.DataFrame:
    """Return one row per layer and epoch; see `Study.read_layers`."""
    rows = [
        {
            "repeat": trial.split.repeat,
            "fold": trial.split.fold,
            "epoch": epoch.number,
            **asdict(layer),
        }
        for trial in trials
        for epoch in trial.epochs
        for layer in epoch.layers
    ]
    names = [each.name for each in fields(LayerHealth)]
    return pd.DataFrame(rows, columns=["repeat", "fold", "epoch", *names])


def read_layers(file: str | PathLike[str]) -> pd.DataFrame:
    """Read `layers.csv`, as `layers_table` makes it; a layer may be called "null"."""
    table = pd.read_csv(file, dtype="str", keep_default_na=False).map(unguard)
    for name in table.columns.drop("layer"):
        table[name] = table[name].replace("", "nan").astype("float64")
    return table.astype(dict.fromkeys(("repeat", "fold", "epoch"), "int64"))


def weights_table(trials: Sequence[Trial]) -> pd.DataFrame:
    """Return one row per member of a blend and split; see `Study.read_weights`."""
    rows = [
        {"repeat": trial.split.repeat, "fold": trial.split.fold, **asdict(each)}
        for trial in trials
        for each in trial.members
    ]
    return pd.DataFrame(rows, columns=["repeat", "fold", "candidate", "family", "weight"])


def read_weights(file: str | PathLike[str]) -> pd.DataFrame:
    """Read `weights.csv`, as `weights_table` makes it."""
    table = pd.read_csv(file, dtype="str", keep_default_na=False).map(unguard)
    return table.astype({"repeat": "int64", "fold": "int64", "weight": "float64"})
