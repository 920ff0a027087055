"""What is printed of a searched study."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO

import pytest
from reported import make
from rich.console import Console
from searched import tune

from dlrun.errors import UsageError
from dlrun.evidence.compare import compare
from dlrun.report.plain import to_columns, to_csv, to_json, to_markdown
from dlrun.report.terminal import print_comparison


@pytest.fixture(scope="module")
def plain():
    return make("mlp", "linear", "dummy")


@pytest.fixture(scope="module")
def tuned(plain):
    return tune(plain, {"mlp": (0.02, 0.04, 0.03, 0.03, 0.03), "linear": 0.0})


def _printed(comparison, width=140) -> str:
    out = StringIO()
    print_comparison(Console(file=out, width=width), comparison)
    return out.getvalue()


def test_the_table_shows_default_and_tuned(tuned) -> None:
    text = _printed(compare([tuned]))
    head = text.splitlines()[1].split()
    assert head[:6] == ["candidate", "family", "default", "tuned", "accuracy", "gain"]
    assert "trials" in head
    assert "+0.030 [" in " ".join(text.split())
    took = "tuned with 12 trials per split; all searches took "
    assert took in text
    assert "CPU s deep, " in text.split(took)[1].splitlines()[0]


def test_a_narrow_terminal_keeps_the_default(tuned) -> None:
    head = _printed(compare([tuned]), width=80).splitlines()[1].split()
    assert "default" in head
    assert "trials" not in head


def test_json_has_the_gain_the_trials_and_the_cost(tuned) -> None:
    values = json.loads(to_json(compare([tuned])))
    rows = {row["name"]: row["tuning"] for row in values["rows"]}
    assert rows["dummy"] is None
    assert rows["mlp"]["gain"]["mean"] == pytest.approx(0.03)
    assert rows["mlp"]["n_trials"] == 12
    assert values["search_budget"] == {"trials": 12, "seconds": None}
    assert values["search_costs"]["deep"]["n_trials"] == 60


def test_csv_and_the_tracked_table_have_columns_of_tuning(tuned) -> None:
    lines = list(csv.DictReader(StringIO(to_csv(compare([tuned])))))
    by_name = {line["candidate"]: line for line in lines}
    assert float(by_name["mlp"]["gain"]) == pytest.approx(0.03)
    assert by_name["dummy"]["gain"] == ""
    assert list(by_name["mlp"])[-1] == "error"
    assert "search_cpu_seconds" in to_columns(compare([tuned]))
    assert "| default | tuned accuracy | gain [95 %] |" in to_markdown(compare([tuned]))


def test_nothing_of_tuning_stands_beside_a_plain_study(plain) -> None:
    comparison = compare([plain])
    for text in (_printed(comparison), to_json(comparison), to_csv(comparison)):
        for word in ("tuned", "tuning", "search", "default"):
            assert word not in text


def test_rows_are_sorted_by_gain(tuned, plain) -> None:
    comparison = compare([tuned])
    names = [row.name for row in comparison.sorted_by("gain").rows]
    assert names == ["mlp", "linear", "dummy"]
    assert comparison.sorted_by("search_seconds").rows[0].name == "linear"
    with pytest.raises(UsageError, match="'gain' is not a column"):
        compare([plain]).sorted_by("gain")


def test_one_test_set_shows_a_gain_without_ends() -> None:
    study = tune(make("mlp", "linear", n_folds=1), {"mlp": 0.03, "linear": 0.0})
    text = _printed(compare([study]))
    assert "+0.030" in text
    assert "nan" not in text


def test_a_default_that_failed_everywhere_leaves_its_cells_empty(tuned) -> None:
    trials = tuned.trials.copy()
    trials.loc[trials["candidate"] == "mlp", "default_accuracy"] = float("nan")
    text = _printed(compare([replace(tuned, trials=trials)]))
    assert "nan" not in text
