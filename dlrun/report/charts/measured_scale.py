"""A horizontal scale whose ticks stand at what was measured: numbers, or words side by side."""

from __future__ import annotations

from dataclasses import dataclass

from dlrun.report.charts.chart import text_width
from dlrun.report.charts.scale import Scale


@dataclass(frozen=True)
class MeasuredScale(Scale):
    """A scale with ticks at the numbers that were measured, where they have room.

    Attributes:
        measured: in ascending order.
    """

    measured: tuple[float, ...] = ()

    def ticks(self) -> list[tuple[float, str]]:
        """Return the measured numbers, the largest first to be kept, and round ones beyond them."""
        beyond = [tick for tick in super().ticks() if tick[0] > self.measured[-1]]
        wanted = [(float(value), _written(value)) for value in reversed(self.measured)]
        kept: list[tuple[float, str]] = []
        for tick in [*wanted, *beyond]:
            if all(self._are_apart(tick, other) for other in kept):
                kept.append(tick)
        return sorted(kept)

    def _are_apart(self, one: tuple[float, str], other: tuple[float, str]) -> bool:
        room = (text_width(one[1]) + text_width(other[1])) / 2 + 8
        return abs(self(one[0]) - self(other[0])) >= room


@dataclass(frozen=True)
class WordScale(Scale):
    """A scale of words, which stand at 0, 1, 2, … and as far apart as there is room."""

    words: tuple[str, ...] = ()

    def ticks(self) -> list[tuple[float, str]]:
        """Return the places of the words."""
        return [(float(place), word) for place, word in enumerate(self.words)]


def _written(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,g}"
