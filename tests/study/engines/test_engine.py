"""The engine of a study: which one a recipe opens, and what this process does as one."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trials import baseline, make_dataset, make_splits, task

from dlrun.contract.candidate import Epoch
from dlrun.contract.job import Job
from dlrun.errors import ExtraError
from dlrun.recipe.schema import Execution
from dlrun.study.engines.engine import Engine, check_engine, open_engine
from dlrun.study.trial import TrialTask, run_trial


def _open(announced: list[Job]) -> AbstractContextManager[Engine]:
    return open_engine(Execution(), make_dataset(), Path(), announced.append)


def test_one_local_worker_is_this_process() -> None:
    dataset, announced = make_dataset(), []
    split = make_splits(1)[0]
    given = task(baseline(dataset), split)
    with _open(announced) as engine:
        assert engine.n_slots == 1
        engine.submit(7, given)
        number, trial = engine.wait(lambda *_: None)
    alone = run_trial(given, dataset)
    assert (number, trial.scores) == (7, alone.scores)
    np.testing.assert_array_equal(trial.predictions.values, alone.predictions.values)
    assert announced == []


class Steps:
    """A candidate whose fit takes two epochs, and then cannot be scored."""

    name, family, framework, settings, features, needs_validation = (
        "steps",
        "deep",
        "tensorflow",
        {},
        (),
        True,
    )

    def fit(self, train, validation, context):
        assert [context.on_epoch(Epoch(n, 2, {}, 0.0)) for n in (1, 2)] == [True, True]
        raise ArithmeticError


def test_epochs_are_passed_on_with_the_number_of_the_job() -> None:
    announced, epochs = [], []
    given: TrialTask = task(Steps(), make_splits(1)[0])
    with _open(announced) as engine:
        engine.submit(3, given)
        _, trial = engine.wait(lambda number, epoch: epochs.append((number, epoch.number)))
    assert trial.error == "steps: ArithmeticError: "
    assert (epochs, announced) == ([(3, 1), (3, 2)], [given])


def test_a_bug_in_a_job_is_raised() -> None:
    class Faulty:
        candidate = replace(baseline(make_dataset()))

        def run(self, dataset, on_epoch, threads):
            raise ZeroDivisionError

    with _open([]) as engine:
        engine.submit(0, Faulty())  # type: ignore[arg-type]
        with pytest.raises(ZeroDivisionError):
            engine.wait(lambda *_: None)


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("dask", "dask.distributed")])
def test_a_missing_engine_names_its_extra(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(wanted: str) -> None:
        raise ModuleNotFoundError(wanted)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ExtraError) as caught:
        check_engine(Execution(engine=name))  # type: ignore[arg-type]
    assert str(caught.value) == f"{package} is not installed. Run: pip install 'dlrun[{name}]'"
    check_engine(Execution())
