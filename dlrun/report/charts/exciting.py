"""The rows that excite a unit of a network, nine small pictures or lines with what it looks at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart
from dlrun.report.charts.scale import Scale, padded
from dlrun.report.html import tag

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.contract.units import ExcitingRow, Unit

PER_LINE: Final = 3
TILE: Final = 100.0  # width of a picture or a line
LINE_HEIGHT: Final = 50.0
WHOLE: Final = 0.9  # of a picture's area, from which no frame is drawn
LOWEST: Final = 25.0  # height of a picture, which is else as wide as its pixels say


def draw_pictures(unit: Unit, sides: Sequence[int], *, title: str, description: str) -> Chart:
    """Draw a sheet of pictures, and a frame around the part of each that the unit looks at.

    Args:
        unit: with a sheet.
        sides: height and width of a picture, as its boxes count them.
        title: of the chart.
        description: of the chart.
    """
    n_down, n_across = sides
    tile = max(LOWEST, TILE * n_down / n_across)
    corners = _corners(len(unit.rows), tile)
    width, height = PER_LINE * TILE, -(-len(unit.rows) // PER_LINE) * tile
    parts = [
        tag(
            "image", href=f"data:{unit.sheet}", width=width, height=height, class_="sheet",
            preserveAspectRatio="none",
        )
    ]  # fmt: skip
    for (left, top), row in zip(corners, unit.rows, strict=True):
        frame = marks.rectangle((left, top), TILE, tile, "tile")
        parts.append(marks.group(frame, title=row.truth))
        (first, last), (start, stop) = row.box or ((0, n_down), (0, n_across))
        if (last - first) * (stop - start) < WHOLE * n_down * n_across:
            corner = (left + TILE * start / n_across, top + tile * first / n_down)
            sizes = TILE * (stop - start) / n_across, tile * (last - first) / n_down
            parts += [marks.rectangle(corner, *sizes, kind) for kind in ("halo", "looked")]
    return chart(title, description, parts, width=width, height=height)


def draw_lines(unit: Unit, *, title: str, description: str) -> Chart:
    """Draw series, each with the stretch that the unit looks at."""
    parts: list[Markup] = []
    n_steps = max(len(line) for row in unit.rows for line in row.lines)
    for corner, row in zip(_corners(len(unit.rows), LINE_HEIGHT), unit.rows, strict=True):
        parts.append(marks.group(*_line(corner, row, n_steps), title=row.truth))
    height = -(-len(unit.rows) // PER_LINE) * LINE_HEIGHT
    return chart(title, description, parts, width=PER_LINE * TILE, height=height)


def _line(corner: tuple[float, float], row: ExcitingRow, n_steps: int) -> Iterator[Markup]:
    left, top = corner
    x = Scale(0, max(n_steps, 1), left + 4, left + TILE - 4)
    values = [value for line in row.lines for value in line]
    y = Scale(*padded(values), top + LINE_HEIGHT - 5, top + 5)
    for start, stop in row.box:
        yield marks.rectangle((x(start), top + 2), x(stop) - x(start), LINE_HEIGHT - 4, "band")
    for line in row.lines:
        yield marks.curve(
            [(x(step + 0.5), y(value)) for step, value in enumerate(line)], "curve plain"
        )


def _corners(n_rows: int, height: float) -> list[tuple[float, float]]:
    return [(place % PER_LINE * TILE, place // PER_LINE * height) for place in range(n_rows)]
