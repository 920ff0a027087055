"""The section `training` of a recipe: how networks are trained."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import PositiveFloat, PositiveInt, field_validator

from dlrun.catalog.keras_api import optimizers
from dlrun.catalog.losses import LOSSES
from dlrun.catalog.metrics import METRIC_NAMES
from dlrun.catalog.schedules import SCHEDULES
from dlrun.catalog.strategies import STRATEGIES
from dlrun.recipe.base import Auto, Label, OneOf, OpenSection, Section, Share, one_of

MONITORED: Final = ("val/loss", *(f"val/{metric}" for metric in METRIC_NAMES))


class Optimizer(OpenSection):
    """A Keras optimizer by its name; the other keys are its own arguments."""

    name: str = "adamw"

    @field_validator("name")
    @classmethod
    def _known(cls, value: str) -> str:
        return one_of(value.lower(), tuple(optimizers()), "a Keras optimizer")


class LearningRate(Section):
    """The step size over time."""

    schedule: Annotated[str, OneOf(tuple(SCHEDULES), "a schedule")] = "constant"
    peak: PositiveFloat = 1e-3
    warmup: Share = 0.0
    """Share of all steps over which the rate grows linearly from 0 to the peak."""


class EarlyStopping(Section):
    """When to stop before the last epoch."""

    monitor: Annotated[str, OneOf(MONITORED, "something to monitor")] = "val/loss"
    """val/loss, or val/ and the name of a metric."""
    patience: PositiveInt = 8
    """Epochs without improvement."""
    restore_best: bool = True


class Training(Section):
    """How networks are trained."""

    epochs: PositiveInt = 50
    """A cap; early stopping usually ends sooner."""
    batch_size: PositiveInt | Auto = "auto"
    """The global batch, over all replicas; auto: 32 … 1024 by the number of training rows. With
    accumulate a step has as many of them."""
    optimizer: Optimizer = Optimizer()
    learning_rate: LearningRate = LearningRate()
    backbone_rate: PositiveFloat | Auto = "auto"
    """The peak rate of a pretrained network's own weights, which follows the same schedule; auto:
    2e-5, or 1e-4 of low-rank adapters."""
    loss: Annotated[str, OneOf(("auto", *LOSSES), "a loss")] = "auto"
    """Any Keras loss by name; auto: cross-entropy for classes, mean squared error for numbers."""
    class_weight: Literal["balanced"] | dict[Label, PositiveFloat] | None = None
    clip_norm: PositiveFloat | None = None
    """Rescale the gradients when their global L2 norm is larger."""
    early_stopping: EarlyStopping | Literal[False] = EarlyStopping()
    precision: Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"] = "auto"
    """auto: on a GPU mixed precision where a few steps of both were measured to be faster in it,
    else float32."""
    strategy: Annotated[str, OneOf(tuple(STRATEGIES), "a strategy")] = "auto"
    """auto: multi_worker where TF_CONFIG names several workers, else mirrored over all GPUs of the
    machine when there are several, else one device."""
    compile: bool | Auto = "auto"
    """Compile the steps with XLA; auto: on one GPU, where that is measured to save time; on a CPU,
    long trainings of GRU layers of at most 64 units; never where `deterministic`."""
    accumulate: PositiveInt = 1
    """Batches whose gradients are added up before a step. Their rows are trained on as one batch,
    and the memory is that of one alone; but batch normalisation sees, and dropout draws for, each
    by itself."""
    deterministic: bool = False
    """Bit-for-bit repeatable, slower."""
    checkpoint_every: str = "epoch"
    """epoch, or "N steps"."""

    @property
    def sure_epochs(self) -> int:
        """Return how many epochs are sure to come: with early stopping, those of its patience."""
        stopping = self.early_stopping
        return min(self.epochs, stopping.patience) if stopping else self.epochs

    @field_validator("optimizer", mode="before", json_schema_input_type=str | Optimizer)
    @classmethod
    def _named_optimizer(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @field_validator(
        "learning_rate", mode="before", json_schema_input_type=PositiveFloat | LearningRate
    )
    @classmethod
    def _constant_rate(cls, value: object) -> object:
        is_mapping = isinstance(value, dict | LearningRate)
        return value if is_mapping else {"schedule": "constant", "peak": value}

    @field_validator("early_stopping", mode="before", json_schema_input_type=bool | EarlyStopping)
    @classmethod
    def _default_stopping(cls, value: object) -> object:
        switches: dict[object, object] = {"yes": {}, "on": {}, "no": False, "off": False}
        if value is True:
            return {}
        return switches.get(value, value) if isinstance(value, str) else value

    @field_validator("checkpoint_every")
    @classmethod
    def _interval(cls, value: str) -> str:
        number, _, unit = value.partition(" ")
        if value != "epoch" and not (number.isdigit() and int(number) > 0 and unit == "steps"):
            message = (
                f"{value!r} is not an interval. Allowed: epoch, or a count such as '500 steps'"
            )
            raise ValueError(message)
        return value
