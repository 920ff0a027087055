"""The screens of `dlrun compare`, as golden texts without colour."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from dlrun.contract.trial import Cost
from dlrun.errors import UsageError
from dlrun.report.terminal import comparison_table, print_comparison, print_verdict

AT_80 = """\
ROC AUC, higher is better · 5 splits · 327,346 test rows
candidate               family         ROC AUC              lead [95 %]  fit s
──────────────────────────────────────────────────────────────────────────────
hist_gradient_boosting  classic  0.800 ± 0.004  +0.071 [ 0.065,  0.077]   11.4
mlp                     deep     0.729 ± 0.005  -0.071 [-0.077, -0.065]   28.1
dummy                   classic  0.500 ± 0.000  -0.229 [-0.235, -0.222]   0.02
svm                     classic         failed
lead: over the other side's best on validation, mlp or hist_gradient_boosting

Classic ML: hist_gradient_boosting beats mlp by 0.071 ROC AUC [0.065, 0.077]
over 5 paired folds, at 0.4× the training time and 1/9 of the latency.
Probability: deep better < 1 %, equivalent < 1 %, classic better > 99 %
(equivalent: within 0.005)
Note: svm failed on 5 of 5 splits: MemoryError: 12 GB [DLR122]
"""

AT_120 = """\
ROC AUC, higher is better · 5 splits · 327,346 test rows
candidate               family         ROC AUC              lead [95 %]  fit s  latency ms  model MB  params
────────────────────────────────────────────────────────────────────────────────────────────────────────────
hist_gradient_boosting  classic  0.800 ± 0.004  +0.071 [ 0.065,  0.077]   11.4        3.10      1.42   6,100
mlp                     deep     0.729 ± 0.005  -0.071 [-0.077, -0.065]   28.1        27.9      0.31   24.7k
dummy                   classic  0.500 ± 0.000  -0.229 [-0.235, -0.222]   0.02        0.30      0.01       2
svm                     classic         failed
lead: over the other side's best on validation, mlp or hist_gradient_boosting

Classic ML: hist_gradient_boosting beats mlp by 0.071 ROC AUC [0.065, 0.077] over 5 paired folds, at 0.4× the training
time and 1/9 of the latency.
Probability: deep better < 1 %, equivalent < 1 %, classic better > 99 % (equivalent: within 0.005)
Note: svm failed on 5 of 5 splits: MemoryError: 12 GB [DLR122]
"""  # noqa: E501

HOUSES = """\
RMSE, lower is better · 1 split · 2,000 test rows
candidate  family    RMSE      lead [95 %]  fit s  latency ms  model MB  params
───────────────────────────────────────────────────────────────────────────────
mlp        deep     1,981  +31 [ -64, 127]   28.1        27.9      0.31   24.7k
linear     classic  2,012  -31 [-127,  64]   11.4        3.10      1.42   6,100
lead: over the other side's best on validation, mlp or linear

