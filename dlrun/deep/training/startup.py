"""How much of a first epoch was start-up: tracing and compiling, which later epochs lack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LONGEST_TRACE_SECONDS: Final = 2.0  # of an evaluation, about
NEGLIGIBLE_SHARE: Final = 0.25


def startup_seconds(calls: Sequence[tuple[int, float]], evaluation: float) -> float | None:
    """Return what the first call of all took more than the others, by their mean step.

    An evaluation that is short, but long beside the steps, is taken for tracing as a whole.

    Args:
        calls: steps and seconds of each call of the epoch.
        evaluation: seconds of the scoring of validation rows, which is traced as well.

    Returns:
        None where there was one call alone, which cannot be told from its start-up.
    """
    (n_first, first), *others = calls
    n_others = sum(n for n, _ in others)
    if not n_others:
        return None
    pace = sum(seconds for _, seconds in others) / n_others
    steady = pace * (n_first + n_others)
    is_tracing = NEGLIGIBLE_SHARE * steady < evaluation < LONGEST_TRACE_SECONDS
    return max(0.0, first - n_first * pace) + (evaluation if is_tracing else 0.0)
