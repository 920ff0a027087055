"""Seconds, CPU seconds, start-up, peak memory, latency and size, on a fixed number of threads."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    import pandas as pd

Prepare = Callable[["pd.DataFrame"], Callable[[], object]]

MB: Final = 2**20
THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
)  # fmt: skip
OWN_CHOICE: Final = "DLRUN_CHOSE_THREADS"  # is set where the first of these is not the user's
PROCESS_STATUS: Final = Path("/proc/self/status")
CGROUP_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
LATENCY_BUDGET_SECONDS: Final = 0.25  # per batch size
LATENCY_MAX_CALLS: Final = 30
LONG_CALL_SECONDS: Final = 2.0  # a call that takes longer is not repeated
BUSY_SHARE: Final = 0.8  # of one core; a process that gets less competes with others


@dataclass(frozen=True)
class Duration:
    """Wall seconds and CPU seconds."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass
class ResourceUsage:
    """The cost of the code within `measure`; set when it ends.

    Attributes:
        wall_seconds: without those of start-up, as `cpu_seconds`.
        startup_seconds: wall seconds of the code within `startup`.
        startup_cpu_seconds: its CPU seconds.
        gpu_peak_memory_mb: of all GPUs together; None where none is used, as `gpu_energy_wh`.
        gpu_energy_wh: of these GPUs, other programs on them included; None if not measured.
        charged: what other code has taken that `charge` counts as if it were within.
    """

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    startup_seconds: float = 0.0
    startup_cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    gpu_peak_memory_mb: float | None = None
    gpu_energy_wh: float | None = None
    charged: dict[bytes, Duration] = field(default_factory=dict)


_measured: ContextVar[ResourceUsage | None] = ContextVar("_measured", default=None)


@contextmanager
def measure() -> Iterator[ResourceUsage]:
    """Measure wall seconds, CPU seconds and peak memory of the code within.

    CPU seconds are those of this process and its children. Peak memory is that of this process,
    with its libraries and data; Linux can reset it, elsewhere it is the peak since the start.
    """
    usage = ResourceUsage()
    token = _measured.set(usage)
    _reset_peak_memory()
    wall, cpu = time.perf_counter(), _cpu_seconds()
    try:
        yield usage
    finally:
        usage.wall_seconds = time.perf_counter() - wall - usage.startup_seconds
        usage.cpu_seconds = max(0.0, _cpu_seconds() - cpu - usage.startup_cpu_seconds)
        usage.wall_seconds += sum(each.wall_seconds for each in usage.charged.values())
        usage.cpu_seconds += sum(each.cpu_seconds for each in usage.charged.values())
        usage.peak_memory_mb = _peak_memory_mb()
        _measured.reset(token)


@contextmanager
def startup() -> Iterator[None]:
    """Count the code within as start-up of the training that is measured, not as training.

    Importing a library and compiling a network take seconds whatever the number of rows.
    """
    usage = _measured.get()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        if usage is not None:
            usage.startup_seconds += time.perf_counter() - wall
            usage.startup_cpu_seconds += time.process_time() - cpu


def charge(costs: Mapping[bytes, Duration]) -> None:
    """Count work that was done before in what is measured, as if it were done now.

    Args:
        costs: key of a piece of work → what it took; each is counted once in a measurement.
    """
    usage = _measured.get()
    if usage is not None:
        usage.charged = {**costs, **usage.charged}


def record_gpus(peak_memory_mb: float, energy_wh: float | None) -> None:
    """Count the work of GPUs in what is measured."""
    usage = _measured.get()
    if usage is not None:
        usage.gpu_peak_memory_mb = max(peak_memory_mb, usage.gpu_peak_memory_mb or 0.0)
        if energy_wh is not None:
            usage.gpu_energy_wh = energy_wh + (usage.gpu_energy_wh or 0.0)


@contextmanager
def recorded(key: bytes) -> Iterator[dict[bytes, Duration]]:
    """Record what the code within costs, to `charge` it where its result is used again.

    Args:
        key: of the piece of work.

    Yields:
        The costs, which are there once the code has ended: its own, and what it was charged.
    """
    usage, costs = _measured.get(), dict[bytes, Duration]()
    before = set(usage.charged) if usage else set()
    wall, cpu = time.perf_counter(), _cpu_seconds()
    yield costs
    costs[key] = Duration(time.perf_counter() - wall, max(0.0, _cpu_seconds() - cpu))
    if usage:
        costs |= {own: took for own, took in usage.charged.items() if own not in before}
    charge({key: Duration()})  # it is measured as it is


