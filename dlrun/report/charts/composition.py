"""The shares of the classes among the rows of each category."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dlrun.evidence.formatting import compact
from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart, label, widest

WIDTH: Final = 300.0
ROW: Final = 22.0
WIDEST_CELL: Final = 54.0
NARROWEST_TEXT: Final = 30.0  # cell with its percentage
WIDEST_NAME: Final = 110.0
TOP: Final = 24.0
COUNT: Final = 44.0  # pixels of the rows of a category


def draw_composition(
    names: Sequence[str], labels: Sequence[str], counts: Sequence[Sequence[int]], *, title: str
) -> Chart:
    """Draw a row for each category, and a cell shaded by the share of each class in it.

    Args:
        names: of the categories.
        labels: of the classes.
        counts: (classes, categories) rows.
        title: of the chart.
    """
    room = min(WIDEST_NAME, widest(names))
    left = room + 8
    width = min(WIDEST_CELL, (WIDTH - left - COUNT) / len(labels))
    parts = [label("rows", WIDTH - 2, 11, class_="axis", text_anchor="end")]
    has_names = width >= NARROWEST_TEXT
    for column, name in enumerate(labels if has_names else ()):
        x = left + width * (column + 0.5)
        parts.append(label(name, x, 11, room=width - 2, class_="axis", text_anchor="middle"))
    for place, name in enumerate(names):
        y = TOP + ROW * place
        total = sum(each[place] for each in counts)
        parts.append(label(name, 0, y + ROW / 2, room=room + 2, class_="tick"))
        parts.append(
            label(compact(total), WIDTH - 2, y + ROW / 2, class_="tick", text_anchor="end")
        )
        for column, each in enumerate(counts):
            share = each[place] / total if total else 0.0
            text = f"{100 * share:.0f} %" if has_names and total else ""
            corner = (left + width * column, y)
            title_text = f"{name}, {labels[column]}: {each[place]:,} of {total:,} rows"
            drawn = marks.cell(corner, ROW, text, share, font=11, width=width)
            parts.append(marks.group(*drawn, title=title_text))
    description = f"{len(names)} categories, {len(labels)} classes"
    height = TOP + ROW * len(names) + 4
    return chart(title, description, parts, width=WIDTH, height=height)
