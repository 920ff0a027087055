"""What the parts of a row add to an output: bars, shaded patches and shaded stretches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import floor, log10
from typing import TYPE_CHECKING, Final

from dlrun.evidence.formatting import fixed
from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart, label, shortened, text_width
from dlrun.report.charts.scale import Scale, padded
from dlrun.report.html import tag

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.contract.excerpt import ShownCell

WIDTH: Final = 400.0
LANE: Final = 21.0
NAMES: Final = 0.45  # of the width
ROOM: Final = 48.0  # of a weight beside its bar
SIDE: Final = 176.0  # of an image's longer side
HEIGHT: Final = 52.0  # of a channel
MOST_CHANNELS: Final = 6
GAP: Final = 12.0  # between an image and its shaded copy
STRONGEST: Final = 0.85  # opacity over a pale picture or below a line
Grid = Sequence[Sequence[float]]


def signed(weight: float, most: float | None = None) -> str:
    """Write a weight with its sign, in as many digits as the largest one needs for three."""
    size = abs(most or weight) or 1.0
    places = max(0, 2 - floor(log10(size)))
    return f"{weight:+.{places}f}".replace("-", "−")


def kind_of(weight: float) -> str:
    """Return the class of what speaks for an output, or against it."""
    return "up" if weight > 0 else "down"


def largest(grid: Grid) -> float:
    """Return the largest size of a weight, 1 where all are zero."""
    return max((abs(weight) for line in grid for weight in line), default=0.0) or 1.0


def draw_bars(parts: Sequence[tuple[str, str, float]], *, title: str) -> Chart:
    """Draw a bar for each name, value and weight, to the right where it speaks for the output."""
    left = NAMES * WIDTH
    most = max((abs(weight) for *_, weight in parts), default=0.0) or 1.0
    x = Scale(-most, most, left + ROOM, WIDTH - ROOM)
    height = LANE * len(parts)
    drawn = [marks.line((x(0), 0), (x(0), height), "zero")]
    for place, (name, value, weight) in enumerate(parts):
        y = LANE * place
        start, end = sorted((x(0), x(weight)))
        bar = marks.rectangle((start, y + 4), end - start, LANE - 8, kind_of(weight))
        anchor, at = ("start", end + 5) if weight >= 0 else ("end", start - 5)
        middle = y + LANE / 2
        drawn += [
            *_name(name, value, left - 10, middle),
            marks.group(bar, title=f"{name} {value}: {signed(weight)}"),
            label(signed(weight, most), at, middle, class_="value", text_anchor=anchor),
        ]
    words = "; ".join(f"{name} {value}: {signed(weight)}" for name, value, weight in parts)
    return chart(title, words, drawn, width=WIDTH, height=height)


def _name(name: str, value: str, room: float, y: float) -> Iterator[Markup]:
    """Write a name, and its value in what room it leaves."""
    yield label(name, 0, y, room=room if not value else max(room * 0.6, room - text_width(value)))
    used = min(text_width(name), room * 0.6)
    if value and room - used > 2 * text_width("…"):
        yield tag(
            "text", *shortened(value, room - used - 8), x=room, y=y, dy=".35em",
            class_="tick", text_anchor="end",
        )  # fmt: skip


def draw_heat(shown: ShownCell, size: Sequence[int], grid: Grid, *, title: str) -> Chart:
    """Draw an image, and beside it, pale, with its patches shaded by their weights.

    Args:
        shown: the image.
        size: its height and width in pixels.
        grid: (rows, columns) weights.
        title: of the chart.
    """
    scale = SIDE / max(size)
    height, width = size[0] * scale, size[1] * scale
    shades = tag("g", *_shades(grid, width, height), transform=f"translate({width + GAP:.1f} 0)")
    parts = [
        _picture(shown, 0, width, height, "picture"),
        _picture(shown, width + GAP, width, height, "picture pale"),
        shades,
    ]
    return chart(title, _described(grid), parts, width=2 * width + GAP, height=height)


def _picture(shown: ShownCell, x: float, width: float, height: float, kind: str) -> Markup:
    return tag(
        "image", href=f"data:{shown.media}", x=x, y=0, width=width, height=height,
        preserveAspectRatio="none", class_=kind,
    )  # fmt: skip


def _described(grid: Grid) -> str:
    """Name the strongest parts, counted from 1."""
    parts = [(w, row, k) for row, line in enumerate(grid, 1) for k, w in enumerate(line, 1)]
    strong = sorted(parts, key=lambda part: -abs(part[0]))[:3]
    return "strongest parts: " + ", ".join(f"{row},{k}: {signed(w)}" for w, row, k in strong)


def _shades(grid: Grid, width: float, height: float, top: float = 0.0) -> Iterator[Markup]:
    most, high = largest(grid), height / max(len(grid), 1)
    for row, line in enumerate(grid):
        wide = width / max(len(line), 1)
        for place, weight in enumerate(line):
            opacity = STRONGEST * abs(weight) / most
            if opacity >= 0.02:  # noqa: PLR2004
                yield tag(
                    "rect", x=wide * place, y=top + high * row, width=wide, height=high,
                    class_=kind_of(weight), fill_opacity=fixed(opacity, 2),
                )  # fmt: skip


def draw_stretches(shown: ShownCell, grid: Grid, *, is_sound: bool, title: str) -> Chart:
    """Draw lines over time, their stretches shaded by their weights.

    Args:
        shown: the lines.
        grid: (stretches, channels) weights, or (stretches, bands) of a sound, which are drawn below
            its outline, the lowest band at the bottom.
        is_sound: whether the second axis is of frequencies.
        title: of the chart.
    """
    columns = [list(line) for line in zip(*grid, strict=True)]
    lines = shown.lines[:MOST_CHANNELS]
    most = largest(grid)
    drawn: list[Markup] = []
    has_bands = is_sound and len(columns) > 1
    for place, line in enumerate(lines):
        shade = [] if has_bands else columns[place if len(columns) > 1 else 0]
        drawn += _lane(line, shade, most, HEIGHT * place)
    height = HEIGHT * len(lines)
    if has_bands:
        drawn += _shades(columns[::-1], WIDTH, HEIGHT, height)
        height += HEIGHT
    return chart(title, _described(grid), drawn, width=WIDTH, height=height)


def _lane(
    line: Sequence[float | None], shade: Sequence[float], most: float, top: float
) -> Iterator[Markup]:
    wide = WIDTH / max(len(shade), 1)
    for place, weight in enumerate(shade):
        share = abs(weight) / most
        yield tag(
            "rect", tag("title", signed(weight)), x=wide * place, y=top, width=wide,
            height=HEIGHT - 4, class_=kind_of(weight), fill_opacity=fixed(STRONGEST * share, 2),
        )  # fmt: skip
    known = [value for value in line if value is not None]
    y = Scale(*padded(known or [0.0]), top + HEIGHT - 8, top + 4)
    x = Scale(0, max(len(line) - 1, 1), 0, WIDTH)
    run: list[tuple[float, float]] = []
    for place, value in enumerate([*line, None]):
        if value is not None:
            run.append((x(place), y(value)))
        elif run:
            yield marks.curve(run, "curve drawn")
            run = []
