"""Kill a search at random moments: it ends with the same settings and scores as if undisturbed.

python tests/benchmarks/kill_search.py [NUMBER OF KILLS [SEED]]

One network and one baseline on two splits, four trials each; a moment is drawn within the time
that the whole takes, again and again, until it ends.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

TESTS = Path(__file__).parents[1]
RECIPE = """\
data: {source: sklearn:breast_cancer}
model: {architecture: mlp, hidden: [8], dropout: 0.2}
training: {epochs: 6, deterministic: true, checkpoint_every: 8 steps}
baselines: [linear]
evaluation: {folds: 2}
search: {trials: 4, inner: validation}
"""
MEASURED = ("seconds", "latency", "memory", "_mb")


def main() -> None:
    """Print what differs, and exit 1 where anything does."""
    sys.path[:0] = [str(TESTS)]
    from killing import kill_and_resume, nursery

    given = [int(each) for each in sys.argv[1:]]
    n_kills, seed = given[0] if given else 10, given[1] if given[1:] else 0
    with TemporaryDirectory() as scratch:
        os.environ["DLRUN_CACHE_DIR"] = str(Path(scratch, "cache"))
        folders = Path(scratch, "whole"), Path(scratch, "killed")
        for folder in folders:
            folder.mkdir()
            (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
        with nursery(("tensorflow", "keras", "optuna")) as processes:
            began = time.monotonic()
            if processes.run(folders[0], "train", "r.yaml"):
                sys.exit((folders[0] / "output.txt").read_text())
            seconds = time.monotonic() - began
            command = ["train", "r.yaml"]
            n = kill_and_resume(
                processes, folders[1], command, n_kills=n_kills, longest=seconds, seed=seed
            )
        print(f"killed {n} times of {n_kills}, within {seconds:.0f} s", flush=True)
        wrong = list(_differing(*map(_written, folders)))
    print(f"wrong: {', '.join(wrong) or 'nothing'}")
    sys.exit(bool(wrong))


def _written(folder: Path) -> dict[str, Any]:
    """Read the last study's tables, without what was measured by a clock."""
    import pandas as pd

    tables = {}
    for name in ("search.csv", "trials.csv"):
        file = max(folder.rglob(name), key=lambda path: path.stat().st_mtime)
        table = pd.read_csv(file)
        kept = [key for key in table if not any(word in key for word in MEASURED)]
        tables[name] = table[kept]
    return tables


def _differing(expected: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    for name, table in expected.items():
        print(f"{name}: {len(table)} rows of {', '.join(table)}")
        if not table.equals(found[name]):
            yield name
            print(table.to_string(), found[name].to_string(), sep="\n")


if __name__ == "__main__":
    main()
