"""The report as a page: complete, well-formed, self-contained, escaped, and of a bearable size."""

from __future__ import annotations

import re
import time
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace

import pytest
from pages import Page, report, sections
from reported import make

from dlrun.evidence.compare import compare
from dlrun.report.page import to_html
from dlrun.study import study as run

ALWAYS = [
    "difference", "scores", "question", "rules", "numbers", "cost", "training", "splits", "data",
    "studies", "recipe", "environment",
]  # fmt: skip
CLASSES = tuple(f"class {number}" for number in range(100))
CANDIDATES = ("linear", "mlp", "forest", "dummy")


@pytest.fixture(scope="module")
def of_classes():
    return make(*CANDIDATES)


@pytest.fixture(scope="module")
def of_numbers():
    return make(*CANDIDATES, labels=())


def test_sections_of_classes_and_of_numbers(of_classes, of_numbers):
    assert sections(report(of_classes)) == [
        *ALWAYS[:7], "curves", "calibration", "confusion", *ALWAYS[7:],
    ]  # fmt: skip
    assert sections(report(of_numbers)) == [*ALWAYS[:7], "predicted", "residuals", *ALWAYS[7:]]


def test_every_link_of_the_contents_leads_somewhere(of_classes):
    page = report(of_classes)
    links = [attributes["href"] for attributes in page.all("a")]
    assert links == [f"#{each}" for each in sections(page)]


def test_the_page_runs_and_fetches_nothing_but_its_own(of_classes):
    html = to_html([of_classes], compare([of_classes]))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    rules = dict(rule.split(" ", 1) for rule in policy.replace("&#39;", "'").split("; "))
    assert rules["default-src"] == "'none'"
    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    hashes = [b64encode(sha256(style.encode()).digest()).decode() for style in styles]
    assert rules["style-src-elem"] == " ".join(f"'sha256-{each}'" for each in hashes)
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts]
    assert rules["script-src"] == (" ".join(f"'sha256-{each}'" for each in hashes) or "'none'")
    assert rules["img-src"] == rules["media-src"] == "data:"
    assert not re.search(r"<[^>]+ on\w+=", html)


def test_the_verdict_comes_first_and_the_numbers_are_those_of_the_comparison(of_classes):
    comparison = compare([of_classes])
    page = report(of_classes)
    assert page.text.split(" · ")[0] == "made-1"
    start = page.text.index(comparison.verdict.sentence)
    assert start < 100
    for row in comparison.rows:
        assert f"{row.mean:.{comparison.decimals}f}" in page.text
    for score in of_classes.trials["accuracy"]:
        assert f"{score:.{comparison.decimals + 1}f}" in page.text
    assert "python" in page.text
    assert "data: {source: made.csv}" in page.text
    assert "a" * 36 in page.text


@pytest.mark.parametrize("name", ["of_classes", "of_numbers"])
def test_nothing_is_fetched(name, request):
    study = request.getfixturevalue(name)
    text = to_html([study], compare([study]))
    assert not re.search(r"https?://|url\(|@import|<link|<script|<iframe", text)
    for _, attributes in Page(text).tags:
        assert not {"srcset", "data", "action"} & attributes.keys()
        assert attributes.get("src", "data:").startswith("data:")
        assert attributes.get("href", "#").startswith("#")


@pytest.mark.parametrize("name", ["of_classes", "of_numbers"])
def test_every_chart_shows_something_and_has_a_name(name, request):
    page = report(request.getfixturevalue(name))
    charts = [each for each in page.all("svg") if each.get("role") == "img"]
    assert len(charts) == len(page.titles) > 10
    assert all(page.titles)
    assert min(page.marks) > 0
    assert "nan" not in " ".join(
        str(value) for _, attributes in page.tags for value in attributes.values()
    )


