"""Whole processes measured: CPU seconds and peak memory, and their ratios to a script by hand."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

RUNS = 3


@dataclass(frozen=True)
class Usage:
    """Medians over the runs of one command."""

    cpu_seconds: float
    peak_memory_mb: float


def measure(command: list[str], folder: Path, *, succeeds: bool = True, runs: int = RUNS) -> Usage:
    """Run a command several times and take the medians.

    Args:
        command: the command and its arguments.
        folder: where it runs.
        succeeds: whether it must exit 0.
        runs: how many times.
    """
    usages = [_once(command, folder, succeeds=succeeds) for _ in range(runs)]
    return Usage(
        statistics.median(usage.cpu_seconds for usage in usages),
        statistics.median(usage.peak_memory_mb for usage in usages),
    )


def _once(command: list[str], folder: Path, *, succeeds: bool) -> Usage:
    with (folder / "output.txt").open("ab") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if succeeds and process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{(folder / 'output.txt').read_text()[-4000:]}")
    return Usage(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def report(name: str, ours: Usage, theirs: Usage, limit: float) -> bool:
    """Print one line of ratios; say whether the CPU ratio keeps its limit."""
    cpu = ours.cpu_seconds / theirs.cpu_seconds
    memory = ours.peak_memory_mb / theirs.peak_memory_mb
    held = cpu <= limit
    print(
        f"{name:<34} CPU {ours.cpu_seconds:7.2f} s against {theirs.cpu_seconds:7.2f} s  "
        f"= {cpu:5.2f} × (limit {limit:.2f})  memory {memory:5.2f} ×  "
        f"{'ok' if held else 'TOO SLOW'}",
        flush=True,
    )
    return held
