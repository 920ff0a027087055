"""Arguments that several verbs share, and the store that they read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlrun.cli.completion import recipe_files, study_names
from dlrun.errors import TrackingError
from dlrun.system.secrets import mask_uri

if TYPE_CHECKING:
    from dlrun.tracking.store import Store

RecipeFile = Annotated[
    Path,
    typer.Argument(
        help="The recipe, a YAML file.", show_default=False, autocompletion=recipe_files
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="key=value, laid over the recipe: training.epochs=5", show_default=False),
]
TrustModules = Annotated[
    list[str] | None,
    typer.Option(
        "--trust-modules",
        metavar="NAME",
        help="Let the recipe import this installed module; may be repeated.",
        show_default=False,
    ),
]
StudyName = Annotated[
    str,
    typer.Argument(
        help="A study, an experiment or a run; last is the latest study.",
        show_default=False,
        autocompletion=study_names,
    ),
]
Uri = Annotated[
    str | None,
    typer.Option(help="The MLflow store. Default: MLFLOW_TRACKING_URI, else mlflow.db here."),
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Train anew what an earlier, stopped study has trained.")
]
Budget = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Make the study smaller, so that it ends within this time: 30 min.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def trust_flags(modules: Iterable[str] | None) -> list[str]:
    """Return the options of a command that trusts these modules."""
    return [flag for module in modules or () for flag in ("--trust-modules", module)]


def with_budget(overrides: list[str] | None, budget: str | None) -> list[str]:
    """Return the overrides of a command, with the budget that it gives as an option."""
    return [*(overrides or ()), *([f"budget={budget}"] if budget else [])]


def open_to_read(uri: str | None) -> Store:
    """Open a store for reading and print its note."""
    from dlrun.tracking.store import open_store

    wanted = uri or os.environ.get("MLFLOW_TRACKING_URI", "")
    if wanted and not wanted.startswith("sqlite:"):
        say(f"reading {mask_uri(wanted)} …")  # MLflow's client takes seconds
    store = open_store(uri, create=False)
    if store.note:
        print(store.note, file=sys.stderr)
    return store


def open_to_change(uri: str | None) -> Store:
    """Open an existing store to change its studies; none stands in for a server that is away.

    Raises:
        TrackingError: the server does not answer.
    """
    from dlrun.tracking.store import open_store

    store = open_store(uri, create=False)
    if store.stands_in_for:
        message = f"{store.stands_in_for} does not answer. Nothing was changed"
        raise TrackingError(message)
    return store


def say(text: str) -> None:
    """Print a word on what takes seconds to whoever waits at a terminal; never into a file."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)
