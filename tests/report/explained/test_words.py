"""The reasons of a prediction in words."""

from __future__ import annotations

from math import nan

import numpy as np

from dlrun.contract.attribution import Attribution, ColumnAttribution
from dlrun.contract.dataset import Column, Target
from dlrun.contract.excerpt import ShownCell
from dlrun.report.explained import words

COLUMNS = (
    Column("age", "number"),
    Column("note", "text"),
    Column("photo", "image", (6, 6, 1)),
    Column("noise", "audio", (800,), 100),
    Column("sex", "category"),
)
CELLS = {
    "age": ShownCell("plain", "61"),
    "sex": ShownCell("plain", ""),
    **{column.name: ShownCell("quote", "x") for column in COLUMNS[1:4]},
}


def _attribution(baseline: float = nan) -> Attribution:
    photo, noise = np.zeros((6, 6)), np.zeros((16, 4))
    photo[0, 5], photo[3, 3], noise[4:6, 1] = 3.0, -2.0, 0.25
    columns = (
        ColumnAttribution("age", np.array(0.32)),
        ColumnAttribution("note", np.array([1.0, 0.0, 0.5]), ("bad", "is", "bad")),
        ColumnAttribution("photo", photo),
        ColumnAttribution("noise", noise),
        ColumnAttribution("sex", np.array(-0.1)),
    )
    return Attribution("occlusion", 1, "log-odds", 4.0, baseline, columns)


def test_parts_of_every_kind_of_column_are_named_the_strongest_first():
    found = words.reasons(_attribution(), COLUMNS, CELLS)
    assert [str(each) for each in found] == [
        "photo: top right (+3.00)",
        "photo: centre (−2.00)",
        "note: “bad” (+1.50)",
        "noise: 25–38 % of its length (+0.50)",
        "age = 61 (+0.32)",
        "sex = missing (−0.10)",
    ]


def test_the_unit_and_the_balance_are_told():
    target = Target("y", "classification", ("no", "yes"))
    assert words.unit_words(_attribution(), target) == "log-odds of yes"
    assert words.unit_words(_attribution(), Target("price", "regression")) == "the unit of price"
    assert "no sum" in words.balance(_attribution())
    assert words.balance(_attribution(0.5)) == (
        "reference row +0.50, all weights +3.22, this row +4.00; unexplained: 0.3"
    )
