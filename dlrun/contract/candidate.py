"""The protocols of candidates, which networks and classic estimators both implement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, Self, runtime_checkable

from dlrun.contract.dataset import Dataset
from dlrun.contract.health import LayerHealth
from dlrun.contract.search import Dimension

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


Kind = Literal["classic", "network", "pretrained"]
"""What a candidate is: a classic model, a network trained from scratch, or one that starts from
weights which other data gave it. The last two are deep."""

KINDS: Final[tuple[Kind, ...]] = ("pretrained", "network", "classic")

Framework = Literal["scikit-learn", "tensorflow"]
"""Whose interface a candidate is written for: how it is trained and saved, on whichever side."""

Family = Literal["deep", "classic", "both"]
"""The side of a candidate; a blend of candidates of both sides is of both."""

SIDES: Final[tuple[Family, ...]] = ("deep", "classic")
BLEND: Final = "blend"
"""The name of the blend among a study's candidates."""


def side_of(kind: Kind | None) -> Family:
    """Return the side of the verdict that a kind of candidate is on; without a kind: a blend."""
    if kind is None:
        return "both"
    return "classic" if kind == "classic" else "deep"


@dataclass(frozen=True)
class Predictions:
    """Predictions of rows, in their order.

    Attributes:
        values: (rows,) float64 numbers; or (rows, labels) float64 probabilities, which sum to one
            where labels are classes (two columns when binary), and not where they make a set.
    """

    values: NDArray[np.float64]

    @property
    def class_indices(self) -> NDArray[np.int64]:
        """Return the most probable class of each row, (rows,) int64."""
        class_indices: NDArray[np.int64] = self.values.argmax(axis=1)
        return class_indices


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows.

    Attributes:
        number: the first is 1.
        of: the maximum number of epochs.
        metrics: keys are `train/…` and `val/…`.
        seconds: its duration, with the scoring of validation rows.
        resumed: whether an earlier process trained it, before it was stopped.
        startup_seconds: how much of its duration was not training, but tracing and compiling; None
            where that cannot be told.
        layers: the health of each layer, from the input side, where a training is watched.
    """

    number: int
    of: int
    metrics: Mapping[str, float]
    seconds: float
    resumed: bool = False
    startup_seconds: float | None = field(default=0.0, compare=False)
    layers: tuple[LayerHealth, ...] = ()

    @classmethod
    def read(cls, values: Mapping[str, Any], *, resumed: bool) -> Self:
        """Read what `asdict` has made of an epoch, here or in an earlier version."""
        layers = tuple(LayerHealth(**each) for each in values.get("layers", ()))
        return cls(**{**values, "resumed": resumed, "layers": layers})

    @property
    def steady_seconds(self) -> float | None:
        """Return its duration without start-up, where that is known."""
        return None if self.startup_seconds is None else self.seconds - self.startup_seconds


OnEpoch = Callable[[Epoch], bool]
"""Called with each epoch as it ends; returns whether to continue training."""


def always_continue(epoch: Epoch) -> bool:
    """Return True: continue training."""
    return True


@dataclass(frozen=True)
class FitContext:
    """What a fit needs beside the rows.

    Attributes:
        seed: of initial weights, of the order of rows and of everything else that is random.
        on_epoch: called at the end of every epoch, resumed ones included; where it returns False,
            training stops there, with the best weights so far, as early stopping does.
        checkpoint: the folder of the training's checkpoint; None keeps none.
        seconds: a wall-clock budget, of all epochs together: training stops after the epoch in
            which it is used up. Estimators, which have no epochs, ignore it.
        epochs: train exactly as many, or boost as many rounds, and keep the last weights, whatever
            the validation rows, which may be none; the schedule of the learning rate is that of the
            settings' own number. None: as the settings and early stopping say.
        halvings: the epochs after which a plateau schedule halves the rate, where `epochs` is set.
        watches_layers: whether each `Epoch` has the health of the layers, where one device trains.
    """

    seed: int
    on_epoch: OnEpoch = always_continue
    checkpoint: Path | None = None
    seconds: float | None = None
    epochs: int | None = None
    halvings: tuple[int, ...] = ()
    watches_layers: bool = False


class Fitted(Protocol):
    """A candidate after training."""

    @property
    def parameters(self) -> int:
        """Count the trained parameters: weights of a network, coefficients, or nodes of trees."""

    @property
    def best_epoch(self) -> int | None:
        """Return the epoch whose weights were kept, or the rounds of boosting that stopped early.

        None where there are none.
        """

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Predict rows of typed columns (see `Column`); the frame is not changed."""

    def save(self, folder: Path) -> None:
        """Write the model into an existing, empty folder."""


@runtime_checkable
class Deployable(Protocol):
    """A fitted candidate that can be measured in the form in which it would be deployed."""

    def deployed(self, frame: pd.DataFrame) -> Callable[[], object]:
        """Return a function that predicts these rows, whose inputs are read and encoded already."""


@runtime_checkable
class Embeds(Protocol):
    """A fitted candidate that can represent rows as vectors."""

    def embed(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Return what the head predicts from, (rows, width) float32, of rows as in `predict`."""


@runtime_checkable
class LearnsFromSample(Protocol):
    """A fitted candidate that may have been fitted to a sample of a stream's training rows."""

    @property
    def n_sampled(self) -> int | None:
        """Return the number of rows of the sample; None where it was fitted to all rows."""


@runtime_checkable
class StartsFromWeights(Protocol):
    """A candidate with pretrained weights, which its settings name without saying what they are."""

    @property
    def weights_digest(self) -> str:
        """Return the digest of the weights, and of how they are used."""


class Candidate(Protocol):
    """A network or an estimator with its settings, before training. Picklable."""

    @property
    def name(self) -> str:
        """Return the name, unique within the study."""

    @property
    def kind(self) -> Kind:
        """Return what it is: classic, a network from scratch, or pretrained."""

    @property
    def family(self) -> Family:
        """Return the side of the verdict, which follows from the kind."""

    @property
    def framework(self) -> Framework:
        """Return whose interface it is written for; networks of TensorFlow train last."""

    @property
    def features(self) -> tuple[str, ...]:
        """Return the features made of images, texts, sounds and series; none: these are raw."""

    @property
    def settings(self) -> Mapping[str, object]:
        """Return the settings under dotted recipe keys, for tracking."""

    @property
    def needs_validation(self) -> bool:
        """Return whether the validation rows decide when its training stops."""

    def with_settings(self, changed: Mapping[str, object]) -> Self:
        """Return the same candidate with some settings changed, under its name.

        Args:
            changed: key of `settings` → value.

        Raises:
            TrainingError: there is no such setting, or it does not take the value.
        """

    def space(self, dataset: Dataset) -> Mapping[str, Dimension]:
        """Return what a search tries of it where the recipe does not say; empty: nothing.

        Args:
            dataset: of the study; its columns and its task decide which settings count.

        Returns:
            Key that `with_settings` takes → values.
        """

    def fit(self, train: Dataset, validation: Dataset, context: FitContext) -> Fitted:
        """Fit on `train`; `validation` may only decide when to stop.

        A training that was stopped is resumed from the context's checkpoint, and ends as it would
        have ended uninterrupted.

        Raises:
            TrainingError: the candidate cannot be fitted to these rows.
        """
