"""Every row of the catalog that names a part of the deep room has it."""

from __future__ import annotations

import pytest

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.losses import LOSSES
from dlrun.catalog.parts import load_part
from dlrun.catalog.strategies import STRATEGIES
from dlrun.catalog.tasks import TASKS


@pytest.mark.parametrize("task", TASKS)
def test_a_task_has_heads_that_import_without_tensorflow(task):
    part = load_part("dlrun.deep.heads", task)
    assert all(callable(getattr(part, name)) for name in ("check", "choose_head", "to_predictions"))


@pytest.mark.tf
@pytest.mark.parametrize("kind", COLUMN_KINDS)
def test_a_kind_of_columns_has_inputs(kind):
    part = load_part("dlrun.deep.inputs", kind)
    assert callable(part.fit)
    assert callable(part.make_reader)


@pytest.mark.tf
def test_a_strategy_has_a_function():
    from dlrun.deep.distributed import strategies

    assert all(callable(getattr(strategies, name)) for name in STRATEGIES)


@pytest.mark.tf
def test_a_loss_is_one_of_keras_or_has_a_function():
    from dlrun.deep.backend import keras
    from dlrun.deep.heads.regression import OWN_LOSSES

    assert {name for name in LOSSES if not hasattr(keras.losses, name)} == {*OWN_LOSSES}
