"""PNG figures of a candidate's test predictions, for MLflow's gallery; Matplotlib draws them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from warnings import catch_warnings, filterwarnings

import numpy as np

if TYPE_CHECKING:
    from dlrun.report.context import CandidateView, ReportContext
    from dlrun.report.prediction_stats import Bin, Joint
    from dlrun.report.styles import Style

INCHES: Final = (4.2, 4.0)
DPI: Final = 110
MOST_LABELS: Final = 30
MOST_COUNTS: Final = 12  # classes up to which the cells have their count written in
MARKERS: Final = {
    "circle": "o",
    "hexagon": "h",
    "pentagon": "p",
    "square": "s",
    "triangle": "^",
    "diamond": "D",
    "arrow": "v",
}


def draw_figures(findings: ReportContext) -> dict[str, dict[str, bytes]]:
    """Draw candidate → file name → PNG, from the same counts as the report.

    Classes give calibration.png and confusion.png, numbers predicted_true.png.
    """
    return {shown.own_name: _draw(shown) for shown in findings.finished}


def _draw(shown: CandidateView) -> dict[str, bytes]:
    if shown.classes is not None:
        labels = shown.study.labels
        is_binary = len(labels) == 2  # noqa: PLR2004
        said = f"P({labels[1]})" if is_binary else "probability of the predicted class"
        return {
            "calibration.png": _calibration(shown.name, shown.classes.bins, shown.look, said),
            "confusion.png": _confusion(shown.name, shown.classes.confusion, labels),
        }
    if shown.numbers is not None:
        return {"predicted_true.png": _predicted_true(shown.name, shown.numbers)}
    return {}


def _calibration(name: str, bins: tuple[Bin, ...], look: Style, said: str) -> bytes:
    figure, axes = _begin(f"Calibration of {name}", f"said: {said}", "came true, share of rows")
    x, y = np.array([each.said for each in bins]), np.array([each.came for each in bins])
    reach = np.array([(each.came - each.low, each.high - each.came) for each in bins]).clip(min=0)
    axes.plot([0, 1], [0, 1], "--", color="gray", linewidth=1)
    axes.errorbar(x, y, yerr=reach.T, color=look.colour, marker=MARKERS[look.marker], linewidth=1)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    return _png(figure)


def _confusion(name: str, counts: np.ndarray, labels: tuple[str, ...]) -> bytes:
    figure, axes = _begin(f"Confusion of {name}", "predicted", "true")
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(labels) <= MOST_LABELS:
        # A dollar sign would start a formula.
        texts = [label.replace("$", r"\$")[:20] for label in labels]
        axes.set_xticks(range(len(labels)), texts, rotation=90)
        axes.set_yticks(range(len(labels)), texts)
    if len(labels) <= MOST_COUNTS:
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.5 else "black"  # noqa: PLR2004
            size = 8 if len(labels) > 5 else 10  # noqa: PLR2004
            text = axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
            text.set_size(size)
            text.set_in_layout(False)  # it lies within its cell, and to measure it takes long
    return _png(figure)


def _predicted_true(name: str, joint: Joint) -> bytes:
    figure, axes = _begin(f"Predicted and true values of {name}", "true", "predicted")
    counts = np.where(joint.counts.T > 0, joint.counts.T, np.nan)  # what is empty stays white
    ends = (joint.low, joint.high)
    axes.imshow(counts, origin="lower", extent=(*ends, *ends), norm="log", cmap="viridis_r")
    axes.plot(ends, ends, "--", color="gray", linewidth=1)
    return _png(figure)


def _begin(title: str, x: str, y: str) -> tuple[Any, Any]:
    """Make a figure that no window and no global state knows of."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=INCHES, dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for write, text in ((axes.set_title, title), (axes.set_xlabel, x), (axes.set_ylabel, y)):
        write(text, parse_math=False, wrap=True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: Any) -> bytes:
    image = BytesIO()
    with catch_warnings():
        filterwarnings("ignore", "Glyph .* missing")  # a label in letters that the font lacks
        figure.savefig(image, format="png")
    return image.getvalue()
