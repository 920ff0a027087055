"""SVG figures: for every candidate that finished, of whatever names and classes."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from reported import make

from dlrun.evidence.compare import compare
from dlrun.report.context import build_context
from dlrun.report.figures import draw_figures

OF_CLASSES = {
    "calibration.svg": "Calibration",
    "confusion.svg": "Confusion",
    "roc.svg": "ROC curve",
    "precision_recall.svg": "Precision and recall",
}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("labels", "titles"),
    [
        (("no", "yes"), OF_CLASSES),
        (("<b>&", "漢字", "_"), OF_CLASSES),
        (tuple(f"class {k}" for k in range(100)), OF_CLASSES),
        (tuple(f"class {k}" for k in range(30)), OF_CLASSES),
        ((), {"predicted_true.svg": "Predicted and true values", "residuals.svg": "Residuals"}),
    ],
)
def test_figures(labels, titles):
    study = make("mlp", "<linear>", "lost", labels=labels, failed=("lost",), n_rows=2000)
    figures = draw_figures(build_context([study], compare([study])))
    assert set(figures) == {"mlp", "<linear>"}
    for candidate, files in figures.items():
        assert list(files) == list(titles)
        for name, file in files.items():
            picture = ElementTree.fromstring(file.decode())
            assert picture.tag == f"{SVG}svg"
            title = f"{titles[name]} of {candidate}"
            assert picture.find(f"{SVG}title").text == title
            assert title in [text.text for text in picture.iter(f"{SVG}text")]
            assert "--ink" in picture.find(f"{SVG}style").text
            assert len(file) < 400_000
            assert b"url(" not in file
