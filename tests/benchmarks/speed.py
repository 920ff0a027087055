"""Speed as ratios against scripts written by hand, CPU seconds of whole processes, median of 3.

Run it on a quiet machine: python tests/benchmarks/speed.py [GROUP …], see `main`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from measure import RUNS, Usage, measure, report
from store_of_runs import fill_store

HERE = Path(__file__).parent
FLIGHTS = HERE.parents[1] / "recipes" / "data" / "flights.parquet"
FASHION = HERE.parents[1] / "recipes" / "data" / "fashion_mnist.npz"  # downloaded, not shipped
N_IMAGES = 10_000
SNIPPETS = HERE.parents[1] / "recipes" / "data" / "movie_snippets.csv.gz"
START_SECONDS = 0.25
COMPARE_SECONDS = 2.0

FLIGHTS_RECIPE = f"""\
data: {{source: {FLIGHTS}, target: late, exclude: [arr_delay, year]}}
evaluation: {{folds: 1}}
"""
MLP = """\
model: {architecture: mlp, hidden: [128, 128]}
training: {epochs: 3, batch_size: 256, early_stopping: false}
baselines: none
"""
FIVE = (
    "model: none\nbaselines: [dummy, linear, random_forest, extra_trees, hist_gradient_boosting]\n"
)
CANCER_RECIPE = """\
data: {source: sklearn:breast_cancer}
model: {architecture: mlp, hidden: [128, 128]}
training: {epochs: 10, batch_size: 32, early_stopping: false}
baselines: none
evaluation: {folds: 1}
"""
FASHION_RECIPE = """\
data: {source: fashion.npz}
model: {architecture: cnn}
training: {epochs: 3, batch_size: 128, early_stopping: false}
baselines: none
evaluation: {folds: 1}
"""
SNIPPETS_RECIPE = f"""\
data: {{source: {SNIPPETS}, target: sentiment, exclude: [score]}}
model: {{architecture: text_cnn}}
training: {{epochs: 5, batch_size: 128, early_stopping: false}}
baselines: none
evaluation: {{folds: 1}}
"""
ENGINE_RECIPE = """\
data: {{source: {network}.npz}}
model: {{architecture: "nets:{network}"}}
training: {{epochs: {epochs}, batch_size: {batch_size}, early_stopping: false}}
baselines: none
evaluation: {{folds: 1}}
"""
ENGINE = (  # network, rows × numbers, or rows × channels × steps; epochs, batch size, limit
    ("mlp", (50_000, 50), 100, 256, 0.5),
    ("cnn", (6_000, 4, 128), 40, 64, 1.1),
    ("lstm", (4_000, 4, 60), 15, 64, 1.1),
    ("transformer", (4_000, 4, 64), 15, 64, 1.1),
)


def main() -> None:
    """Run the groups that are named, or all, and exit 1 if a limit is not kept."""
    groups = {
        "start": bench_start,
        "flights": bench_flights,
        "cancer": bench_cancer,
        "fashion": bench_fashion,
        "snippets": bench_snippets,
        "engine": bench_engine,
        "baselines": bench_baselines,
        "compare": bench_compare,
    }
    held = []
    for name in sys.argv[1:] or groups:
        with TemporaryDirectory() as folder:
            held += groups[name](Path(folder))
    sys.exit(not all(held))


def bench_start(folder: Path) -> list[bool]:
    """Time the verbs that need no heavy library, above the imports that they cannot do without."""
    (folder / "faulty.yaml").write_text("data: {sorce: a.csv}\n")
    floor = measure([sys.executable, "-c", "import typer, rich, pydantic, yaml"], folder, runs=9)
    held = []
    for verb in (["--help"], ["list"], ["schema"], ["validate", "faulty.yaml"]):
        spent = measure(_dlrun(*verb), folder, succeeds=verb[0] != "validate", runs=9)
        above = spent.cpu_seconds - floor.cpu_seconds
        held.append(above <= START_SECONDS)
        print(
            f"dlrun {' '.join(verb):<22} {above:5.2f} s above the imports (limit {START_SECONDS})"
        )
    return held


def bench_flights(folder: Path) -> list[bool]:
    """Time one network with everything around it against a plain Keras script without tracking."""
    recipe = FLIGHTS_RECIPE + MLP
    return [_against_script(folder, "flights", recipe, "flights_keras.py", 1.1, FLIGHTS)]


def bench_cancer(folder: Path) -> list[bool]:
    """Time the smallest study, where start-up is nearly everything."""
    return [_against_script(folder, "breast_cancer", CANCER_RECIPE, "breast_cancer_keras.py", 1.3)]


def bench_fashion(folder: Path) -> list[bool]:
    """Time a convolutional network on images, where nearly all is spent in its steps."""
    with np.load(os.environ.get("FASHION_MNIST", FASHION)) as archive:
        images, y = archive["x_train"][:N_IMAGES], archive["y_train"][:N_IMAGES]
    data = folder / "fashion.npz"
    np.savez(data, x=images, y=y)
    script = "fashion_keras.py"
    return [_against_script(folder, "fashion_mnist", FASHION_RECIPE, script, 1.15, data)]


def bench_snippets(folder: Path) -> list[bool]:
    """Time a convolutional network on texts, which are split and looked up once."""
    script = "snippets_keras.py"
    return [_against_script(folder, "movie_snippets", SNIPPETS_RECIPE, script, 1.15, SNIPPETS)]


def bench_engine(folder: Path) -> list[bool]:
    """Time whole studies of one network each against Keras' `fit` of the very same network."""
    shutil.copy(HERE / "by_hand" / "nets.py", folder)
    return [_engine(folder, *case) for case in ENGINE]