def test_the_curves_have_the_operating_point_of_every_candidate(of_classes):
    page = report(of_classes)
    frame = of_classes.predictions["mlp"]
    found = (frame["prediction"] == 1) & (frame["truth"] == 1)
    recall = found.sum() / (frame["truth"] == 1).sum()
    precision = found.sum() / (frame["prediction"] == 1).sum()
    said = f"mlp as it predicts: recall {recall:.3f}, precision {precision:.3f}, false positive"
    assert any(text.startswith(said) for text in page.hovers)
    assert f"mlp {recall:.3f} {precision:.3f} 0." in page.text


def test_of_several_classes_each_has_curves_too():
    page = report(make("linear", "mlp", labels=tuple("abcd")))
    assert {"ROC curve of each of 4, averaged", "ROC curve of c"} <= set(page.titles)
    many = report(make("linear", "mlp", labels=CLASSES, n_rows=2000))
    assert sum(title.startswith("ROC curve of class") for title in many.titles) == 12
    labels = tuple(map(str, range(150)))
    most = report(make("linear", "mlp", labels=labels, n_rows=3000))
    assert "ROC curve of each of the 100 most frequent of 150, averaged" in most.titles


def test_losses_are_as_wide_as_the_page(of_classes):
    text = to_html([of_classes], compare([of_classes]))
    training = text[text.index('id="training"') : text.index('id="curves"')]
    found = re.findall(r'<div class="(wide|narrow)"><svg [^>]*width="(\d+)"', training)
    assert found == [("wide", "900"), ("narrow", "350")]


def test_residuals_by_hand():
    study = make("linear", "mlp", labels=())
    frame = study.predictions["mlp"]
    off = (frame["truth"] - frame["prediction"]).abs()
    page = report(study)
    assert "Residuals of mlp" in page.titles
    assert f"{off.max():.3f}" in page.text
    assert f"{off.quantile(0.5):.3f}" in page.text


def test_ids_are_unique_and_tables_have_captions(of_classes):
    page = report(of_classes)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(page.all("table")) == len(page.all("caption")) > 2


def test_names_from_the_data_are_text_and_never_markup():
    bad = "<script>alert('&\"')</script>"
    study = make("mlp", bad, labels=("</svg>", bad), target="<b>late</b>")
    study = replace(study, name=bad, texts=dict.fromkeys(study.texts, f"name: {bad}\n"))
    text = to_html([study], compare([study]))
    assert "<script" not in text
    assert "<b>late" not in text
    page = Page(text)
    assert page.text.count(bad) > 5
    numbers = make("mlp", "linear", labels=(), target="<b>late</b>")
    assert "<b>late" not in to_html([numbers], compare([numbers]))


def test_a_candidate_has_one_colour_and_one_marker_everywhere():
    page = report(make("linear", "forest", "mlp", "wide"))
    icons = {
        attributes["style"] for attributes in page.all("svg") if attributes.get("class") == "icon"
    }
    assert len(icons) == 4
    groups = {attributes["style"] for attributes in page.all("g") if "style" in attributes}
    assert groups == icons


def test_one_fold_has_no_interval_but_that_of_its_test_rows():
    page = report(make(*CANDIDATES, n_folds=1))
    assert "paired bootstrap" in page.text
    assert "One score has no interval; that of the difference" in page.text
    assert "Nadeau" not in page.text
    assert "Share of resampled test sets" in page.text


def test_two_folds():
    assert "difference" in sections(report(make(*CANDIDATES, n_folds=2)))


def test_repeats_are_named():
    page = report(make("linear", "mlp", n_folds=3, n_repeats=2))
    assert "accuracy on the test rows of each repeat and fold" in page.text
    assert any("repeat 2, fold 3: 0." in text for text in page.hovers)
    assert "2.3" in page.words


def test_one_candidate_failed():
    page = report(make(*CANDIDATES, failed=("forest",)))
    assert "failed: MemoryError: <12 GB>" in page.text
    assert "forest failed on 5 of 5 splits" in page.text


def test_every_candidate_failed():
    page = report(make("linear", "mlp", failed=("linear", "mlp")))
    assert "No verdict: every candidate failed." in page.text
    assert sections(page) == ["numbers", "training", "data", "studies", "recipe", "environment"]


