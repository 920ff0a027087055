"""An overview of a dataset and its splits, printed before training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from dlrun.data.targets import target_kind

if TYPE_CHECKING:
    from dlrun.contract.dataset import Splits, Target
    from dlrun.data.profile import DataFacts

LONGEST_NAME = 32


def data_overview(facts: DataFacts, target: Target, splits: Splits) -> Group:
    """Return the columns with their types, the target, and the sizes of the splits."""
    first = splits.splits[0]
    n_train = facts.streamed[0] if facts.streamed else len(first.train)
    parts = f"{n_train:,} train, {len(first.validation):,} validation"
    described = target_kind(target.task).format_description(facts.target, facts.n_rows)
    summary = Table.grid(padding=(0, 2))
    for title, text in (
        ("rows", _rows(facts)),
        ("target", f"{target.name}, {target.task}: {described}"),
        ("splits", f"{len(splits.splits)}: {parts}, {len(first.test):,} test"),
        ("split id", splits.digest),
    ):
        summary.add_row(Text(title, style="dim"), Text(text))
    return Group(_columns(facts), Text(), summary)


def _columns(facts: DataFacts) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, header_style="dim", border_style="dim")
    table.add_column("column", max_width=LONGEST_NAME, overflow="fold")
    table.add_column("type", no_wrap=True)
    table.add_column("missing", justify="right", no_wrap=True)
    table.add_column("distinct", justify="right", no_wrap=True)
    table.add_column("values")  # cut on a narrow screen
    for column in facts.columns:
        missing = f"{column.n_missing:,}" if column.n_missing else "·"
        cells = (column.name, column.type, missing, f"{column.n_unique:,}")
        values = Text(column.values, no_wrap=True, overflow="ellipsis")
        table.add_row(*(Text(cell) for cell in cells), values)
    return table


def _rows(facts: DataFacts) -> str:
    if facts.streamed is None or sum(facts.streamed) == facts.n_rows:
        return f"{facts.n_rows:,}"
    return f"{sum(facts.streamed):,}; shown are {facts.n_rows:,} of them, a sample of each part"
