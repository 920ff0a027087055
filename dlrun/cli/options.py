"""Arguments that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

RecipeFile = Annotated[Path, typer.Argument(help="The recipe, a YAML file.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="key=value, laid over the recipe: training.epochs=5", show_default=False),
]
Uri = Annotated[
    str | None,
    typer.Option(help="The MLflow store. Default: MLFLOW_TRACKING_URI, else mlflow.db here."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
