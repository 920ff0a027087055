"""Runs that a dead process left RUNNING."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import psutil

from dlrun.tracking.client import clear_errors
from dlrun.tracking.store import search_runs

if TYPE_CHECKING:
    from dlrun.tracking.store import Store

CLOCK_SLACK_SECONDS = 2  # the precision of a process's start time


def close_dead_runs(store: Store) -> tuple[str, ...]:
    """Mark as KILLED what dead processes of this host left RUNNING; return the names of studies."""
    where = f"attributes.status = 'RUNNING' and tags.`dlrun.host` = '{socket.gethostname()}'"
    with clear_errors(store.place):
        dead = [run for run in search_runs(store, where) if not is_alive(run)]
        for run in dead:
            store.client.set_terminated(run.info.run_id, "KILLED")
    return tuple(run.info.run_name for run in dead if run.data.tags["dlrun.role"] == "study")


def is_alive(run: Any) -> bool:
    """Return whether the process that wrote a run is alive.

    One that started after the run has reused the id of a dead process.
    """
    try:
        process = psutil.Process(int(run.data.tags["dlrun.pid"]))
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        started: float = run.info.start_time / 1000
        return process.create_time() <= started + CLOCK_SLACK_SECONDS
    except psutil.NoSuchProcess:
        return False
