"""Tasks: what is predicted. The code of a task stands in three modules of its name.

`data.targets` reads, describes and tracks y; `deep.heads` makes the end of a network;
`classic.tasks` fits and asks an estimator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Task:
    """What is predicted for each row.

    Attributes:
        title: of the task, in a few words.
        estimator: which builder of a baseline serves it.
        row_loss: how wrong the prediction of one row is, in words.
        split: the method by which rows are split when the recipe names none.
        column_types: of the raw column that it is read from.
        joins_columns: whether its target may stand in several columns.
        is_streamed: whether its rows can be read from disk again and again.
        has_history: whether the target of an earlier row is a prediction for the next.
    """

    name: str
    title: str
    estimator: Literal["classifier", "regressor"]
    row_loss: str
    split: str
    column_types: tuple[str, ...] = ("number", "category", "text")
    joins_columns: bool = False
    is_streamed: bool = True
    has_history: bool = True


TASKS: Final = {
    row.name: row
    for row in (
        Task(
            "classification", "one class for each row", "classifier", "cross-entropy", "stratified"
        ),
        Task("regression", "one number for each row", "regressor", "absolute error", "random"),
        Task(
            "multilabel",
            "a set of labels for each row",
            "classifier",
            "mean cross-entropy",
            "stratified",
            column_types=("number", "category", "text", "series"),
            joins_columns=True,
            is_streamed=False,
            has_history=False,
        ),
    )
}
