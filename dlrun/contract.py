"""The values that flow through dlrun, and the protocol under which every candidate is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Task = Literal["classification", "regression"]
Family = Literal["deep", "classic"]
ColumnType = Literal["number", "category", "text", "image", "audio", "series", "datetime"]


@dataclass(frozen=True)
class Column:
    """A feature column of a dataset.

    The type fixes what the column holds in `Dataset.frame`:
    number float64 (NaN is missing) · category pandas Categorical of str (NaN is missing) ·
    datetime datetime64[us], naive UTC (NaT is missing) · text str ("" is missing) ·
    and one NumPy array in each cell of an object column for
    image (height, width, channels) uint8, all zeros where missing ·
    audio (samples,) float32 from -1 to 1, one channel, at most `shape` long, none where missing ·
    series (steps, channels) float32, at most `shape` long, NaN within and no step where missing.

    Attributes:
        shape: of the cells of an image (height, width, channels), a sound (samples,) or a series
            (steps, channels); empty for the other types.
        rate: samples per second of a sound, else 0.
        parts: the raw columns whose numbers are the steps of a wide series, else empty.
    """

    name: str
    type: ColumnType
    shape: tuple[int, ...] = ()
    rate: int = 0
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """What is predicted: a class (`labels` in code order) or a number (`labels` is empty)."""

    name: str
    task: Task
    labels: tuple[str, ...] = ()
    dtype: Literal["str", "int", "float", "bool"] = "str"  # of the label, in the user's file

    @property
    def is_binary(self) -> bool:
        """Say whether there are exactly two classes; the second label is the positive one."""
        return len(self.labels) == 2  # noqa: PLR2004


class Stream(Protocol):
    """A table on disk whose training rows are read again and again; picklable."""

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Count the training, validation and test rows of the whole table."""

    @property
    def classes(self) -> tuple[int, ...]:
        """Give the codes of the classes among all training rows; none for regression."""

    @property
    def digest(self) -> str:
        """Fingerprint which rows of the table are in which part, in whatever order they stand."""

    def chunks(self, *key: int) -> Iterator[Dataset]:
        """Give all training rows once, some thousand at a time, in an order that the key fixes."""


@dataclass(frozen=True)
class Dataset:
    """Typed columns and the truth, one row per example.

    Attributes:
        frame: the feature columns in the order of `columns`, dtypes as in `Column`, RangeIndex.
        truth: (rows,) int64 class codes, or float64 values for regression.
        row_ids: (rows,) int64 row numbers in the source, counted before rows were dropped.
        split_values: (rows,) what the split goes by: the group or the time of each row, or
            "train", "validation" or "test" where the source brings its parts; else None.
        digest: SHA-256 (hex, 36 characters) of the whole dataset, also on a part of it.
        notes: what was done to the data and what looks wrong with it, one sentence each.
        stream: what all training rows come from, where those held here are a sample; else None.
    """

    name: str
    source: str
    columns: tuple[Column, ...]
    target: Target
    frame: pd.DataFrame
    truth: NDArray[Any]
    row_ids: NDArray[np.int64]
    split_values: NDArray[Any] | None = None
    digest: str = ""
    notes: tuple[str, ...] = ()
    stream: Stream | None = None

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, rows: NDArray[np.int64]) -> Dataset:
        """Return the dataset of these rows alone, in this order."""
        return replace(
            self,
            frame=self.frame.iloc[rows].reset_index(drop=True),
            truth=self.truth[rows],
            row_ids=self.row_ids[rows],
            split_values=None if self.split_values is None else self.split_values[rows],
        )


@dataclass(frozen=True)
class Split:
    """Row positions of one fold, identical for every candidate.

    `repeat` and `fold` count from 0; `step` numbers the splits of a study from 0.
    `seed` differs from split to split and feeds initialisation and data order.
    """

    repeat: int
    fold: int
    step: int
    seed: int
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True)
class Splits:
    """All splits of a study and the fingerprint that a comparison insists on."""

    splits: tuple[Split, ...]
    digest: str


