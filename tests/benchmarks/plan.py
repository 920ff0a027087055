"""The plan of a study against the study itself: ratios of time and of memory, by recipe.

Run: python tests/benchmarks/plan.py [--cpu] RECIPE … [-- key=value …]

Each recipe is planned and then trained, each in a process and a store of its own. A ratio is
planned ÷ measured. On a machine that other work keeps busy, --cpu counts the CPU seconds of both.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CPU = "import time; time.perf_counter = time.process_time; "
RUN = "import sys; from dlrun.cli import main; sys.argv[0] = 'dlrun'; sys.exit(main())"
FACTOR = 1.5


def run(arguments: list[str], folder: Path, *, cpu: bool) -> tuple[str, float, float]:
    """Run dlrun; return its output, its wall or CPU seconds, and its peak memory in MB."""
    env = os.environ | {
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "DLRUN_CACHE_DIR": str(folder / "cache"),
    }
    command = [sys.executable, "-c", (CPU if cpu else "") + RUN, *arguments]
    started = time.perf_counter()
    with (folder / "output.txt").open("w+b") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL, env=env)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"dlrun {' '.join(arguments)} ended with code {process.returncode}")
        output.seek(0)
        text = output.read().decode()
    wall = time.perf_counter() - started
    return text, used.ru_utime + used.ru_stime if cpu else wall, used.ru_maxrss / 1024


def main() -> None:
    """Print a line for each recipe, then how many are within the factor."""
    given = sys.argv[1:]
    cpu = "--cpu" in given
    given = [each for each in given if each != "--cpu"]
    end = given.index("--") if "--" in given else len(given)
    recipes, overrides = given[:end], given[end + 1 :]
    times, memories = [], []
    for recipe in recipes:
        with tempfile.TemporaryDirectory() as folder:
            arguments = [recipe, *overrides]
            text, took, _ = run(["plan", *arguments, "--json"], Path(folder), cpu=cpu)
            planned = json.loads(text)
            _, seconds, memory = run(["train", *arguments, "--quiet"], Path(folder), cpu=cpu)
        times.append(planned["seconds"] / seconds)
        memories.append(planned["memory_mb"] / memory)
        print(
            f"{Path(recipe).stem:<20} planned {planned['seconds']:7.1f} s  measured {seconds:7.1f} "
            f"s  ratio {times[-1]:5.2f}  memory {memories[-1]:5.2f}  planning took {took:5.1f} s",
            flush=True,
        )
    near = sum(1 / FACTOR <= each <= FACTOR for each in times)
    print(f"time within a factor of {FACTOR}: {near} of {len(times)}")
    print(f"memory: lowest {min(memories):.2f}, median {statistics.median(memories):.2f}")


if __name__ == "__main__":
    main()
