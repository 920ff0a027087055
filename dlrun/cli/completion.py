"""What the shell completes: recipe files, names of studies in a local store, methods."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ENDINGS: Final = (".yaml", ".yml")
AT_MOST: Final = 200  # studies, the newest


def recipe_files(incomplete: str) -> list[str]:
    """Return the recipes, and the folders, whose path begins so."""
    start, slash, name = incomplete.rpartition("/")
    found = sorted(Path(f"{start}{slash}" or ".").glob("*"))
    return [
        f"{start}{slash}{path.name}{'/' * path.is_dir()}"
        for path in found
        if path.name.startswith(name)
        and (path.suffix in ENDINGS or path.is_dir())
        and (not path.name.startswith(".") or name.startswith("."))
    ]


def study_names(incomplete: str) -> list[str]:
    """Return the names of studies and experiments that begin so; of a local store alone."""
    return [name for name in dict.fromkeys(_names()) if name.startswith(incomplete)]


def attribution_methods(incomplete: str) -> list[str]:
    """Return the methods of attribution that begin so; not every model has each."""
    from dlrun.catalog.attributions import ATTRIBUTIONS

    return [name for name in ATTRIBUTIONS if name.startswith(incomplete)]


def _names() -> Iterator[str]:
    """Yield names without asking a server: the shell waits for the answer at every key."""
    from dlrun.errors import DlrunError
    from dlrun.tracking.store import local_uri, open_store

    yield "last"
    uri = os.environ.get("MLFLOW_TRACKING_URI") or local_uri()
    if not uri.startswith("sqlite:"):
        return
    try:
        reader = open_store(uri, create=False).reader
        runs = reader.studies(AT_MOST)
        yield from (run.info.run_name for run in runs)
        yield from map(reader.experiment_name, dict.fromkeys(r.info.experiment_id for r in runs))
    except (DlrunError, OSError):
        return
