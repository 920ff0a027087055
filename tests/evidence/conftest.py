"""Studies built by hand: no training, no store, every number chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from reported import MadeStudy

from dlrun.contract.candidate import Family, Kind
from dlrun.contract.trial import Cost

N_ROWS = 1000
ONE = Cost(fit_seconds=1.0, latency_ms_batch1=1.0)


@dataclass(frozen=True)
class Made:
    """A candidate with the scores that it shall have, one per split.

    `validation` is its score on the validation rows, of each split or of all alike. `errors` are
    the splits on which it failed. `late` is its probability of the second class for
    each test row, the same rows in every split, of which the odd ones are late; `late_by_row`
    the same of all rows, each of which is tested once.
    """

    name: str
    family: Family
    scores: tuple[float, ...]
    validation: float | tuple[float, ...] = 0.5
    cost: Cost = ONE
    errors: Mapping[int, str] = field(default_factory=dict)
    late: tuple[np.ndarray, ...] = ()
    late_by_row: np.ndarray | None = None
    kind: Kind | None = None


def make_study(*candidates: Made, **changes: Any) -> MadeStudy:
    """Make a study of 1,000 rows, each of which is tested once, or as `changes` say."""
    metrics = changes.get("metrics", ("roc_auc",))
    n_splits = max(len(made.scores) for made in candidates)
    frames = {made.name: _predictions(made, n_splits) for made in candidates}
    study = MadeStudy(
        id="3f2a90c1d4e5",
        name="calm-owl-7",
        experiment="flights",
        recipe="flights",
        source="/recipes/flights.yaml",
        status="FINISHED",
        started=datetime(2026, 11, 22, tzinfo=UTC),
        task="classification",
        labels=("on time", "late"),
        metrics=metrics,
        rope=0.005,
        n_rows=N_ROWS,
        n_test_rows=N_ROWS // n_splits,
        split_digest="a" * 36,
        data_digest="d" * 36,
        trials=pd.DataFrame(_trials(candidates, metrics)),
        predictions=frames,
        texts={"recipe.yaml": "name: flights\n"},
    )
    return replace(study, **changes)


def _trials(candidates: tuple[Made, ...], metrics: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {
            "candidate": made.name,
            "family": made.family,
            **({"kind": made.kind} if made.kind else {}),
            "repeat": 0,
            "fold": step,
            "step": step,
            "seed": step,
            "status": "failed" if step in made.errors else "ok",
            "error": made.errors.get(step, ""),
            **dict.fromkeys(metrics, np.nan if step in made.errors else score),
            **{
                f"val_{metric}": np.broadcast_to(made.validation, len(made.scores))[step]
                for metric in metrics
            },
            **asdict(made.cost),
        }
        for made in candidates
        for step, score in enumerate(made.scores)
    ]


def _predictions(made: Made, n_splits: int) -> pd.DataFrame:
    if made.late:
        return pd.concat([_part(np.arange(len(p)), k, p) for k, p in enumerate(made.late)])
    rows = np.arange(N_ROWS)
    parts = np.array_split(rows, n_splits)
    late = np.full(N_ROWS, 0.5) if made.late_by_row is None else made.late_by_row
    return pd.concat([_part(part, k, late[part]) for k, part in enumerate(parts)])


def _part(rows: np.ndarray, fold: int, late: np.ndarray) -> pd.DataFrame:
    late = late[: len(rows)]
    return pd.DataFrame(
        {
            "row_id": rows,
            "repeat": 0,
            "fold": fold,
            "truth": rows % 2,
            "prediction": (late > 0.5).astype(int),
            "p_on time": 1 - late,
            "p_late": late,
        }
    )


@pytest.fixture(name="Made")
def _made() -> type[Made]:
    return Made


@pytest.fixture(name="make_study")
def _make_study() -> Any:
    return make_study


@pytest.fixture
def flights() -> MadeStudy:
    """Five folds: boosting ahead of two networks, costs of a real size."""
    return make_study(
        Made("dummy", "classic", (0.5,) * 5, 0.5, Cost(0.02, 0.02, 180.0, 0.3)),
        Made("linear", "classic", (0.698, 0.702, 0.7, 0.696, 0.703), 0.701, Cost(3.2, 3.1, 420, 2)),
        Made(
            "hist_gradient_boosting",
            "classic",
            (0.798, 0.804, 0.799, 0.793, 0.805),
            0.801,
            Cost(11.4, 21.9, 510.0, 3.1),
        ),
        Made("mlp", "deep", (0.727, 0.73, 0.733, 0.723, 0.731), 0.733, Cost(28.1, 51.2, 890, 27.9)),
        Made("wide", "deep", (0.724, 0.733, 0.73, 0.722, 0.731), 0.729, Cost(61.9, 118, 1020, 28)),
    )
