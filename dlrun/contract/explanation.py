"""The explanation of one row's predictions, by one or several candidates of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dlrun.contract.attribution import Attribution
from dlrun.contract.candidate import Family
from dlrun.contract.dataset import Column, Target
from dlrun.contract.excerpt import ShownCell
from dlrun.contract.reasons import CellReasons
from dlrun.contract.trace import FeatureRow, RowTrace


@dataclass(frozen=True)
class ShownRow:
    """The row that is explained.

    Attributes:
        title: such as "row 12 of customers.csv".
        cells: column → cell, before anything is scaled.
        truth: in words; empty where it is unknown.
    """

    title: str
    columns: tuple[Column, ...]
    cells: Mapping[str, ShownCell]
    truth: str = ""


@dataclass(frozen=True)
class ExplainedPrediction:
    """What one candidate makes of the row.

    Attributes:
        kept: whether it is the study's own model.
        trained_on: which rows, in words.
        seen: whether it was trained on this row, in words; empty where that is unknown.
        answers: column of `dlrun predict` → its value.
        methods: that could have explained it.
        attribution: None where there is none, and then `unexplained` says why.
        maps: what the parts of texts, images, sounds and series add.
        trace: None where it has no layers.
        features: what an estimator gets; None of networks.
        members: of a blend: name and weight, the heaviest first.
    """

    candidate: str
    family: Family
    kept: bool
    trained_on: str
    seen: str
    answers: Mapping[str, str | int | float | bool]
    methods: tuple[str, ...]
    attribution: Attribution | None
    unexplained: str = ""
    maps: tuple[CellReasons, ...] = ()
    trace: RowTrace | None = None
    features: FeatureRow | None = None
    members: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Explanation:
    """A row and what candidates make of it, the one that was asked for first."""

    study: str
    target: Target
    row: ShownRow
    predictions: tuple[ExplainedPrediction, ...]
