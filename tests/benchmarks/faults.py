"""Let the n-th write, sync, move or MLflow call of a small study fail, for every n.

python tests/benchmarks/faults.py [EVERY [FIRST]]

After each the same command is given again, and must end with the results of an undisturbed study:
EVERY 3 tries every third call, from the call FIRST on.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

TESTS = Path(__file__).parents[1]


def main() -> None:
    """Print what went wrong at which call, and exit 1 if anything did."""
    sys.path[:0] = [str(TESTS), str(TESTS / "cli")]
    from killing import CALLS, nursery
    from test_faults import begin, fail_and_go_on, written

    given = [int(each) for each in sys.argv[1:]]
    every, first = given[0] if given else 1, given[1] if given[1:] else 1
    wrong = 0
    with TemporaryDirectory() as scratch:
        os.environ["DLRUN_CACHE_DIR"] = str(Path(scratch, "cache"))
        with nursery(()) as processes:
            whole = begin(Path(scratch, "whole"))
            if processes.run(whole, "train", "r.yaml", fails_at=0):
                sys.exit((whole / "output.txt").read_text())
            expected = written(whole) | {"leftovers": []}
            calls = (whole / CALLS).read_text().splitlines()
            for number in range(first, len(calls) + 1, every):
                folder = begin(Path(scratch, str(number)))
                try:
                    found = fail_and_go_on(processes, folder, number)
                    differing = [key for key in expected if found[key] != expected[key]]
                except Exception as error:
                    differing = [f"{type(error).__name__}: {error}"]
                if differing:
                    wrong += 1
                    print(f"call {number}, {calls[number - 1]}: {'; '.join(differing)}", flush=True)
                    print((folder / "output.txt").read_text(), flush=True)
                shutil.rmtree(folder)
    print(
        f"{len(range(first, len(calls) + 1, every))} of {len(calls)} calls failed; wrong: {wrong}"
    )
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
