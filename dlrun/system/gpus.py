"""The names of the GPUs that a process may use, asked of NVIDIA's driver without TensorFlow."""

from __future__ import annotations

import ctypes
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from dlrun.system.cost import n_cores

LIBRARY: Final = "libnvidia-ml.so.1"  # of the driver
VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
LONGEST_NAME: Final = 96  # NVML_DEVICE_NAME_V2_BUFFER_SIZE


class Driver:
    """NVIDIA's management library (NVML), of which five functions are used.

    Raises:
        OSError: there is no driver, or it does not answer.
    """

    def __init__(self) -> None:
        self._library: Any = ctypes.CDLL(LIBRARY)
        self._call("nvmlInit_v2")

    def count(self) -> int:
        """Count the GPUs of the machine."""
        number = ctypes.c_uint()
        self._call("nvmlDeviceGetCount_v2", ctypes.byref(number))
        return number.value

    def name(self, place: int | str) -> str:
        """Return the name of the GPU with an index or a UUID."""
        device, text = ctypes.c_void_p(), ctypes.create_string_buffer(LONGEST_NAME)
        if isinstance(place, int):
            self._call("nvmlDeviceGetHandleByIndex_v2", place, ctypes.byref(device))
        else:
            self._call("nvmlDeviceGetHandleByUUID", place.encode(), ctypes.byref(device))
        self._call("nvmlDeviceGetName", device, text, LONGEST_NAME)
        return text.value.decode(errors="replace")

    def _call(self, function: str, *arguments: Any) -> None:
        if code := getattr(self._library, function)(*arguments):
            message = f"{function} of {LIBRARY}: error {code}"
            raise OSError(message)


def gpu_names() -> list[str]:
    """Return the names of the GPUs that CUDA_VISIBLE_DEVICES leaves; none without a driver."""
    try:
        driver = Driver()
        return [driver.name(place) for place in visible(os.environ.get(VISIBLE), driver.count())]
    except (OSError, AttributeError):  # an old driver lacks a function
        return []


def visible_gpus() -> list[str]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES leaves, as its entries; none without a driver."""
    try:
        return [str(each) for each in visible(os.environ.get(VISIBLE), Driver().count())]
    except (OSError, AttributeError):
        return []


def deal(gpus: Sequence[str], share: float, n_workers: int) -> list[str]:
    """Return CUDA_VISIBLE_DEVICES for as many workers as there are GPUs for.

    Args:
        gpus: entries of CUDA_VISIBLE_DEVICES.
        share: GPUs for each worker, or below 1 the share of one.
        n_workers: at most.

    >>> deal(["0", "1", "2"], 0.5, 4)
    ['0', '1', '2', '0']
    >>> deal(["0", "1", "2"], 2, 4)
    ['0,1']
    """
    if share < 1:
        return (list(gpus) * int(1 / share))[:n_workers]
    n_each = int(share)
    starts = range(0, len(gpus) - n_each + 1, n_each)
    return [",".join(gpus[start : start + n_each]) for start in starts][:n_workers]


def visible(setting: str | None, n_gpus: int) -> list[int | str]:
    """Return the indices and UUIDs that CUDA_VISIBLE_DEVICES leaves of the machine's GPUs.

    As in CUDA, all after the first entry that is not a GPU is ignored.

    >>> visible("1,-1,0", 2)
    [1]
    """
    if setting is None:
        return list(range(n_gpus))
    found: list[int | str] = []
    for entry in (each.strip() for each in setting.split(",")):
        if entry.startswith(("GPU-", "MIG-")):
            found.append(entry)
        elif entry.isdecimal() and int(entry) < n_gpus:
            found.append(int(entry))
        else:
            break
    return found


def describe_devices(names: Iterable[str]) -> str:
    """Return the devices in words: "2 × NVIDIA H200, 16 CPU cores", or "CPU only, 2 cores"."""
    counts = Counter(names)
    if not counts:
        return f"CPU only, {n_cores()} cores"
    gpus = [f"{n} × {name}" if n > 1 else name for name, n in counts.items()]
    return f"{', '.join(gpus)}, {n_cores()} CPU cores"
