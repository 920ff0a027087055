"""`dlrun init`: a commented recipe, inferred from data."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from dlrun.cli.options import TrustModules, say
from dlrun.errors import UsageError


def init(
    data: Annotated[
        str,
        typer.Argument(
            help="A file, glob, folder with one sub-folder for each class, zip of such a folder, "
            ".tar of samples, sklearn:NAME or keras:NAME (dlrun list sources).",
            show_default=False,
        ),
    ],
    target: Annotated[
        str | None, typer.Option(help="The column to predict.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Default: the data's name with .yaml, here."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    trust_modules: TrustModules = None,
) -> None:
    """Write a commented recipe inferred from the data."""
    say(f"reading {data} …")
    from dlrun.data.dataset import read_dataset
    from dlrun.data.sources.tables import name_of
    from dlrun.recipe.data import Data
    from dlrun.recipe.schema import Recipe
    from dlrun.study.new_recipe import write_recipe

    source = data if ":" in data and not Path(data).exists() else str(Path(data).absolute())
    name = name_of(data.rpartition(":")[2], Path(source)).partition(".")[0] or "recipe"
    path = output or Path(f"{name}.yaml")
    if path.exists() and not force:
        message = f"{path} exists. Choose another name with -o, or overwrite it with --force"
        raise UsageError(message)
    recipe = Recipe(name=name, data=Data(source=source, target=target))
    recipe._trusted = frozenset(trust_modules or ())
    dataset = read_dataset(recipe)
    path.write_text(write_recipe(dataset, _relative(data, path), path), encoding="utf-8")
    print(f"{path} written. Next: dlrun train {shlex.quote(str(path))}")


def _relative(data: str, recipe: Path) -> str:
    """Return a path from the recipe's folder, or the whole one where it is shorter."""
    import os

    if ":" in data and not Path(data).exists():
        return data
    whole = Path(data).absolute()
    relative = Path(os.path.relpath(whole, recipe.absolute().parent))
    return min((relative.as_posix(), whole.as_posix()), key=len)
