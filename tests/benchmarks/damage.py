"""Flip a byte in a random file of the journal of a study that was killed, again and again.

python tests/benchmarks/damage.py [NUMBER OF TIMES [SEED]]

What is damaged is named, its trial is trained anew, and the study ends as if nothing had happened.
"""

from __future__ import annotations

import os
import random
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

TESTS = Path(__file__).parents[1]


def main() -> None:
    """Print how often a damaged file was named, and exit 1 where a bit differs."""
    sys.path[:0] = [str(TESTS), str(TESTS / "cli")]
    from killing import nursery
    from test_killed import RECIPE, differing, written

    given = [int(each) for each in sys.argv[1:]]
    n_times, rng = given[0] if given else 40, random.Random(given[1] if given[1:] else 0)
    n_flipped, n_named, wrong = 0, 0, 0
    with TemporaryDirectory() as scratch, ExitStack() as stack:
        os.environ["DLRUN_CACHE_DIR"] = str(Path(scratch, "cache"))
        processes = stack.enter_context(nursery())
        whole = _begin(Path(scratch, "whole"), RECIPE)
        began = time.monotonic()
        if processes.run(whole, "train", "r.yaml"):
            sys.exit((whole / "output.txt").read_text())
        seconds, expected = time.monotonic() - began, written(whole)
        for number in range(n_times):
            folder = _begin(Path(scratch, str(number)), RECIPE)
            processes.kill(folder, "train", "r.yaml", after=rng.uniform(0.1, 0.5) * seconds)
            file = _flip(Path(scratch, "cache"), rng)
            code, found = processes.run(folder, "train", "r.yaml"), written(folder)
            said = (folder / "output.txt").read_text()
            n_flipped += file is not None
            n_named += " is damaged: its checksum does not match" in said
            if code or "Traceback" in said or differing(found, expected):
                wrong += 1
                print(f"{number}: {file}\n{said}")
    print(
        f"{n_flipped} files damaged, {n_named} named (the others were not needed); wrong: {wrong}"
    )
    sys.exit(wrong > 0)


def _begin(folder: Path, recipe: str) -> Path:
    folder.mkdir()
    (folder / "r.yaml").write_text(recipe, encoding="utf-8")
    return folder


def _flip(cache: Path, rng: random.Random) -> Path | None:
    files = sorted(path for path in cache.rglob("*") if path.is_file() and path.stat().st_size)
    if not files:
        return None
    file = rng.choice(files)
    content = bytearray(file.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)
    return file


if __name__ == "__main__":
    main()
