"""The section on how networks learned, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dlrun.evidence.wording import counted
from dlrun.report.charts.lines import Curve, draw_curves
from dlrun.report.markup import Markup
from dlrun.report.sections.section import Section, candidate_title, figure, panels

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.report.findings import Findings, Shown

MOST_SPLITS: Final = 10
NAMES: Final = {"train": "training", "val": "validation"}


def training(findings: Findings) -> Section | None:
    """Draw the losses of every candidate that has epochs."""
    charts = [
        panel for shown in findings.candidates if (panel := _panel(shown, shown.read_epochs()))
    ]
    if not charts:
        return None
    caption = (
        "The loss after each epoch, one line per split; a dot marks the epoch whose weights were "
        "kept. A validation line that rises while the training line falls is overfitting."
    )
    return Section("training", "Training", figure(panels(charts), caption=caption))


def _panel(shown: Shown, epochs: pd.DataFrame) -> tuple[Markup, Markup] | None:
    curves = _curves(shown, epochs)
    if not any(curve.finite for curve in curves):
        return None
    n_splits = len(epochs.groupby(["repeat", "fold"]))
    first = f", the first {MOST_SPLITS} of {n_splits} splits" if n_splits > MOST_SPLITS else ""
    facts = f"at most {counted(int(epochs['epoch'].max()), 'epoch')}{first}"
    return candidate_title(shown, facts), draw_curves(
        curves, shown.look, title=f"Loss of {shown.name}", axis="loss"
    )


def _curves(shown: Shown, epochs: pd.DataFrame) -> list[Curve]:
    if epochs.empty:
        return []
    trials = shown.trials.set_index(["repeat", "fold"])
    curves = []
    for split, part in list(epochs.groupby(["repeat", "fold"]))[:MOST_SPLITS]:
        for kind, name in NAMES.items():
            if f"{kind}/loss" in part:
                numbers, losses = part["epoch"].tolist(), part[f"{kind}/loss"].tolist()
                best = trials["best_epoch"].get(split) if kind == "val" else None
                kept = int(best) if best is not None and best == best else None  # noqa: PLR0124
                curves.append(Curve(name, tuple(zip(numbers, losses, strict=True)), kept))
    return curves
