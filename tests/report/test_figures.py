"""PNG figures: there for every candidate that finished, of whatever names and classes."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image
from reported import make

from dlrun.evidence.compare import compare
from dlrun.report.context import build_context
from dlrun.report.figures import draw_figures


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("no", "yes"), ["calibration.png", "confusion.png"]),
        (("$x^{$", "漢字", "_"), ["calibration.png", "confusion.png"]),
        ((), ["predicted_true.png"]),
    ],
)
def test_figures(labels, names):
    study = make("mlp", "linear $\\frac{", "lost", labels=labels, failed=("lost",))
    figures = draw_figures(build_context([study], compare([study])))
    assert {name: list(images) for name, images in figures.items()} == {
        "mlp": names,
        "linear $\\frac{": names,
    }
    for images in figures.values():
        for image in images.values():
            picture = Image.open(BytesIO(image)).convert("L")
            assert picture.size == (462, 440)
            assert len(picture.getcolors()) > 5
