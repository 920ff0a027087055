"""What an earlier study of the same recipe took, on this machine."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dlrun.tracking.client import clear_errors
from dlrun.tracking.read import find_study

if TYPE_CHECKING:
    from dlrun.tracking.store import Store

N_LATEST: Final = 20  # studies that are looked at


@dataclass(frozen=True)
class PastStudy:
    """The last finished study of a recipe.

    Attributes:
        seconds: from its start to its end.
        memory_mb: the largest peak of a trial.
        units: candidate → mean seconds of a trial, with its search.
    """

    name: str
    seconds: float
    memory_mb: float
    units: Mapping[str, float]


def find_past(store: Store, recipe_sha256: str) -> PastStudy | None:
    """Return the last finished study of a recipe that ran on this machine, if there is one."""
    wanted = {"dlrun.recipe_sha256": recipe_sha256, "dlrun.host": socket.gethostname()}
    with clear_errors(store.place):
        for run in store.reader.studies(at_most=N_LATEST):
            is_same = all(run.data.tags.get(tag) == value for tag, value in wanted.items())
            if is_same and run.info.status == "FINISHED":
                return _read(store, run)
    return None


def _read(store: Store, run: Any) -> PastStudy:
    info = run.info
    trials = find_study(store, info.run_id).trials
    names = ("fit_seconds", "startup_seconds", "search_seconds")
    costs = trials[[name for name in names if name in trials]].sum(axis=1)
    units = costs.groupby(trials["candidate"]).mean()
    peak = trials["peak_memory_mb"].max() if "peak_memory_mb" in trials else 0.0
    seconds = (info.end_time - info.start_time) / 1000
    return PastStudy(info.run_name, seconds, float(peak), dict(units))