def test_one_candidate_alone():
    page = report(make("linear"))
    assert "No verdict: there is no deep candidate" in page.text
    assert "difference" not in sections(page)
    assert "training" not in sections(page)


def test_a_hundred_classes():
    page = report(make("linear", "mlp", labels=CLASSES, n_rows=2000))
    assert "of the class" in page.text
    assert max(page.marks) < 1000  # no matrix of ten thousand cells


def test_a_metric_that_is_not_the_primary_one(of_numbers):
    assert "MAE of every candidate" in report(of_numbers, "mae").titles
    with_nan = report(make("linear", "mlp", labels=()), "r2")  # no split has a score
    assert "No verdict: " in with_nan.text


def test_scores_without_any_spread():
    study = make("linear", "mlp")
    study.trials[["accuracy", "log_loss"]] = 1.0
    assert "scores" in sections(report(study))


def test_a_latency_of_none_but_a_candidate_off_the_scale():
    study = make(*CANDIDATES, labels=())
    is_dummy = study.trials["candidate"] == "dummy"
    study.trials.loc[is_dummy, "rmse"] = 1e6
    study.trials.loc[~is_dummy, "latency_ms_batch1"] = None
    page = report(study)
    assert "Score and training time" in page.text
    assert "Score and latency" not in page.text


def test_a_study_tracked_without_facts_on_its_data(of_classes):
    page = report(replace(of_classes, data=None))
    assert "made.csv" not in page.text.split("Recipe")[-2]


def test_several_studies(of_classes):
    other = replace(make("wide"), id="77aa00c1d4e5", name="made-2")
    studies = [of_classes, other]
    page = Page(to_html(studies, compare(studies)))
    assert "made-1, made-2" in to_html(studies, compare(studies))
    assert {"linear", "wide"} <= set(page.text.split())


def test_twenty_candidates_with_long_names_in_chinese():
    names = [f"{'很长的名字' * 6} {number}" for number in range(18)]
    page = report(make("mlp", "wide", *names, n_folds=3))
    assert all(name in page.text for name in names)


def test_a_large_study_is_quick_and_small():
    names = ("mlp", "wide", *(f"model_{number}" for number in range(6)))
    study = make(*names, n_folds=10, n_rows=100_000)
    comparison = compare([study])
    start = time.process_time()
    text = to_html([study], comparison)
    assert time.process_time() - start < 5
    assert len(text.encode()) < 1_000_000


def test_a_fault_in_the_report_is_told_and_does_not_cost_the_study(of_classes, monkeypatch):
    def fail(_: object) -> str:
        message = "a bug"
        raise KeyError(message)

    monkeypatch.setattr("dlrun.report.page.render_page", fail)
    notes: list[str] = []
    reporter = SimpleNamespace(note=notes.append)
    monkeypatch.setattr("dlrun.data.excerpt.make_excerpt", lambda *_: None)
    study = SimpleNamespace(log_excerpt=lambda _: None)
    plan = SimpleNamespace(
        dataset=None, recipe=SimpleNamespace(tracking=SimpleNamespace(excerpt=True))
    )
    run._report(study, plan, of_classes, compare([of_classes]), reporter)
    assert notes == [
        "report.html could not be written (KeyError: 'a bug'). "
        "To see why: dlrun compare made-1 --html report.html"
    ]


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_study_keeps_an_excerpt_unless_the_recipe_forbids_it(of_classes, monkeypatch, is_kept):
    monkeypatch.setattr("dlrun.data.excerpt.make_excerpt", lambda *_: "an excerpt")
    kept: list[str] = []
    pages: list[str] = []
    study = SimpleNamespace(log_excerpt=kept.append, log_report=lambda page, _: pages.append(page))
    tracking = SimpleNamespace(excerpt=is_kept)
    plan = SimpleNamespace(dataset=None, recipe=SimpleNamespace(tracking=tracking))
    run._report(study, plan, of_classes, compare([of_classes]), SimpleNamespace())
    assert kept == ["an excerpt"] * is_kept
    assert len(pages) == 1
