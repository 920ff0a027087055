"""The section on what the units of a network look for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reported import make

from dlrun.contract.inside import Inside
from dlrun.contract.units import ExcitingRow, NetworkUnits, Unit, UnitColumn, UnitLayer
from dlrun.evidence.compare import compare
from dlrun.report.context import build_context
from dlrun.report.sections.units import write_units
from dlrun.tracking.inside import inside_from_json, inside_to_json

DOT = "image/png;base64,iVBORw0KGgo="
NAN = float("nan")


def unit(*rows: ExcitingRow, **shown: object) -> Unit:
    return Unit(7, 0.25, 0.6, rows, **shown)  # type: ignore[arg-type]


def layer(form, *units: Unit, sides=()) -> UnitLayer:
    return UnitLayer("conv2d_1", "Conv2D", 64, "photo", form, sides, units)


def section(*layers: UnitLayer, filters: tuple[str, ...] = ()) -> str:
    found = NetworkUnits(2000, layers, filters)
    inside = Inside("mlp", "deep", 4, "training rows of split 5 of 5", units=found)
    study = replace(make("mlp", "linear"), inside={"mlp": inside_from_json(inside_to_json(inside))})
    written = write_units(build_context([study], compare([study])))
    assert written is not None
    return str(written.body)


def test_a_study_that_was_not_looked_into_has_no_section():
    study = make("mlp", "linear")
    assert write_units(build_context([study], compare([study]))) is None


def test_pictures_are_framed_where_the_unit_looks():
    rows = [ExcitingRow(3, "yes", 2.0, ((2, 4), (5, 10))), ExcitingRow(4, "no", 1.0)]
    shown = layer("image", unit(*rows, rows[0], sheet=DOT, filter=DOT), sides=(10, 20))
    body = section(shown, filters=(DOT,))
    assert "2 of 3: yes; active 25" in body
    assert body.count('class="looked"') == 2  # one of the three has no place
    assert '<rect x="25" y="10" width="25" height="10" class="looked"/>' in body
    assert '<div class="filters"><img src="data:image/png' in body
    assert "Depth 1 of 1: conv2d_1" in body


def test_words_are_quoted_once_and_escaped():
    rows = [ExcitingRow(n, "yes", 1.0, words=("a", word, "b")) for n, word in enumerate("<<é")]
    body = section(layer("quote", unit(*rows)))
    assert "<q>&lt;</q> · <q>é</q></p>" in body


def test_stretches_of_a_series_are_marked():
    row = ExcitingRow(1, "no", 1.0, ((1, 3),), lines=((0.0, 1.0, 2.0, 1.0),))
    body = section(layer("line", unit(row, filter_lines=((0.1, -0.2),))))
    assert body.count('class="band"') == 1
    assert "filter of unit 7" in body


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (
            (
                UnitColumn("age", "high", "60 – 70", "30 – 50", 2.0, 0.5),
                UnitColumn("bmi", "low", "18 – 19", "23 – 27", -1.5, -0.25),
            ),
            "looks for high age and low bmi",
        ),
        ((UnitColumn("town", "Ulm", "90%", "10%", 2.0, NAN),), "looks for town Ulm"),
        ((UnitColumn("when", "late", "2020", "2019", 2.0, NAN),), "looks for late when"),
    ],
    ids=["numbers", "category", "date"],
)
def test_what_a_unit_of_a_table_looks_for_is_said_in_words(columns, sentence):
    body = section(layer("table", unit(ExcitingRow(1, "yes", 1.0), columns=columns)))
    assert f"<p>{sentence}</p>" in body
    assert ("weight +0.50" in body) == (columns[0].column == "age")
