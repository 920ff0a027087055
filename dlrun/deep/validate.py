"""Checks of a recipe's models and their training against the data, without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.catalog.architectures import ARCHITECTURES, is_function
from dlrun.catalog.backbones import BACKBONES, default_backbone
from dlrun.catalog.keras_api import optimizers, signature
from dlrun.catalog.losses import losses_of
from dlrun.catalog.metrics import metrics_of
from dlrun.catalog.strategies import STRATEGIES
from dlrun.contract.dataset import Dataset
from dlrun.data.sources.user_functions import check_module
from dlrun.deep.backbones.backbone import BackboneRequest, is_trainable, open_backbone
from dlrun.deep.backbones.requests import is_pretrained, pretrained_settings, reads
from dlrun.deep.heads.head import heads_of
from dlrun.deep.tabular_prior.candidate import context_faults
from dlrun.errors import DataError, DlrunError, RecipeError
from dlrun.recipe.schema import Model, Recipe
from dlrun.recipe.training import Training
from dlrun.system.text import suggest


def check_training(recipe: Recipe, dataset: Dataset) -> None:
    """Check that every model's training fits the task, the target and the columns.

    Raises:
        RecipeError: something does not fit; one line for each fault.
    """
    faults: dict[str, None] = {}
    for position, model in enumerate(recipe.models):
        prefix = "model" if len(recipe.models) == 1 else f"model.{position}"
        if fault := _misfit(model, dataset) or _missing_module(model, recipe):
            faults[f"{recipe.at(f'{prefix}.architecture')}: {fault}"] = None
        of_model = (
            *backbone_faults(model, recipe, dataset),
            *context_faults(model, recipe, dataset),
        )
        for setting, fault in of_model:
            faults[f"{recipe.at(f'{prefix}.{setting}')}: {fault}"] = None
        for setting, fault in training_faults(recipe.training_of(model), dataset):
            name = setting.partition(".")[0]
            key = f"{prefix}.training" if name in model.training else "training"
            faults[f"{recipe.at(f'{key}.{setting}')}: {fault}"] = None
    if recipe.models:
        faults.update(dict.fromkeys(_missing_faults(recipe, dataset)))
    if faults:
        raise RecipeError("\n".join(faults))


def _misfit(model: Model, dataset: Dataset) -> str | None:
    """Return why an architecture is made for none of the columns; None where it is for some."""
    row = ARCHITECTURES.get(model.architecture)
    kinds = list(dict.fromkeys(column.type for column in dataset.columns))
    if row is None or row.fits(kinds):
        return None
    fitting = [name for name, other in ARCHITECTURES.items() if other.fits(kinds)]
    return (
        f"{row.name} is made for columns of the type {' or '.join(row.claims)}, and "
        f"here are {', '.join(kinds)}. For these: {', '.join(fitting)}"
    )


def _missing_module(model: Model, recipe: Recipe) -> str | None:
    """Return why the module of the user's own function is refused, without importing it."""
    if is_function(model.architecture):
        try:
            check_module(model.architecture, recipe.folder, recipe.trusted)
        except DataError as error:
            return str(error)
    return None


def backbone_faults(model: Model, recipe: Recipe, dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield each setting of a pretrained network that cannot be had, with its fault.

    Weights on a hub are downloaded here, and all are opened, before anything is trained.
    """
    row = ARCHITECTURES.get(model.architecture)
    present = {
        column.type: column for column in dataset.columns if row and column.type in row.claims
    }
    if not is_pretrained(model) or not present:
        return
    settings = pretrained_settings(model)
    kinds = [kind for kind in present if reads(settings.backbone, kind)]
    if not kinds:
        only = BACKBONES[str(settings.backbone)].column_type
        fitting = ", ".join(map(default_backbone, present))
        yield (
            "backbone",
            f"{settings.backbone} reads columns of the type {only}, and here are "
            f"{', '.join(present)}. For these: {fitting}",
        )
    faults = []
    length = recipe.preprocessing.text.sequence_length
    for kind in kinds:
        name = settings.backbone or default_backbone(kind)
        if settings.train != "head" and not is_trainable(name):
            yield "train", f"{name} is always frozen, so that {settings.train} is not possible"
        request = BackboneRequest(
            name, present[kind], recipe.folder, settings.size, length, settings.pooling
        )
        try:
            open_backbone(request)
        except DlrunError as error:
            faults.append(str(error))
    # One that is named may read one type of several.
    if faults and (settings.backbone is None or len(faults) == len(kinds)):
        yield "backbone", faults[0]


def training_faults(training: Training, dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield each faulty setting of a training section with its fault."""
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
    listed = [f"{name!r} ({count})" for name, count in counts.items() if count]
    if listed:
        yield (
            f"{recipe.at('preprocessing.number.impute')}: error, and numbers are missing in "
            f"{', '.join(listed)}. Choose median, mean or zero, or fill them in the data"
        )


def _strategy_faults(training: Training) -> Iterator[tuple[str, str]]:
    if fault := STRATEGIES[training.strategy].find_fault():
        yield "strategy", fault


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
