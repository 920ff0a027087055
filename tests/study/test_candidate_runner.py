"""The trials that a candidate is run in."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from dlrun.study.candidate_runner import CandidateRunner


@pytest.mark.parametrize("inside", [True, False])
def test_layers_are_watched_on_the_split_whose_model_is_kept(inside):
    splits = SimpleNamespace(splits=[SimpleNamespace(index=0), SimpleNamespace(index=1)])
    plan = SimpleNamespace(
        splits=splits, metrics=("rmse",), perturbations=(), conditions=(),
        recipe=SimpleNamespace(evaluation=SimpleNamespace(inside=inside)),
    )  # fmt: skip
    journal = SimpleNamespace(
        model_folder=lambda _: Path("model"), checkpoint=lambda *_: Path("checkpoint")
    )
    runner = CandidateRunner(plan, None, None, journal, None, None)
    tasks = [*runner._tasks(SimpleNamespace(name="mlp"))]
    assert [task.watches_layers for task in tasks] == [False, inside]
    assert [task.model_folder is not None for task in tasks] == [False, True]
