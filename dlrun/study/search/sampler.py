"""Samplers: which settings are tried next, given the scores of those that were tried before.

A sampler is a function of its seed and of what it was told: told the same again after a stop, it
proposes the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from math import isnan, prod
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from dlrun.contract.search import Dimension
from dlrun.system.optuna_log import quiet_optuna

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

Settings = Mapping[str, object]
Space = Mapping[str, Dimension]
MOST_TRIALS: Final = 500  # of a search, where fits are so short that seconds never end it
GRID_VALUES: Final = 5  # of a range
N_REPEATS: Final = 20  # proposals of known settings in a row, after which nothing new is expected


class Sampler(Protocol):
    """Proposes settings, one at a time."""

    def ask(self) -> Settings | None:
        """Return the settings to try next; None where all were proposed."""

    def tell(self, score: float) -> None:
        """Take the score of what was proposed last; NaN where it failed."""


def make_sampler(
    name: str, space: Space, seed: int, *, lower_is_better: bool, default: tuple[Settings, float]
) -> Sampler:
    """Make a sampler by its name in the recipe.

    Args:
        name: tpe, cmaes, qmc, random or grid.
        space: setting → its values.
        seed: of all that is random.
        lower_is_better: of the scores.
        default: settings and their score, known from the start.
    """
    if name == "grid":
        return Grid(space, seed)
    return Optuna(name, space, seed, lower_is_better=lower_is_better, default=default)


def ask_new(sampler: Sampler, known: list[tuple[Settings, float]]) -> Settings | None:
    """Return settings that are not known yet; None where the sampler proposes no others.

    Known ones that it proposes are told again at once: where values are few, it repeats itself.
    """
    for _ in range(N_REPEATS):
        settings = sampler.ask()
        if settings is None:
            return None
        score = next((score for each, score in known if each == settings), None)
        if score is None:
            return settings
        sampler.tell(score)
    return None


# ------------------------------------------------------------------------------------------- grid


class Grid:
    """All combinations of a few values of each setting, in random order."""

    def __init__(self, space: Space, seed: int) -> None:
        self._values = {key: grid_values(each) for key, each in space.items()}
        n = prod(map(len, self._values.values()))
        self._rest = iter(random.Random(seed).sample(range(n), min(n, MOST_TRIALS)))

    def ask(self) -> Settings | None:
        """Return the next combination."""
        position, settings = next(self._rest, None), {}
        if position is None:
            return None
        for key, values in self._values.items():
            position, place = divmod(position, len(values))
            settings[key] = values[place]
        return settings

    def tell(self, score: float) -> None:
        """Ignore the score: the next combination does not depend on it."""


def grid_values(values: Dimension) -> list[object]:
    """Return all choices, or evenly spaced values of a range, its ends among them."""
    if values.bounds is None:
        return list(values.choices or ())
    low, high = values.bounds
    space = np.geomspace if values.log else np.linspace
    spaced = space(low, high, GRID_VALUES)
    if values.is_whole:
        return [*dict.fromkeys(round(each) for each in spaced)]
    return [float(each) for each in spaced]


# ----------------------------------------------------------------------------------------- Optuna


class Optuna:
    """A sampler of Optuna; its study is in memory, and holds what was told."""

    def __init__(
        self,
        name: str,
        space: Space,
        seed: int,
        *,
        lower_is_better: bool,
        default: tuple[Settings, float],
    ) -> None:
        self._space = space
        with quiet_optuna():
            import optuna

            self._distributions = {key: _distribution(each) for key, each in space.items()}
            self._study: Study = optuna.create_study(
                direction="minimize" if lower_is_better else "maximize",
                sampler=SAMPLERS[name](seed),
            )
            self._tell_default(*default)
        self._running: Trial

    def ask(self) -> Settings:
        """Return the settings to try next."""
        with quiet_optuna():
            self._running = self._study.ask(self._distributions)
        values = self._running.params
        return {key: _value(each, values[key]) for key, each in self._space.items()}

    def tell(self, score: float) -> None:
        """Tell the study how the last proposal went."""
        from optuna.trial import TrialState

        failed = {"state": TrialState.FAIL}
        with quiet_optuna():
            self._study.tell(self._running, **failed if isnan(score) else {"values": score})

    def _tell_default(self, settings: Settings, score: float) -> None:
        """Tell the default's score, where its value of every setting is known and in the space."""
        from optuna.trial import create_trial

        params = {
            key: _param(each, settings[key]) for key, each in self._space.items() if key in settings
        }
        if isnan(score) or len(params) < len(self._space) or None in params.values():
            return
        self._study.add_trial(
            create_trial(params=params, distributions=self._distributions, value=score)
        )


def _tpe(seed: int) -> BaseSampler:
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, multivariate=True)


def _cmaes(seed: int) -> BaseSampler:
    from optuna.samplers import CmaEsSampler

    # With margin: whole numbers are not stuck at one value (Hamano et al. 2022).
    return CmaEsSampler(seed=seed, with_margin=True, warn_independent_sampling=False)


def _qmc(seed: int) -> BaseSampler:
    from optuna.samplers import QMCSampler

    return QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False)


def _random(seed: int) -> BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


SAMPLERS: Final[Mapping[str, Callable[[int], Any]]] = {
    "tpe": _tpe,
    "cmaes": _cmaes,
    "qmc": _qmc,
    "random": _random,
}


def _distribution(values: Dimension) -> BaseDistribution:
    """Return the distribution of a setting; choices, which may be lists, by their position."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if values.bounds is None:
        return CategoricalDistribution(range(len(values.choices or ())))
    low, high = values.bounds
    is_log = values.log is not None
    if values.is_whole:
        return IntDistribution(int(low), int(high), log=is_log)
    return FloatDistribution(low, high, log=is_log)


def _value(values: Dimension, param: Any) -> object:
    return param if values.choices is None else values.choices[param]


def _param(values: Dimension, value: Any) -> Any:
    """Return what stands for a value in Optuna; None where it is not among the values."""
    if values.choices is not None:
        return next((i for i, each in enumerate(values.choices) if each == value), None)
    low, high = values.bounds or (0, 0)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and low <= value <= high else None
