"""A comparison as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from io import StringIO
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from dlrun.report.columns import make_columns, make_kind_columns
from dlrun.system.spreadsheet import guard

SEARCH_KEYS: Final = ("search_budget", "search_costs")

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlrun.evidence.comparison import (
        CandidateSummary,
        Comparison,
        KindSummary,
        TuningGain,
        Verdict,
    )
    from dlrun.evidence.rules import RuleResult
    from dlrun.report.columns import TableColumn


def to_json(comparison: Comparison, rules: Sequence[RuleResult] | None = None) -> str:
    """Write the whole comparison; unknown values are null, tuning is left out where none was.

    Args:
        comparison: of the candidates.
        rules: what it says of the usual advice; None leaves it out.
    """
    values = asdict(comparison) | {"lower_is_better": comparison.lower_is_better}
    if rules is not None:
        values["rules"] = [asdict(each) for each in rules]
    if not comparison.search_costs:
        values = {key: value for key, value in values.items() if key not in SEARCH_KEYS}
        values["rows"] = [
            {key: value for key, value in row.items() if key != "tuning"} for row in values["rows"]
        ]
    return json.dumps(known(values), indent=2, ensure_ascii=False, allow_nan=False)


def to_csv(comparison: Comparison) -> str:
    """Write one line per candidate; unknown values are empty."""
    return _csv(to_columns(comparison))


def kinds_to_csv(comparison: Comparison) -> str:
    """Write one line per kind; unknown values are empty."""
    rows = [_flat_kind(each) for each in comparison.kinds]
    return _csv({name: [known(row[name]) for row in rows] for name in rows[0]})


def _csv(columns: Mapping[str, Sequence[Any]]) -> str:
    lines = StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(map(guard, columns))
    writer.writerows(map(guard, row) for row in zip(*columns.values(), strict=True))
    return lines.getvalue()


def to_markdown(comparison: Comparison) -> str:
    """Write the verdict, the table with all columns, and the notes."""
    return _markdown(comparison, make_columns(comparison))


def kinds_to_markdown(comparison: Comparison) -> str:
    """Write the verdict, the table of the kinds, and the notes."""
    return _markdown(comparison, make_kind_columns(comparison))


def _markdown(comparison: Comparison, columns: Sequence[TableColumn]) -> str:
    lines = [
        f"**{comparison.verdict.sentence}**",
        "",
        _line([column.title for column in columns]),
        _line(["---:" if column.side == "right" else ":---" for column in columns]),
        *(_line(cells) for cells in zip(*(column.cells for column in columns), strict=True)),
    ]
    lines += ["", comparison.clarity.sentence] if comparison.clarity else []
    lines += ["", *(f"Kept: {kept}." for kept in comparison.kept)] if comparison.kept else []
    if comparison.notes:
        lines += ["", *(f"- {note}" for note in comparison.notes)]
    return "\n".join(lines) + "\n"


def to_columns(comparison: Comparison) -> dict[str, list[Any]]:
    """Return column → one value per candidate; unknown values are None."""
    rows = [_flat(row) for row in comparison.rows]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [known(row.get(name)) for row in rows] for name in names}


def to_metrics(verdict: Verdict) -> dict[str, float]:
    """Return the numbers of the verdict as metrics of the study; empty where it has none."""
    metrics: dict[str, float] = {}
    if verdict.difference is not None:
        at = verdict.difference
        metrics |= {"difference": at.mean, "low": at.low, "high": at.high}
    if verdict.probabilities is not None:
        metrics |= {f"p_{side}": share for side, share in asdict(verdict.probabilities).items()}
    return {f"verdict/{name}": value for name, value in metrics.items()}


def _flat_kind(kind: KindSummary) -> dict[str, Any]:
    difference = asdict(kind.difference) if kind.difference else {}
    return {
        "kind": kind.kind,
        "best": kind.best,
        "mean": kind.mean,
        "against": difference.get("against"),
        "difference": difference.get("mean"),
        "low": difference.get("low"),
        "high": difference.get("high"),
        "p_value": difference.get("p_value"),
        "p_better": kind.p_better,
        "p_equivalent": kind.p_equivalent,
        "p_worse": kind.p_worse,
        **asdict(kind.cost),
    }


def _flat(row: CandidateSummary) -> dict[str, Any]:
    difference = asdict(row.difference) if row.difference else {}
    return {
        "candidate": row.name,
        "family": row.family,
        "kind": row.kind,
        "mean": row.mean,
        "sd": row.sd,
        "n": row.n,
        "n_failed": row.n_failed,
        "against": difference.get("against"),
        "difference": difference.get("mean"),
        "low": difference.get("low"),
        "high": difference.get("high"),
        "p_value": difference.get("p_value"),
        "validation": row.validation,
        **row.scores,
        **asdict(row.cost),
        **(_tuning(row.tuning) if row.tuning else {}),
        "error": row.error,
    }


def _tuning(tuning: TuningGain) -> dict[str, float]:
    return {
        "default": tuning.default,
        "gain": tuning.gain.mean,
        "gain_low": tuning.gain.low,
        "gain_high": tuning.gain.high,
        "n_search_trials": tuning.n_trials,
        "search_seconds": tuning.seconds,
        "search_cpu_seconds": tuning.cpu_seconds,
    }


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.strip().replace("|", "\\|") for cell in cells) + " |"


def known(value: Any) -> Any:
    """Replace NaN and infinities by None, also in lists and dicts."""
    if isinstance(value, dict):
        return {key: known(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [known(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value
