"""`dlrun init`: a commented recipe, inferred from data."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dlrun.cli.options import TrustModules, say
from dlrun.errors import UsageError

if TYPE_CHECKING:
    from dlrun.contract.dataset import Dataset

TEMPLATE = """\
# {rows:,} rows, {columns}; {task} of {target_line}
# Run:      dlrun train {recipe}
# Compare:  dlrun compare
name: {name}

data:
  source: {source}
  target: {target}
  # features:            # the types below were inferred; uncomment to set them by hand
{features}
  # exclude: []          # columns to leave out, such as identifiers or what is known too late
{split}

model:
  architecture: {model}

training:
  epochs: 50             # a cap; early stopping usually ends sooner
  learning_rate: 1e-3

baselines: auto          # classic models that suit the data; or a list

evaluation:
  metrics: auto          # the first is the primary metric: {metric}
  folds: auto            # {folds} here
"""


DEFAULT_MODEL: Final = "mlp\n  hidden: [128, 128]\n  dropout: 0.1"
OWN_SPLIT: Final = "  # the data brings its own training and test rows"
ANY_SPLIT: Final = "  # split: {{method: {method}}}   # or group / time / predefined with a column"


def init(
    data: Annotated[
        str,
        typer.Argument(
            help="A file, glob, folder with one sub-folder for each class, zip of such a folder, "
            "sklearn:NAME or keras:NAME.",
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
    from dlrun.recipe.schema import Data, Recipe

    source = data if ":" in data and not Path(data).exists() else str(Path(data).absolute())
    name = Path(data.rpartition(":")[2]).name.split(".")[0].replace("*", "") or "recipe"
    path = output or Path(f"{name}.yaml")
    if path.exists() and not force:
        message = f"{path} exists. Choose another name with -o, or overwrite it with --force"
        raise UsageError(message)
    recipe = Recipe(name=name, data=Data(source=source, target=target))
    recipe._trusted = frozenset(trust_modules or ())
    dataset = read_dataset(recipe)
    path.write_text(_fill(dataset, data, path), encoding="utf-8")
    print(f"{path} written. Next: dlrun train {shlex.quote(str(path))}")


def _fill(dataset: Dataset, data: str, path: Path) -> str:
    from dlrun.metrics.scores import choose_metrics

    target, n_columns = dataset.target, len(dataset.columns)
    classes = f", {len(target.labels)} classes" if target.labels else ""
    return TEMPLATE.format(
        rows=len(dataset),
        columns=f"{n_columns} column{'s' * (n_columns > 1)}",
        task=target.task,
        target_line=f"{target.name}{classes}",
        recipe=shlex.quote(str(path)),
        name=_quote(path.stem),
        source=_quote(_relative(data, path)),
        target=_quote(target.name),
        features="\n".join(
            f"  #   {_quote(column.name)}: {column.type}" for column in dataset.columns
        ),
        split=_split(dataset),
        model=_model({column.type for column in dataset.columns}),
        metric=choose_metrics("auto", target)[0],
        folds=_folds(dataset),
    )


def _model(types: Collection[str]) -> str:
    """Return the first architecture for one of these kinds, else an MLP with example settings."""
    from dlrun.catalog.columns import COLUMN_KINDS

    networks = (kind.architecture for kind in COLUMN_KINDS.values() if kind.name in types)
    return next((name for name in networks if name != "mlp"), DEFAULT_MODEL)


def _split(dataset: Dataset) -> str:
    if dataset.split_values is not None:
        return OWN_SPLIT
    from dlrun.catalog.tasks import TASKS

    return ANY_SPLIT.format(method=TASKS[dataset.target.task].split)


def _folds(dataset: Dataset) -> str:
    if dataset.split_values is not None:
        return "the one test part of the data"
    return f"cross-validation: {3 if len(dataset) > 100_000 else 5} folds"  # noqa: PLR2004


def _relative(data: str, recipe: Path) -> str:
    """Return a path relative to the recipe's folder; other sources are unchanged."""
    import os

    if ":" in data and not Path(data).exists():
        return data
    return Path(os.path.relpath(Path(data).absolute(), recipe.absolute().parent)).as_posix()


def _quote(value: str) -> str:
    import yaml

    return yaml.safe_dump(value, allow_unicode=True, width=10_000).removesuffix("...\n").strip()
