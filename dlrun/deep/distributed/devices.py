"""The devices that networks are trained on, and why they are used or not; for `dlrun doctor`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dlrun.deep.distributed.worker import VARIABLE, from_tf_config
from dlrun.errors import UsageError
from dlrun.system.cost import n_cores
from dlrun.system.gpus import VISIBLE, gpu_names

GB: Final = 2**30
DRIVER: Final = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class DeviceReport:
    """The devices of this machine, and what networks do on them.

    Attributes:
        devices: a line for each, and why there is no GPU.
        auto: key of a recipe, or what is done → what `auto` chooses.
    """

    devices: list[str]
    auto: dict[str, str]


def describe_devices() -> DeviceReport:
    """Return the devices, why the CPU is used if it is, and what `auto` takes of them.

    TensorFlow, which takes seconds, is asked only where it may find a GPU.
    """
    reason = _why_no_gpu() or why_idle()
    if reason:
        return DeviceReport(
            [f"CPU with {n_cores()} cores: {reason}"],
            {
                "strategy": _joined() or "one device",
                "precision": "float32",
                "compile": "with XLA in long trainings of narrow GRU layers",
                "evaluation": "as many rows at once as its caches are sure to take",
            },
        )
    from dlrun.deep.backend import tf
    from dlrun.deep.distributed.strategy import choose_strategy
    from dlrun.deep.precision import FULL, mixed_policy
    from dlrun.deep.training.device_memory import budget_bytes

    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    n_replicas, mixed = choose_strategy("auto").num_replicas_in_sync, mixed_policy()
    mirrored = f"mirrored over {n_replicas} GPUs" if n_replicas > 1 else "one device"
    return DeviceReport(
        [f"GPU {found.get('device_name', '')}".rstrip() for found in details],
        {
            "strategy": _joined() or mirrored,
            "precision": f"float32 or {mixed}, in which steps are timed first" if mixed else FULL,
            "compile": "with XLA where its steps are measured to save more than it costs",
            "evaluation": f"as many rows at once as {budget_bytes() / GB:.1f} GB are sure to take",
        },
    )


def _joined() -> str:
    """Say which worker this process is among several, or why it cannot be told; else nothing."""
    try:
        worker = from_tf_config(os.environ)
    except UsageError as error:
        return str(error)
    if worker is not None and worker.n_workers > 1:
        return f"multi_worker, worker {worker.index} of {worker.n_workers} by {VARIABLE}"
    return ""


def _why_no_gpu() -> str:
    """Return why no program finds a GPU here; empty where one may."""
    hidden = os.environ.get(VISIBLE)
    if hidden is not None and hidden.strip() in ("", "-1"):
        return f"{VISIBLE} is {hidden!r}, which hides every GPU"
    return "" if DRIVER.exists() or gpu_names() else "no NVIDIA driver is running on this machine"


def why_idle() -> str:
    """Return why TensorFlow does not find the GPU that there is; empty where it does."""
    from dlrun.deep.backend import tf

    if tf.config.list_physical_devices("GPU"):
        return ""
    if not tf.test.is_built_with_cuda():
        return f"TensorFlow {tf.__version__} was built without CUDA"
    return "TensorFlow finds no CUDA libraries. Run: pip install 'dlrun[gpu]'"
