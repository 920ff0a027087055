"""The GPUs that a process may use, and their energy, asked of NVIDIA's driver itself."""

from __future__ import annotations

import ctypes
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from dlrun.system.cost import n_cores

LIBRARY: Final = "libnvidia-ml.so.1"  # of the driver
VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
LONGEST_NAME: Final = 96  # NVML_DEVICE_NAME_V2_BUFFER_SIZE
LISTED: Final = Path("/proc/driver/nvidia/gpus")  # a folder for each GPU, by its PCI address
NODES: Final = Path("/dev")
ANY_GPU: Final = "NVIDIA GPU"


class Driver(Protocol):
    """What names the GPUs of the machine, in the order of their PCI addresses.

    Its methods raise an OSError where there is no driver, or it does not answer.
    """

    def count(self) -> int:
        """Count the GPUs of the machine."""

    def name(self, place: int | str) -> str:
        """Return the name of the GPU with an index or a UUID."""


class _Memory(ctypes.Structure):
    """NVML's nvmlMemory_t, in bytes."""

    _fields_ = tuple((name, ctypes.c_ulonglong) for name in ("total", "free", "used"))


class Nvml:
    """NVIDIA's management library, of which seven functions are used.

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
        text = ctypes.create_string_buffer(LONGEST_NAME)
        self._call("nvmlDeviceGetName", self._handle(place), text, LONGEST_NAME)
        return text.value.decode(errors="replace")

    def energy(self, place: int | str) -> float:
        """Return the joules that a GPU has used since the driver was loaded; from Volta on."""
        millijoules = ctypes.c_ulonglong()
        handle, result = self._handle(place), ctypes.byref(millijoules)
        self._call("nvmlDeviceGetTotalEnergyConsumption", handle, result)
        return millijoules.value / 1000

    def free_bytes(self, place: int | str) -> int:
        """Return the memory of a GPU that no program uses."""
        memory = _Memory()
        self._call("nvmlDeviceGetMemoryInfo", self._handle(place), ctypes.byref(memory))
        return int(memory.free)

    def _handle(self, place: int | str) -> ctypes.c_void_p:
        device = ctypes.c_void_p()
        if isinstance(place, int):
            self._call("nvmlDeviceGetHandleByIndex_v2", place, ctypes.byref(device))
        else:
            self._call("nvmlDeviceGetHandleByUUID", place.encode(), ctypes.byref(device))
        return device

    def _call(self, function: str, *arguments: Any) -> None:
        if code := getattr(self._library, function)(*arguments):
            message = f"{function} of {LIBRARY}: error {code}"
            raise OSError(message)


class DriverFiles:
    """The files of the driver, where a container has its devices but not its library."""

    def __init__(self) -> None:
        paths = sorted(LISTED.glob("*/information"))
        self._gpus = [_read_fields(path) for path in paths]
        # Some sandboxes have no such folder either, but always the nodes nvidia0, nvidia1, …
        self._gpus = self._gpus or [{} for _ in NODES.glob("nvidia[0-9]*")]

    def count(self) -> int:
        """Count the GPUs of the machine."""
        return len(self._gpus)

    def name(self, place: int | str) -> str:
        """Return the name of the GPU with an index or a UUID, as far as the files have it."""
        if isinstance(place, int):
            return self._gpus[place].get("Model", ANY_GPU)
        for each in self._gpus:
            if each.get("GPU UUID", "").startswith(place):
                return each.get("Model", ANY_GPU)
        message = f"{LISTED}: no GPU {place}"
        raise OSError(message)


def _read_fields(path: Path) -> dict[str, str]:
    """Read lines such as `Model: NVIDIA H200`."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs if value.strip()}


def gpu_names() -> list[str]:
    """Return the names of the GPUs that CUDA_VISIBLE_DEVICES leaves; none without a driver."""
    for make in (Nvml, DriverFiles):
        try:
            driver: Driver = make()
            return [driver.name(place) for place in _visible(driver)]
        except (OSError, AttributeError):  # an old driver lacks a function
            continue
    return []


def visible_gpus() -> list[str]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES leaves, as its entries; none without a driver."""
    for make in (Nvml, DriverFiles):
        try:
            return [str(each) for each in _visible(make())]
        except (OSError, AttributeError):
            continue
    return []


def energy_joules() -> float | None:
    """Return what the GPUs that CUDA_VISIBLE_DEVICES leaves have used since some fixed time.

    None where there are none, or the driver does not measure it.
    """
    try:
        driver = Nvml()
        used = [driver.energy(place) for place in _visible(driver)]
    except (OSError, AttributeError):
        return None
    return sum(used) if used else None


def free_gpu_bytes() -> int | None:
    """Return the free memory of the fullest GPU that CUDA_VISIBLE_DEVICES leaves.

    None where there are none, or the driver does not tell.
    """
    try:
        driver = Nvml()
        return min((driver.free_bytes(place) for place in _visible(driver)), default=None)
    except (OSError, AttributeError):
        return None


def _visible(driver: Driver) -> list[int | str]:
    return visible(os.environ.get(VISIBLE), driver.count())


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
