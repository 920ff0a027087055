"""The sections on what the layers of networks make of rows: probes and embeddings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from markupsafe import Markup

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import fixed, percent
from dlrun.evidence.probes import PLACES, describe_probes, layer_title, references
from dlrun.report.charts.depth import DepthLine, draw_depth
from dlrun.report.charts.points import OTHER, class_colour, draw_points, value_colours
from dlrun.report.html import tag
from dlrun.report.inside import rows_text, shape_text
from dlrun.report.sections.section import (
    ReportSection,
    candidate_title,
    figure,
    icon,
    on_any_width,
    panels,
    table,
)
from dlrun.report.styles import DUMMY_COLOUR, Style

if TYPE_CHECKING:
    from dlrun.contract.embeddings import Embeddings, LayerEmbedding
    from dlrun.contract.inside import Inside
    from dlrun.contract.probes import LayerProbes
    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import CandidateView, ReportContext

MOST_CLASSES: Final = 10  # in a legend
METHODS: Final = {"pca": "principal components", "tsne": "t-SNE"}
REFERENCE_STYLES: Final = (
    Style("#E69F00", "diamond"),
    Style("#009E73", "square"),
    Style("var(--ink)", "star"),
)


def write_probes(context: ReportContext) -> ReportSection | None:
    """Draw how well a linear model predicts from each layer of each network."""
    parts = [
        _probes(view, inside, inside.probes)
        for view, inside in _looks(context)
        if inside.probes and inside.probes.layers
    ]
    if not parts:
        return None
    caption = tag(
        "p",
        "How good is what a network makes of its inputs, layer by layer? A linear model is fitted "
        "to the activations of each layer (ridge regression, Alain & Bengio 2016), of large ones "
        "to the mean and the largest value of each channel, so that a first layer may score "
        "below the raw inputs. Beside it are the same network with random weights, the raw "
        "inputs and engineered features.",
    )
    return ReportSection("layers", "Layer by layer", Markup().join([caption, *parts]))


def write_embeddings(context: ReportContext) -> ReportSection | None:
    """Draw test rows as some layers of each network place them."""
    parts = [
        candidate_title(view) + _embeddings(inside, inside.embeddings)
        for view, inside in _looks(context)
        if inside.embeddings and inside.embeddings.layers
    ]
    if not parts:
        return None
    return ReportSection("embeddings", "How layers place rows", Markup().join(parts))


def _looks(context: ReportContext) -> list[tuple[CandidateView, Inside]]:
    return [(view, view.inside) for view in context.candidates if view.inside]


def _probes(view: CandidateView, inside: Inside, probes: LayerProbes) -> Markup:
    metric = get_metric(probes.metric)
    draw = partial(
        draw_depth,
        _lines(view, probes),
        title=f"{metric.title} by layer of {view.name}",
        axis=metric.title,
        bounds=metric.bounds,
    )
    rows = [
        [
            layer_title(place, layer),
            shape_text(layer.shape),
            fixed(layer.score, PLACES),
            fixed(layer.random_score, PLACES),
        ]
        for place, layer in enumerate(probes.layers, start=1)
    ]
    head = ["layer", "output of a row", "trained", "random weights"]
    return Markup().join(
        [
            candidate_title(view),
            tag("p", describe_probes(probes)),
            figure(on_any_width(draw), caption=rows_text(inside)),
            tag(
                "details",
                tag("summary", f"The layers of {view.name}"),
                table(f"{metric.title} of a linear model on each layer", head, rows, left=2),
            ),
        ]
    )


def _lines(view: CandidateView, probes: LayerProbes) -> list[DepthLine]:
    layers, n_layers = probes.layers, len(probes.layers)
    titles = [layer_title(place, layer) for place, layer in enumerate(layers, start=1)]
    trained = tuple((place, layer.score) for place, layer in enumerate(layers, start=1))
    random = tuple((place, layer.random_score) for place, layer in enumerate(layers, start=1))
    own = tuple(
        f"layer {title}: {fixed(layer.score, PLACES)}"
        for title, layer in zip(titles, layers, strict=True)
    )
    levels = (
        DepthLine(name, style, ((1, score), (max(2, n_layers), score)), kind="curve level")
        for style, (name, score) in zip(REFERENCE_STYLES, references(probes).items(), strict=False)
    )
    grey = Style(DUMMY_COLOUR, "circle")
    return [
        DepthLine("trained", view.style, trained, own),
        DepthLine("random weights", grey, random, kind="curve faint"),
        *levels,
    ]


def _embeddings(inside: Inside, embeddings: Embeddings) -> Markup:
    colours = (
        [class_colour(int(code)) for code in embeddings.values]
        if embeddings.labels
        else value_colours(embeddings.values)
    )
    probed = inside.probes.layers if inside.probes else ()
    titles = {layer.layer: layer_title(place, layer) for place, layer in enumerate(probed, start=1)}
    charts = [
        (_embedding_title(layer, title), _chart(layer, title, colours))
        for layer in embeddings.layers
        for title in [titles.get(layer.layer, layer.layer)]
    ]
    shade = "by class" if embeddings.labels else "blue where the target is low, else orange"
    caption = (
        f"{len(embeddings.row_ids):,} test rows, coloured {shade}, as the activations of a layer "
        "place them: to look at, not to tune by."
    )
    return figure(_legend(embeddings), panels(charts), caption=caption)


def _embedding_title(layer: LayerEmbedding, title: str) -> Markup:
    explained = f", {percent(sum(layer.explained))} of the variance" if layer.explained else ""
    return tag("p", tag("b", f"Layer {title}"), f": {METHODS[layer.method]}{explained}")


def _chart(layer: LayerEmbedding, name: str, colours: list[str]) -> Chart:
    title = f"Rows by {METHODS[layer.method]} of layer {name}"
    description = f"{len(layer.points):,} rows"
    points = np.array(layer.points, dtype=np.float64)
    return draw_points(points, colours, title=title, description=description)


def _legend(embeddings: Embeddings) -> Markup:
    present = sorted({int(code) for code in embeddings.values}) if embeddings.labels else []
    items = [
        tag("p", icon(Style(class_colour(code), "circle")), embeddings.labels[code])
        for code in present[:MOST_CLASSES]
    ]
    if len(present) > MOST_CLASSES:
        items.append(tag("p", icon(Style(OTHER, "circle")), "others"))
    return tag("div", *items, class_="legend") if items else Markup()
