"""The precision of a training: mixed where that was measured to be faster on this GPU.

Half precision makes large products of matrices faster, but the casts between are operations of
their own: a dense network of two layers of 256 took 1.25 times as long with bfloat16 on an H200.
So a few steps of both are timed before the training, unless it is too short for that to pay.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from math import inf, isinf
from pathlib import Path
from time import perf_counter
from typing import Final

from dlrun.deep.backend import keras, tf
from dlrun.recipe.training import Training
from dlrun.system.files import atomic_write

FULL: Final = "float32"
BFLOAT16: Final = "mixed_bfloat16"
FLOAT16: Final = "mixed_float16"
POLICIES: Final = (FULL, BFLOAT16, FLOAT16)
BFLOAT16_FROM: Final = (8, 0)  # compute capability of Ampere
FLOAT16_FROM: Final = (7, 0)  # of Volta
SAVING: Final = 0.5  # of the seconds of a step, that mixed precision may bring
NOISE: Final = 0.05  # of the seconds of a step; a gain below it is none
FILE: Final = "precision"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StepTime:
    """What was measured of a training in one precision.

    Attributes:
        seconds: of a step; infinite where the device cannot run it.
        cost: seconds that it took to build, compile and time the steps.
    """

    seconds: float
    cost: float


Measure = Callable[[str], float]
"""A dtype policy → seconds of a step under it."""

_measured: dict[Hashable, dict[str, StepTime]] = {}


def mixed_policy() -> str | None:
    """Return the mixed precision that all GPUs are fast at; None where there is none."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    weakest = min((each.get("compute_capability", (0, 0)) for each in details), default=(0, 0))
    if weakest >= BFLOAT16_FROM:
        return BFLOAT16
    return FLOAT16 if weakest >= FLOAT16_FROM else None


def choose_precision(
    training: Training, measure: Measure, n_steps: int, key: Hashable, folder: Path | None
) -> str:
    """Return the Keras dtype policy of a training.

    Args:
        training: the recipe's section.
        measure: measures the pace of its steps.
        n_steps: to come.
        key: of trainings whose steps take as long.
        folder: of its checkpoint; when it is resumed it has the precision that it began with.
    """
    if training.precision != "auto":
        return training.precision
    mixed = mixed_policy()
    begun = _read(folder)
    if begun or mixed is None:
        return begun or FULL
    if training.deterministic:
        log.info("precision: float32, as a clock would decide, and training.deterministic is set")
        return FULL
    policy = _measure_both(_measured.setdefault(key, {}), mixed, partial(_time, measure), n_steps)
    _keep(folder, policy)
    return policy


def _measure_both(
    times: dict[str, StepTime], mixed: str, time: Callable[[str], StepTime], n_steps: int
) -> str:
    """Return the faster precision; measure what is not known yet and is worth it."""
    full = times.get(FULL) or times.setdefault(FULL, time(FULL))
    if mixed not in times and not pays(full, n_steps):
        log.info("precision: float32, as %d steps are too few to measure another", n_steps)
        return FULL
    other = times.get(mixed) or times.setdefault(mixed, time(mixed))
    policy = mixed if is_faster(other, full) else FULL
    paces = 1000 * full.seconds, 1000 * other.seconds
    log.info("precision: %s; a step takes %.3g ms in float32, %.3g ms in %s", policy, *paces, mixed)
    return policy


def pays(full: StepTime, n_steps: int) -> bool:
    """Say whether mixed precision could save more than it costs to measure it."""
    return isinf(full.seconds) or n_steps * full.seconds * SAVING > full.cost


def is_faster(mixed: StepTime, full: StepTime) -> bool:
    """Say whether steps in mixed precision are faster by more than noise."""
    return mixed.seconds < full.seconds * (1 - NOISE)


def _time(measure: Measure, policy: str) -> StepTime:
    started = perf_counter()
    try:
        seconds = measure(policy)
    except tf.errors.OpError:  # such as a lack of memory; the training itself says so
        seconds = inf
    gc.collect()  # parts of the network refer to each other
    return StepTime(seconds, perf_counter() - started)


def _read(folder: Path | None) -> str:
    """Return the precision that a training began with; nothing where it has not begun."""
    try:
        policy = (folder / FILE).read_text(encoding="utf-8") if folder else ""
    except OSError:
        return ""
    return policy if policy in POLICIES else ""


def _keep(folder: Path | None, policy: str) -> None:
    if folder:
        with suppress(OSError):  # a full disk costs the checkpoint, not the training
            atomic_write(folder / FILE, lambda file: file.write(policy.encode()))


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Build layers under a Keras dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
