"""The studies of a store on the terminal, and as values for JSON."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import duration
from dlrun.report.terminal import FAMILY_STYLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlrun.tracking.studies import CandidateRun, StudyDetails, StudySummary

SHORT_ID: Final = 8


def studies_table(studies: Sequence[StudySummary]) -> Table:
    """Return one line per study."""
    table = _table()
    for title in ("study", "id", "started", "took"):
        table.add_column(title, no_wrap=True)
    table.add_column("verdict")  # cut on a narrow screen
    for each in studies:
        started = each.started.astimezone().strftime("%Y-%m-%d %H:%M")
        took = duration(each.seconds) if each.seconds is not None else ""
        is_done = each.status == "FINISHED"
        verdict = each.verdict if is_done else f"{each.status.lower()}. {each.verdict}"
        cells = map(Text, (each.name, each.id[:SHORT_ID], started, took))
        cut = Text(verdict, no_wrap=True, overflow="ellipsis")
        table.add_row(*cells, cut, style="" if is_done else "dim")
    return table


def study_details(study: StudyDetails) -> Group:
    """Return the facts of a study and its candidates."""
    summary = study.summary
    took = f", took {duration(summary.seconds)}" if summary.seconds is not None else ""
    started = summary.started.astimezone().strftime("%Y-%m-%d %H:%M")
    facts = {
        "study": f"{summary.name}, in the experiment {summary.experiment}",
        "id": summary.id,
        "recipe": summary.source,
        "task": study.task,
        "status": f"{summary.status.lower()}, started {started}{took}",
        "tags": ", ".join(f"{key}={value}" for key, value in summary.tags.items()),
        "files": study.artifacts,
        "kept": summary.kept,
        "verdict": summary.verdict,
    }
    grid = Table.grid(padding=(0, 2))
    for title, text in facts.items():
        if text:
            grid.add_row(Text(title, style="dim"), Text(text, overflow="fold"))
    return Group(grid, Text(), _candidates(study.candidates, study.metrics))


def to_values(study: StudySummary | StudyDetails) -> dict[str, Any]:
    """Return a study as values for JSON; scores that are not numbers are null."""
    values = asdict(study)
    summary = values.pop("summary", values)
    summary["started"] = summary["started"].isoformat()
    for candidate in values.get("candidates", ()):
        scores = candidate["scores"]
        candidate["scores"] = {
            name: score if isfinite(score) else None for name, score in scores.items()
        }
    return {**summary, **values}


def _candidates(candidates: Sequence[CandidateRun], metrics: Sequence[str]) -> Table:
    table = _table()
    for title in ("candidate", "family", "status", "run id"):
        table.add_column(title, no_wrap=True)
    for metric in metrics[:1]:
        table.add_column(get_metric(metric).title, justify="right", no_wrap=True)
    for each in candidates:
        scores = [f"{each.scores[name]:.4g}" if name in each.scores else "" for name in metrics[:1]]
        style = FAMILY_STYLES.get(each.family, "")
        cells = (Text(each.family, style=style), each.status.lower(), each.id[:SHORT_ID])
        table.add_row(Text(each.name), *cells, *scores)
    return table


def _table() -> Table:
    return Table(
        box=SIMPLE_HEAD, show_edge=False, header_style="dim", border_style="dim", pad_edge=False
    )
