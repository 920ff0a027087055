"""Kill the verbs at hundreds of random moments, and see that they end as if nothing had happened.

python tests/benchmarks/kill.py [NUMBER OF KILLS [SEED]]

Half of the kills meet `dlrun train`, the others are shared by `curve` and by the verbs that read.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from killing import Nursery

TESTS = Path(__file__).parents[1]
CURVE = """\
data: {source: sklearn:iris}
model: {architecture: mlp, hidden: [4]}
training: {epochs: 3, deterministic: true}
baselines: [linear]
evaluation: {folds: 2, learning_curve: [0.5]}
"""
COMMANDS = (  # with the file that each writes
    ("train r.yaml", ""),
    ("compare last --html report.html", ""),
    ("predict last data.csv -o said.csv", "said.csv"),
    ("init data.csv --target target -o new.yaml --force", "new.yaml"),
    ("validate r.yaml", ""),
    ("studies list", ""),
    ("curve c.yaml", ""),
)


def main() -> None:
    """Print what differs, and exit 1 where anything does."""
    sys.path[:0] = [str(TESTS), str(TESTS / "cli")]
    from killing import nursery
    from sklearn.datasets import load_breast_cancer
    from test_killed import RECIPE

    given = [int(each) for each in sys.argv[1:]]
    n_kills, seed = given[0] if given else 100, given[1] if given[1:] else 0
    table = load_breast_cancer(as_frame=True).frame
    with TemporaryDirectory() as scratch:
        os.environ["DLRUN_CACHE_DIR"] = str(Path(scratch, "cache"))
        folders = Path(scratch, "whole"), Path(scratch, "killed")
        for folder in folders:
            folder.mkdir()
            (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
            (folder / "c.yaml").write_text(CURVE, encoding="utf-8")
            table.to_csv(folder / "data.csv", index=False)
        with nursery() as processes:
            wrong = list(_differing(processes, *folders, n_kills, seed))
    print(f"wrong: {', '.join(wrong) or 'nothing'}")
    sys.exit(bool(wrong))


def _differing(
    processes: Nursery, whole: Path, killed: Path, n_kills: int, seed: int
) -> Iterator[str]:
    """Run every command once, and again under kills; yield what differs."""
    from killing import kill_and_resume
    from test_killed import differing, written

    for number, (command, output) in enumerate(COMMANDS):
        arguments, began = command.split(), time.monotonic()
        if processes.run(whole, *arguments):
            sys.exit((whole / "output.txt").read_text())
        seconds = time.monotonic() - began
        share = n_kills // 2 if number == 0 else n_kills // 2 // (len(COMMANDS) - 1)
        n = kill_and_resume(
            processes, killed, arguments, n_kills=share, longest=seconds, seed=seed + number
        )
        print(f"{command}: killed {n} times of {share}, within {seconds:.1f} s", flush=True)
        yield from (
            f"{what} after {command}" for what in differing(written(killed), written(whole))
        )
        if output and (whole / output).read_bytes() != (killed / output).read_bytes():
            yield output


if __name__ == "__main__":
    main()
