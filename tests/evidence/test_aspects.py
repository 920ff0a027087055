from __future__ import annotations

from dataclasses import asdict, replace

import pandas as pd
import pytest

from dlrun.contract import DataSummary, Measurement
from dlrun.evidence.aspects import answer
from dlrun.evidence.compare import compare

ASPECTS = [
    "model type", "data requirements", "interpretability", "computation", "generalisation",
    "structure control",
]  # fmt: skip


def measure(study, aspect, level=1.0, name="", change=-0.1, n_train=700):
    """Give every candidate the same change of its test scores."""
    return [
        Measurement(
            row.candidate, row.family, aspect, name, level, row.step, n_train, row.roc_auc + change
        )
        for row in study.trials.itertuples()
    ]


def answered(study, *measured):
    rows = [asdict(each) for group in measured for each in group]
    table = pd.DataFrame(rows, columns=list(Measurement.__annotations__))
    study = replace(study, read_measurements=lambda: table)
    return answer(study, compare([study]))


def test_what_was_not_measured_is_a_command_to_type(flights):
    lines = answered(flights)
    assert [line.aspect for line in lines if line.aspect] == ASPECTS
    assert [line.command for line in lines if line.command] == [
        "dlrun curve /recipes/flights.yaml",
        "dlrun train /recipes/flights.yaml evaluation.importance=true",
        "dlrun train /recipes/flights.yaml "
        "'evaluation.stress=[noise,missing,junk_columns,label_noise]'",
        "dlrun train /recipes/flights.yaml 'evaluation.stress=[shuffle_structure]'",
    ]


def test_the_best_of_each_side_answers(flights):
    lines = answered(flights, measure(flights, "train", change=0.05))
    by_measure = {line.measure: (line.deep, line.classic) for line in lines}
    assert by_measure["seconds to fit"] == ("28.1", "11.4")
    assert by_measure["training − test ROC AUC"] == ("+0.050", "+0.050")


def test_a_stress_is_told_with_what_it_costs(flights):
    lines = answered(flights, measure(flights, "label_noise", 0.2, change=-0.02))
    (line,) = [line for line in lines if line.measure == "trained with 20% wrong labels"]
    assert (line.deep, line.classic) == ("0.709 (-0.020)", "0.780 (-0.020)")


def test_importance_tells_what_is_needed_and_whether_the_sides_agree(flights):
    measured = [
        measure(flights, "importance", name=name, change=change)
        for name, change in (("hour", -0.1), ("carrier", -0.05), ("day", 0.0), ("month", -0.001))
    ]
    lines = answered(flights, *measured)
    told = {line.measure: (line.deep, line.classic) for line in lines}
    needed = "2 of 4: hour, carrier, month"
    assert told["columns that make up 95 % of importance"] == (needed, needed)
    assert told["same order of columns in every split (Kendall's tau)"] == ("1.00", "1.00")
    agreement = "the two sides agree on 2 of their first 2 columns (Kendall's tau 1.00)"
    assert agreement in told


def test_a_learning_curve_answers_how_much_data_is_needed(flights):
    levels = (0.1, 0.2, 0.4, 0.7)
    curve = [
        measure(
            flights, "learning_curve", level, change=-0.1 * (1 - level), n_train=int(level * 700)
        )
        for level in levels
    ]
    lines = answered(flights, *curve)
    (line,) = [line for line in lines if line.aspect == "data requirements"]
    assert line.command is None
    assert line.measure.startswith("hist_gradient_boosting stays ahead: no crossover within reach")


@pytest.mark.parametrize(("kind", "is_asked"), [("number", False), ("image", True)])
def test_structure_is_asked_of_columns_that_have_one(flights, kind, is_asked):
    summary = DataSummary("flights.csv", "late", {"x": kind}, ((700, 100, 200),), ())
    lines = answered(replace(flights, data=summary))
    (line,) = [line for line in lines if line.aspect == "structure control"]
    assert bool(line.command) == is_asked
