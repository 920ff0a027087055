"""Honesty: how often the verdict is right on simulated studies, with the goals beside.

The studies are cross-fitted ridge classifiers of two normal classes, whose true scores are known
(dlrun.study.simulated), and go through dlrun's own comparison. Run it on a quiet machine, about a
quarter of an hour on one core: python tests/benchmarks/honesty.py [--studies N].
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import ceil

import numpy as np

from dlrun.evidence.compare import compare
from dlrun.evidence.comparison import Comparison
from dlrun.evidence.labels_needed import find_leads
from dlrun.evidence.learning_curve import find_crossover
from dlrun.study.simulated import Contender, SimulatedStudy, simulate_ridge

NET, LINEAR = Contender("net", "deep"), Contender("linear", "classic")
SIGNALS = {"roc_auc": 0.5, "accuracy": 0.8}  # of the network where it is better
ROPES = {"roc_auc": 0.005, "accuracy": 0.01}
MANY = {"folds": 5, "repeats": 5}  # what dlrun does on small tables
FEW = {"folds": 5, "repeats": 1}
MEETING = 1000.0  # rows at which all simulated curves have the same error
SIZES = np.array([250.0, 500, 1000, 2000, 4000])
LABELS = np.array([50.0, 100, 200, 500, 1000, 2000, 4000, 6250])


def main() -> None:
    """Print one line per measure, and exit 1 where a goal is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=200, help="per line; fewer are quicker")
    n_studies = parser.parse_args().studies
    print(f"{'measure':<62}{'goal':>10}  measured ({n_studies} studies)")
    met = []
    for measure in (winners, power, bias, equivalence, advice, crossovers, labels):
        for title, goal, value, is_met in measure(n_studies):
            met.append(is_met)
            print(f"{title:<62}{goal:>10}  {value:.3f}{'' if is_met else '  missed'}", flush=True)
    sys.exit(not all(met))


Line = tuple[str, str, float, bool]


def at_most(title: str, value: float, goal: float) -> Line:
    return title, f"≤ {goal:g}", value, abs(value) <= goal


def at_least(title: str, value: float, goal: float) -> Line:
    return title, f"≥ {goal:g}", value, value >= goal


def winners(n_studies: int) -> Iterator[Line]:
    """Count the winners where there is no difference, and the intervals that contain it."""
    for metric in ROPES:
        for n_rows in (300, 2000):
            studies = simulate(n_studies, (NET, LINEAR), n_rows, metric, MANY)
            found = [compare([study]) for study in studies]
            title = f"{metric}, {n_rows} rows, 5 × 5 folds"
            yield at_most(f"false winner: {title}", share(found, is_won), 0.05)
            yield at_least(f"coverage: {title}", share(found, contains(0.0)), 0.93)


def power(n_studies: int) -> Iterator[Line]:
    """Count the winners where the true difference is three times the ROPE."""
    for metric, rope in ROPES.items():
        both = leading_by(3 * rope, 2000, metric)
        for design, title, goal in ((MANY, "5 × 5", 0.6), (FEW, "5", 0.0)):
            studies = list(simulate(n_studies, both, 2000, metric, design))
            found = [compare([study]) for study in studies]
            true = float(np.mean([true_lead(study, metric) for study in studies]))
            at = f"{metric}, 2000 rows, {title} folds"
            is_found = share(found, lambda each: each.verdict.kind == "deep")
            yield at_least(f"power at 3 × ROPE ({true:.4f}): {at}", is_found, goal)
            yield at_least(f"coverage at 3 × ROPE: {at}", share(found, contains(true)), 0.93)


def bias(n_studies: int) -> Iterator[Line]:
    """Measure the lead of one network over the choice among six equal classifiers."""
    six = (NET, *(replace(LINEAR, name=f"linear-{k}") for k in range(6)))
    for n_rows, goal in ((300, 0.006), (2000, 0.002)):
        studies = simulate(n_studies, six, n_rows, "roc_auc", FEW)
        leads = [np.mean(compare([study]).verdict.leads) for study in studies]
        yield at_most(f"bias of 1 against 6: roc_auc, {n_rows} rows", float(np.mean(leads)), goal)


def equivalence(n_studies: int) -> Iterator[Line]:
    """Count the verdicts of equivalence of two classifiers that see the same signal."""
    alike = tuple(replace(each, signal=0.0, noise=0.0) for each in (NET, LINEAR))
    studies = simulate(n_studies, alike, 6000, "accuracy", FEW)
    found = [compare([study]) for study in studies]
    is_found = share(found, lambda each: each.verdict.kind == "equivalent")
    yield at_least("equivalence: accuracy, 6000 rows, no signal of their own", is_found, 0.6)


def advice(n_studies: int) -> Iterator[Line]:
    """Follow the advice of undecided studies of five folds: do further folds settle them?"""
    both = tuple(replace(each, noise=0.4) for each in leading_by(0.015, 2000, "roc_auc"))
    settled = []
    for study in simulate(n_studies, both, 2000, "roc_auc", MANY):
        more = compare([first_repeats(study, 1)]).verdict.more_folds
        if more is not None and more <= 20:
            found = compare([first_repeats(study, 1 + ceil(more / 5))])
            settled.append(found.verdict.kind != "undecided")
    value = float(np.mean(settled)) if settled else float("nan")
    title = f"advice: {len(settled)} times some more folds, said to settle 0.8"
    yield title, "0.65-0.95", value, not settled or 0.65 <= value <= 0.95


