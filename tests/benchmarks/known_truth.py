"""Known truth: what candidates must reach on the shipped recipes, beside what they do reach.

Networks for tables are held against published scores on diamonds, RMSE over the spread of the
target: tuned, mlp .140, LightGBM .137, TabM .131 (Gorishniy, Kotelnikov and Babenko 2024).

Run it on a quiet machine: python tests/benchmarks/known_truth.py [RECIPE …]; everything takes
about an hour on 2 cores. Fashion-MNIST is downloaded, or read from $FASHION_MNIST.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

RECIPES = Path(__file__).parents[2] / "recipes"


class Limit(NamedTuple):
    """The bounds of a candidate's score; `best classic` is the best of all baselines."""

    candidate: str
    metric: str
    low: float
    high: float = float("inf")
    unit: float = 1.0  # what the score is divided by


DIAMONDS = 3989.4  # dollars, the standard deviation of all prices
LIMITS = {
    "digits": [Limit("cnn", "accuracy", 0.985), Limit("svm-pixels", "accuracy", 0.975)],
    "fashion-mnist": [Limit("cnn", "accuracy", 0.915), Limit("svm-hog", "accuracy", 0.91)],
    "movie-snippets": [
        Limit("linear-tfidf", "roc_auc", 0.86),
        Limit("text_cnn", "roc_auc", 0.83),
    ],
    "japanese-vowels": [Limit("fcn", "accuracy", 0.98), Limit("mlp", "accuracy", 0.96)],
    "speakers": [Limit("cnn", "accuracy", 0.95), Limit("svm-mfcc", "accuracy", 0.95)],
    "mnist-1d": [
        Limit("cnn", "accuracy", 0.93),
        Limit("best classic", "accuracy", 0.72, 0.82),
    ],
    "diamonds-tabular": [
        Limit("hist_gradient_boosting", "rmse", 0, 0.139, DIAMONDS),
        Limit("mlp", "rmse", 0, 0.146, DIAMONDS),
        Limit("tabm", "rmse", 0, 0.136, DIAMONDS),
        Limit("ft_transformer", "rmse", 0, 0.142, DIAMONDS),
    ],
}


def main() -> None:
    """Run the recipes that are named, or all, and exit 1 where one falls short."""
    print(f"{'recipe':<18}{'candidate':<24}{'metric':<10}{'expected':<14}measured")
    held = [reaches for name in sys.argv[1:] or LIMITS for reaches in _run(name)]
    sys.exit(not all(held))


def _run(name: str) -> list[bool]:
    file = os.environ.get("FASHION_MNIST", "")
    own = [f"data.source={file}"] if name == "fashion-mnist" and file else []
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "dlrun", "train", str(RECIPES / f"{name}.yaml"), *own]
        done = subprocess.run(
            [*command, "--json"], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
        )
    rows = {row["name"]: row for row in json.loads(done.stdout)["rows"]}
    return [_check(name, limit, rows) for limit in LIMITS[name]]


def _check(name: str, limit: Limit, rows: dict[str, dict]) -> bool:
    classic = [row for row in rows.values() if row["family"] == "classic"]
    chosen = (
        max(classic, key=lambda row: row["scores"][limit.metric])
        if limit.candidate == "best classic"
        else rows[limit.candidate]
    )
    score = chosen["scores"][limit.metric] / limit.unit
    holds = limit.low <= score <= limit.high
    mark = "" if holds else "  FALLS SHORT"
    print(
        f"{name:<18}{chosen['name']:<24}{limit.metric:<10}{_expected(limit):<14}{score:.4f}{mark}",
        flush=True,
    )
    return holds


def _expected(limit: Limit) -> str:
    if limit.low == 0:
        return f"≤ {limit.high:g}"
    return f"≥ {limit.low:g}" if limit.high > 1 else f"{limit.low:g} … {limit.high:g}"


if __name__ == "__main__":
    main()