def _cpu_seconds() -> float:
    # A child's time moves to its parent when it ends, so the sum never falls.
    total = time.process_time() + sum(os.times()[2:4])
    for child in psutil.Process().children(recursive=True):
        try:
            total += sum(child.cpu_times()[:4])
        except psutil.Error:  # ended since it was listed
            continue
    return total


def _reset_peak_memory() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:  # not Linux, or /proc is read-only
        return


def _peak_memory_mb() -> float:
    lines = PROCESS_STATUS.read_text(encoding="utf-8") if PROCESS_STATUS.exists() else ""
    for line in lines.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / MB
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (MB if sys.platform == "darwin" else 1024)


def resident_mb() -> float:
    """Return the memory that this process has now, MB."""
    rss: int = psutil.Process().memory_info().rss
    return rss / MB


def latency(prepare: Prepare, frame: pd.DataFrame) -> tuple[float | None, float | None]:
    """Measure the median milliseconds of predicting 1 row and 1,000 rows, after a warm-up.

    The load average still includes the training that has just ended, so it is of no use. Where
    the process got less than 0.8 of one core, it competed with others: the result is None.

    Args:
        prepare: called with typed rows, returns a function that predicts them.
        frame: (rows, columns) typed columns, repeated when there are fewer than 1,000.
    """
    thousand = frame.iloc[[row % len(frame) for row in range(1000)]].reset_index(drop=True)
    return _median_ms(prepare(frame.iloc[:1])), _median_ms(prepare(thousand))


def _median_ms(predict: Callable[[], object]) -> float | None:
    seconds, share = _time_calls(predict, most=1)
    if seconds[0] <= LONG_CALL_SECONDS:  # else a warm-up hardly counts
        seconds, share = _time_calls(predict, most=LATENCY_MAX_CALLS)
    return statistics.median(seconds) * 1000 if share >= BUSY_SHARE else None


def _time_calls(predict: Callable[[], object], most: int) -> tuple[list[float], float]:
    """Return the seconds of each call, and how much of one core the process got meanwhile."""
    seconds: list[float] = []
    wall, cpu = time.perf_counter(), time.process_time()
    while sum(seconds) < LATENCY_BUDGET_SECONDS and len(seconds) < most:
        start = time.perf_counter()
        predict()
        seconds.append(time.perf_counter() - start)
    return seconds, (time.process_time() - cpu) / (time.perf_counter() - wall)


def folder_mb(folder: Path) -> float:
    """Return the size of all files below a folder, MB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / MB


def n_cores() -> int:
    """Return the cores that this process may use, by its affinity and its container's quota."""
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    try:
        quota, period = CGROUP_QUOTA.read_text(encoding="ascii").split()
    except OSError:  # not Linux, or no control group
        return cores
    return cores if quota == "max" else max(1, min(cores, round(int(quota) / int(period))))


def user_threads() -> int | None:
    """Return the number of threads that the user sets, OMP_NUM_THREADS; None without one."""
    wanted = os.environ.get(THREAD_VARIABLES[0], "").partition(",")[0].strip()
    if OWN_CHOICE in os.environ or not wanted.isdecimal():
        return None
    return int(wanted) or None


def n_threads(n_workers: int = 1) -> int:
    """Return the threads of a trial's libraries: as the user sets, else a share of the cores."""
    return user_threads() or max(1, n_cores() // n_workers)


def pin_threads() -> None:
    """Set the number of threads of the numeric libraries, before they are imported.

    Variables that the user has set are kept. Waiting threads spin briefly before they sleep:
    boosting on 7,000 rows with 2 threads took 0.5 s, against 3.0 s where threads slept at once
    (OMP_WAIT_POLICY=PASSIVE); on a loaded machine 2.8 s, against 3.8 s with libgomp's default.
    """
    threads = str(n_threads())
    if user_threads() is None:
        os.environ[OWN_CHOICE] = "1"
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, threads)
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Limit loaded libraries, and joblib, to this many threads within."""
    import joblib

    with threadpool_limits(threads), joblib.parallel_config("threading", n_jobs=threads):
        yield
