"""Kill a study at a hundred random moments, and see that it ends as if nothing had happened.

python tests/benchmarks/kill.py [NUMBER OF KILLS [SEED]]
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

TESTS = Path(__file__).parents[1]


def main() -> None:
    """Print what was compared, and exit 1 where a bit differs."""
    sys.path[:0] = [str(TESTS), str(TESTS / "cli")]
    from killing import kill_and_resume, nursery
    from test_killed import RECIPE, written

    given = sys.argv[1:]
    n_kills, seed = int(given[0] if given else 100), int(given[1] if given[1:] else 0)
    with TemporaryDirectory() as scratch:
        os.environ["DLRUN_CACHE_DIR"] = scratch
        whole, killed = Path(scratch, "whole"), Path(scratch, "killed")
        for folder in (whole, killed):
            folder.mkdir()
            (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
        with nursery() as processes:
            began = time.monotonic()
            if processes.run(whole, "train", "r.yaml"):
                sys.exit((whole / "output.txt").read_text())
            seconds = time.monotonic() - began
            n = kill_and_resume(
                processes, killed, ["train", "r.yaml"], n_kills=n_kills, longest=seconds, seed=seed
            )
        expected, found = written(whole), written(killed)
    same = {
        "trials": found["trials"].equals(expected["trials"]),
        "measurements": found["measured"].equals(expected["measured"]),
        "predictions": all(
            found["predictions"][name].equals(table)
            for name, table in expected["predictions"].items()
        ),
        "weights": all(map(np.array_equal, found["weights"], expected["weights"])),
        "no point stands twice": found["doubled points"] == [],
        "no run is left running": found["left running"] == [],
    }
    print(f"killed {n} times of {n_kills}, within {seconds:.1f} s of each start")
    for name, is_same in same.items():
        print(f"{name:<24}{'the same' if is_same else 'DIFFERENT'}")
    sys.exit(not all(same.values()))


if __name__ == "__main__":
    main()
