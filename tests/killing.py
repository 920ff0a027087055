"""Real processes for tests that kill them: each is a copy of one that has imported everything.

Run as a program, it forks a process for every line that it reads: a JSON list of the folder to
work in, the number of the call that fails in it (see `faults`), and the arguments of dlrun. It
answers with the number of the process, and at its end with its exit status. TensorFlow is imported
where it is asked for, but not started before the fork.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from faults import Faults

READY = "ready"
CALLS = "calls.txt"  # of a process with faults: one in each line


class Nursery:
    """Starts dlrun in processes that are there at once."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, folder: Path, *arguments: str, fails_at: int | None = None) -> int:
        """Start dlrun in a folder and return the number of its process."""
        assert self._process.stdin
        assert self._process.stdout
        line = json.dumps([str(folder), fails_at, *arguments])
        print(line, file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def wait(self) -> int:
        """Wait until the process that was started last has ended; return its exit code."""
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def run(self, folder: Path, *arguments: str, fails_at: int | None = None) -> int:
        """Run dlrun to its end."""
        self.start(folder, *arguments, fails_at=fails_at)
        return self.wait()

    def kill(self, folder: Path, *arguments: str, after: float) -> int:
        """Run dlrun, and kill it unless it has ended so many seconds later."""
        number = self.start(folder, *arguments)
        time.sleep(after)
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.wait()


@contextmanager
def nursery(imported: Sequence[str] = ("tensorflow", "keras")) -> Iterator[Nursery]:
    """Start the process that all others are copies of; it has imported these modules as well."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", __file__, *imported],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline().strip() == READY
        yield Nursery(process)
        assert process.stdin
        process.stdin.close()


def kill_and_resume(
    nursery: Nursery, folder: Path, command: list[str], *, n_kills: int, longest: float, seed: int
) -> int:
    """Run a command again and again, each time killed at a random moment; then let it end.

    Returns:
        How many times it was killed rather than done before.
    """
    rng, killed = random.Random(seed), 0
    for _ in range(n_kills):
        killed += nursery.kill(folder, *command, after=rng.uniform(0, longest)) != 0
    assert nursery.run(folder, *command) == 0
    return killed


IMPORTED = (
    "mlflow.store.tracking.sqlalchemy_store",
    "sklearn.linear_model",
    "dlrun.study.study",
    "dlrun.study.trial",
    "dlrun.data.dataset",
    "dlrun.classic.candidates",
    "dlrun.tracking.read",
    "dlrun.evidence.compare",
    "dlrun.report.page",
    "dlrun.report.figures",
)


def _serve() -> None:
    from dlrun.system.cost import pin_threads

    pin_threads()
    for module in (*sys.argv[1:], *IMPORTED):
        importlib.import_module(module)
    print(READY, flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(*json.loads(line))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(folder: str, fails_at: int | None, *arguments: str) -> None:
    os.chdir(folder)
    faults = Faults(fails_at or 0)
    output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (0, 1, 2):
        os.dup2(output, stream)
    sys.argv = ["dlrun", *arguments]
    from dlrun.cli import main

    if fails_at is not None:
        faults.install()
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    except Exception:  # what Python does with it
        traceback.print_exc()
        code = 1
    if fails_at is not None:
        faults.report(CALLS)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    _serve()
