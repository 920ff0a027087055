"""Probe scores of the studies, matched with the candidates of the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite, isnan
from typing import TYPE_CHECKING, Protocol, TypeVar

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import decimals, fixed, signed
from dlrun.report.charts.marks import Estimate, interval_of

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.report.context import CandidateView, ReportContext


class OfCandidate(Protocol):
    """A result of one candidate."""

    @property
    def candidate(self) -> str:
        """Return the candidate's name in its study."""


Found = TypeVar("Found", bound=OfCandidate)
Gather = Callable[["pd.DataFrame", "pd.DataFrame", str], Sequence[Found]]


def measured_metric(context: ReportContext) -> str:
    """Return the metric of all probe scores: the primary one."""
    return context.studies[0].metrics[0]


def measured_title(context: ReportContext) -> str:
    """Return the title of the primary metric."""
    return get_metric(measured_metric(context)).title


def worse_axis(context: ReportContext) -> str:
    """Return the title of an axis of how much worse the primary metric becomes."""
    is_error = get_metric(measured_metric(context)).lower_is_better
    return f"{measured_title(context)} {'added' if is_error else 'lost'}"


def measured(context: ReportContext, gather: Gather[Found]) -> list[tuple[CandidateView, Found]]:
    """Return each candidate's results, in the order of the report.

    Args:
        context: of the report; studies with another primary metric than the first are left out.
        gather: probe scores, trials and metric of a study → results.
    """
    metric = measured_metric(context)
    found: list[tuple[CandidateView, Found]] = []
    for study in context.studies:
        if study.metrics[0] == metric:
            results = gather(study.read_probe_scores(), study.trials, metric)
            found += [
                (view, each)
                for view in context.candidates
                for each in results
                if view.study is study and view.own_name == each.candidate
            ]
    return found


def places_of(context: ReportContext) -> int:
    """Return the decimals of a change of the primary metric."""
    metric = measured_metric(context)
    scores = [abs(view.row.scores.get(metric, 0.0)) for view in context.champions]
    return decimals(max(filter(isfinite, scores), default=0.0) / 50)


def drop_estimate(view: CandidateView, name: str, drop: float, sd: float, places: int) -> Estimate:
    """Return how much worse a candidate's score becomes, with its standard deviation."""
    text = change_text(drop, sd, places)
    return Estimate(name, view.style, drop, text, interval_of(drop, sd))


def change_text(drop: float, sd: float, places: int) -> str:
    """Write how much worse a score becomes, with its standard deviation where that is known."""
    if isnan(drop):
        return "failed"
    deviation = "" if isnan(sd) else f" ±\N{NO-BREAK SPACE}{fixed(sd, places)}"
    return signed(drop, places) + deviation
