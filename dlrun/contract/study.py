"""A tracked study, as its readers see it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.contract.candidate import Predictions
    from dlrun.contract.excerpt import DataExcerpt
    from dlrun.contract.inside import Inside
    from dlrun.contract.note import Note
    from dlrun.contract.search import SearchBudget


@dataclass(frozen=True)
class DataSummary:
    """What a study keeps of its data and splits.

    Attributes:
        columns: name → type of the features.
        sizes: training, validation and test rows of each split.
        notes: as in `Dataset`.
    """

    source: str
    target: str
    columns: Mapping[str, str]
    sizes: tuple[tuple[int, int, int], ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class KeptModel:
    """The model of a study, which predicts where no other candidate is asked for.

    Attributes:
        candidate: its name.
        trained_on: which rows, in words.
    """

    candidate: str
    trained_on: str

    def __str__(self) -> str:
        return f"{self.candidate}, trained on {self.trained_on}"


def rows_of_last_split(n_splits: int) -> str:
    """Return in words what a model was trained on that was not trained on all rows."""
    return f"training rows of split {n_splits} of {n_splits}"


@dataclass(frozen=True, kw_only=True)
class Study(Protocol):
    """The protocol of tracked studies: enough to compare candidates without training again.

    The attributes are in memory; the methods read a table or a file from where it is kept.

    Attributes:
        id: the MLflow run id of the study's parent run.
        source: path of the recipe's file when the study ran.
        metrics: names of the test metrics, the primary one first.
        rope: half width of the region of practical equivalence on the primary metric, where the
            recipe sets it.
        trials: one row per trial with the columns candidate, family, kind (empty for a blend;
            studies of earlier versions lack it), repeat, fold, step (the split's index), seed,
            status (ok | failed), error, one per metric, `val_<metric>`, the
            fields of `Cost`, n_epochs, best_epoch and max_epochs; where a candidate was fitted to a
            sample of a stream's training rows, their number, n_sampled. Where settings were
            searched also `default_<metric>`, the test scores with the default settings,
            n_search_trials, search_seconds, search_cpu_seconds and chosen_settings, as JSON; empty
            for the others.
        data: None where the study was tracked without it.
        features: candidate → names of the features that it makes of images, texts, sounds and
            series; empty where it takes them raw. None where the study was tracked without it.
        muted: codes of the notes that its recipe ignores.
        kept: its model; None where it has not ended, or is of an earlier version.
        search_budget: of each search; None where settings were not searched.
    """

    id: str
    name: str
    experiment: str
    recipe: str
    source: str
    status: str
    started: datetime
    task: str
    labels: tuple[str, ...]
    metrics: tuple[str, ...]
    rope: float | None
    n_rows: int
    n_test_rows: int
    split_digest: str
    data_digest: str
    trials: pd.DataFrame
    data: DataSummary | None = None
    features: Mapping[str, tuple[str, ...]] | None = None
    muted: tuple[str, ...] = ()
    kept: KeptModel | None = None
    search_budget: SearchBudget | None = None

    @abstractmethod
    def read_predictions(self, candidate: str) -> pd.DataFrame:
        """Return a candidate's test predictions over all splits.

        The columns are row_id, repeat, fold, truth, prediction and, for classes, `p_<label>` in
        code order; truth and prediction of a class are codes.
        """

    @abstractmethod
    def read_validation_predictions(self, candidate: str) -> pd.DataFrame | None:
        """Return the same of the validation rows of all splits; None where they are not kept.

        Studies of earlier versions did not keep them.
        """

    @abstractmethod
    def read_weights(self, candidate: str) -> pd.DataFrame:
        """Return the members of a blend over all splits; no rows where it is not a blend.

        The columns are repeat, fold, candidate, family and weight, which is above 0.
        """

    @abstractmethod
    def decode_predictions(self, frame: pd.DataFrame) -> tuple[NDArray[Any], Predictions]:
        """Return y, as `Dataset.y`, and the predictions of rows of `read_predictions`."""

    @abstractmethod
    def read_probe_scores(self) -> pd.DataFrame:
        """Return one row per `ProbeScore`: its fields, but `step` for `split_index`."""

    @abstractmethod
    def read_search(self) -> pd.DataFrame:
        """Return one row per `SearchTrial` of every candidate and split; none without a search.

        The columns are candidate, family, repeat, fold, step, trial (its number), score, seconds,
        cpu_seconds, epochs, chosen (whether its settings were), inner, error and settings, as JSON.
        """

    @abstractmethod
    def read_epochs(self, candidate: str) -> pd.DataFrame:
        """Return a candidate's epochs over all splits; no rows where it has no epochs.

        The columns are repeat, fold, epoch, seconds, `train/…` and `val/…`.
        """

    @abstractmethod
    def read_layers(self, candidate: str) -> pd.DataFrame:
        """Return the health of a network's layers; no rows where it was not watched.

        The columns are repeat and fold of the last split, epoch, and the fields of `LayerHealth`;
        the layers of an epoch follow each other from the input side.
        """

    @abstractmethod
    def read_excerpt(self) -> DataExcerpt | None:
        """Return what was kept of the rows; None where the study was tracked without it."""

    @abstractmethod
    def read_inside(self, candidate: str) -> Inside | None:
        """Return what a look inside a candidate has found; None where nobody has looked."""

    @abstractmethod
    def read_text(self, name: str) -> str:
        """Return the contents of `recipe.yaml` or `environment.txt`."""
