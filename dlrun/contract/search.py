"""A search: the values that settings may take, those tried on one split, and those chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Any, ClassVar

Bounds = tuple[int, int] | tuple[float, float]


@dataclass(frozen=True)
class Dimension:
    """The values that one setting may take: a range, a range on a log scale, or a list."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "allow_inf_nan": False}

    range: Bounds | None = None
    """Lowest and highest; two whole numbers give whole numbers."""
    log: Bounds | None = None
    """As range, on a log scale."""
    choices: tuple[Any, ...] | None = None
    """The values themselves, in no order."""

    def __post_init__(self) -> None:
        """Raise a ValueError where it has no values, or more than one kind of them."""
        given = [name for name in ("range", "log", "choices") if getattr(self, name) is not None]
        if len(given) != 1 or self.choices == ():
            message = (
                f"it has {' and '.join(given) if len(given) > 1 else 'no values'}. "
                "Write [low, high], {log: [low, high]} or {choices: [...]}"
            )
            raise ValueError(message)
        if self.bounds and not self.bounds[0] < self.bounds[1]:
            message = f"[{self.bounds[0]:g}, {self.bounds[1]:g}]: the first must be lower"
            raise ValueError(message)
        if self.log and self.log[0] <= 0:
            message = f"{self.log[0]:g}: a log scale starts above 0"
            raise ValueError(message)

    @property
    def bounds(self) -> Bounds | None:
        """Return the lowest and the highest value; None for a list."""
        return self.log or self.range

    @property
    def is_whole(self) -> bool:
        """Return whether both bounds are whole numbers, and so all values."""
        return self.bounds is not None and all(isinstance(each, int) for each in self.bounds)


@dataclass(frozen=True)
class SearchBudget:
    """What the search of every candidate on every split may take; whatever ends first.

    Attributes:
        trials: settings that are tried; None: no limit.
        seconds: of fitting; None: no limit.
    """

    trials: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class SearchTrial:
    """One candidate's settings, tried in the search of one split; the test rows stay unseen.

    Attributes:
        number: of the trial in its search; the first is 1, which tries the default settings.
        settings: key of `Candidate.settings` → value, of those that the search changes.
        score: on the primary metric, of the validation rows or the mean over inner folds; NaN
            where it failed.
        seconds: of fitting, as `Cost.fit_seconds`.
        cpu_seconds: as `Cost.cpu_seconds`.
        epochs: the best epoch, or the mean over inner folds; None where there are none.
    """

    number: int
    settings: Mapping[str, object] = field(default_factory=dict)
    score: float = nan
    seconds: float | None = None
    cpu_seconds: float | None = None
    epochs: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Tuning:
    """What the search of one candidate on one split found.

    Attributes:
        trials: in their order.
        chosen: the number of the chosen one.
        default_scores: test scores with the default settings, to be compared with the chosen ones'.
        inner: what settings were scored on: validation or folds.
    """

    trials: tuple[SearchTrial, ...]
    chosen: int
    default_scores: Mapping[str, float] = field(default_factory=dict)
    inner: str = "validation"

    @property
    def settings(self) -> Mapping[str, object]:
        """Return the settings that were chosen."""
        return next(each.settings for each in self.trials if each.number == self.chosen)

    @property
    def seconds(self) -> float:
        """Return the seconds of fitting of all trials."""
        return sum(each.seconds or 0.0 for each in self.trials)

    @property
    def cpu_seconds(self) -> float:
        """Return the CPU seconds of all trials, of those where they were measured."""
        return sum(each.cpu_seconds or 0.0 for each in self.trials)
