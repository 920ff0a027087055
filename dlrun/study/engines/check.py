"""Checks of a recipe's `execution` against this machine and the processes beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlrun.deep.distributed.worker import VARIABLE, this_worker
from dlrun.errors import RecipeError
from dlrun.system.gpus import VISIBLE, deal, visible_gpus

if TYPE_CHECKING:
    from dlrun.recipe.schema import Recipe


def check_execution(recipe: Recipe) -> None:
    """Check that trials can run side by side, where the recipe says so.

    Raises:
        RecipeError: they cannot.
    """
    if not recipe.execution.is_in_process:
        _check_joint(recipe)
        _check_gpus(recipe)


def _check_joint(recipe: Recipe) -> None:
    worker = this_worker()
    if worker is None:
        return
    key = "engine" if recipe.execution.workers == 1 else "workers"
    message = (
        f"{recipe.at(f'execution.{key}')}: {worker.n_workers} processes train every network "
        "together, so trials run one after the other. Set engine: local and workers: 1, or start "
        f"a single process without --workers and {VARIABLE}"
    )
    raise RecipeError(message)


def _check_gpus(recipe: Recipe) -> None:
    """Check that a network gets its GPUs; those of a cluster are known to its scheduler."""
    gpus, share = visible_gpus(), recipe.execution.gpus_per_trial
    if recipe.execution.engine != "local" or not recipe.trainings or not gpus:
        return
    if not deal(gpus, share, 1):
        message = (
            f"{recipe.at('execution.gpus_per_trial')}: {share:g} for every network, but this "
            f"machine has {len(gpus)}. Choose at most {len(gpus)}, or hide them by {VISIBLE}=-1"
        )
        raise RecipeError(message)
