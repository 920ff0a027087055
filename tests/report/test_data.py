from __future__ import annotations

from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from dlrun.contract.dataset import Split, Splits, Target
from dlrun.data.profile import ColumnFacts, DataFacts
from dlrun.report.data import _rows, data_overview

ROWS = np.arange(3)
SPLITS = Splits((Split(0, 0, 0, 0, ROWS, ROWS, ROWS),), "abc")
FACTS = DataFacts(
    n_rows=3000,
    columns=(
        ColumnFacts("photo", "image", 0, 3000, "28 × 28 grayscale"),
        ColumnFacts("call", "audio", 12, 2988, "0.3–2.1 s at 8,000 Hz"),
        ColumnFacts("when", "datetime", 0, 3000, "1990-01-08 00:00:00 … 1999-10-16 00:00:00"),
    ),
    target={"no": 1000, "yes": 2000},
)


def shown(width: int) -> list[str]:
    console = Console(file=StringIO(), width=width)
    target = Target("y", "classification", ("no", "yes"))
    console.print(data_overview(FACTS, target, SPLITS))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_columns_are_shown_with_what_they_hold() -> None:
    assert shown(90)[2:5] == [
        " photo    image            ·      3,000   28 × 28 grayscale",
        " call     audio           12      2,988   0.3–2.1 s at 8,000 Hz",
        " when     datetime         ·      3,000   1990-01-08 00:00:00 … 1999-10-16 00:00:00",
    ]


def test_on_a_narrow_screen_what_they_hold_is_cut() -> None:
    assert shown(60)[2:5] == [
        " photo    image            ·      3,000   28 × 28 grayscale",
        " call     audio           12      2,988   0.3–2.1 s at 8,0…",
        " when     datetime         ·      3,000   1990-01-08 00:00…",
    ]


@pytest.mark.parametrize(
    ("n_rows", "said"),
    [
        pytest.param(90, "100; shown are 90 of them, a sample of each part", id="a sample"),
        pytest.param(100, "100", id="all in memory"),
    ],
)
def test_a_stream_shows_a_sample_where_it_is_one(n_rows: int, said: str) -> None:
    assert _rows(DataFacts(n_rows, (), {}, (60, 20, 20))) == said
