"""`dlrun init`: a commented recipe, inferred from the data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlrun.errors import UsageError

if TYPE_CHECKING:
    from dlrun.contract import Dataset

TEMPLATE = """\
# {rows:,} rows, {columns} columns; {task} of {target_line}
# Run:      dlrun train {recipe}
# Compare:  dlrun compare
name: {name}

data:
  source: {source}
  target: {target}
  # features:            # the types below were inferred; uncomment to set them by hand
{features}
  # exclude: []          # columns to leave out, such as identifiers or what is known too late
  # split: {{method: {method}}}   # or group / time / predefined with a column

model:
  architecture: mlp
  hidden: [128, 128]
  dropout: 0.1

training:
  epochs: 50             # a cap; early stopping usually ends sooner
  learning_rate: 1e-3

baselines: auto          # dummy, linear, random_forest, hist_gradient_boosting; or a list

evaluation:
  metrics: auto          # the first is the primary metric: {metric}
  folds: auto            # cross-validation: {folds} folds here
"""


def init(
    data: Annotated[str, typer.Argument(help="A file, glob, or sklearn:NAME.", show_default=False)],
    target: Annotated[
        str | None, typer.Option(help="The column to predict.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Default: the data's name with .yaml, here."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write a commented recipe inferred from the data."""
    from dlrun.data.dataset import read_dataset
    from dlrun.recipe.model import Data, Recipe

    source = data if ":" in data and not Path(data).exists() else str(Path(data).absolute())
    name = Path(data.rpartition(":")[2]).name.split(".")[0].replace("*", "") or "recipe"
    path = output or Path(f"{name}.yaml")
    if path.exists() and not force:
        message = f"{path} exists. Choose another name with -o, or overwrite it with --force"
        raise UsageError(message)
    recipe = Recipe(name=name, data=Data(source=source, target=target))
    dataset = read_dataset(recipe)
    path.write_text(_fill(dataset, data, path), encoding="utf-8")
    print(f"{path} written. Next: dlrun train {path}")


def _fill(dataset: Dataset, data: str, path: Path) -> str:
    from dlrun.metrics import choose

    target = dataset.target
    classes = f", {len(target.labels)} classes" if target.labels else ""
    return TEMPLATE.format(
        rows=len(dataset),
        columns=len(dataset.columns),
        task=target.task,
        target_line=f"{target.name}{classes}",
        recipe=path,
        name=_quote(path.stem),
        source=_quote(_relative(data, path)),
        target=_quote(target.name),
        features="\n".join(
            f"  #   {_quote(column.name)}: {column.type}" for column in dataset.columns
        ),
        method="stratified" if target.labels else "random",
        metric=choose("auto", target)[0],
        folds=3 if len(dataset) > 100_000 else 5,  # noqa: PLR2004
    )


def _relative(data: str, recipe: Path) -> str:
    """Write a path as seen from the recipe's folder; other sources stay as they are."""
    import os

    if ":" in data and not Path(data).exists():
        return data
    return Path(os.path.relpath(Path(data).absolute(), recipe.absolute().parent)).as_posix()


def _quote(value: str) -> str:
    import yaml

    return yaml.safe_dump(value, allow_unicode=True, width=10_000).removesuffix("...\n").strip()