Undecided: mlp is ahead of linear by 31 RMSE [-64, 127] on 2,000 test rows;
about 130,000 more test rows would settle it. It speaks of these fitted models,
not of training again.
Share of resampled test sets: deep better 55 %, equivalent 31 %, classic better
14 % (equivalent: within 20)
"""


def shown(file) -> str:
    """Return the screen without the blanks at the ends of its lines."""
    return "\n".join(line.rstrip() for line in file.getvalue().split("\n"))


@pytest.mark.parametrize(("width", "expected"), [(80, AT_80), (120, AT_120)])
def test_the_screen_fits_its_width(flights, screen, width, expected):
    console, file = screen(width)
    print_comparison(console, flights)
    assert shown(file) == expected


def test_one_test_set_has_no_spread_and_large_numbers_no_decimals(houses, screen):
    console, file = screen(80)
    print_comparison(console, houses)
    assert shown(file) == HOUSES


@pytest.mark.parametrize("width", range(30, 140, 5))
def test_no_line_is_longer_than_the_screen(flights, screen, width):
    console, file = screen(width)
    print_comparison(console, flights)
    assert max(len(line) for line in file.getvalue().splitlines()) <= width


def titles(table) -> list[str]:
    return [str(column.header) for column in table.columns]


def test_columns_give_way_from_the_least(flights):
    everything = titles(comparison_table(flights))
    assert everything == [
        "candidate", "family", "ROC AUC", "lead [95 %]",
        "fit s", "latency ms", "model MB", "params",
    ]  # fmt: skip
    left_out = [
        sorted(set(everything) - set(titles(comparison_table(flights, width=width))))
        for width in (107, 97, 80, 77, 68, 60)
    ]
    assert left_out == [
        ["model MB"],
        ["model MB", "params"],
        ["latency ms", "model MB", "params"],
        ["family", "latency ms", "model MB", "params"],
        ["family", "fit s", "latency ms", "model MB", "params"],
        ["family", "fit s", "latency ms", "lead [95 %]", "model MB", "params"],
    ]


def test_the_column_sorted_by_is_always_there(flights):
    table = comparison_table(flights, "peak_memory_mb", width=60)
    assert titles(table) == ["candidate", "ROC AUC", "memory MB"]
    assert [str(cell) for cell in table.columns[0].cells] == [
        "dummy", "hist_gradient_boosting", "mlp", "svm",
    ]  # fmt: skip


def test_what_a_gpu_took_is_shown_where_one_was_used(flights):
    costs = {"gpu_peak_memory_mb": 1200.0, "gpu_energy_wh": 0.25}
    rows = list(flights.rows)
    rows[1] = replace(rows[1], cost=replace(rows[1].cost, **costs))
    table = comparison_table(replace(flights, rows=tuple(rows)))
    assert titles(table)[-2:] == ["GPU MB", "GPU Wh"]
    cells = [[str(cell) for cell in column.cells][:2] for column in table.columns[-2:]]
    assert cells == [["", "1,200"], ["", "0.25"]]


def test_another_metric_can_be_sorted_by(flights):
    table = comparison_table(flights, "accuracy")
    assert titles(table)[3] == "accuracy"
    assert [str(cell) for cell in table.columns[3].cells] == ["0.841", "0.821", "0.786", ""]


def test_an_unknown_column_is_refused(flights):
    with pytest.raises(UsageError, match=r"^--sort: 'speed' is not a column\. Allowed: "):
        comparison_table(flights, "speed")


def test_the_best_row_is_highlighted_also_when_sorted_otherwise(flights):
    for table in (
        comparison_table(flights, "candidate"),
        comparison_table(flights.sorted_by("candidate")),
    ):
        assert [row.style for row in table.rows] == ["", "bold", "", "red"]


def test_the_best_row_is_the_lowest_where_lower_is_better(houses):
    assert houses.sorted_by("latency_ms_batch1").best.name == "mlp"


def test_without_differences_there_is_no_lead(flights):
    alone = replace(flights.rows[1], difference=None, cost=Cost())
    table = comparison_table(replace(flights, rows=(alone,), best_classic=None))
    assert "lead [95 %]" not in titles(table)
    assert str(table.caption) == ""


def test_one_side_alone_is_measured_against_its_own_best(flights):
    found = comparison_table(replace(flights, best_deep=None))
    assert str(found.caption) == "lead: over hist_gradient_boosting, the best on validation"


def test_names_that_look_like_markup_stay_as_they_are(flights, screen):
    row = replace(flights.rows[1], name="[bold]net[/bold]")
    console, file = screen(80)
    print_comparison(console, replace(flights, rows=(row,)))
    assert "[bold]net[/bold]" in file.getvalue()


def test_the_answer_stands_out_from_its_grounds(flights, screen):
    _, file = screen(80)
    coloured = Console(file=file, width=80, color_system="standard", force_terminal=True)
    print_verdict(coloured, flights)
    assert file.getvalue().startswith("\x1b[1;35mClassic ML:\x1b[0m hist_gradient_boosting")
