"""What a search tries of an estimator: the space of the baseline of its class."""

from __future__ import annotations

from collections.abc import Mapping

from dlrun.catalog.baselines import BASELINES, Baseline
from dlrun.classic.adapt import baseline_of
from dlrun.classic.estimators import allowed_settings, build, builders
from dlrun.contract.search import Dimension


def own_space(name: str, task: str, settings: Mapping[str, object]) -> Mapping[str, Dimension]:
    """Return setting → values, of the settings that the estimator's class has.

    A class that the recipe names is searched as the baseline of that class, or of its package.

    Args:
        name: a baseline's name or a class path.
        task: of the study.
        settings: of the estimator, that the recipe gives.
    """
    estimator = build(name, task, settings, 1)
    taken = allowed_settings(type(estimator))
    space = _row(name, estimator, task).space
    return {key: values for key, values in space.items() if key in taken}


def _row(name: str, estimator: object, task: str) -> Baseline:
    row = baseline_of(name, estimator)
    own = (
        BASELINES[name]
        for name, builder in builders(task).items()
        if not BASELINES[name].package and type(builder(1)) is type(estimator)
    )
    return row if row.name in BASELINES else next(own, row)
