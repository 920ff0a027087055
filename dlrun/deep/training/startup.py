"""How much of an epoch was start-up: tracing and compiling, which later epochs lack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

LONGEST_TRACE_SECONDS: Final = 2.0  # of an evaluation, about
NEGLIGIBLE_SHARE: Final = 0.25


class Call(NamedTuple):
    """A call of compiled steps.

    Attributes:
        is_first: it compiled them.
    """

    n_steps: int
    seconds: float
    is_first: bool = False


def startup_seconds(calls: Sequence[Call], evaluation: float) -> float | None:
    """Return what calls that compiled took more than the others, by their mean step.

    An evaluation that is short, but long beside the steps, is taken for tracing as a whole.

    Args:
        calls: of the epoch.
        evaluation: seconds of the scoring of validation rows, where it is traced as well; else 0.

    Returns:
        None where there were calls alone that compiled, which cannot be told from their start-up.
    """
    firsts = [call for call in calls if call.is_first]
    others = [call for call in calls if not call.is_first]
    if not firsts:
        return 0.0
    if not others:
        return None
    pace = sum(call.seconds for call in others) / sum(call.n_steps for call in others)
    steady = pace * sum(call.n_steps for call in calls)
    is_tracing = NEGLIGIBLE_SHARE * steady < evaluation < LONGEST_TRACE_SECONDS
    above = sum(max(0.0, call.seconds - call.n_steps * pace) for call in firsts)
    return above + (evaluation if is_tracing else 0.0)
