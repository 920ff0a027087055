"""A process beside a study that kills it where not even the threads of its Python run.

Run as a program, by `forced_exit`, with three arguments: the number of an inherited socket, the
process to guard, and a folder from which psutil is imported. Native code that keeps Python's
global lock, as extensions do by default, stops all threads of the interpreter.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 4.5  # longer than that of the guarded process itself


def guard(heard: socket.socket, number: int) -> None:
    """Kill a process, and all that it has started, where it does not read its socket in time."""
    unread_since: float | None = None
    while os.getppid() == number:
        is_unread = bool(select.select([heard], [], [], POLL_SECONDS)[0])
        if not is_unread:
            unread_since = None
            continue
        unread_since = unread_since or time.monotonic()
        if time.monotonic() - unread_since > PATIENCE_SECONDS:
            _kill(number)
        time.sleep(POLL_SECONDS / 10)


def _kill(number: int) -> None:
    import psutil

    process = psutil.Process(number)
    for each in [*process.children(recursive=True), process]:
        if each.pid != os.getpid():
            each.kill()


if __name__ == "__main__":
    sys.path.append(sys.argv[3])
    guard(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
