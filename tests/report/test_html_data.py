"""The report on the data: distributions and the rows that are predicted worst."""

from __future__ import annotations

import re

import pytest
from excerpts import BAD, media, plain, with_excerpt
from pages import Page, report, sections
from reported import make

from dlrun.evidence.compare import compare
from dlrun.report.page import to_html

LABELS = {"classification": ("no", BAD), "regression": ()}


@pytest.fixture(params=LABELS)
def study(request):
    return make("linear", "mlp", "dummy", labels=LABELS[request.param])


def test_without_an_excerpt_there_are_no_such_sections(study):
    assert not {"worst", "columns"} & set(sections(report(study)))


def test_cells_are_shown_heard_and_quoted_and_never_markup(study):
    text = to_html([kept := with_excerpt(study, media())], compare([kept]))
    assert "<script" not in text
    page = Page(text)
    assert {"worst", "columns"} <= set(sections(page))
    images, sounds = page.all("img"), page.all("audio")
    assert len(images) == len(sounds) == 16  # eight of each side's best
    assert all(each["src"].startswith("data:image/png;base64,") for each in images)
    assert all(each["src"].startswith("data:audio/flac;base64,") for each in sounds)
    assert all(re.fullmatch(r"scan .* of row \d+, 8 × 8 grayscale", each["alt"]) for each in images)
    assert all(each["aria-label"].startswith("voice of row") for each in sounds)
    assert page.text.count(f"{BAD} word word") == 16
    assert any(title.startswith("pulse of row") for title in page.titles)
    assert not re.search(r"\son[a-z]+=", re.sub(r'"[^"]*"', '""', text))  # no handler


def test_plain_rows_are_a_table_with_truth_prediction_and_loss(study):
    kept = with_excerpt(study, plain())
    page = report(kept)
    assert not page.all("img")
    frame = study.predictions["mlp"].reset_index(drop=True)
    if study.labels:
        share = frame.apply(lambda row: row[f"p_{study.labels[int(row['truth'])]}"], axis=1)
        worst = frame.loc[share.idxmin()]
        said = study.labels[int(worst["prediction"])]
        assert f"{study.labels[int(worst['truth'])]} {said}, " in page.text
        assert "cross-entropy" in page.text
    else:
        worst = frame.loc[(frame["truth"] - frame["prediction"]).abs().idxmax()]
        assert f"{worst['truth']:.6g} {worst['prediction']:.6g}" in page.text
        assert "absolute error" in page.text
    assert str(int(worst["row_id"])) in page.words
    assert f"{'x' * 60}…" in page.text


def test_a_row_that_both_sides_predict_badly_is_marked():
    study = make("linear", "mlp")
    for frame in study.predictions.values():
        first = frame["row_id"] == 7
        truth = frame.loc[first, "truth"].item()
        frame.loc[first, ["p_no", "p_yes"]] = [float(truth), 1.0 - truth]
    page = report(with_excerpt(study, plain()))
    assert page.words.count("7 (of both sides)") == 2


def test_the_worst_row_of_repeats_is_the_worst_on_average():
    study = make("linear", "mlp", labels=(), n_repeats=2)
    frame = study.predictions["mlp"]
    off = (frame["truth"] - frame["prediction"]).abs().groupby(frame["row_id"]).mean()
    page = report(with_excerpt(study, plain()))
    start = page.text.index("mlp predicts these 8 rows worst")
    assert f" {off.idxmax()} " in page.text[start : start + 400].replace(" (of both sides)", "")


def test_distributions_by_class_and_against_a_number(study):
    page = report(with_excerpt(study, plain()))
    assert {"Distribution of distance", "Distribution of review, words"} <= set(page.titles)
    assert "distance explains 50 %, 12.5% missing" in page.text
    assert "review words, explains < 1 %" in page.text
    assert "2023-11" in page.text or "2023-12" in page.text  # ticks of the dates
    if study.labels:
        assert "3 of 40 columns" not in page.text
        assert "4 of 40 columns" in page.text
        assert any(text.startswith(f"{BAD}, no: 1 of 2 rows") for text in page.hovers)
    else:
        assert any(text.startswith(f"{BAD}: median 2, quartiles 1 and 3") for text in page.hovers)
