"""Start 32 studies at the same moment, in one folder and one store that is not there yet.

python tests/benchmarks/at_once.py [NUMBER OF PROCESSES]
"""

from __future__ import annotations

import importlib
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

TESTS = Path(__file__).parents[1]
RECIPE = """\
data: {source: sklearn:iris}
model: none
baselines: [linear]
evaluation: {folds: 2}
seed: %d
"""


def main() -> None:
    """Print what is in the store, and exit 1 where anything is missing or stands twice."""
    sys.path[:0] = [str(TESTS)]
    import killing

    number = int(sys.argv[1]) if sys.argv[1:] else 32
    for module in killing.IMPORTED:
        importlib.import_module(module)
    with TemporaryDirectory() as scratch:
        os.environ["DLRUN_CACHE_DIR"] = str(Path(scratch, "cache"))
        codes = Counter(_run_all(killing._run, Path(scratch), number))
        with sqlite3.connect(Path(scratch, "mlflow.db")) as store:
            statuses = Counter(store.execute("select name, status from runs").fetchall())
            doubled = store.execute(
                "select key from metrics group by run_uuid, key, step having count(*) > 1"
            ).fetchall()
        hidden = [path.name for path in Path(scratch).glob(".*")]
        output = Path(scratch, "output.txt").read_text()
    print(f"exit codes: {dict(codes)}; doubled points: {doubled}; left over: {hidden}")
    expected = {(f"r{i}-1", "FINISHED"): 1 for i in range(number)}
    expected |= {("linear", "FINISHED"): number, ("dummy", "FINISHED"): number}
    is_right = codes == {0: number} and statuses == expected and not doubled and not hidden
    print("all studies are whole" if is_right else f"WRONG: {statuses}\n{output}")
    sys.exit(not is_right)


def _run_all(run: Callable[..., None], folder: Path, number: int) -> list[int]:
    children = []
    for i in range(number):
        (folder / f"r{i}.yaml").write_text(RECIPE % i, encoding="utf-8")
    for i in range(number):
        child = os.fork()
        if child == 0:
            try:
                run(str(folder), None, "train", f"r{i}.yaml")  # which never returns
            finally:
                os._exit(70)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


if __name__ == "__main__":
    main()
