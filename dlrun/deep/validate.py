"""What a recipe's models and their training ask of the data, checked without TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dlrun.catalog.architectures import ARCHITECTURES, is_function
from dlrun.catalog.keras_api import optimizers, signature
from dlrun.catalog.losses import losses_of
from dlrun.catalog.metrics import metrics_of
from dlrun.contract.dataset import Dataset
from dlrun.data.sources.user_functions import check_module
from dlrun.deep.heads.head import heads_of
from dlrun.errors import DataError, RecipeError
from dlrun.recipe.schema import Model, Recipe
from dlrun.recipe.training import Training
from dlrun.system.text import suggest

DEVICES: Final = Path("/dev")


def check_training(recipe: Recipe, dataset: Dataset) -> None:
    """Check that every model's training fits the task, the target and the columns.

    Raises:
        RecipeError: something does not fit; one line for each fault.
    """
    faults: dict[str, None] = {}
    for position, model in enumerate(recipe.model):
        prefix = "model" if len(recipe.model) == 1 else f"model.{position}"
        if misfit := _misfit(model, dataset) or _absence(model, recipe.folder):
            faults[f"{recipe.at(f'{prefix}.architecture')}: {misfit}"] = None
        for setting, fault in _faults(recipe.training_of(model), dataset):
            name = setting.partition(".")[0]
            key = f"{prefix}.training" if name in model.training else "training"
            faults[f"{recipe.at(f'{key}.{setting}')}: {fault}"] = None
    if recipe.model:
        faults.update(dict.fromkeys(_missing_faults(recipe, dataset)))
    if faults:
        raise RecipeError("\n".join(faults))


def _misfit(model: Model, dataset: Dataset) -> str | None:
    """Say why an architecture is not made for any of the columns."""
    row = ARCHITECTURES.get(model.architecture)
    kinds = list(dict.fromkeys(column.type for column in dataset.columns))
    if row is None or row.fits(kinds):
        return None
    fitting = [name for name, other in ARCHITECTURES.items() if other.fits(kinds)]
    return (
        f"{row.name} is made for columns of the type {' or '.join(row.claims)}, and "
        f"here are {', '.join(kinds)}. For these: {', '.join(fitting)}"
    )


def _absence(model: Model, folder: Path) -> str | None:
    """Say that the module of the user's own function is not there; it is not imported yet."""
    if is_function(model.architecture):
        try:
            check_module(model.architecture, folder)
        except DataError as error:
            return str(error)
    return None


def _faults(training: Training, dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield the setting and what is wrong with it."""
    yield from _strategy_faults(training)
    yield from _optimizer_faults(training)
    yield from _loss_faults(training, dataset.target.task)
    yield from heads_of(dataset.target.task).check(training, dataset)
    yield from _monitor_faults(training, dataset)


def _missing_faults(recipe: Recipe, dataset: Dataset) -> Iterator[str]:
    if recipe.preprocessing.number.impute != "error":
        return
    numbers = [column.name for column in dataset.columns if column.type == "number"]
    counts = {name: int(dataset.frame[name].isna().sum()) for name in numbers}
    found = [f"{name!r} ({count})" for name, count in counts.items() if count]
    if found:
        yield (
            f"{recipe.at('preprocessing.number.impute')}: error, and numbers are missing in "
            f"{', '.join(found)}. Choose median, mean or zero, or fill them in the data"
        )


def _strategy_faults(training: Training) -> Iterator[tuple[str, str]]:
    if training.strategy == "tpu" and not _has_tpu():
        yield (
            "strategy",
            "tpu, but there is none here: no device /dev/accel* or /dev/vfio/*, and the variable "
            "TPU_NAME is not set. Choose auto, or name the TPU in TPU_NAME",
        )


def _has_tpu() -> bool:
    devices = (*DEVICES.glob("accel*"), *DEVICES.glob("vfio/[0-9]*"))
    return "TPU_NAME" in os.environ or bool(devices)


def _optimizer_faults(training: Training) -> Iterator[tuple[str, str]]:
    optimizer = training.optimizer
    allowed = signature("optimizers", optimizers()[optimizer.name]).arguments
    for argument in optimizer.settings:
        if argument not in allowed:
            fault = f"{argument} is not a setting of {optimizer.name}. {suggest(argument, allowed)}"
            yield f"optimizer.{argument}", fault


def _loss_faults(training: Training, task: str) -> Iterator[tuple[str, str]]:
    allowed = [loss.name for loss in losses_of(task)]
    if training.loss not in ("auto", *allowed):
        names = ", ".join(allowed)
        yield "loss", f"{training.loss} is not a loss for {task}. Allowed: auto, {names}"


def _monitor_faults(training: Training, dataset: Dataset) -> Iterator[tuple[str, str]]:
    if not training.early_stopping:
        return
    task = dataset.target.task
    allowed = ("val/loss", *(f"val/{name}" for name in metrics_of(task)))
    monitor = training.early_stopping.monitor
    if monitor not in allowed:
        fault = f"{monitor} cannot be measured in {task}. Allowed: {', '.join(allowed)}"
        yield "early_stopping.monitor", fault