def _engine(
    folder: Path, network: str, shape: tuple[int, ...], epochs: int, batch_size: int, limit: float
) -> bool:
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype("float32")
    y = (x.reshape(len(x), -1)[:, :3].sum(axis=1) + rng.normal(size=len(x)) > 0).astype("int64")
    data = folder / f"{network}.npz"
    np.savez(data, x=x, y=y)
    recipe = ENGINE_RECIPE.format(network=network, epochs=epochs, batch_size=batch_size)
    arguments = [network, str(epochs), str(batch_size), str(data)]
    return _against_script(folder, network, recipe, "engine_keras.py", limit, *arguments)


def bench_baselines(folder: Path) -> list[bool]:
    """Time five baselines and no network against the same calls by hand."""
    recipe = FLIGHTS_RECIPE + FIVE
    return [_against_script(folder, "five baselines", recipe, "flights_sklearn.py", 1.0, FLIGHTS)]


def bench_compare(folder: Path) -> list[bool]:
    """Time `compare` in a store of 1,000 runs, without the imports that it needs."""
    fill_store(folder, n_runs=1000)
    imports = "import dlrun.evidence.compare, dlrun.tracking.read, dlrun.report.terminal"
    imports += "; from dlrun.tracking.client import prepare; prepare(); import mlflow, pandas"
    imports += "; import mlflow.store.tracking.sqlalchemy_store"
    floor = measure([sys.executable, "-c", imports], folder)
    spent = measure(_dlrun("compare"), folder)
    above = spent.cpu_seconds - floor.cpu_seconds
    print(
        f"compare among 1,000 runs     {above:5.2f} s after the imports (limit {COMPARE_SECONDS})"
    )
    return [above <= COMPARE_SECONDS]


def _against_script(
    folder: Path, name: str, recipe: str, script: str, limit: float, *data: Path | str
) -> bool:
    file = folder / f"{name.replace(' ', '-')}.yaml"
    file.write_text(recipe, encoding="utf-8")
    by_hand = [sys.executable, str(HERE / "by_hand" / script), *map(str, data)]
    subprocess.run(
        _dlrun("train", str(file), "model=null", "baselines=[dummy]"),
        cwd=folder,
        check=True,
        capture_output=True,
    )  # the store is made once, not at every run
    theirs = measure([*by_hand, str(folder / "by_hand.keras")], folder)
    ours: Usage = measure(_dlrun("train", str(file), "--quiet"), folder, runs=RUNS)
    return report(name, ours, theirs, limit)


def _dlrun(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "dlrun", *arguments]


if __name__ == "__main__":
    main()
