"""Comparisons for programs and for pasting."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO

from dlrun.evidence.rules import RuleResult
from dlrun.report.plain import to_columns, to_csv, to_json, to_markdown


def test_json_holds_everything_and_no_nan(flights):
    found = json.loads(to_json(flights))
    assert found["verdict"]["kind"] == "classic"
    assert found["verdict"]["probabilities"] == {"deep": 0.0, "equivalent": 0.002, "classic": 0.998}
    assert found["verdict"]["difference"]["low"] == -0.0768
    assert found["lower_is_better"] is False
    assert found["rows"][0]["cost"]["latency_ms_batch1"] == 3.1
    assert found["rows"][3]["mean"] is None
    assert found["rows"][3]["difference"] is None
    assert found["notes"] == [
        {"code": "DLR122", "text": "svm failed on 5 of 5 splits: MemoryError: 12 GB"}
    ]


def test_json_keeps_letters(flights):
    named = replace(flights, studies={"1": "größe"})
    assert '"1": "größe"' in to_json(named)


def test_json_has_what_was_said_of_the_usual_advice(flights):
    rule = RuleResult("not measured", "too few rows", "dlrun curve r.yaml", "large data")
    assert "rules" not in json.loads(to_json(flights))
    assert json.loads(to_json(flights, [rule]))["rules"] == [
        {
            "outcome": "not measured",
            "reason": "too few rows",
            "command": "dlrun curve r.yaml",
            "advice": "large data",
        }
    ]


def test_csv_has_a_line_per_candidate(flights):
    lines = list(csv.DictReader(StringIO(to_csv(flights))))
    assert [line["candidate"] for line in lines] == [
        "hist_gradient_boosting", "mlp", "dummy", "svm",
    ]  # fmt: skip
    assert lines[0]["against"] == "mlp"
    assert float(lines[0]["low"]) == 0.0648
    assert lines[0]["accuracy"] == "0.8412"
    assert (lines[3]["mean"], lines[3]["error"]) == ("", "MemoryError: 12 GB")


def test_columns_are_of_one_length(flights):
    columns = to_columns(flights)
    assert {len(values) for values in columns.values()} == {4}
    assert columns["mean"] == [0.7996, 0.7288, 0.5, None]


def test_markdown_opens_with_the_verdict(houses):
    assert to_markdown(houses) == (
        f"**{houses.verdict.sentence}**\n"
        "\n"
        "| candidate | family | RMSE | lead [95 %] | fit s | latency ms | model MB | params |\n"
        "| :--- | :--- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| mlp | deep | 1,981 | +31 [ -64, 127] | 28.1 | 27.9 | 0.31 | 24.7k |\n"
        "| linear | classic | 2,012 | -31 [-127,  64] | 11.4 | 3.10 | 1.42 | 6,100 |\n"
    )


def test_markdown_ends_with_the_notes_and_escapes_bars(flights):
    row = replace(flights.rows[1], name="a|b")
    text = to_markdown(replace(flights, rows=(row,)))
    assert "| a\\|b | deep |" in text
    assert text.endswith("\n\n- svm failed on 5 of 5 splits: MemoryError: 12 GB [DLR122]\n")