def crossovers(n_studies: int) -> Iterator[Line]:
    """Count the crossovers of two identical curves, and the intervals that contain a true one."""
    rng = np.random.default_rng(0)
    false = [find(rng, 0.5).n_rows is not None for _ in range(n_studies)]
    yield at_most("false crossover: identical curves", float(np.mean(false)), 0.05)
    found = [each for _ in range(n_studies) if (each := find(rng, 0.9)).n_rows]
    hits = [each.low <= MEETING <= each.high for each in found if each.low and each.high]
    value = float(np.mean(hits)) if hits else float("nan")
    yield f"coverage of {len(hits)} crossovers", "≥ 0.9", value, not hits or value >= 0.9


def labels(n_studies: int) -> Iterator[Line]:
    """Count the leads of equal kinds, and the intervals that contain the end of a true one."""
    rng = np.random.default_rng(0)
    title = "of 5 folds, 50 to 6,250 labels"
    for name, end in (("equal", 0.0), ("converging", 0.1)):
        curve = end * np.maximum(0, 1 - np.log(LABELS / 50) / np.log(20))
        found = [leads(rng, curve) for _ in range(n_studies)]
        claimed = float(np.mean([each.second is not None for each in found]))
        yield at_most(f"false crossover: {name} kinds {title}", claimed, 0.05)
        if not end:
            claimed = float(np.mean([each.first is not None for each in found]))
            yield at_most(f"false lead: {name} kinds {title}", claimed, 0.05)
    for at in (1000, 2500, 4500):
        curve = 0.04 * np.log(at / LABELS)
        found = [each for _ in range(n_studies) if (each := leads(rng, curve)).second]
        yield at_least(f"power: crossover at {at:,} labels", len(found) / n_studies, 0.2)
        for sign, name in ((-1, "until"), (1, "since")):
            true, turns = at * np.exp(sign * 0.005 / 0.04), [getattr(each, name) for each in found]
            value = float(np.mean([each.low <= true <= each.high for each in turns]))
            yield at_least(f"coverage: {name}, crossover at {at:,} labels", value, 0.9)


# ------------------------------------------------------------------------------- simulation


def simulate(
    n_studies: int,
    contenders: tuple[Contender, ...],
    n_rows: int,
    metric: str,
    design: dict[str, int],
) -> Iterator[SimulatedStudy]:
    rng, rope = np.random.default_rng(1), ROPES[metric]
    for _ in range(n_studies):
        yield simulate_ridge(contenders, rng, n_rows=n_rows, metric=metric, rope=rope, **design)


def leading_by(lead: float, n_rows: int, metric: str) -> tuple[Contender, Contender]:
    """Return a network that leads by this much: the other has less signal."""
    net, low, high = replace(NET, signal=SIGNALS[metric]), 0.0, SIGNALS[metric]
    for _ in range(9):
        middle = (low + high) / 2
        both = (net, replace(LINEAR, signal=middle))
        drawn = list(simulate(40, both, n_rows, metric, {"folds": 1, "repeats": 1}))
        is_more = np.mean([true_lead(each, metric) for each in drawn]) > lead
        low, high = (middle, high) if is_more else (low, middle)
    return net, replace(LINEAR, signal=(low + high) / 2)


def true_lead(study: SimulatedStudy, metric: str) -> float:
    return study.true_scores["net"][metric] - study.true_scores["linear"][metric]


def first_repeats(study: SimulatedStudy, n_repeats: int) -> SimulatedStudy:
    def kept(frame):
        return frame[frame["repeat"] < n_repeats].reset_index(drop=True)

    frames = {name: kept(frame) for name, frame in study.predictions.items()}
    return replace(study, trials=kept(study.trials), predictions=frames)


def is_won(found: Comparison) -> bool:
    return found.verdict.kind in ("deep", "classic")


def contains(value: float) -> Callable[[Comparison], bool]:
    def holds(found: Comparison) -> bool:
        lead = found.verdict.difference
        return lead is not None and lead.low <= value <= lead.high

    return holds


def share(found: list[Comparison], holds: Callable[[Comparison], bool]) -> float:
    return float(np.mean([holds(each) for each in found]))


def errors(exponent: float) -> np.ndarray:
    return 0.1 + 0.1 * (SIZES / MEETING) ** -exponent


def find(rng: np.random.Generator, exponent: float):
    """Find the crossover of curves that folds with shared luck measure."""

    def measured(mean: np.ndarray) -> np.ndarray:
        luck = rng.normal(0, 0.01 * 0.2**0.5, (len(SIZES), 1))
        return mean[:, None] + luck + rng.normal(0, 0.01 * 0.8**0.5, (len(SIZES), 5))

    curves = measured(errors(exponent)), measured(errors(0.5))
    return find_crossover(("net", "linear"), SIZES, *curves, rope=0.01, test_share=0.2)


def leads(rng: np.random.Generator, mean: np.ndarray):
    """Find the leads of two kinds that folds with shared luck measure, more exactly with more."""
    n = len(LABELS)
    root = np.linalg.cholesky(0.5 ** abs(np.subtract.outer(range(n), range(n))))
    shared, own = (root @ rng.normal(size=(n, k)) for k in (1, 5))
    luck = 0.03 * (LABELS / 50)[:, None] ** -0.35 * (0.2**0.5 * shared + 0.8**0.5 * own)
    curve = mean[:, None] + luck
    return find_leads(("pretraining", "classic ML"), LABELS, curve, rope=0.005, test_share=0.2)


if __name__ == "__main__":
    main()
