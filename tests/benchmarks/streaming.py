"""Memory and speed of a table larger than memory: 20 million rows, streamed while a network trains.

    python tests/benchmarks/streaming.py [ROWS] [ROWS_BOTH_WAYS]

It writes a Parquet file of ten numbers and two categories, a row group at a time, and trains an mlp
on it for an epoch with `data.stream`, watching the memory of the process. Then the same network
trains on fewer rows, streamed and held in memory, and the rows per second are compared. It exits 1
where the peak is above 2 GB, the profile is not flat, or streaming is slower than 0.7 × memory.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet

ROOT = Path(__file__).parents[2]
ROWS, ROWS_BOTH_WAYS, RUNS = 20_000_000, 2_000_000, 3
GROUP_ROWS = 131_072
PEAK_MB, GROWTH, SPEED = 2048, 1.15, 0.7
RECIPE = """\
name: streaming
data: {{source: {file}, target: late, stream: {stream}, split: {{validation: 0.02}}}}
model: {{architecture: mlp}}
training: {{epochs: {epochs}, early_stopping: false}}
baselines: [naive_bayes]
evaluation: {{folds: 1}}
"""
TRAIN = """\
import sys, time
from dlrun.contract.candidate import FitContext
from dlrun.recipe.load import load_recipe
from pathlib import Path
from dlrun.study.plan import prepare
from dlrun.system.cost import pin_threads

pin_threads()
began = time.perf_counter()
plan = prepare(load_recipe(Path(sys.argv[1])))
print(f"prepared {time.perf_counter() - began:.1f}", flush=True)
split, data = plan.splits.splits[0], plan.dataset
train, validation = data.take(split.train), data.take(split.validation)
rows = data.stream.sizes[0] if data.stream else len(train)
for candidate in plan.candidates:
    began = time.perf_counter()
    print(f"start {candidate.name}", flush=True)
    used = [time.process_time()]
    def say(epoch):
        used.append(time.process_time())
        print(f"epoch {epoch.number} {rows / epoch.seconds:.0f}", flush=True)
        print(f"cpu {epoch.number} {1e6 * (used[-1] - used[-2]) / rows:.3f}", flush=True)
        return True
    candidate.fit(train, validation, FitContext(0, say))
    print(f"fitted {candidate.name} {time.perf_counter() - began:.1f}", flush=True)
