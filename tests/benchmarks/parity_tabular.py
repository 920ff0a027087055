"""Networks for tables against published scores: RMSE over the target's spread, on diamonds.

The split is that of recipes/diamonds-tabular.yaml, whose sizes are those of the benchmark of
Gorishniy, Kotelnikov and Babenko (2024). LightGBM joins where it is installed. Run it on a quiet
machine: python tests/benchmarks/parity_tabular.py [CANDIDATE …]
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import numpy as np

from dlrun.contract import Candidate, Dataset, Split
from dlrun.cost import n_cores, pin_threads
from dlrun.recipe.load import load_recipe
from dlrun.run import prepare

RECIPE = Path(__file__).parents[2] / "recipes" / "diamonds-tabular.yaml"
# The largest ratio that passes. Published, tuned: mlp .140, LightGBM .137, TabM .131.
LIMITS = {
    "hist_gradient_boosting": 0.139,
    "lightgbm": 0.139,
    "mlp": 0.146,
    "tabm": 0.136,
    "ft_transformer": 0.142,
}


def main() -> None:
    """Measure the candidates that are named, or all, and exit 1 if one misses its limit."""
    pin_threads(n_cores())
    boosting = ["hist_gradient_boosting", *(["lightgbm"] if find_spec("lightgbm") else [])]
    plan = prepare(load_recipe(RECIPE, [f"baselines=[{', '.join(boosting)}]"]))
    (split,) = plan.splits.splits
    asked = sys.argv[1:] or list(LIMITS)
    chosen = [one for one in (*plan.classic, *plan.deep) if one.name in asked]
    print(f"{'candidate':<24}{'expected':>10}{'measured':>10}{'seconds':>9}")
    sys.exit(not all([_report(candidate, plan.dataset, split) for candidate in chosen]))


def _report(candidate: Candidate, dataset: Dataset, split: Split) -> bool:
    """Train one candidate and print its line; say whether it keeps its limit."""
    train, validation, test = map(dataset.take, (split.train, split.validation, split.test))
    started = perf_counter()
    fitted = candidate.fit(train, validation, seed=split.seed, on_epoch=lambda _: None)
    seconds = perf_counter() - started
    error = np.sqrt(np.mean((fitted.predict(test.frame).values - test.truth) ** 2))
    ratio, limit = error / dataset.truth.std(), LIMITS[candidate.name]
    verdict = "ok" if ratio <= limit else "MISSED"
    print(
        f"{candidate.name:<24}{f'≤ {limit:.3f}':>10}{ratio:10.4f}{seconds:9.0f}  {verdict}",
        flush=True,
    )
    return bool(ratio <= limit)


if __name__ == "__main__":
    main()
