"""Candidates over data sets, as the terminal, files and the page show them."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from dlrun.evidence.bench import compare_over
from dlrun.evidence.compare import compare
from dlrun.evidence.ranking import rank_candidates
from dlrun.report.bench import headline, print_bench, ranking_words
from dlrun.report.bench_page import to_html
from dlrun.report.bench_table import to_json, write_table
from dlrun.report.charts.ranks import draw_ranks
from dlrun.report.styles import Style
from dlrun.study.simulated import simulate_scores

FAMILIES = {"mlp": "deep", "linear": "classic", "a_b|c": "classic", "dummy": "classic"}
FOLDS = np.array([0.01, -0.01, 0.005, -0.005, 0.0])


@pytest.fixture(scope="module")
def bench():
    return make_bench(("x&y", "<script>", "=2+2", "d", "e"))


def make_bench(names):
    entries = []
    for place, name in enumerate(names):
        means = {"mlp": 0.9 - place / 100, "linear": 0.8, "dummy": 0.5}
        means |= {"a_b|c": 0.7} if place else {}
        study = simulate_scores({each: mean + FOLDS for each, mean in means.items()}, FAMILIES)
        study = replace(study, id=f"id {name}", recipe=name, data_digest=name)
        entries.append((study, compare([study])))
    return compare_over(entries)


def shown(bench, width=100):
    console = Console(width=width, record=True, file=StringIO())
    print_bench(console, bench)
    return console.export_text()


def test_the_terminal_shows_data_sets_candidates_and_what_is_found(bench):
    text = shown(bench)
    assert "=2+2" in text and "+0.0800 (0.005)" in text
    assert re.search(r"^mlp +deep +1.00 +1.00 +5 *$", text, re.MULTILINE)
    assert re.search(r"^linear +classic +2.00 +0.79 +5 +0 / 0 / 5 *$", text, re.MULTILINE)
    assert "Deep learning over 5 data sets: deep learning is better on 5, classic ML on 0" in text
    assert "Friedman test over 5 data sets: p = < .001. Mean ranks that differ by 0.88" in text
    assert "[DLR141]" in text


def test_few_data_sets_are_described_without_a_test():
    text = shown(make_bench("ab"))
    assert "Friedman" not in text and "mean rank" in text
    assert "Undecided over 2 data sets: deep learning is better on 2, classic ML on 0" in text
    assert "probability" not in text
    assert "2 data sets: too few to say anything" in " ".join(text.split())


def test_one_side_alone_has_no_verdict():
    study = simulate_scores({"linear": 0.8 + FOLDS}, FAMILIES)
    assert headline(compare_over([(study, compare([study]))])) == (
        "No verdict over data sets: none of them compares both sides."
    )


def test_ranks_that_do_not_differ_are_not_given_a_critical_difference():
    words = ranking_words(rank_candidates("abc", np.random.default_rng(0).normal(size=(5, 3))))
    assert words.endswith("so that the ranks do not tell the 3 candidates apart.")
    assert "Nemenyi" not in words


def test_markdown_has_a_column_for_each_data_set_and_the_best_bold(bench):
    head, rule, *rows = write_table(bench, ".md").splitlines()
    assert head.count("ROC AUC ↑") == 5 and "| mean rank | normalised |" in head
    assert rule.count("---") == 8
    assert rows[0].startswith("| mlp | **0.9000** |")
    assert any(row.startswith("| a_b\\|c | – | 0.7000 |") for row in rows)


def test_latex_escapes_names_and_needs_one_package(bench):
    text = write_table(bench, ".tex")
    assert "x\\&y (ROC AUC $\\uparrow$)" in text
    assert "a\\_b|c & -- & 0.7000" in text
    assert "\\textbf{0.9000}" in text
    assert text.count(" \\\\\n") == 1 + len(bench.candidates)


def test_csv_has_numbers_alone_and_names_that_are_no_formulas(bench):
    rows = list(csv.reader(StringIO(write_table(bench, ".csv"))))
    assert rows[0][3] == "'=2+2 (ROC AUC ↑)"
    assert {len(row) for row in rows} == {8}
    assert rows[1][:2] == ["mlp", "0.9000"]
    assert ["a_b|c", "", "0.7000"] in [row[:3] for row in rows]


def test_json_has_every_number_and_no_nan(bench):
    values = json.loads(to_json(bench))
    assert values["ranking"]["ranks"] == {"mlp": 1.0, "linear": 2.0}
    assert values["ranking"]["groups"] == []
    assert values["sides"]["wins"] == 5
    assert values["data_sets"][0]["scores"]["mlp"] == pytest.approx(0.9)
    assert values["notes"][0]["code"] == "DLR141"


def test_the_page_stands_alone_and_escapes_names(bench):
    page = to_html(bench)
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    for title in ("Mean ranks", "Data sets", "Scores", "Pairs"):
        assert f">{title}</h2>" in page
    assert "critical difference 0.88" in page
    assert 'class="deep"' in page
    assert "Mean ranks" not in to_html(make_bench("ab"))


def test_the_diagram_joins_what_does_not_differ():
    ranking = rank_candidates("abcde", np.tile([5.0, 4, 3, 2, 1], (20, 1)))
    styles = {name: Style("#000", "circle") for name in "abcde"}
    svg = str(draw_ranks(ranking, styles, title="Ranks", width=600).__html__())
    for pair in ("a, b", "b, c", "c, d", "d, e"):
        assert f"not told apart: {pair}<" in svg
    assert "a: 1.00; b: 2.00" in svg
    alike = rank_candidates("abcde", np.ones((20, 5)))
    flat = str(draw_ranks(alike, styles, title="Ranks", width=350).__html__())
    assert "critical difference" not in flat and "not told apart: a, b, c, d, e<" in flat
