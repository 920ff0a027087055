"""A scale from values to pixels, with ticks at round numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite, log10
from typing import Final

from dlrun.evidence.formatting import compact, fixed

STEPS: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SIZES: Final = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
LARGE: Final = 10_000
PER_TICK: Final = 55.0  # pixels of the horizontal axis of a small chart
PER_TICK_UP: Final = 42.0  # pixels of a vertical axis
WIDE_RANGE: Final = 30  # largest over smallest value from which an axis is logarithmic


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` on pixels from `start` to `end`.

    Attributes:
        pixels_per_tick: the least distance between ticks, about.
        finest: the smallest step between ticks; 1 for counts.
    """

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False
    pixels_per_tick: float = 75.0
    finest: float = 0.0

    def __call__(self, value: float) -> float:
        """Return the pixel of a value; one beyond the ends has that of the end."""
        low, high = self._position(self.low), self._position(self.high)
        share = (self._position(min(max(value, self.low), self.high)) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def contains(self, value: float) -> bool:
        """Return whether a value lies between the ends."""
        return self.low <= value <= self.high

    def ticks(self) -> list[tuple[float, str]]:
        """Return round values with their text."""
        return self._decades() if self.is_log else self._steps()

    @property
    def _n_wanted(self) -> float:
        return max(2.0, abs(self.end - self.start) / self.pixels_per_tick)

    def _position(self, value: float) -> float:
        return log10(value) if self.is_log else value

    def _steps(self) -> list[tuple[float, str]]:
        rough = max((self.high - self.low) / self._n_wanted, self.finest) * (1 - 1e-9)
        power = 10.0 ** floor(log10(rough))
        coarse = next(place for place, each in enumerate(STEPS) if power * each >= rough)
        finer = [power * each for each in reversed(STEPS[: coarse + 1])]
        step = next((each for each in finer if len(self._multiples(each)) > 1), finer[-1])
        values = self._multiples(step)
        top = max(abs(self.low), abs(self.high))
        for size, letter in SIZES:
            if top >= 10 * size and step >= size / 10:
                return [(v, f"{v / size:,g}{letter}" if v else "0") for v in values]
        places = max(0, -floor(log10(step) + 1e-9))
        return [(value, fixed(value, places)) for value in values]

    def _multiples(self, step: float) -> list[float]:
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]

    def _decades(self) -> list[tuple[float, str]]:
        low, high = floor(log10(self.low)), ceil(log10(self.high))
        factors = (1,) if log10(self.high / self.low) > self._n_wanted / 3 else (1, 2, 5)
        every = max(1, ceil((high - low) / self._n_wanted)) if factors == (1,) else 1
        values = [f * 10.0**k for k in range(low, high + 1, every) for f in factors]
        return [(v, _short(v)) for v in values if self.low <= v * (1 + 1e-9) and v <= self.high]


def _short(value: float) -> str:
    return f"{value:g}" if value < LARGE else compact(value).replace(".00", "").replace(".0", "")


def padded(
    values: Iterable[float], share: float = 0.06, within: tuple[float, float] = (-inf, inf)
) -> tuple[float, float]:
    """Return the ends of a linear scale around all finite values.

    Args:
        values: at least one is finite.
        share: of their range, which is added on both sides.
        within: the smallest and the largest possible value, which the ends do not pass.
    """
    known = [value for value in values if isfinite(value)]
    low, high = min(known), max(known)
    air = (high - low) * share or abs(high) * share or share
    return max(low - air, min(within[0], low)), min(high + air, max(within[1], high))


def padded_log(values: Iterable[float], share: float = 0.08) -> tuple[float, float]:
    """Return the ends of a logarithmic scale around positive values: half a decade or more."""
    known = [log10(value) for value in values]
    middle = (min(known) + max(known)) / 2
    reach = max((max(known) - min(known)) / 2, 0.25) * (1 + 2 * share)
    return 10 ** (middle - reach), 10 ** (middle + reach)


def vertical_scale(
    values: Sequence[float],
    start: float,
    end: float,
    *,
    linear: Sequence[float] = (),
    within: tuple[float, float] = (-inf, inf),
) -> Scale:
    """Return a scale of values, logarithmic where they are positive and of a wide range.

    Args:
        values: to be drawn.
        start: pixel of the bottom.
        end: pixel of the top.
        linear: further values that a linear scale spans.
        within: as of `padded`.
    """
    is_log = min(values) > 0 and max(values) > WIDE_RANGE * min(values)
    ends = padded_log(values) if is_log else padded([*values, *linear], within=within)
    return Scale(*ends, start, end, is_log=is_log, pixels_per_tick=PER_TICK_UP)
