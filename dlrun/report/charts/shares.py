"""The probability of each answer: one bar in three parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart, label, text_width

ANCHORS: Final = ("start", "middle", "end")


@dataclass(frozen=True)
class Share:
    """A part of the bar; `kind` is the class of its colour, `text` its share in words."""

    kind: str
    name: str
    share: float
    text: str

    @property
    def text_width(self) -> float:
        """Return the pixels that its words take."""
        return max(text_width(self.name), 1.6 * text_width(self.text))


def draw_shares(parts: Sequence[Share], *, title: str, width: float) -> Chart:
    """Draw three shares that sum to one, their words above the bar."""
    start, bars, words = 0.0, [], []
    for part, anchor, x in zip(parts, ANCHORS, _places(parts, width), strict=True):
        bar = marks.rectangle((start, 44), part.share * width, 14, f"side {part.kind}")
        bars.append(marks.group(bar, title=f"{part.name}: {part.text}"))
        words += [
            label(part.text, x, 14, class_="number", text_anchor=anchor),
            label(part.name, x, 33, class_="tick", text_anchor=anchor),
        ]
        start += part.share * width
    description = ", ".join(f"{part.name} {part.text}" for part in parts)
    return chart(title, description, [*bars, *words], width=width, height=60)


def _places(parts: Sequence[Share], width: float) -> tuple[float, float, float]:
    """Return where the words stand: at the margins, the middle ones above their part or near it."""
    first, middle, last = parts
    low = first.text_width + middle.text_width / 2 + 14
    high = width - last.text_width - middle.text_width / 2 - 14
    return 0.0, min(max(width * (first.share + middle.share / 2), low), high), width