"""


@dataclass
class Run:
    """What was seen of a process.

    Attributes:
        told: its lines, each with the second at which it came.
        memory: seconds and MB of its resident memory.
    """

    told: list[tuple[float, str]] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)

    def at(self, start: str) -> float:
        """Return the second of the first line that starts so."""
        return next(second for second, line in self.told if line.startswith(start))

    def value(self, start: str) -> float:
        """Return the number at the end of the last line that starts so."""
        return float([line for _, line in self.told if line.startswith(start)][-1].split()[-1])

    def peak_between(self, begin: float, end: float) -> float:
        """Return the most memory within some seconds."""
        return max((mb for second, mb in self.memory if begin <= second <= end), default=0.0)


def write_table(path: Path, n_rows: int) -> None:
    """Write a table whose target follows some of its columns, never all in memory."""
    rng = np.random.default_rng(0)
    writer = None
    for start in range(0, n_rows, GROUP_ROWS):
        n = min(GROUP_ROWS, n_rows - start)
        columns = {f"x{i}": rng.normal(size=n).astype(np.float32) for i in range(10)}
        town, carrier = rng.integers(0, 40, n), rng.integers(0, 12, n)
        score = columns["x0"] + columns["x1"] * columns["x2"] + (town % 5 == 0) - (carrier == 3)
        late = np.where(score + rng.normal(size=n) > 0, "yes", "no")
        words = {"town": [f"town {i}" for i in town], "carrier": [f"c{i}" for i in carrier]}
        table = pa.table({**columns, **words, "late": late})
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def train(folder: Path, file: Path, *, stream: bool, epochs: int) -> Run:
    """Train in a process of its own, and watch it."""
    recipe, script = folder / "recipe.yaml", folder / "train.py"
    text = RECIPE.format(file=file, stream=str(stream).lower(), epochs=epochs)
    recipe.write_text(text, encoding="utf-8")
    script.write_text(TRAIN, encoding="utf-8")
    return watch([sys.executable, str(script), str(recipe)], folder)


def watch(command: list[str], folder: Path, **environment: str) -> Run:
    """Run a command in a process of its own, and watch its lines and its memory."""
    log, run, began = folder / "log.txt", Run(), time.perf_counter()
    with log.open("w") as out:
        process = psutil.Popen(
            command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )  # fmt: skip
        while process.poll() is None:
            second = time.perf_counter() - began
            run.memory.append((second, process.memory_info().rss / 2**20))
            lines = log.read_text().splitlines()
            run.told += [(second, line) for line in lines[len(run.told) :]]
            time.sleep(0.25)
    lines = log.read_text().splitlines()
    run.told += [(time.perf_counter() - began, line) for line in lines[len(run.told) :]]
    if process.returncode:
        sys.exit(f"training failed:\n{log.read_text()[-4000:]}")
    return run


def report_memory(run: Run) -> bool:
    """Print the memory along the training of the network; say whether it stays low and flat."""
    begin, end = run.at("start mlp"), run.at("epoch 1")
    cuts = np.linspace(begin, end, 5)
    quarters = [run.peak_between(a, b) for a, b in pairwise(cuts)]
    peak = run.peak_between(0, np.inf)
    shown = ", ".join(f"{mb:,.0f}" for mb in quarters)
    first = run.peak_between(0, run.at("prepared"))
    print(f"first pass {run.value('prepared'):.0f} s, up to {first:,.0f} MB")
    print(f"naive_bayes in parts {run.value('fitted naive_bayes'):.0f} s")
    print(f"mlp, peaks of the quarters of its epoch: {shown} MB; {run.value('epoch'):,.0f} rows/s")
    print(f"peak of all: {peak:,.0f} MB (limit {PEAK_MB:,})", flush=True)
    return peak <= PEAK_MB and quarters[-1] <= GROWTH * quarters[1]


def compare_speed(folder: Path, file: Path) -> float:
    """Train on the same rows from disk and from memory in turn; return the ratio of the speeds."""
    runs = [
        {stream: train(folder, file, stream=stream, epochs=3) for stream in (False, True)}
        for _ in range(RUNS)
    ]
    held, streamed = (
        {
            what: statistics.median(run[stream].value(what) for run in runs)
            for what in ("epoch", "cpu")
        }
        for stream in (False, True)
    )
    ratio = streamed["epoch"] / held["epoch"]
    print(
        f"median of {RUNS}: {streamed['epoch']:,.0f} rows/s streamed, {held['epoch']:,.0f} in "
        f"memory, {ratio:.2f} × (limit {SPEED}); CPU per row {streamed['cpu']:.2f} µs streamed, "
        f"{held['cpu']:.2f} in memory",
        flush=True,
    )
    return ratio


def main(n_rows: int = ROWS, n_both: int = ROWS_BOTH_WAYS) -> int:
    """Run the benchmark."""
    with TemporaryDirectory(prefix="dlrun-streaming-") as scratch:
        folder = Path(scratch)
        large, small = folder / "large.parquet", folder / "small.parquet"
        write_table(large, n_rows)
        print(f"{n_rows:,} rows, {large.stat().st_size / 2**20:,.0f} MB of Parquet", flush=True)
        is_flat = report_memory(train(folder, large, stream=True, epochs=1))
        write_table(small, n_both)
        print(f"{n_both:,} rows both ways")
        ratio = compare_speed(folder, small)
    return 0 if is_flat and ratio >= SPEED else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
