"""A store with many runs, as a folder has after months of studies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RECIPE = """\
data: {source: sklearn:wine}
model: none
baselines: [dummy, linear, decision_tree]
evaluation: {folds: 3}
"""


def fill_store(folder: Path, n_runs: int) -> None:
    """Put runs with tags, params and metrics of their own into the store of a folder.

    A real study is made last; the runs before it are written through MLflow's own client.
    """
    (folder / "wine.yaml").write_text(RECIPE, encoding="utf-8")
    train = [sys.executable, "-m", "dlrun", "train", "wine.yaml", "--quiet"]
    subprocess.run(train, cwd=folder, check=True)

    from dlrun.tracking.store import open_store

    store = open_store(f"sqlite:///{folder / 'mlflow.db'}", experiment="wine")
    for number in range(n_runs // 4):
        parent = _write(store, f"old-{number}", "study", {})
        for name in ("a", "b", "c"):
            _write(store, name, "classic", {"mlflow.parentRunId": parent})
    subprocess.run(train, cwd=folder, check=True)


def _write(store, name: str, role: str, tags: dict[str, str]) -> str:
    from mlflow.entities import Metric, Param

    common = {"dlrun.role": role, "dlrun.recipe": "wine", "dlrun.split_digest": "0" * 36, **tags}
    run = store.client.create_run(store.experiment_id, tags=common, run_name=name)
    store.client.log_batch(
        run.info.run_id,
        metrics=[Metric(f"test/metric_{i}", 0.5, 0, 0) for i in range(20)],
        params=[Param(f"training.setting_{i}", "1") for i in range(20)],
    )
    store.client.set_terminated(run.info.run_id, "FINISHED")
    return run.info.run_id
