"""The pace of compiled steps: the seconds of one, measured on real rows."""

from __future__ import annotations

from math import inf
from time import perf_counter
from typing import Final

import numpy as np

from dlrun.deep.backend import tf
from dlrun.deep.training.device_data import DeviceDataset
from dlrun.deep.training.run import STEPS_PER_CALL
from dlrun.deep.training.steps import CompiledSteps

CALLS: Final = 4
CALL_SECONDS: Final = 0.1  # of a call, where its steps are short


def measure_pace(compiled: CompiledSteps, rows: DeviceDataset) -> float:
    """Measure the seconds of a step that trains on these rows, at a learning rate of zero.

    The first call compiles the steps and is not counted; of the others the fastest is.
    """
    n_rows = len(rows)
    order = tf.constant(np.tile(np.arange(n_rows, dtype=np.int32), STEPS_PER_CALL))
    edges = tf.constant(np.arange(STEPS_PER_CALL + 1, dtype=np.int32) * n_rows)
    counts, rates = tf.fill([STEPS_PER_CALL], n_rows), tf.zeros(STEPS_PER_CALL)
    zero = tf.zeros((), tf.float64)

    def call(n_steps: int) -> float:
        started = perf_counter()
        number = tf.constant(n_steps)
        batches = order, edges, counts, rates, number
        loss, _ = compiled.function((rows.inputs, rows.y), *batches, zero, zero)
        float(loss)  # waits for the device
        return (perf_counter() - started) / n_steps

    call(1)
    pace, n_steps = inf, 1
    for _ in range(CALLS):
        pace = min(pace, call(n_steps))
        n_steps = max(1, min(STEPS_PER_CALL, int(CALL_SECONDS / pace)))
    return pace
