"""The section on the health of training."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from reported import make

from dlrun.evidence.compare import compare
from dlrun.report.charts.heat_map import N_COLUMNS, N_LEVELS, draw_heat_map
from dlrun.report.page import to_html


def vanishing(n_epochs=4, n_layers=9):
    return pd.DataFrame(
        [
            {
                "epoch": epoch, "layer": f"dense_{depth}", "gradient_norm": 10.0**-depth,
                "weight_norm": 1.0, "update_ratio": 1e-3, "dead": 0.0, "saturated": None,
            }
            for epoch in range(1, n_epochs + 1)
            for depth in range(n_layers, 0, -1)
        ]
    )  # fmt: skip


def test_each_network_has_a_diagnosis_and_maps_and_the_notes_name_the_trouble():
    study = replace(make("mlp", "wide", "linear"), layers={"mlp": vanishing()})
    comparison = compare([study])
    text = to_html([study], comparison)
    page = ElementTree.fromstring(text.removeprefix("<!doctype html>\n"))
    section = page.find(".//h2[@id='health']/..")
    words = " ".join("".join(section.itertext()).split())
    assert "mlp – vanishing gradients: the gradient of the first layers is 1/" in words
    assert "wide" not in words
    titles = [title.text for title in section.findall(".//svg[@role='img']/title")]
    assert titles == ["Norm of the gradient of mlp", "Update ÷ weights of mlp"]
    assert [note.code for note in comparison.notes if note.code.startswith("DLR16")] == ["DLR160"]


def test_a_study_that_does_not_look_inside_has_no_such_section():
    study = make("mlp", "linear")
    assert 'id="health"' not in to_html([study], compare([study]))


def test_many_epochs_are_joined_and_shades_are_orders_of_magnitude():
    n_epochs = 10 * N_COLUMNS
    values = np.array([np.full(n_epochs, 1e-9), np.full(n_epochs, 1.0), np.full(n_epochs, np.nan)])
    drawn = draw_heat_map(
        values, ["a", "b", "c"], [*range(1, n_epochs + 1)], title="t", ends=(1e-4, 1.0), is_log=True
    )
    paths = ElementTree.fromstring(f"<svg>{drawn.content}</svg>").findall("path")
    assert [path.get("fill-opacity") for path in paths] == ["1.00"]
    assert paths[0].get("d").count("M") == 1
    assert drawn.content.count("<rect") == 1 + N_LEVELS
