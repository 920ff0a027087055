"""The section `search` of a recipe: how the settings of candidates are tuned."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from dlrun.recipe.base import Auto, Section

N_BOUNDS: Final = 2
N_TRIALS: Final = 30
Bounds = tuple[int, int] | tuple[float, float]


class Dimension(Section):
    """The values that one setting may take: a range, a range on a log scale, or a list."""

    range: Bounds | None = None
    """Lowest and highest; two whole numbers give whole numbers."""
    log: Bounds | None = None
    """As range, on a log scale."""
    choices: Annotated[list[Any], Field(min_length=1)] | None = None
    """The values themselves, in no order."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        given = [name for name in ("range", "log", "choices") if getattr(self, name) is not None]
        if len(given) != 1:
            message = (
                f"it has {' and '.join(given) or 'no values'}. Write [low, high], "
                "{log: [low, high]} or {choices: [...]}"
            )
            raise ValueError(message)
        if self.bounds and not self.bounds[0] < self.bounds[1]:
            message = f"[{self.bounds[0]:g}, {self.bounds[1]:g}]: the first must be lower"
            raise ValueError(message)
        if self.log and self.log[0] <= 0:
            message = f"{self.log[0]:g}: a log scale starts above 0"
            raise ValueError(message)
        return self

    @property
    def bounds(self) -> Bounds | None:
        """Return the lowest and the highest value; None for a list."""
        return self.log or self.range

    @property
    def is_whole(self) -> bool:
        """Return whether both bounds are whole numbers, and so all values."""
        return self.bounds is not None and all(isinstance(each, int) for each in self.bounds)


class Search(Section):
    """How the settings of every candidate of both sides are tuned, under one budget."""

    trials: PositiveInt | None = None
    """Settings that each candidate tries on each split, the default first; 30 without seconds."""
    seconds: PositiveFloat | None = None
    """Of fitting, for each candidate on each split; with trials: whatever ends first."""
    sampler: Literal["tpe", "cmaes", "qmc", "random", "grid"] = "tpe"
    """tpe: tree-structured Parzen estimators; cmaes: covariance matrix adaptation; qmc: Sobol'
    points; random; grid: a few values of each setting."""
    inner: Literal["validation", "folds"] | Auto = "auto"
    """What settings are scored on: the split's validation rows, or folds of its training and
    validation rows; auto: folds where there are few validation rows."""
    space: dict[str, Dimension] = {}
    """Setting → its values; a candidate that none of them concerns has its own space."""

    @field_validator(
        "space", mode="before", json_schema_input_type=dict[str, list[Any] | Dimension]
    )
    @classmethod
    def _short_forms(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {key: _dimension(values) for key, values in value.items()}

    @property
    def n_trials(self) -> int | None:
        """Return the number of trials of a search; None: as many as the seconds allow."""
        return self.trials or (None if self.seconds else N_TRIALS)


def _dimension(values: object) -> object:
    if not isinstance(values, list):
        return values
    numbers = [each for each in values if isinstance(each, int | float)]
    is_range = len(values) == len(numbers) == N_BOUNDS and not any(
        isinstance(each, bool) for each in values
    )
    return {"range": values} if is_range else {"choices": values}
