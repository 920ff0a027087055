"""A study read back from the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dlrun.contract.dataset import ColumnType, Task

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DataSummary:
    """What a study keeps of its data and splits, for its readers.

    Attributes:
        columns: name → type of the features.
        sizes: training, validation and test rows of each split.
        notes: as in `Dataset`.
    """

    source: str
    target: str
    columns: Mapping[str, ColumnType]
    sizes: tuple[tuple[int, int, int], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """A tracked study, read back from the store; enough to compare without training again.

    Attributes:
        id: the MLflow run id of the study's parent run.
        source: the recipe's file, where it was when the study ran.
        metrics: names of the test metrics, the primary one first.
        rope: half width of the region of practical equivalence on the primary metric, where the
            recipe sets it.
        trials: one row per trial with the columns candidate, family, repeat, fold, step, seed,
            status (ok | failed), error, one per metric, `val_<metric>`, the fields of `Cost`,
            n_epochs and best_epoch.
        read_predictions: candidate → its test predictions over all splits with the columns
            row_id, repeat, fold, truth, prediction and, for classes, `p_<label>` in code order.
        read_measurements: what was measured beside the trials, one row for each `ProbeScore`
            with its fields as columns.
        read_epochs: candidate → its epochs over all splits with the columns repeat, fold, epoch,
            seconds, `train/…` and `val/…`; without rows where it has no epochs.
        read_text: `recipe.yaml` or `environment.txt` → what it says.
        data: None where the study was tracked without it.
        features: candidate → what it made of images, texts, sounds and series; empty where it took
            them raw. None where the study was tracked without it.
    """

    id: str
    name: str
    experiment: str
    recipe: str
    source: str
    status: str
    started: datetime
    task: Task
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    rope: float | None
    n_rows: int
    n_test_rows: int
    split_digest: str
    data_digest: str
    trials: pd.DataFrame
    read_predictions: Callable[[str], pd.DataFrame]
    read_measurements: Callable[[], pd.DataFrame]
    read_epochs: Callable[[str], pd.DataFrame]
    read_text: Callable[[str], str]
    data: DataSummary | None = None
    features: Mapping[str, tuple[str, ...]] | None = None
