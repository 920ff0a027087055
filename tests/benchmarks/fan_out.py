"""Forty small trials in two worker processes against one process: speed-up, and CPU overhead.

python tests/benchmarks/fan_out.py

Each line is a candidate: how many times as fast its trials are with two workers, start included
(1.7 at least, on two cores without other work), and the CPU seconds that a trial then takes more,
without the start of the workers (0.3 at most).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

N_TRIALS = 40
N_FIRST = 4  # in which all workers have imported and compiled what they need
SPEED_UP = 1.7
OVERHEAD = 0.3  # CPU seconds
RECIPE = {
    "data": {"source": "sklearn:digits", "max_rows": 900},
    "model": {"architecture": "mlp", "hidden": [32]},
    "training": {"epochs": 10, "deterministic": True},
    "evaluation": {"folds": N_TRIALS, "refit": "none", "blend": False},
}
CANDIDATES = {
    "hist_gradient_boosting": {
        "model": "none",
        "baselines": [{"name": "hist_gradient_boosting", "max_iter": 30}],
    },
    "random_forest": {"model": "none", "baselines": ["random_forest"]},
    "mlp": {"baselines": "none"},
}


@dataclass(frozen=True)
class Took:
    """Seconds and CPU seconds of some trials, with the start of what runs them."""

    wall: float
    cpu: float


def main() -> None:
    """Print the ratios, and exit 1 where one is not kept."""
    kept = [_compare(name) for name in CANDIDATES]
    sys.exit(0 if all(kept) else 1)


def _compare(name: str) -> bool:
    """Measure all trials, and the first ones alone: what is left has no start in it."""
    first_one, one, first_two, two = (
        _in_fresh_process(name, n_workers, n_trials)
        for n_workers in (1, 2)
        for n_trials in (N_FIRST, N_TRIALS)
    )
    speed_up = one.wall / two.wall
    cpu_one, cpu_two = one.cpu - first_one.cpu, two.cpu - first_two.cpu
    more = (cpu_two - cpu_one) / (N_TRIALS - N_FIRST)
    print(
        f"{name:<24} {speed_up:5.2f} × as fast with two workers (at least {SPEED_UP}) · "
        f"{cpu_two / cpu_one:5.2f} × the CPU seconds, {more:+6.3f} a trial (at most {OVERHEAD})",
        flush=True,
    )
    return speed_up >= SPEED_UP and more <= OVERHEAD


def _in_fresh_process(name: str, n_workers: int, n_trials: int) -> Took:
    command = [sys.executable, __file__, name, str(n_workers), str(n_trials)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Took(**json.loads(done.stdout.splitlines()[-1]))


def _run(name: str, n_workers: int, n_trials: int) -> Took:
    from dlrun.recipe.load import parse_recipe
    from dlrun.study.engines.engine import open_engine
    from dlrun.study.plan import prepare
    from dlrun.study.strands import run_strands
    from dlrun.study.trial import TrialTask
    from dlrun.system.cost import pin_threads

    pin_threads()
    execution = {"execution": {"workers": n_workers}}
    text = json.dumps(RECIPE | CANDIDATES[name] | execution)
    plan = prepare(parse_recipe(text, Path("fan_out.yaml")))
    candidate = next(each for each in plan.candidates if each.name == name)
    splits = plan.splits.splits[:n_trials]
    tasks = [TrialTask(candidate, each.index, each, plan.metrics) for each in splits]

    def strand(task: TrialTask) -> Iterator[TrialTask]:
        yield task

    began = time.monotonic()
    with open_engine(plan.recipe.execution, plan.dataset, Path(), lambda _: None) as engine:
        for _ in run_strands(engine, map(strand, tasks), lambda *_: None):
            pass
        took = time.monotonic() - began
    used = [resource.getrusage(each) for each in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Took(took, sum(each.ru_utime + each.ru_stime for each in used))


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(vars(_run(sys.argv[1], *map(int, sys.argv[2:])))))
    else:
        os.environ.pop("OMP_NUM_THREADS", None)
        main()
