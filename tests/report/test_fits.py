"""Fitted functions, and the training losses of several networks on one axis."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from differing import ERRORS, WIDTHS, tracked
from excerpts import with_excerpt
from pages import Page
from reported import make

from dlrun.evidence.compare import compare
from dlrun.report.context import build_context
from dlrun.report.sections.fits import write_fits
from dlrun.report.sections.training import write_training


def with_inputs(study, n_rows=300):
    study = with_excerpt(study, {})
    inputs = {row: -row / n_rows for row in range(n_rows)}
    data = replace(study.data, columns={"x": "number"})
    return replace(study, excerpt=replace(study.excerpt, inputs=inputs), data=data)


def page(write, study):
    found = write(build_context([study], compare([study])))
    return Page(f"<div>{found.body}</div>") if found else None


@pytest.fixture(scope="module")
def fitted():
    return page(write_fits, with_inputs(tracked(ERRORS, WIDTHS, labels=())))


def test_the_smallest_the_middle_and_the_largest_network_stand_beside_trees_and_kernels(fitted):
    names = ["w1", "w4", "w1024", "forest", "svm"]
    assert fitted.titles == [f"Fitted function of {name}" for name in names]
    assert "of test rows of the last split, to look at, not to tune by" in fitted.text


def test_the_line_joins_the_predictions_of_the_last_split_by_rising_numbers(fitted):
    line = next(each for each in fitted.all("polyline") if each["class"] == "curve strong")
    across = [float(point.partition(",")[0]) for point in line["points"].split()]
    assert len(across) == 60  # a fifth of the rows
    assert across == sorted(across)
    assert "-0.90" in fitted.text  # rows 240 to 299 of 300
    assert len([each for each in fitted.all("circle") if each["class"] == "dot"]) == 5 * 60


def test_without_the_numbers_there_are_no_fits():
    study = tracked(ERRORS, WIDTHS, labels=())
    assert page(write_fits, study) is None
    assert page(write_fits, with_excerpt(study, {})) is None


def with_epochs(study, names):
    epochs = {
        name: pd.DataFrame(
            {"repeat": 0, "fold": fold, "epoch": epoch, "seconds": 0.5, "train/loss": place / epoch}
            for fold in (0, 1)
            for epoch in range(1, 5)
        )
        for place, name in enumerate(names, start=1)
    }
    return replace(study, epochs=epochs)


def test_losses_of_networks_that_differ_in_a_setting_share_an_axis():
    found = page(write_training, with_epochs(tracked(ERRORS, WIDTHS, labels=()), WIDTHS))
    by = ["epoch", "seconds after the first epoch"]
    assert found.titles[:4] == [f"Training loss by {each}" for each in by for _ in range(2)]
    lines = [each["points"] for each in found.all("polyline") if each["class"] == "curve"]
    assert [line.count(",") for line in lines] == [4] * 3 * 4  # networks, charts
    assert "w1024" in found.text


def test_of_several_lines_the_best_networks_are_drawn():
    networks = {
        f"{name}-{width}": (width, name) for name in ("relu", "tanh") for width in (2, 4, 8)
    }
    scores = {name: 0.5 + 0.01 * place for place, name in enumerate(networks)}
    study = with_epochs(tracked(scores | {"svm": 0.9}, networks), networks)
    found = page(write_training, study)
    assert "Of each line by width the network with the best score is drawn." in found.text
    assert "relu: 0.75; tanh: 1.5" in found.text  # the third and the sixth network
    lines = [each for each in found.all("polyline") if each["class"] == "curve"]
    assert len(lines) == 2 * 4


def test_networks_that_differ_in_nothing_are_drawn_each_by_itself():
    found = page(write_training, make("mlp", "wide", "svm"))
    assert "Loss of mlp" in found.titles
    assert not any(title.startswith("Training loss by") for title in found.titles)
