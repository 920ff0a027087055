"""Checks of a kind of column: typed cells are known, described, shown, fingerprinted, perturbed."""

from __future__ import annotations

from math import prod
from typing import Any, Final

import numpy as np
import pandas as pd

from dlrun.catalog.columns import COLUMN_KINDS, ColumnKind
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.contract.excerpt import ShownCell
from dlrun.data.fingerprint import digest_dataset
from dlrun.data.reference import make_reference
from dlrun.data.types import column_module
from dlrun.testing.errors import require, run_all
from dlrun.testing.samples import SAMPLES

Typed = tuple[Column, "pd.Series[Any]"]


def finds_missing_cells(typed: Typed) -> None:
    """Check that every cell is known or missing, and that all values can be dropped."""
    column, values = typed
    module = column_module(column.type)
    known = module.is_known(values)
    is_mask = isinstance(known, np.ndarray) and known.dtype == bool and len(known) == len(values)
    require(is_mask, "is_known does not return a bool for each row")
    dropped = pd.Series(module.drop_values(values, np.random.default_rng(0), 1.0))
    n_left = 0 if COLUMN_KINDS[column.type].is_array else int(module.is_known(dropped).sum())
    require(n_left == 0, f"{n_left} cells are known after all values were dropped")


def has_a_fingerprint(typed: Typed) -> None:
    """Check that equal cells have equal digests, and cells in another order another one."""
    column, values = typed
    backward = values[::-1].reset_index(drop=True)
    own, same, other = (_digest(column, cells) for cells in (values, values.copy(), backward))
    require(own == same, "equal cells have different digests")
    require(own != other, "different cells have equal digests")


def _digest(column: Column, values: pd.Series[Any]) -> str:
    return digest_dataset(_dataset(column, values))


def _dataset(column: Column, values: pd.Series[Any]) -> Dataset:
    frame, rows = values.to_frame(column.name), np.arange(len(values))
    return Dataset("", "", (column,), Target("y", ""), frame, rows, rows)


def can_be_described(typed: Typed) -> None:
    """Check that some words describe the cells."""
    column, values = typed
    known = values[column_module(column.type).is_known(values)]
    text = column_module(column.type).describe(column, known)
    require(isinstance(text, str) and text, "it has no description")


def keeps_the_cells_under_noise(typed: Typed) -> None:
    """Check that noise keeps the number of cells and repeats with its seed."""
    column, values = typed
    module = column_module(column.type)
    one, same = (module.add_noise(values, np.random.default_rng(0), 0.3) for _ in range(2))
    require(len(one) == len(values), "noise changes the number of cells")
    is_same = _digest(column, pd.Series(one)) == _digest(column, pd.Series(same))
    require(is_same, "noise does not repeat with its seed")


def can_be_shown(typed: Typed) -> None:
    """Check that measures have a value for each row, and that every cell can be shown."""
    column, values = typed
    module = column_module(column.type)
    for name, measured in module.measures(column, values):
        is_whole = len(measured) == len(values)
        require(is_whole, f"the measure {name!r} has not one value for each row")
    for cell in values:
        shown = module.show(column, cell)
        is_shown = isinstance(shown, ShownCell)
        require(is_shown, f"show returns {type(shown).__name__}, not a ShownCell")


def has_a_typical_cell(typed: Typed) -> None:
    """Check that the cell with which others are compared is one of the kind."""
    column, values = typed
    reference = make_reference(_dataset(column, values))[column.name]
    is_alike = reference.dtype.kind == values.dtype.kind and len(reference) == 1
    require(is_alike, "the typical cell is not of the kind")


def can_be_occluded(typed: Typed) -> None:
    """Check that every cell has as many parts as its weights, and tokens, say."""
    column, values = typed
    reference = make_reference(_dataset(column, values))[column.name][0]
    for cell in values:
        found = column_module(column.type).occlude(column, cell, reference)
        n_parts = len(found.cells)
        require(n_parts == prod(found.shape), "its parts do not have the shape that it says")
        require(len(found.tokens) in (0, n_parts), "it has not one token for each part")


COLUMN_CHECKS: Final = (
    finds_missing_cells,
    has_a_fingerprint,
    can_be_described,
    can_be_shown,
    keeps_the_cells_under_noise,
    has_a_typical_cell,
    can_be_occluded,
)


def check_column_kind(kind: ColumnKind) -> None:
    """Check a kind of column on every sample that has one.

    Raises:
        CheckError: a promise is broken, or no sample has such a column.
    """
    samples = [make() for make in SAMPLES.values()]
    found = [
        (column, sample.frame[column.name])
        for sample in samples
        for column in sample.columns
        if column.type == kind.name
    ]
    require(found, f"no sample has a column of the kind {kind.name}")
    for typed in found:
        run_all(COLUMN_CHECKS, typed)
