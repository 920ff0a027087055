"""Numbers as text, with as many digits as their uncertainty allows."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dlrun.contract.search import SearchBudget

FAMILY_TITLES: Final = {
    "deep": "Deep learning",
    "classic": "Classic ML",
    "both": "Both together",
}
MAX_DECIMALS: Final = 6
UNITS: Final = ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))  # from, unit, prefix


def decimals(width: float) -> int:
    """Return the decimals at which an interval of this width is at least five units wide."""
    if not isfinite(width) or width <= 0:
        return 3
    return min(MAX_DECIMALS, max(0, ceil(log10(5 / width))))


def places_of(rope: float) -> int:
    """Return the decimals at which a difference as large as the ROPE is visible."""
    return min(MAX_DECIMALS, max(0, ceil(-log10(rope)))) if rope > 0 else 0


def fixed(value: float, places: int) -> str:
    """Format a number with these decimals and thousands separators; zero has no sign."""
    return f"{round(value, places) + 0.0:,.{places}f}"


def signed(value: float, places: int) -> str:
    """Format a difference with its sign; zero has none."""
    rounded = round(value, places) + 0.0
    return f"{rounded:+,.{places}f}" if rounded else fixed(0.0, places)


def small(value: float) -> str:
    """Format a limit such as the ROPE, with at most two significant digits below ten."""
    return f"{value:.2g}" if abs(value) < 10 else f"{value:,.0f}"  # noqa: PLR2004


def span(low: float, high: float, places: int) -> str:
    """Format the ends of an interval."""
    return f"[{fixed(low, places)}, {fixed(high, places)}]"


def compact(value: float | None) -> str:
    """Format a cost with about three digits: 61, 6,100, 24.7k, 1.20M; empty where unknown."""
    if value is None or not isfinite(value):
        return ""
    for start, size, unit in UNITS:
        if value >= start:
            return _three_digits(value / size) + unit
    return fixed(value, 0) if isinstance(value, int) else _three_digits(value)


def _three_digits(value: float) -> str:
    return fixed(value, 0 if value >= 100 else 1 if value >= 10 else 2)  # noqa: PLR2004


def times(ratio: float, of: str) -> str:
    """Format a ratio of costs: "3.2× the latency", "1/9 of the latency"."""
    if 0.95 <= ratio <= 1.05:  # noqa: PLR2004
        return f"the same {of}"
    if ratio < 0.3:  # noqa: PLR2004
        return f"1/{round(1 / ratio):,} of the {of}"
    return f"{ratio:,.0f}× the {of}" if ratio >= 10 else f"{ratio:.1f}× the {of}"  # noqa: PLR2004


def rounded_up(count: float) -> int:
    """Round a count up to two significant digits."""
    step = int(10 ** max(0, floor(log10(count)) - 1))
    return ceil(count / step) * step


def percent(probability: float) -> str:
    """Format a share in percent, never rounded to 0 or 100."""
    if probability < 0.005:  # noqa: PLR2004
        return "< 1 %"
    return "> 99 %" if probability > 0.995 else f"{100 * probability:.0f} %"  # noqa: PLR2004


def counted(n: int, noun: str) -> str:
    """Format a count with its noun: "1 fold", "5 folds"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def budget_phrase(budget: SearchBudget) -> str:
    """Write the budget of a search: "with 30 trials", "for 60 s", "with at most 30 trials …"."""
    trials = counted(budget.trials, "trial") if budget.trials else ""
    seconds = f"{budget.seconds:g} s" if budget.seconds else ""
    if trials and seconds:
        return f"with at most {trials} and {seconds}"
    return f"with {trials}" if trials else f"for {seconds}"


def either_of(names: Sequence[str]) -> str:
    """Join names: "a", "a or b", "a, b or c"."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def first_line(text: str) -> str:
    """Return the first line that is not blank."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def duration(seconds: float) -> str:
    """Format a duration: "3.2 s", "28 s", "4 min 05 s", "2 h 10 min"."""
    if seconds < 9.95 and not isinstance(seconds, int):  # noqa: PLR2004
        return f"{seconds:.1f} s" if seconds >= 0.95 else f"{seconds:.2f} s"  # noqa: PLR2004
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004
        return f"{whole} s"
    if whole < 3600:  # noqa: PLR2004
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02} min"