@dataclass(frozen=True)
class Predictions:
    """What a fitted candidate says about rows, in their order.

    Attributes:
        values: (rows,) float64 for regression; (rows, classes) float64 probabilities, each row
            summing to one, for classification (two columns when binary).
    """

    values: NDArray[np.float64]

    @property
    def codes(self) -> NDArray[np.int64]:
        """Return the most probable class of each row, (rows,) int64."""
        codes: NDArray[np.int64] = self.values.argmax(axis=1)
        return codes


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows.

    Attributes:
        number: the first is 1.
        of: epochs at most.
        metrics: keys are `train/…` and `val/…`.
        again: whether it was told before, by the training that this one continues.
    """

    number: int
    of: int
    metrics: Mapping[str, float]
    seconds: float
    again: bool = False


OnEpoch = Callable[[Epoch], None]


class Fitted(Protocol):
    """A candidate after training; there is no way to predict before."""

    @property
    def parameters(self) -> int:
        """Count the trained numbers: weights of a network, coefficients, or nodes of trees."""

    @property
    def best_epoch(self) -> int | None:
        """Give the epoch whose weights were kept; None where there are no epochs."""

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Predict rows given as typed columns (see `Column`); the frame is not changed."""

    def save(self, folder: Path) -> None:
        """Write the model into an existing, empty folder, to be loaded by `dlrun.saved.load`."""


class Candidate(Protocol):
    """A way to learn, deep or classic, that the runner treats alike. Picklable."""

    @property
    def name(self) -> str:
        """Name the candidate, unique within the study."""

    @property
    def family(self) -> Family:
        """Say which side of the question it stands on."""

    @property
    def features(self) -> tuple[str, ...]:
        """Name what it makes of images, texts, sounds and series; empty where it takes them raw."""

    @property
    def settings(self) -> Mapping[str, object]:
        """Give its settings as dotted recipe keys, for tracking."""

    def fit(
        self,
        train: Dataset,
        validation: Dataset,
        *,
        seed: int,
        on_epoch: OnEpoch,
        checkpoint: Path | None = None,
    ) -> Fitted:
        """Fit on `train`; `validation` may only decide when to stop.

        A long training keeps in the folder `checkpoint` what it needs to go on there when it is
        stopped; the same call then ends as it would have ended.

        Raises:
            TrainingError: the candidate cannot be fitted to these rows.
        """


Aspect = Literal[
    "learning_curve", "noise", "missing", "junk_columns", "label_noise", "shuffle_structure",
    "shift", "importance", "train",
]  # fmt: skip


@dataclass(frozen=True)
class Probe:
    """A change of the test rows on which a fitted candidate is scored once more.

    Attributes:
        level: how strong the change is; 1 where it has no degrees.
        change: typed rows and a generator → changed rows; picklable.
        name: what is changed, where an aspect has several.
    """

    aspect: Aspect
    level: float
    change: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]
    name: str = ""


@dataclass(frozen=True)
class Variation:
    """Rows on which every candidate is trained once more, to be compared with a plain trial.

    Attributes:
        level: as in `Probe`; of a learning curve the share of the training rows.
        split: what trains and tests.
        change: all rows → the rows that are learned from and tested; picklable.
    """

    aspect: Aspect
    level: float
    split: Split
    change: Callable[[Dataset], Dataset]


@dataclass(frozen=True)
class Measurement:
    """A score on the primary metric that was measured beside the trials.

    Attributes:
        step: of the split that it belongs to.
        n_train: rows that were learned from.
        score: NaN where the candidate failed.
    """

    candidate: str
    family: Family
    aspect: Aspect
    name: str
    level: float
    step: int
    n_train: int
    score: float


@dataclass(frozen=True)
class Cost:
    """What one trial took. None where it was not measured."""

    fit_seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory_mb: float | None = None
    latency_ms_batch1: float | None = None
    latency_ms_batch1000: float | None = None
    model_mb: float | None = None
    parameters: int | None = None


@dataclass(frozen=True)
class Trial:
    """One candidate on one split: what it predicted for the test rows, how well, at what cost.

    A trial that failed has an `error` and nothing else.

    Attributes:
        again: whether it was kept from before, by the study that this one goes on with.
    """

    candidate: str
    family: Family
    split: Split
    predictions: Predictions | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    validation_scores: Mapping[str, float] = field(default_factory=dict)
    cost: Cost = Cost()
    epochs: tuple[Epoch, ...] = ()
    best_epoch: int | None = None
    measurements: tuple[Measurement, ...] = ()
    error: str | None = None
    again: bool = False


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
        read_measurements: what was measured beside the trials, one row for each `Measurement`
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
