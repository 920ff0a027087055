"""The section on the health of training: the layers of each network by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Final

import numpy as np
from markupsafe import Markup

from dlrun.evidence.health import describe
from dlrun.report.charts.heat_map import draw_heat_map
from dlrun.report.html import tag
from dlrun.report.sections.section import ReportSection, candidate_title, figure, panels

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import CandidateView, ReportContext

MOST_DECADES: Final = 8
FEWEST: Final = 0.01  # of units or values, below which a map would be empty
CAPTION: Final = (
    "The last split's training, from the first layer at the top to the last. Gradients and units "
    "are measured after each epoch on up to 128 training rows; the update is that of the epoch's "
    "last step, as a share of the weights: about 10⁻³ is usual. Dead units and saturated values "
    "are drawn where they reach 1 %."
)


@dataclass(frozen=True)
class HealthMap:
    """A number of layers that is drawn.

    Attributes:
        column: of the table of layers.
        ends: of its shades; None: as the numbers are.
    """

    column: str
    title: str
    ends: tuple[float, float] | None
    is_log: bool = False


MAPS: Final = (
    HealthMap("gradient_norm", "Norm of the gradient", None, is_log=True),
    HealthMap("update_ratio", "Update ÷ weights", (1e-6, 1.0), is_log=True),
    HealthMap("dead", "Dead units", (0.0, 1.0)),
    HealthMap("saturated", "Saturated values", (0.0, 1.0)),
)


def write_health(context: ReportContext) -> ReportSection | None:
    """Draw the health of every network whose layers were watched, below its diagnosis."""
    found = [
        (view, layers)
        for view in context.candidates
        if len(layers := view.study.read_layers(view.own_name))
    ]
    if not found:
        return None
    parts = [_picture(view, layers) for view, layers in found]
    body = figure(*parts, caption=CAPTION)
    return ReportSection("health", "Health of training", body)


def _picture(view: CandidateView, layers: pd.DataFrame) -> Markup:
    charts = [
        (tag("p", each.title), drawn) for each in MAPS if (drawn := _draw(each, view.name, layers))
    ]
    return candidate_title(view, f"– {describe(layers)}.") + panels(charts)


def _draw(kind: HealthMap, network: str, layers: pd.DataFrame) -> Chart | None:
    table = layers.dropna(subset=[kind.column])
    if table.empty or (not kind.is_log and table[kind.column].max() < FEWEST):
        return None
    names = list(dict.fromkeys(table["layer"]))
    epochs = sorted(layers["epoch"].unique().tolist())
    wide = table.pivot_table(index="layer", columns="epoch", values=kind.column, dropna=False)
    values = wide.reindex(index=names, columns=epochs).to_numpy(np.float64)
    return draw_heat_map(
        values,
        names,
        epochs,
        title=f"{kind.title} of {network}",
        ends=kind.ends or _decades(values),
        is_log=kind.is_log,
    )


def _decades(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float]:
    """Return the powers of ten around positive numbers, at most `MOST_DECADES` apart."""
    known = values[np.isfinite(values) & (values > 0)]
    if not len(known):
        return 1e-3, 1.0
    high = ceil(log10(known.max()) + 1e-9)
    low = max(floor(log10(known.min())), high - MOST_DECADES)
    return 10.0**low, 10.0**high
