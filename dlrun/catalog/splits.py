"""The methods by which rows are split into training, validation and test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class SplitMethod:
    """A method of splitting; `dlrun.data.splits` has a module of the same name.

    Attributes:
        name: as it is written in a recipe.
        title: what it does, in a few words.
        needs_column: it reads a column of the table, `data.split.column`.
        is_random: each repeat of a study draws other rows.
        has_folds: it can make folds for cross-validation.
    """

    name: str
    title: str
    needs_column: bool = False
    is_random: bool = True
    has_folds: bool = True


SPLIT_METHODS: Final = {
    row.name: row
    for row in (
        SplitMethod("random", "rows at random"),
        SplitMethod("stratified", "rows at random, every class to the same share"),
        SplitMethod("group", "whole groups, such as persons", needs_column=True),
        SplitMethod(
            "time", "the past for training, the future for testing",
            needs_column=True, is_random=False,
        ),
        SplitMethod(
            "predefined", "the parts that the data brings",
            needs_column=True, is_random=False, has_folds=False,
        ),
    )
}  # fmt: skip
