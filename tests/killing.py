"""Real processes for tests that kill them: each is a copy of one that has imported everything.

Run as a program, it forks a process for every line that is a JSON object (see `Start`), and answers
with its number; to a line with such a number it answers with the exit status, once there is one.
TensorFlow is imported where it is asked for, but not started before the fork.
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from faults import Faults

READY = "ready"
CALLS = "calls.txt"  # of a process with faults: one in each line
OUTPUT = "output.txt"  # of all processes of a folder


@dataclass(frozen=True)
class Start:
    """What a process does.

    Attributes:
        fails_at: the number of the call that fails in it (see `faults`).
        patches: a module that is imported first; "" for none.
        output: the file that both its streams are appended to.
        environment: variables beside those of the test.
    """

    folder: str
    arguments: Sequence[str]
    fails_at: int | None
    patches: str
    output: str
    environment: Mapping[str, str]


class Nursery:
    """Starts dlrun in processes that are there at once."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(
        self,
        folder: Path,
        *arguments: str,
        fails_at: int | None = None,
        patches: str = "",
        output: str = OUTPUT,
        **environment: str,
    ) -> int:
        """Start dlrun in a folder and return the number of its process."""
        started = Start(str(folder), arguments, fails_at, patches, output, environment)
        return self._ask(json.dumps(asdict(started)))

    def wait(self, number: int) -> int:
        """Wait until a process has ended; return its exit code."""
        return self._ask(str(number))

    def run(
        self,
        folder: Path,
        *arguments: str,
        fails_at: int | None = None,
        patches: str = "",
        **environment: str,
    ) -> int:
        """Run dlrun to its end."""
        started = self.start(folder, *arguments, fails_at=fails_at, patches=patches, **environment)
        return self.wait(started)

    def kill(self, folder: Path, *arguments: str, after: float) -> int:
        """Run dlrun, and kill it unless it has ended so many seconds later."""
        number = self.start(folder, *arguments)
        time.sleep(after)
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.wait(number)

    def _ask(self, line: str) -> int:
        assert self._process.stdin
        assert self._process.stdout
        print(line, file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())


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
        asked = json.loads(line)
        if isinstance(asked, int):
            print(os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1]), flush=True)
            continue
        child = os.fork()
        if child == 0:
            _run(Start(**asked))
        print(child, flush=True)


def _run(start: Start) -> None:
    os.chdir(start.folder)
    os.environ.update(start.environment)
    sys.path[:0] = start.environment.get("PYTHONPATH", "").split()
    fails_at = start.fails_at
    faults = Faults(fails_at or 0)
    output = os.open(start.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (0, 1, 2):
        os.dup2(output, stream)
    sys.argv = ["dlrun", *start.arguments]
    if start.patches:
        importlib.import_module(start.patches)
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
