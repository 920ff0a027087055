"""Honesty of "both together": how often it is named where a blend gains nothing, and where it does.

The studies are cross-fitted ridge classifiers of two normal classes (dlrun.study.simulated). They
are blended on their validation rows, a tenth of all, and go through dlrun's own comparison. Run it
on a quiet machine, ten minutes on one core: python tests/benchmarks/null_blend.py [--studies N].
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

import numpy as np

from dlrun.contract.candidate import Family
from dlrun.evidence.compare import compare
from dlrun.study.simulated import Contender, simulate_ridge

SMALL = (("roc_auc", 500, 1), ("accuracy", 500, 1), ("roc_auc", 1000, 1), ("roc_auc", 300, 5))
"""Metric, rows and repeats of five folds; a tenth of the rows is for validation."""


def alike(name: str, family: Family, noise: float = 0.0) -> Contender:
    """Return a contender that sees the columns of the first one."""
    return Contender(name, family, noise=noise, like=0)


NOTHING_TO_GAIN = {
    "one model on both sides": (alike("net", "deep"), alike("linear", "classic")),
    "one, trained with some noise": (alike("net", "deep", 0.1), alike("linear", "classic")),
    "three baselines, and a network that is one of them": (
        Contender("net", "deep", like=1),
        *(Contender(f"linear-{k}", "classic") for k in range(3)),
    ),
    "a network that is worse": (Contender("net", "deep", 0.0), Contender("linear", "classic", 1.5)),
    "a network that is better": (
        Contender("net", "deep", 1.5),
        *(Contender(f"linear-{k}", "classic", 0.0) for k in range(3)),
    ),
    "one five times, and with some noise": (
        alike("net", "deep", 0.1),
        *(alike(f"linear-{k}", "classic") for k in range(5)),
    ),
}
TWO = (Contender("net", "deep", 0.8), Contender("linear", "classic", 0.8))
FOUR = tuple(
    Contender(name, family, 0.8)
    for name, family in (("a", "deep"), ("b", "deep"), ("c", "classic"), ("d", "classic"))
)
TO_GAIN = (  # contenders, design, whether it should be named in most studies
    ("two that see different columns", TWO, ("roc_auc", 3000, 1), True),
    ("two that see different columns", TWO, ("roc_auc", 1000, 1), False),
    ("two that see different columns", TWO, ("accuracy", 3000, 1), False),
    ("four that see different columns", FOUR, ("roc_auc", 3000, 1), False),
)


def main() -> None:
    """Print one line per case, and exit 1 where a goal is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=200, help="per line; fewer are quicker")
    n_studies = parser.parse_args().studies
    print(f"{'case, ' + str(n_studies) + ' studies':<70}{'goal':>7}  named  mean gain  verdicts")
    met = []
    for title, contenders in NOTHING_TO_GAIN.items():
        for design in SMALL:
            met.append(measure(title, contenders, design, n_studies, "≤ 0.05") <= 0.05)
    for title, contenders, design, is_goal in TO_GAIN:
        share = measure(title, contenders, design, n_studies, "> 0.5" if is_goal else "–")
        met.append(share > 0.5 or not is_goal)
    sys.exit(not all(met))


def measure(
    title: str,
    contenders: tuple[Contender, ...],
    design: tuple[str, int, int],
    n_studies: int,
    goal: str,
) -> float:
    """Print and return the share of studies whose verdict is both together."""
    (metric, n_rows, repeats), rng = design, np.random.default_rng(1)
    studies = (
        simulate_ridge(
            contenders, rng, n_rows=n_rows, metric=metric, repeats=repeats, has_blend=True
        )
        for _ in range(n_studies)
    )
    verdicts = [compare([study]).verdict for study in studies]
    kinds = Counter(each.kind for each in verdicts)
    gain = float(np.mean([each.blend.difference.mean for each in verdicts if each.blend]))
    place = f"{title}: {metric}, {n_rows} rows, {repeats} × 5 folds"
    share = kinds["both"] / n_studies
    print(f"{place:<70}{goal:>7}  {share:.3f}  {gain:+.4f}  {dict(kinds)}", flush=True)
    return share


if __name__ == "__main__":
    main()
