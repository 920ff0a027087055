"""The devices that TensorFlow sees, and why they are used or not; for `dlrun doctor`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from dlrun.deep.backend import tf
from dlrun.deep.distributed.strategy import choose_precision, choose_strategy
from dlrun.deep.distributed.worker import VARIABLE, from_tf_config
from dlrun.errors import UsageError
from dlrun.system.cost import n_cores

DRIVER: Final = Path("/proc/driver/nvidia/version")


def describe_devices() -> list[str]:
    """Return lines: the devices, why the CPU is used if it is, and what `auto` takes of them."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    names = [found.get("device_name", "GPU") for found in details]
    lines = [f"GPU {name}" for name in names] or [f"CPU with {n_cores()} cores: {_why_no_gpu()}"]
    return [*lines, f"strategy auto: {_auto()} · precision auto: {choose_precision('auto')}"]


def _auto() -> str:
    """Say which strategy `auto` takes here, and why not another one."""
    try:
        worker = from_tf_config(os.environ)
    except UsageError as error:
        return str(error)
    if worker is not None and worker.n_workers > 1:
        return f"multi_worker, worker {worker.index} of {worker.n_workers} by {VARIABLE}"
    n_replicas = choose_strategy("auto").num_replicas_in_sync
    return f"mirrored over {n_replicas} GPUs" if n_replicas > 1 else "one device"


def _why_no_gpu() -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES is {visible!r}, which hides every GPU"
    if not DRIVER.exists():
        return "no NVIDIA driver is running on this machine"
    if not tf.test.is_built_with_cuda():
        return f"TensorFlow {tf.__version__} was built without CUDA"
    return "TensorFlow finds no CUDA libraries. Run: pip install 'dlrun[gpu]'"
