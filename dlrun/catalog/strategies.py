"""Strategies: the devices that a network is trained on.

The strategy of tf.distribute is made by the module of `dlrun.deep.distributed.strategies` that has
the row's name.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEVICES: Final = Path("/dev")


def _no_fault() -> None:
    """Find none."""


@dataclass(frozen=True)
class Strategy:
    """A strategy that a recipe can name.

    Attributes:
        joins_workers: whether it trains over several processes.
        find_fault: returns why this machine cannot use it; None where it may.
    """

    name: str
    title: str
    joins_workers: bool = False
    find_fault: Callable[[], str | None] = _no_fault


def _no_tpu() -> str | None:
    devices = (*DEVICES.glob("accel*"), *DEVICES.glob("vfio/[0-9]*"))
    if devices or "TPU_NAME" in os.environ:
        return None
    return (
        "tpu, but there is none here: no device /dev/accel* or /dev/vfio/*, and the variable "
        "TPU_NAME is not set. Choose auto, or name the TPU in TPU_NAME"
    )


STRATEGIES: Final = {
    row.name: row
    for row in (
        Strategy("auto", "all workers, else all GPUs of the machine, else one device", True),
        Strategy("one_device", "one GPU, or the CPU"),
        Strategy("mirrored", "all GPUs of the machine"),
        Strategy("multi_worker", "several processes, on one machine or several", True),
        Strategy("tpu", "all cores of a TPU (experimental)", find_fault=_no_tpu),
    )
}
