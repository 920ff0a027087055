"""Kill the workers of Ray and Dask under networks and estimators, and see that nothing changes.

python tests/benchmarks/clusters.py [ENGINE …]

On a cluster of this machine, a network is killed after its second epoch and an estimator before it
begins; another one is killed on every worker. Its TensorFlow imports take a minute of CPU time.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlrun.contract.job import Job

TESTS = Path(__file__).parents[1]
NETWORK = {
    "data": {"source": "small.csv"},
    "model": [{"architecture": "mlp", "hidden": [8], "dropout": 0.2}],
    "training": {"epochs": 4, "deterministic": True, "early_stopping": False},
}


def main() -> None:
    """Check each engine; an AssertionError says what differs."""
    sys.path[:0] = [str(TESTS)]
    from dlrun.study.engines.dask import open_dask
    from dlrun.study.engines.ray import open_ray
    from dlrun.system.cost import pin_threads

    pin_threads()
    for name, opened in {"dask": open_dask, "ray": open_ray}.items():
        if name in (sys.argv[1:] or ("dask", "ray")):
            with TemporaryDirectory() as folder:
                _check(name, opened, Path(folder))


def _check(name: str, opened: object, folder: Path) -> None:
    from cluster_jobs import Deadly, assert_same, run_jobs
    from trials import baseline, make_dataset, make_splits, task

    from dlrun.recipe.schema import Execution

    dataset, splits = make_dataset(), make_splits(3)
    tree = task(baseline(dataset, "decision_tree"), splits[0])
    networks: list[Job] = [_network(dataset, splits[0], folder / str(n)) for n in (1, 2)]
    jobs = [
        Deadly(networks[0], folder / "network", after=2),
        Deadly(tree, folder / "tree"),
        Deadly(tree, folder / "doomed", times=9),
    ]
    with opened(Execution(engine=name, workers=2), dataset, folder / "journal") as engine:
        trials, epochs = run_jobs(engine, jobs)
    assert [number for _, number in epochs] == [1, 2, 3, 4], epochs
    assert [epoch.resumed for epoch in trials[0].epochs] == [True, False, False, False]
    assert "most likely for lack of memory" in trials[2].error, trials[2].error
    assert (folder / "doomed").stat().st_size == 3
    assert_same(trials[:2], [networks[1], tree], dataset)
    print(f"{name}: a network and an estimator, killed once each, are those of this process")


def _network(dataset: object, split: object, checkpoint: Path) -> Job:
    from trials import task

    from dlrun.deep.candidates import make_candidates
    from dlrun.recipe.schema import Recipe

    candidate = make_candidates(Recipe.model_validate(NETWORK), dataset)[0]
    return task(candidate, split, checkpoint=checkpoint)


if __name__ == "__main__":
    main()
