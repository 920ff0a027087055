"""The devices that networks are trained on, and why they are used or not; for `dlrun doctor`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from dlrun.deep.distributed.worker import VARIABLE, from_tf_config
from dlrun.errors import UsageError
from dlrun.system.cost import n_cores
from dlrun.system.gpus import VISIBLE, gpu_names

DRIVER: Final = Path("/proc/driver/nvidia/version")


def describe_devices() -> list[str]:
    """Return lines: the devices, why the CPU is used if it is, and what `auto` takes of them.

    TensorFlow, which takes seconds, is asked only where it may find a GPU.
    """
    reason = _why_no_gpu()
    if reason:
        return _lines([], reason, "one device", "float32")
    from dlrun.deep.backend import tf
    from dlrun.deep.distributed.strategy import choose_strategy
    from dlrun.deep.precision import FULL, mixed_policy

    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    names = [found.get("device_name", "GPU") for found in details]
    n_replicas = choose_strategy("auto").num_replicas_in_sync
    strategy = f"mirrored over {n_replicas} GPUs" if n_replicas > 1 else "one device"
    mixed = mixed_policy()
    precision = f"{FULL} or {mixed}, whichever steps are faster in" if mixed else FULL
    return _lines(names, why_idle(), strategy, precision)


def _lines(gpus: list[str], reason: str, strategy: str, precision: str) -> list[str]:
    lines = [f"GPU {name}" for name in gpus] or [f"CPU with {n_cores()} cores: {reason}"]
    return [*lines, f"strategy auto: {_joined() or strategy} · precision auto: {precision}"]


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
