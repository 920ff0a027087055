"""How much worse a score becomes where a patch of an image is permuted, as a map of the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from dlrun.evidence.formatting import fixed
from dlrun.report.charts import marks
from dlrun.report.charts.chart import FONT, Chart, chart, text_width

if TYPE_CHECKING:
    from dlrun.report.charts.marks import Estimate

SIZE: Final = 64.0  # of a patch, in pixels


def draw_patches(patches: Mapping[tuple[int, ...], Estimate], *, title: str, places: int) -> Chart:
    """Draw each patch where it lies in the image, shaded by its share of the largest drop.

    Args:
        patches: row and column, counted from 1 at the top left → drop.
        title: of the chart.
        places: decimals of the values.
    """
    largest = max(drop.value for drop in patches.values())
    parts = []
    for (row, column), drop in sorted(patches.items(), key=lambda each: each[0]):
        text = fixed(drop.value, places)
        font = min(FONT, FONT * (SIZE - 4) / text_width(text))
        share = max(drop.value / largest, 0.0) if largest > 0 else 0.0
        corner = (SIZE * (column - 1), SIZE * (row - 1))
        parts.append(
            marks.group(*marks.cell(corner, SIZE, text, share, font=font), title=drop.title)
        )
    description = "; ".join(drop.title for drop in patches.values())
    height, width = (SIZE * max(each) for each in zip(*patches, strict=True))
    return chart(title, description, parts, width=width, height=height)
