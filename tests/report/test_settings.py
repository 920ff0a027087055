"""The section on what one setting changes."""

from __future__ import annotations

import pytest
from differing import ERRORS, WIDTHS, tracked
from pages import Page
from reported import make

from dlrun.evidence.compare import compare
from dlrun.report.context import build_context
from dlrun.report.sections.settings import write_settings


def section(*studies):
    found = write_settings(build_context(studies, compare(studies)))
    return Page(f"<div>{found.body}</div>") if found else None


@pytest.fixture(scope="module")
def page():
    return section(tracked(ERRORS, WIDTHS, labels=()))


def test_the_sentence_says_how_many_times_smaller_the_error_gets(page):
    assert "RMSE falls from 0.800 at width 1 to 0.0160 at width 1,024, 50 × less." in page.text
    assert "The best classic candidate, forest, has 0.0200." in page.text


def test_a_chart_has_a_mark_for_each_network_and_a_level_for_each_classic_candidate(page):
    wide, narrow = page.all("svg")
    assert (wide["width"], narrow["width"]) == ("900", "350")
    assert page.titles.count("RMSE by width") == 2
    assert [each for each in page.hovers if each.startswith(("w1:", "w1024:"))] != []
    levels = [each for each in page.all("polyline") if each["class"] == "curve level"]
    assert len(levels) == 2 * 2  # no dummy
    assert "width, logarithmic" in page.text
    assert "RMSE, logarithmic" in page.text


def test_an_error_that_rises_again_names_its_best():
    errors = {"w1": 0.8, "w4": 0.3, "w1024": 0.5, "svm": 0.4}
    text = section(tracked(errors, WIDTHS, labels=())).text
    assert "from 0.800 at width 1 to 0.500 at width 1,024, 1.6 × less; the best is 0.300" in text


def test_words_stand_side_by_side():
    scores = {"a": 0.9, "b": 0.7, "c": 0.8, "svm": 0.75}
    networks = {"a": (8, "relu"), "b": (8, "sigmoid"), "c": (8, "tanh")}
    page = section(tracked(scores, networks))
    assert "Accuracy is best with relu (0.90), worst with sigmoid (0.70)." in page.text
    assert {each["class"] for each in page.all("polyline")} == {"curve level"}


def test_a_score_that_ends_at_1_has_no_ratio():
    scores = {"w1": 0.2, "w4": 0.5, "w1024": 0.9, "svm": 0.75}
    text = section(tracked(scores, WIDTHS)).text
    assert "Accuracy rises from 0.20 at width 1 to 0.90 at width 1,024." in text


def test_networks_that_failed_are_left_out():
    assert section(tracked(ERRORS, WIDTHS, labels=(), failed=("w4",))) is None


def test_several_lines_are_a_list():
    networks = {
        f"{name}-{width}": (width, name) for name in ("relu", "tanh") for width in (2, 4, 8)
    }
    scores = {name: 0.5 + 0.01 * place for place, name in enumerate(networks)}
    page = section(tracked(scores | {"svm": 0.9}, networks))
    assert len(page.all("li")) == 2
    assert "relu: accuracy rises from 0.50 at width 2 to 0.52 at width 8." in page.text
    curves = [each for each in page.all("polyline") if each["class"] == "curve"]
    assert len({each["style"] for each in curves}) == 2
    assert len(curves) == 2 * 2


def test_without_such_networks_there_is_no_section():
    assert section(make("mlp", "wide", "svm")) is None
