"""The memory and the energy of the GPUs during a training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dlrun.deep.backend import tf
from dlrun.system.cost import MB, record_gpus
from dlrun.system.gpus import energy_joules

JOULES: Final = 3600  # of a watt-hour


@contextmanager
def measure_gpus() -> Iterator[None]:
    """Count the GPUs' peak memory and energy within in what `dlrun.system.cost.measure` measures.

    Nothing is counted where TensorFlow has no GPU.
    """
    names = [gpu.name.rpartition("device:")[2] for gpu in tf.config.list_logical_devices("GPU")]
    for name in names:
        tf.config.experimental.reset_memory_stats(name)
    before = energy_joules() if names else None
    try:
        yield
    finally:
        if names:
            peaks = [tf.config.experimental.get_memory_info(name)["peak"] for name in names]
            after = energy_joules()
            joules = None if before is None or after is None else after - before
            record_gpus(sum(peaks) / MB, None if joules is None else joules / JOULES)
