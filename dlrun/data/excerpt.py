"""An excerpt of a dataset to be kept with a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.contract.dataset import Column, Dataset
from dlrun.contract.excerpt import DataExcerpt, Distribution, ShownCell
from dlrun.data.distribution import measure_columns, measure_target
from dlrun.data.types import column_module

MOST_CELLS: Final = 12  # of a row
MOST_INPUTS: Final = 2000
MOST_MEDIA: Final = 800_000  # characters of all images and sounds


def make_excerpt(dataset: Dataset, row_ids: Iterable[int]) -> DataExcerpt:
    """Return the distributions of a dataset, and the cells of some rows.

    Args:
        dataset: the whole one.
        row_ids: of the rows, the most wanted first; images and sounds are kept up to a limit.
    """
    n_rows, ranked = measure_columns(dataset)
    columns = _shown_columns(dataset, ranked)
    places = dict(zip(dataset.row_ids.tolist(), range(len(dataset)), strict=True))
    rows: dict[int, Mapping[str, ShownCell]] = {}
    room = MOST_MEDIA
    for row_id in dict.fromkeys(row_ids):
        if row_id in places:
            cells = _cells(dataset, columns, places[row_id])
            room -= sum(len(cell.media) for cell in cells.values())
            if room < 0:
                break
            rows[row_id] = cells
    target = measure_target(dataset)
    inputs = _only_inputs(dataset) if target else {}
    return DataExcerpt(n_rows, len(dataset.columns), target, tuple(ranked), rows, inputs)


def _only_inputs(dataset: Dataset) -> dict[int, float]:
    """Return row id → value of the only column, if that is a number; evenly chosen rows of many."""
    if [column.type for column in dataset.columns] != ["number"] or dataset.stream:
        return {}
    values = dataset.frame[dataset.columns[0].name].to_numpy(np.float64)
    places = np.linspace(0, len(values) - 1, min(len(values), MOST_INPUTS)).astype(int)
    known = places[np.isfinite(values[places])]
    return dict(zip(dataset.row_ids[known].tolist(), values[known].tolist(), strict=True))


def _shown_columns(dataset: Dataset, ranked: Sequence[Distribution]) -> list[Column]:
    """Return what is no scalar first, then the columns that say most of the target."""
    ranks = {each.column: place for place, each in reversed([*enumerate(ranked)])}

    def order(column: Column) -> tuple[bool, int]:
        is_scalar = not COLUMN_KINDS[column.type].has_structure
        return is_scalar, ranks.get(column.name, len(ranked))

    return sorted(dataset.columns, key=order)[:MOST_CELLS]


def _cells(dataset: Dataset, columns: Sequence[Column], row: int) -> dict[str, ShownCell]:
    return {
        column.name: column_module(column.type).show(column, dataset.frame[column.name].iloc[row])
        for column in columns
    }
