"""Stress: how much worse candidates score under each perturbation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlrun.catalog.metrics import get_metric
from dlrun.catalog.perturbations import PERTURBATIONS
from dlrun.contract.trial import Aspect

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.candidate import Family


@dataclass(frozen=True)
class Stress:
    """One candidate under one perturbation.

    Attributes:
        title: the perturbation in words.
        drop: by how much the primary metric is worse, in its unit, mean over the same splits.
        sd: standard deviation over the splits; NaN for a single one.
    """

    candidate: str
    family: Family
    aspect: Aspect
    level: float
    title: str
    score: float
    drop: float
    sd: float


def stresses(probe_scores: pd.DataFrame, trials: pd.DataFrame, metric: str) -> list[Stress]:
    """Return every candidate's result under every perturbation that was measured."""
    sign = get_metric(metric).sign
    plain = trials.set_index(["candidate", "step"])[metric].rename("plain")
    measured = probe_scores[probe_scores["aspect"].isin(list(PERTURBATIONS))]
    joined = measured.join(plain, on=["candidate", "step"])
    joined["drop"] = -sign * (joined["score"] - joined["plain"])
    keys = ["aspect", "level", "candidate"]
    return [_stress(own, own.to_dict("records")[0]) for _, own in joined.groupby(keys, sort=False)]


def _stress(own: pd.DataFrame, first: dict[Any, Any]) -> Stress:
    return Stress(
        candidate=first["candidate"],
        family=first["family"],
        aspect=first["aspect"],
        level=first["level"],
        title=PERTURBATIONS[first["aspect"]].title.format(
            level=first["level"], percent=100 * first["level"]
        ),
        score=float(own["score"].mean()),
        drop=float(own["drop"].mean()),
        sd=float(own["drop"].std()),
    )
