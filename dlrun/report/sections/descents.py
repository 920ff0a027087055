"""The training losses of several networks on one axis, for the section on training."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.catalog.metrics import get_metric
from dlrun.report.charts.descents import Descent, draw_descents
from dlrun.report.sections.section import figure, on_any_width
from dlrun.report.sections.settings import STYLES, effects_of

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.context import CandidateView, ReportContext
    from dlrun.report.styles import Style

    Chosen = list[tuple[str, Style, CandidateView]]

AXES: Final = {"epoch": "epoch", "elapsed": "seconds after the first epoch"}
CAPTION: Final = (
    "The training loss on the first split, by epochs and by seconds. The first epoch, in which the "
    "steps are compiled, is not timed; the scoring of validation rows is"
)


def write_descents(context: ReportContext) -> Markup | None:
    """Draw the losses of networks that differ in a setting; None where there are none such."""
    effects = effects_of(context)
    if not effects:
        return None
    ranked = {view.own_name: view for view in _ranked(context)}
    lines = [[name for _, name in line.points] for line in effects[0].lines]
    if len(lines) > 1:
        best = [next(name for name in ranked if name in names) for names in lines]
        names = [line.name for line in effects[0].lines]
        words = f". Of each line by {effects[0].setting} the network with the best score is drawn."
    else:
        places = np.unique(np.linspace(0, len(lines[0]) - 1, len(STYLES)).astype(int))
        best = names = [lines[0][place] for place in places]
        words = "."
    views = [ranked[name] for name in best]
    chosen = list(zip(names, STYLES, views, strict=False))
    charts = [chart for by in AXES if (chart := _draw(chosen, by))]
    return figure(*charts, caption=CAPTION + words) if charts else None


def _ranked(context: ReportContext) -> list[CandidateView]:
    sign = get_metric(context.comparison.metric).sign
    return sorted(context.finished, key=lambda view: -sign * view.row.mean)


def _draw(chosen: Chosen, by: str) -> Markup | None:
    descents = [
        Descent(name, style, line) for name, style, view in chosen if (line := _line(view, by))
    ]
    if not descents:
        return None
    title = f"Training loss by {AXES[by]}"
    return on_any_width(partial(draw_descents, descents, title=title, axes=(AXES[by], "loss")))


def _line(view: CandidateView, by: str) -> tuple[tuple[float, float], ...]:
    """Return epoch or elapsed seconds and the finite losses of the first split."""
    epochs = view.read_epochs()
    if not {"train/loss", "seconds"} <= set(epochs):
        return ()
    first = epochs[(epochs["repeat"] == 0) & (epochs["fold"] == 0)]
    first = first.assign(elapsed=first["seconds"].cumsum() - first["seconds"].iloc[:1].sum())
    first = first[np.isfinite(first["train/loss"])]
    return tuple(zip(first[by].tolist(), first["train/loss"].tolist(), strict=True))
