"""What was measured beside the trials, paired with the candidates as they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite, isnan
from typing import TYPE_CHECKING, Protocol, TypeVar

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import decimals, fixed, signed

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.report.context import CandidateView, ReportContext


class OfCandidate(Protocol):
    """A result that belongs to one candidate."""

    @property
    def candidate(self) -> str:
        """Return its name in the study."""


Found = TypeVar("Found", bound=OfCandidate)
Gather = Callable[["pd.DataFrame", "pd.DataFrame", str], Sequence[Found]]


def measured_metric(findings: ReportContext) -> str:
    """Name the metric on which all of it was measured: the primary one."""
    return findings.studies[0].metrics[0]


def measured_title(findings: ReportContext) -> str:
    """Return the title of that metric."""
    return get_metric(measured_metric(findings)).title


def worse_axis(findings: ReportContext) -> str:
    """Name an axis of how much worse that metric becomes."""
    is_error = get_metric(measured_metric(findings)).lower_is_better
    return f"{measured_title(findings)} {'added' if is_error else 'lost'}"


def measured(findings: ReportContext, gather: Gather[Found]) -> list[tuple[CandidateView, Found]]:
    """Gather what was measured, in the order of the report's candidates.

    Args:
        findings: of the report; studies with another primary metric than the first are left out.
        gather: measurements, trials and metric of a study → what was found.
    """
    metric = measured_metric(findings)
    found: list[tuple[CandidateView, Found]] = []
    for study in findings.studies:
        if study.metrics[0] == metric:
            results = gather(study.read_probe_scores(), study.trials, metric)
            found += [
                (shown, each)
                for shown in findings.candidates
                for each in results
                if shown.study is study and shown.own_name == each.candidate
            ]
    return found


def places_of(findings: ReportContext) -> int:
    """Give the decimals of changes of the scores on that metric."""
    metric = measured_metric(findings)
    scores = [abs(shown.row.scores.get(metric, 0.0)) for shown in findings.champions]
    return decimals(max(filter(isfinite, scores), default=0.0) / 50)


def change_text(drop: float, spread: float, places: int) -> str:
    """Write by how much a score becomes worse, with its standard deviation where it is known."""
    if isnan(drop):
        return "failed"
    spread_text = "" if isnan(spread) else f" ±\N{NO-BREAK SPACE}{fixed(spread, places)}"
    return signed(drop, places) + spread_text
