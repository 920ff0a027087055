from __future__ import annotations

import json
import re
from dataclasses import replace
from io import StringIO
from math import log2
from xml.etree import ElementTree

import pytest
from reported import make
from rich.console import Console

from dlrun.contract.study import DataSummary
from dlrun.contract.trial import ProbeScore
from dlrun.evidence.compare import compare
from dlrun.evidence.label_curve import label_curves
from dlrun.evidence.questions import answer
from dlrun.report.context import build_context
from dlrun.report.figures import draw_figures
from dlrun.report.label_curve import print_label_curves, to_csv, to_json
from dlrun.report.page import to_html
from dlrun.tracking.tables import probe_scores_table

SIZES = (50, 100, 200, 400)
SCORES = {"wide": (0.86, 0.01), "mlp": (0.88, 0.1), "linear": (0.9, 0.07)}


@pytest.fixture(scope="module")
def study():
    """Return a study of which the encoder `wide` leads with few labels, by chosen numbers."""
    made = make("wide", "mlp", "linear", n_rows=1000)
    whole, trials = {}, made.trials.copy()
    rows = []
    for place, trial in enumerate(made.trials.itertuples()):
        at, slope = SCORES[trial.candidate]
        luck = 0.002 * (trial.step % 3 - 1) * (1 + (trial.candidate == "linear"))
        whole[place] = at + luck
        for n in SIZES:
            shared = (trial.candidate, trial.family, "labels")
            score = at + luck - slope * log2(800 / n)
            rows += [
                ProbeScore(*shared, name, float(n), trial.step, n * 7 // 8, score)
                for name in ("", "validation")
            ]
    trials["accuracy"] = trials.index.map(whole)
    trials["kind"] = trials["candidate"].map(
        {"wide": "pretrained", "mlp": "network", "linear": "classic"}
    )
    data = DataSummary("made.csv", "late", {"x": "number"}, ((700, 100, 200),) * 5, ())
    return replace(made, trials=trials, probe_scores=probe_scores_table(rows), data=data)


@pytest.fixture(scope="module")
def found(study):
    return label_curves(study)


def test_the_terminal_shows_chart_table_and_sentences(found):
    console = Console(file=StringIO(), width=80)
    print_label_curves(console, found)
    lines = console.file.getvalue().splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[14].split() == ["└" + "─" * 63]
    assert lines[15].split() == ["50", "100", "200", "400", "800", "labels"]
    assert lines[16].rstrip() == (
        "o pretraining (wide)   x training from scratch (mlp)   + classic ML (linear)"
    )
    marks = "".join(lines[:14])
    assert [marks.count(mark) for mark in "ox+*"] == [3, 4, 4, 2]  # two points fall together
    assert lines[0].startswith("   0.899 ┤ ")
    assert lines[0].endswith("····+")
    assert lines[13].startswith("   0.480 ┤x")
    text = " ".join(console.file.getvalue().split())
    assert re.search(
        r"50 0.8[12]\d ± 0.00\d wide 0.4[78]\d ± 0.00\d mlp 0.6[12]\d ± 0.00\d linear", text
    )
    assert all(sentence in text for sentence in found.sentences)


def test_csv_has_a_line_for_each_kind_and_number_of_labels(found):
    lines = to_csv(found).splitlines()
    assert lines[0] == "kind,labels,accuracy,sd,splits,candidates"
    assert [line.split(",")[:2] for line in lines[1:6]] == [
        ["pretrained", str(n)] for n in (*SIZES, 800)
    ]
    assert lines[-1].endswith(",5,linear")
    assert len(lines) == 16


def test_json_has_the_turns_and_their_intervals(found):
    values = json.loads(to_json(found))
    assert [each["kind"] for each in values["curves"]] == ["pretrained", "network", "classic"]
    lead = values["leads"][0]
    assert lead["first"] == "pretraining (wide)"
    assert lead["until"]["low"] <= lead["until"]["labels"] <= lead["until"]["high"]
    assert values["leads"][2]["second"] is None


def test_the_page_draws_the_kinds_and_marks_the_crossover(study, found):
    text = to_html([study], compare([study])).removeprefix("<!doctype html>\n")
    page = ElementTree.fromstring(text)
    part = page.find(".//h2[@id='labels']/..")
    words = " ".join("".join(part.itertext()).split())
    assert found.sentences[0] in words
    assert "labels, logarithmic" in words
    assert "crossover" in words
    assert "Beyond the 800 labels that there are nothing was measured." in words
    assert page.find(".//h2[@id='learning']") is None


def test_the_figure_is_an_artifact_of_the_study(study):
    figures = draw_figures(build_context([study], compare([study])))
    assert figures[""]["labels.svg"].startswith(b"<svg")


def test_how_much_data_is_needed_is_answered_by_labels(study, found):
    lines = [line.measure for line in answer(study, compare([study]))]
    assert set(found.sentences) <= set(lines)


def test_without_numbers_of_labels_nothing_is_drawn(study):
    without = replace(study, probe_scores=probe_scores_table([]))
    assert "" not in draw_figures(build_context([without], compare([without])))
    assert 'id="labels"' not in to_html([without], compare([without]))
