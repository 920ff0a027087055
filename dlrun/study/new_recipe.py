"""The text of a new recipe: what is proposed for data, with the reasons as comments."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Final

import yaml

from dlrun.catalog.tasks import TASKS
from dlrun.contract.dataset import Column, Dataset
from dlrun.data.splits.make import auto_folds
from dlrun.deep.defaults import choose_network
from dlrun.metrics.scores import choose_metrics
from dlrun.study.proposal import Proposal, propose

TEMPLATE: Final = """\
# {rows:,} rows, {columns}; {task} of {target_line}
# Run:      dlrun train {recipe}
# Compare:  dlrun compare
name: {name}
task: {task}{task_comment}

data:
  source: {source}
  target: {target}
{data}
{preprocessing}
model:
{model}

training:
  epochs: 50             # a cap; early stopping usually ends sooner
  learning_rate: 1e-3

baselines: auto          # classic models that suit the data; or a list

evaluation:
  metrics: auto          # the first is the primary metric: {metric}
  folds: auto            # {folds} here
"""
MAX_LISTED: Final = 40  # columns, of a list that is a comment
LAGS: Final = "earlier values, known when a row is predicted; else remove this line"
DATE_PARTS: Final = "not the year: that of new rows was never seen"


def write_recipe(dataset: Dataset, source: str, path: Path) -> str:
    """Return a commented recipe for a dataset that was read with all of its columns.

    Args:
        dataset: of the source.
        source: as the recipe names it.
        path: of the recipe.
    """
    proposal, target = propose(dataset), dataset.target
    n_columns = len(dataset.columns)
    classes = f", {len(target.labels)} classes" if target.labels else ""
    # Lags are numbers, whatever else there is.
    learned = (*proposal.columns, *(Column("", "number") for _ in proposal.lags))
    return TEMPLATE.format(
        rows=len(dataset),
        columns=f"{n_columns} column{'s' * (n_columns > 1)}",
        task=target.task,
        task_comment=proposal.task_comment and f"  # {proposal.task_comment}",
        target_line=f"{target.name}{classes}",
        recipe=shlex.quote(str(path)),
        name=_flow(path.stem),
        source=_flow(source),
        target=_flow(target.name),
        data="\n".join(_data_lines(dataset, proposal)),
        preprocessing=_preprocessing(proposal),
        model=_section(choose_network(learned, len(dataset))),
        metric=choose_metrics("auto", target)[0],
        folds=_folds(dataset, proposal),
    )


def _data_lines(dataset: Dataset, proposal: Proposal) -> list[str]:
    return [
        *_excluded_lines(proposal),
        *_feature_lines(proposal),
        *_lag_lines(dataset, proposal),
        _split_line(dataset, proposal),
    ]


def _excluded_lines(proposal: Proposal) -> list[str]:
    if not proposal.excluded:
        return ["  # exclude: []          # columns to leave out, such as what is known too late"]
    lines = [f"    - {_flow(name)}  # {why}" for name, why in proposal.excluded.items()]
    return ["  exclude:", *lines]


def _feature_lines(proposal: Proposal) -> list[str]:
    if not proposal.is_listed and len(proposal.columns) > MAX_LISTED:
        return [
            "  # features: {}         # column: type, to set types by hand; default: all columns"
        ]
    mark = "" if proposal.is_listed else "# "
    why = "all columns to learn from" if proposal.is_listed else "inferred; uncomment to set them"
    lines = [f"  {mark}features:            # {why}"]
    for column in proposal.columns:
        steps = f"{{series: [{_flow(_range(column.parts))}]}}" if column.parts else column.type
        lines.append(f"  {mark}  {_flow(column.name)}: {steps}")
    return lines


def _range(parts: tuple[str, ...]) -> str:
    return f"{parts[0]}…{parts[-1]}"


def _lag_lines(dataset: Dataset, proposal: Proposal) -> list[str]:
    if not proposal.lags:
        return []
    columns, steps = _flow([dataset.target.name]), _flow(list(proposal.lags))
    return [f"  lags: {{columns: {columns}, steps: {steps}}}  # {LAGS}"]


def _split_line(dataset: Dataset, proposal: Proposal) -> str:
    if proposal.method:
        split = _flow({"method": proposal.method, "column": proposal.split_column})
        return f"  split: {split}  # {proposal.split_comment}"
    if dataset.split_values is not None:
        return "  # the data brings its own training and test rows"
    method = TASKS[dataset.target.task].split
    return f"  # split: {{method: {method}}}   # or group / time / predefined with a column"


def _preprocessing(proposal: Proposal) -> str:
    if not proposal.date_parts:
        return ""
    parts = _flow(list(proposal.date_parts))
    return f"\npreprocessing:\n  datetime: {{parts: {parts}}}  # {DATE_PARTS}\n"


def _folds(dataset: Dataset, proposal: Proposal) -> str:
    if dataset.split_values is not None or proposal.method == "predefined":
        return "the one test part of the data"
    return f"cross-validation: {auto_folds(len(dataset))} folds"


def _section(values: dict[str, Any]) -> str:
    return "\n".join(f"  {key}: {_flow(value)}" for key, value in values.items())


def _flow(value: object) -> str:
    text: str = yaml.safe_dump(
        value, allow_unicode=True, width=10_000, default_flow_style=True, sort_keys=False
    )
    return text.strip().removesuffix("...").strip()
