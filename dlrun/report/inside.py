"""What was found inside a candidate, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from dlrun.catalog.attributions import ATTRIBUTIONS
from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import counted, fixed
from dlrun.evidence.probes import PLACES, describe_probes, layer_title, references
from dlrun.report.terminal import plain_table

if TYPE_CHECKING:
    from rich.console import Console

    from dlrun.contract.inside import Inside
    from dlrun.contract.probes import LayerProbes


def print_inside(console: Console, inside: Inside) -> None:
    """Print a table of the layers and what they are compared with, and what the report explains."""
    if inside.probes:
        _print_probes(console, inside, inside.probes)
    if reasons := inside.reasons:
        rows, method = counted(len(reasons.rows), "row"), ATTRIBUTIONS[reasons.method].title
        console.print(Text(f"{inside.candidate}: {rows} explained by {method}, in the report"))


def _print_probes(console: Console, inside: Inside, probes: LayerProbes) -> None:
    title = f"{inside.candidate}: {get_metric(probes.metric).title} of a linear model on each layer"
    table = plain_table(title)
    table.add_column("layer")
    table.add_column("shape")
    for name in ("trained", "random weights"):
        table.add_column(name, justify="right")
    for place, layer in enumerate(probes.layers, start=1):
        scores = (fixed(score, PLACES) for score in (layer.score, layer.random_score))
        table.add_row(layer_title(place, layer), shape_text(layer.shape), *scores)
    for name, score in references(probes).items():
        table.add_row(Text(name, style="dim"), "", fixed(score, PLACES), "")
    console.print(table)
    console.print()
    console.print(Text(describe_probes(probes)))
    console.print(Text(rows_text(inside), style="dim"))


def shape_text(shape: tuple[int | None, ...]) -> str:
    """Write the shape of a layer's output for a row: "14 × 14 × 32"."""
    return " × ".join("any" if size is None else str(size) for size in shape)


def rows_text(inside: Inside) -> str:
    """Say which rows were looked at, and what they can tell."""
    probes = inside.probes
    sizes = (
        f"Fitted to {probes.n_train:,} training rows and scored on {probes.n_test:,} test rows: "
        if probes
        else "Test rows: "
    )
    if inside.has_seen_test_rows:
        return (
            f"{sizes}the model was trained on {inside.trained_on}, these test rows among them, so "
            "the scores of its layers are too good."
        )
    return f"{sizes}to look at, not to tune by."
