"""`dlrun list`: the names that a recipe may use."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer


class Listing(StrEnum):
    """What can be listed."""

    architectures = "architectures"
    losses = "losses"
    baselines = "baselines"
    features = "features"
    metrics = "metrics"
    tasks = "tasks"
    recipes = "recipes"


def list_names(
    kind: Annotated[
        Listing | None, typer.Argument(help="Default: all.", show_default=False)
    ] = None,
) -> None:
    """List architectures, losses, baselines, features, metrics, tasks and the shipped recipes."""
    for index, shown in enumerate([kind] if kind else list(Listing)):
        if index:
            print()
        if kind is None:
            print(shown)
        for name, meaning in LISTS[shown]().items():
            print(f"  {name:<26}{meaning}".rstrip())


def _architectures() -> dict[str, str]:
    from dlrun.catalog.architectures import ARCHITECTURES

    listed = {}
    for row in ARCHITECTURES.values():
        settings = ", ".join(
            key if field.is_required() else f"{key}={field.default!r}"
            for key, field in row.settings.model_fields.items()
        )
        listed[row.name] = f"{row.title} ({settings})"
    return {**listed, "module:function": "your own: build(inputs, **settings) → tensor"}


def _losses() -> dict[str, str]:
    from dlrun.catalog.losses import LOSSES

    return {row.name: ", ".join(row.tasks) for row in LOSSES.values()}


def _baselines() -> dict[str, str]:
    from dlrun.catalog.baselines import BASELINES

    titles = {row.name: row.title for row in BASELINES.values()}
    return {**titles, "{estimator: module.Class}": "any scikit-learn compatible class"}


def _features() -> dict[str, str]:
    from dlrun.catalog.features import FEATURES

    return {row.name: f"{row.column_type}: {row.title}" for row in FEATURES.values()}


def _metrics() -> dict[str, str]:
    from dlrun.catalog.metrics import METRICS

    tasks: dict[str, list[str]] = {}
    for metric in METRICS:
        tasks.setdefault(metric.name, []).extend(metric.tasks)
    lower = {metric.name for metric in METRICS if metric.lower_is_better}
    return {
        name: f"{', '.join(measured)}, {'lower' if name in lower else 'higher'} is better"
        for name, measured in tasks.items()
    }


def _tasks() -> dict[str, str]:
    from dlrun.catalog.tasks import TASKS

    return {row.name: row.title for row in TASKS.values()}


def _recipes() -> dict[str, str]:
    from dlrun.recipe.examples import shipped_recipes

    return {path.stem: f"{path}" for path in shipped_recipes()}


LISTS: dict[Listing, Callable[[], dict[str, str]]] = {
    Listing.architectures: _architectures,
    Listing.losses: _losses,
    Listing.baselines: _baselines,
    Listing.features: _features,
    Listing.metrics: _metrics,
    Listing.tasks: _tasks,
    Listing.recipes: _recipes,
}
