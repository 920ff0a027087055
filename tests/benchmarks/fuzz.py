"""Read mutated recipes and data files, and print what is neither read nor refused in one message.

python tests/benchmarks/fuzz.py --cases 3000 [--seed 7]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzzing import crash_of, files, recipes

SLOW_SECONDS = 10.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=3000, help="of recipes, and of files")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    crashes: Counter[str] = Counter()
    n_slow = 0
    with tempfile.TemporaryDirectory() as scratch:
        for make in (recipes, files):
            for content, read in make(Path(scratch), chosen.cases, chosen.seed):
                start = time.perf_counter()
                error = crash_of(read)
                n_slow += time.perf_counter() - start > SLOW_SECONDS
                if error is not None:
                    last = traceback.extract_tb(error.__traceback__)
                    own = [frame for frame in last if "/dlrun/" in frame.filename][-1]
                    key = f"{type(error).__name__} {own.filename}:{own.lineno} {str(error)[:60]!r}"
                    if key not in crashes:
                        print(key, content[:60], sep="\n    ")
                    crashes[key] += 1
    print(f"{2 * chosen.cases} cases: {sum(crashes.values())} crashes, {n_slow} over 10 s")
    return bool(crashes) or bool(n_slow)


if __name__ == "__main__":
    sys.exit(main())
