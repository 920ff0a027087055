"""The section on the losses of the networks by epoch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from dlrun.evidence.formatting import counted
from dlrun.report.charts.losses import LossCurve, draw_losses
from dlrun.report.sections.descents import write_descents
from dlrun.report.sections.section import ReportSection, candidate_title, figure, on_any_width

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.report.context import CandidateView, ReportContext

MOST_SPLITS: Final = 10
NAMES: Final = {"train": "training", "val": "validation"}


def write_training(context: ReportContext) -> ReportSection | None:
    """Draw the losses of every candidate that has epochs."""
    found = ((view, view.read_epochs()) for view in context.candidates)
    charts = [part for view, epochs in found if (part := _chart(view, epochs))]
    if not charts:
        return None
    caption = (
        "The loss after each epoch, one line per split; a dot marks the epoch whose weights were "
        "kept. A validation line that rises while the training line falls is overfitting."
    )
    together = write_descents(context) or Markup()
    return ReportSection("training", "Training", together + figure(*charts, caption=caption))


def _chart(view: CandidateView, epochs: pd.DataFrame) -> Markup | None:
    curves = _curves(view, epochs)
    if not any(curve.finite for curve in curves):
        return None
    n_splits = len(epochs.groupby(["repeat", "fold"]))
    first = f", the first {MOST_SPLITS} of {n_splits} splits" if n_splits > MOST_SPLITS else ""
    facts = f"at most {counted(int(epochs['epoch'].max()), 'epoch')}{first}"
    draw = partial(draw_losses, curves, view.style, title=f"Loss of {view.name}", axis="loss")
    return candidate_title(view, facts) + on_any_width(draw)


def _curves(view: CandidateView, epochs: pd.DataFrame) -> list[LossCurve]:
    if epochs.empty:
        return []
    trials = view.trials.set_index(["repeat", "fold"])
    curves = []
    for split, part in list(epochs.groupby(["repeat", "fold"]))[:MOST_SPLITS]:
        for kind, name in NAMES.items():
            if f"{kind}/loss" in part:
                numbers, losses = part["epoch"].tolist(), part[f"{kind}/loss"].tolist()
                best = trials["best_epoch"].get(split) if kind == "val" else None
                kept = int(best) if best is not None and best == best else None  # noqa: PLR0124
                curves.append(LossCurve(name, tuple(zip(numbers, losses, strict=True)), kept))
    return curves
