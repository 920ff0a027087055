"""Checks of the verdict on simulated studies, whose true answer is known: seconds, no training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.evidence import compare as evidence
from dlrun.study.simulated import Contender, simulate_ridge, simulate_scores

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.candidate import Family
    from dlrun.evidence.comparison import Comparison
    from dlrun.study.simulated import SimulatedStudy

SIMULATED: Final = "simulated"
FOLDS: Final = np.array([0.01, -0.01, 0.005, -0.005, 0.0])
EQUAL: Final = (Contender("mlp", "deep"), Contender("linear", "classic"))
FAMILIES: Final[dict[str, Family]] = {"mlp": "deep", "linear": "classic"}


@dataclass(frozen=True)
class Finding:
    """An expectation and its measurement."""

    study: str
    expected: str
    measured: str
    is_met: bool


def no_false_winner() -> Finding:
    """Name a winner in few studies of two equally good classifiers."""
    rng = np.random.default_rng(0)
    return _few_winners("no difference", [simulate_ridge(EQUAL, rng) for _ in range(25)], 3)


def no_false_winner_of_one_test_set() -> Finding:
    """Name a winner in few studies of two equally good classifiers and one test set."""
    rng = np.random.default_rng(1)
    studies = [simulate_ridge(EQUAL, rng, folds=1, n_rows=500) for _ in range(15)]
    return _few_winners("no difference, one test set", studies, 3)


def no_false_winner_of_correlated_splits() -> Finding:
    """Name a winner in few studies whose splits have half of their luck in common."""
    rng, studies = np.random.default_rng(2), []
    for _ in range(25):
        luck = rng.normal(0, 0.02 * 0.5**0.5) + rng.normal(0, 0.02 * 0.5**0.5, 10)
        scores = {"mlp": 0.8 + luck, "linear": np.full(10, 0.8)}
        studies.append(simulate_scores(scores, FAMILIES, test_share=0.5))
    return _few_winners("no difference, shared luck", studies, 3)


def finds_deep() -> Finding:
    """Find that the network is better where it is."""
    return _finds("deep", Contender("mlp", "deep", 1.5), Contender("linear", "classic", 0.0))


def finds_classic() -> Finding:
    """Find that the classic candidate is better where it is."""
    return _finds("classic", Contender("mlp", "deep", 0.0), Contender("linear", "classic", 1.5))


def finds_equivalence() -> Finding:
    """Find that two candidates with the same predictions are equivalent."""
    study = simulate_ridge(EQUAL, np.random.default_rng(4), n_rows=500)
    of_mlp = study.predictions["mlp"]
    trials = study.trials.drop(columns="candidate").iloc[: len(study.trials) // 2]
    both = {"mlp": of_mlp, "linear": of_mlp}
    alike = [trials.assign(candidate=name, family=family) for name, family in FAMILIES.items()]
    return _is_of_kind("the same predictions", _with(study, alike, both), "equivalent")


def keeps_a_small_lead_undecided() -> Finding:
    """Call a certain lead of a fifth of the ROPE no win."""
    scores = {"mlp": 0.801 + FOLDS * 0.01, "linear": np.full(5, 0.8)}
    return _is_of_kind("a lead within the ROPE", simulate_scores(scores, FAMILIES), "equivalent")


def asks_for_every_rival() -> Finding:
    """Call it no win where a candidate of the other side is level with the winner."""
    lead = FOLDS * 0.1
    study = simulate_scores(
        {"mlp": 0.9 + lead, "linear": np.full(5, 0.8), "forest": 0.9 + lead[::-1]},
        FAMILIES | {"forest": "classic"},
        validation={"linear": [0.9] * 5, "forest": [0.5] * 5},
    )
    return _is_of_kind("a rival that is level", study, "undecided")


def chooses_on_validation() -> Finding:
    """Find no lead of six equal candidates over one that the choice among them would make."""
    rng = np.random.default_rng(5)
    leads: list[float] = []
    names = ("mlp", *"abcdef")
    families: dict[str, Family] = {name: FAMILIES.get(name, "classic") for name in names}
    for _ in range(25):
        scores = {name: rng.normal(0.8, 0.02, 5) for name in names}
        validation = {name: np.roll(own, -1) for name, own in scores.items()}
        leads += _compare(simulate_scores(scores, families, validation=validation)).verdict.leads
    mean = float(np.mean(leads))
    expected = "bias of one against six within 0.006"
    return Finding(SIMULATED, expected, f"{mean:+.4f}", abs(mean) <= 0.006)  # noqa: PLR2004


def finds_both() -> Finding:
    """Find that both together are better where each side sees what the other does not."""
    apart = (Contender("mlp", "deep", 1.2), Contender("linear", "classic", 1.2))
    n_found = _n_both(apart, n_studies=3, n_rows=3000)
    return Finding(SIMULATED, "both are better: 3 of 3", f"{n_found} of 3", n_found == 3)  # noqa: PLR2004


def names_no_idle_blend() -> Finding:
    """Name no blend of two candidates that see the same, one of which varies a little."""
    alike = (Contender("mlp", "deep", noise=0.1, like=0), Contender("linear", "classic", like=0))
    n_named = _n_both(alike, n_studies=5, n_rows=300)
    return Finding(SIMULATED, "nothing to gain: 0 of 5 blends", f"{n_named} of 5", n_named == 0)


def _n_both(contenders: tuple[Contender, ...], *, n_studies: int, n_rows: int) -> int:
    """Count the studies whose verdict is both together."""
    rng = np.random.default_rng(6)
    studies = [
        simulate_ridge(contenders, rng, n_rows=n_rows, has_blend=True) for _ in range(n_studies)
    ]
    return sum(_compare(study).verdict.kind == "both" for study in studies)


CHECKS: Final[tuple[Callable[[], Finding], ...]] = (
    no_false_winner,
    no_false_winner_of_one_test_set,
    no_false_winner_of_correlated_splits,
    finds_deep,
    finds_classic,
    finds_equivalence,
    keeps_a_small_lead_undecided,
    asks_for_every_rival,
    chooses_on_validation,
    finds_both,
    names_no_idle_blend,
)


def _compare(study: SimulatedStudy) -> Comparison:
    return evidence.compare([study])


def _few_winners(title: str, studies: list[SimulatedStudy], most: int) -> Finding:
    kinds = [_compare(study).verdict.kind for study in studies]
    n_named = sum(kind in FAMILIES.values() for kind in kinds)
    expected = f"{title}: at most {most} of {len(kinds)} winners"
    return Finding(SIMULATED, expected, str(n_named), n_named <= most)


def _finds(kind: Family, *contenders: Contender) -> Finding:
    rng = np.random.default_rng(3)
    kinds = [_compare(simulate_ridge(contenders, rng, n_rows=1000)).verdict.kind for _ in range(5)]
    n_found = kinds.count(kind)
    return Finding(SIMULATED, f"{kind} is better: 5 of 5", f"{n_found} of 5", n_found == len(kinds))


def _is_of_kind(title: str, study: SimulatedStudy, kind: str) -> Finding:
    found = _compare(study).verdict.kind
    return Finding(SIMULATED, f"{title}: {kind}", found, found == kind)


def _with(
    study: SimulatedStudy, trials: list[pd.DataFrame], predictions: dict[str, pd.DataFrame]
) -> SimulatedStudy:
    from pandas import concat

    return replace(study, trials=concat(trials, ignore_index=True), predictions=predictions)
