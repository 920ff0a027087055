"""An explanation as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any

from dlrun.report.explained.words import reasons

if TYPE_CHECKING:
    from dlrun.contract.explanation import ExplainedPrediction, Explanation


def to_json(explanation: Explanation) -> str:
    """Return all numbers of an explanation; those that are not finite are null."""
    row = explanation.row
    values = {
        "study": explanation.study,
        "target": explanation.target.name,
        "row": row.title,
        "truth": row.truth or None,
        "cells": {name: cell.text for name, cell in row.cells.items()},
        "predictions": [_prediction(explanation, each) for each in explanation.predictions],
    }
    return json.dumps(_plain(values), indent=2, ensure_ascii=False, allow_nan=False)


def _prediction(explanation: Explanation, each: ExplainedPrediction) -> dict[str, Any]:
    found, row = each.attribution, explanation.row
    attribution = None
    if found:
        parts = reasons(found, row.columns, row.cells)
        attribution = {
            "method": found.method,
            "output": found.output,
            "unit": found.unit,
            "value": found.value,
            "baseline": found.baseline,
            "residual": found.residual,
            "reasons": [{"part": part.part, "adds": part.weight} for part in parts],
            "columns": [
                {"column": one.column, "weights": one.weights.tolist(), "parts": one.parts}
                for one in found.columns
            ],
        }
    return {
        "candidate": each.candidate,
        "family": each.family,
        "kept": each.kept,
        "trained_on": each.trained_on,
        "seen": each.seen,
        "answers": dict(each.answers),
        "methods": each.methods,
        "attribution": attribution,
        "unexplained": each.unexplained or None,
        "members": dict(each.members),
        "features": asdict(each.features) if each.features else None,
        "trace": asdict(each.trace) if each.trace else None,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value
