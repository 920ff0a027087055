"""The section `search` of a recipe: how the settings of candidates are tuned."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, PositiveFloat, PositiveInt

from dlrun.contract.search import Dimension
from dlrun.recipe.base import Auto, Section

KINDS: Final = tuple(field.name for field in fields(Dimension))
N_BOUNDS: Final = 2
N_TRIALS: Final = 30


def _dimension(values: object) -> object:
    if isinstance(values, dict) and (unknown := values.keys() - KINDS):
        message = f"{', '.join(map(str, unknown))}: none of {', '.join(KINDS)}"
        raise ValueError(message)
    if isinstance(values, dict):  # of tuples, pydantic does not turn [0.0, 2.0] into whole numbers
        return {kind: tuple(v) if isinstance(v, list) else v for kind, v in values.items()}
    if not isinstance(values, list):
        return values
    numbers = [each for each in values if isinstance(each, int | float)]
    is_range = len(values) == len(numbers) == N_BOUNDS and not any(
        isinstance(each, bool) for each in values
    )
    return {"range" if is_range else "choices": tuple(values)}


Values = Annotated[
    Dimension, BeforeValidator(_dimension, json_schema_input_type=list[Any] | Dimension)
]


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
    space: dict[str, Values] = {}
    """Setting → its values; a candidate that none of them concerns has its own space."""

    @property
    def n_trials(self) -> int | None:
        """Return the number of trials of a search; None: as many as the seconds allow."""
        return self.trials or (None if self.seconds else N_TRIALS)
