"""dlrun on a GPU against Keras' `fit` of the same network: seconds per epoch, and in all.

    python tests/benchmarks/gpu.py [NETWORK …] [--scale 1.0] [--epochs 6]

Each training has a process of its own, one after the other on a quiet machine. `fit` runs as it
comes, with `jit_compile`, and with 32 steps per execution as well. The script exits 1 where dlrun
misses a goal: so many times as fast per epoch as `fit` as it comes, and no slower in total from
three epochs on. On a CPU, where `--scale 0.01` is enough, goals are printed and not judged.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from dlrun.system.gpus import describe_devices, gpu_names

HERE = Path(__file__).parent / "by_hand"
WAYS = {"plain": "fit", "xla": "fit, XLA", "steps": "fit, XLA, 32 steps"}
LIMIT_SECONDS = 900  # of one training
FEWEST_EPOCHS = 3  # in which dlrun must not be slower in total
RECIPE = """\
data: {{source: {network}.npz}}
model: {{architecture: "nets:{network}"}}
training:
  epochs: {epochs}
  batch_size: {batch_size}
  precision: {precision}
  early_stopping: false
baselines: none
evaluation: {{folds: 1}}
"""


@dataclass(frozen=True)
class Case:
    """A network of `nets.py` and its rows, of which 70 % are trained on and 10 % validate.

    Attributes:
        kind: of the column.
        shape: rows × numbers, rows × channels × steps, or rows × height × width × channels.
        goal: how many times as fast as `fit` an epoch must be.
    """

    network: str
    kind: str
    shape: tuple[int, ...]
    batch_size: int
    goal: float = 1.5
    precision: str = "float32"


CASES = {
    case.network: case
    for case in (
        Case("dense", "number", (300_000, 50), 512, goal=2.5),
        Case("recurrent", "series", (40_000, 4, 96), 256),
        Case("convolutions", "image", (50_000, 32, 32, 3), 512),
        Case("attention", "series", (40_000, 1, 96), 256, precision="mixed_bfloat16"),
    )
}


@dataclass(frozen=True)
class Timing:
    """A training.

    Attributes:
        ends: seconds from its start to the end of each epoch.
    """

    ends: tuple[float, ...]

    @property
    def steady(self) -> float:
        """Return the seconds of an epoch when nothing is compiled any more: the fastest."""
        return min(np.diff(self.ends[1:]))

    def total(self, n_epochs: int) -> float:
        """Return the seconds of the first epochs, all that is compiled included."""
        return self.ends[n_epochs - 1]


def main() -> None:
    """Run the networks that are named, or all, and exit 1 if a goal is missed on a GPU."""
    parser = ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("networks", nargs="*", default=list(CASES), metavar="NETWORK")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the rows")
    parser.add_argument("--epochs", type=int, default=6, help="3 at least")
    options = parser.parse_args()
    if options.epochs < FEWEST_EPOCHS or not set(options.networks) <= set(CASES):
        parser.error(f"networks: {', '.join(CASES)}; at least {FEWEST_EPOCHS} epochs")
    gpus = gpu_names()
    print(f"{describe_devices(gpus)}; {options.scale:g} × the rows, {options.epochs} epochs")
    held = []
    for name in options.networks:
        with TemporaryDirectory() as folder:
            timings = run(CASES[name], Path(folder), options.scale, options.epochs)
        held.append(report(CASES[name], timings, options.epochs))
    sys.exit(not all(held) and bool(gpus))


def run(case: Case, folder: Path, scale: float, epochs: int) -> dict[str, Timing | str]:
    """Time a network under dlrun and under each way of `fit`."""
    data = folder / f"{case.network}.npz"
    write_rows(data, case, scale)
    shutil.copy(HERE / "nets.py", folder)
    recipe = folder / f"{case.network}.yaml"
    recipe.write_text(RECIPE.format(**vars(case), epochs=epochs), encoding="utf-8")
    sizes = (str(epochs), str(case.batch_size), str(data))
    commands = {"dlrun": ("gpu_dlrun.py", str(recipe))} | {
        title: ("gpu_keras.py", case.network, case.kind, case.precision, way, *sizes)
        for way, title in WAYS.items()
    }
    return {title: time(command, folder) for title, command in commands.items()}


def write_rows(path: Path, case: Case, scale: float) -> None:
    """Write rows of noise and a label that some of the numbers decide."""
    rng = np.random.default_rng(0)
    shape = (max(1000, round(case.shape[0] * scale)), *case.shape[1:])
    if case.kind == "image":
        x = rng.integers(0, 256, shape, dtype=np.uint8)
    else:
        x = rng.normal(size=shape).astype(np.float32)
    signal = x.reshape(len(x), -1)[:, :3].astype(np.float64).sum(axis=1)
    signal += signal.std() * rng.normal(size=len(x))
    np.savez(path, x=x, y=(signal > np.median(signal)).astype(np.int64))


def time(command: tuple[str, ...], folder: Path) -> Timing | str:
    """Run a script, and return its timing or why there is none."""
    script, *arguments = command
    try:
        done = subprocess.run(
            [sys.executable, str(HERE / script), *arguments],
            cwd=folder, capture_output=True, text=True, check=True, timeout=LIMIT_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"takes more than {LIMIT_SECONDS} s"
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.strip()]
        return f"fails: {lines[-1][:100] if lines else f'exit code {error.returncode}'}"
    return Timing(tuple(json.loads(done.stdout.splitlines()[-1])))


def report(case: Case, timings: Mapping[str, Timing | str], epochs: int) -> bool:
    """Print a line for each way, and whether dlrun holds its goals."""
    print(f"\n{case.network}, batch {case.batch_size}, {case.precision}")
    print(f"  {'':<20}{'s/epoch':>9}{'first':>9}{f'{FEWEST_EPOCHS} epochs':>10}{'× fit':>8}")
    for title, timing in timings.items():
        print(f"  {title:<20}{line(timing, timings['fit'])}", flush=True)
    ours, theirs = timings["dlrun"], timings["fit"]
    if isinstance(ours, str):
        return False
    if isinstance(theirs, str):
        return True
    ratio = theirs.steady / ours.steady
    slower = [n for n in range(FEWEST_EPOCHS, epochs + 1) if ours.total(n) > theirs.total(n)]
    print(f"  per epoch {ratio:.2f} × as fast as fit (goal {case.goal}); ", end="")
    print(f"slower in total after epochs {slower}" if slower else "never slower in total")
    return ratio >= case.goal and not slower


def line(timing: Timing | str, fit: Timing | str) -> str:
    """Return the numbers of a way: seconds, and how many times as fast as `fit` as it comes."""
    if isinstance(timing, str):
        return f"  {timing}"
    ratio = "" if isinstance(fit, str) else f"{fit.steady / timing.steady:.2f}"
    numbers = (timing.steady, timing.ends[0], timing.total(FEWEST_EPOCHS))
    return f"{numbers[0]:>9.3f}{numbers[1]:>9.2f}{numbers[2]:>10.2f}{ratio:>8}"


if __name__ == "__main__":
    main()
