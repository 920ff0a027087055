"""Stress: what noise, gaps, junk, wrong labels, lost structure and a shift cost a candidate."""

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
    """What one kind of stress costs one candidate.

    Attributes:
        title: the stress in words.
        drop: how much worse the primary metric becomes, in its unit, mean over the same splits.
        spread: standard deviation over the splits; NaN for a single one.
    """

    candidate: str
    family: Family
    aspect: Aspect
    level: float
    title: str
    score: float
    drop: float
    spread: float


def stresses(measurements: pd.DataFrame, trials: pd.DataFrame, metric: str) -> list[Stress]:
    """Gather what every stress that was measured costs every candidate."""
    sign = get_metric(metric).sign
    plain = trials.set_index(["candidate", "step"])[metric].rename("plain")
    measured = measurements[measurements["aspect"].isin(list(PERTURBATIONS))]
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
        spread=float(own["drop"].std()),
    )
