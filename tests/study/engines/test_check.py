"""Trials side by side that a machine, or the processes beside this one, do not allow."""

from __future__ import annotations

import pytest

from dlrun.deep.distributed.worker import Worker
from dlrun.errors import RecipeError
from dlrun.recipe.schema import Recipe
from dlrun.study.engines import check
from dlrun.system.gpus import deal


def _recipe(**execution: object) -> Recipe:
    return Recipe.model_validate({"data": {"source": "a.csv"}, "execution": execution})


def test_processes_that_train_together_run_no_trials_side_by_side(monkeypatch) -> None:
    monkeypatch.setattr(check, "this_worker", lambda: Worker(0, 3))
    check.check_execution(_recipe())
    with pytest.raises(RecipeError) as raised:
        check.check_execution(_recipe(workers=2))
    assert str(raised.value) == (
        "recipe.yaml: execution.workers: 3 processes train every network together, so trials run "
        "one after the other. Set engine: local and workers: 1, or start a single process without "
        "--workers and TF_CONFIG"
    )
    with pytest.raises(RecipeError, match=r"execution\.engine: 3 processes"):
        check.check_execution(_recipe(engine="dask"))


def test_a_network_cannot_get_more_gpus_than_there_are(monkeypatch) -> None:
    monkeypatch.setattr(check, "visible_gpus", lambda: ["0", "3"])
    for share in (0.5, 1, 2):
        check.check_execution(_recipe(workers=2, gpus_per_trial=share))
    check.check_execution(_recipe(engine="ray", gpus_per_trial=4))  # its nodes may have them
    with pytest.raises(RecipeError) as raised:
        check.check_execution(_recipe(workers=2, gpus_per_trial=4))
    assert str(raised.value) == (
        "recipe.yaml: execution.gpus_per_trial: 4 for every network, but this machine has 2. "
        "Choose at most 2, or hide them by CUDA_VISIBLE_DEVICES=-1"
    )


def test_gpus_are_whole_or_shared() -> None:
    with pytest.raises(ValueError, match=r"1\.5 GPUs cannot be given to a network"):
        _recipe(gpus_per_trial=1.5)
    assert deal(["a", "b", "c"], 1, 2) == ["a", "b"]
    assert deal(["a", "b"], 1 / 3, 9) == ["a", "b"] * 3
    assert deal([], 1, 2) == []
