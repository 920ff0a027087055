"""The strongest reasons of every predicted row, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.data.types import column_module
from dlrun.report.explained.words import method_words, reasons
from dlrun.study.reasons import explain_rows

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.attribution import Attribution
    from dlrun.contract.dataset import Column
    from dlrun.contract.excerpt import ShownCell
    from dlrun.data.model_io import SavedModel

STRONGEST: Final = 3  # reasons of a row
BATCH: Final = 1024  # rows that are explained at once


@dataclass(frozen=True)
class ReasonTexts:
    """The reasons of rows.

    Attributes:
        texts: of each row, such as "age = 61 (+0.32), sex = f (−0.10)".
        method: by which they were found, in words, with the unit of the numbers.
    """

    texts: tuple[str, ...]
    method: str


def explain_typed(saved: SavedModel, typed: pd.DataFrame) -> ReasonTexts:
    """Return the strongest reasons of each typed row's prediction, by the model's own method.

    Raises:
        UsageError: the model has no reference row to compare others with.
    """
    texts, method = list[str](), ""
    for start in range(0, len(typed), BATCH):
        rows = typed.iloc[start : start + BATCH].reset_index(drop=True)
        found = explain_rows(saved, rows)
        columns = saved.facts.columns
        for attribution, cells in zip(found, _cells(columns, rows), strict=True):
            strongest = reasons(attribution, columns, cells)[:STRONGEST]
            texts.append(", ".join(map(str, strongest)))
        method = method or _method(saved, found[0])
    return ReasonTexts(tuple(texts), method)


def _cells(columns: tuple[Column, ...], rows: pd.DataFrame) -> Iterator[dict[str, ShownCell]]:
    """Yield the single values of each row; no image is encoded."""
    plain = [column for column in columns if not COLUMN_KINDS[column.type].has_structure]
    for place in range(len(rows)):
        yield {
            column.name: column_module(column.type).show(column, rows[column.name].iloc[place])
            for column in plain
        }


def _method(saved: SavedModel, attribution: Attribution) -> str:
    target = saved.facts.target
    unit = f"{attribution.unit} of the prediction" if target.labels else f"units of {target.name}"
    return f"{method_words(attribution)}, in {unit}"
