"""A saved view of an experiment: candidates by their score, charts of cost against quality.

The format is MLflow's own and undocumented, as of 3.17: an experiment's tag that its page reads.
Where it cannot be written, links open the plain list of runs.
"""

from __future__ import annotations

import json
import time
import zlib
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

from dlrun.catalog.metrics import get_metric
from dlrun.tracking.client import failures

if TYPE_CHECKING:
    from dlrun.tracking.store import Store

KEY: Final = "dlrun"
TAG: Final = f"mlflow.sharedViewState.{KEY}"
SECTION: Final = "dlrun-cost-and-quality"
SHOWN_COSTS: Final = {
    "cost/fit_seconds": "Score and training seconds",
    "cost/latency_ms_batch1": "Score and latency of one row, ms",
}


def save_view(store: Store, metric: str) -> bool:
    """Save the view by a metric in the store's experiment; return whether that succeeded."""
    now = time.time_ns() // 1_000_000
    packed = b64encode(zlib.compress(json.dumps(_state(metric)).encode())).decode()
    view = {
        "name": "dlrun: cost and quality",
        "createdAt": now,
        "updatedAt": now,
        "state": f"deflate;{packed}",
    }
    try:
        store.client.set_experiment_tag(store.experiment_id, TAG, json.dumps(view))
    except failures():
        return False
    return True


def _state(metric: str) -> dict[str, Any]:
    score = f"test/{metric}"
    charts = [
        _chart("SCATTER", title, xaxis=_axis(cost), yaxis=_axis(score), runsCountToCompare=100)
        for cost, title in SHOWN_COSTS.items()
    ]
    keys = (score, f"test_std/{metric}", *SHOWN_COSTS, "cost/model_mb")
    return {
        "orderByKey": f"metrics.`{score}`",
        "orderByAsc": get_metric(metric).lower_is_better,
        "selectedColumns": ["tags.`dlrun.family`", *(f"metrics.`{key}`" for key in keys)],
        "compareRunCharts": charts,
        "isAccordionReordered": True,  # else MLflow puts its own sections first
        "compareRunSections": [
            {"uuid": SECTION, "name": "Cost and quality", "display": True, "isReordered": False}
        ],
    }


def _axis(key: str) -> dict[str, str]:
    return {"key": key, "type": "METRIC"}


def _chart(kind: str, title: str, **settings: object) -> dict[str, object]:
    return {
        "type": kind,
        "uuid": f"dlrun-{title}",
        "metricSectionId": SECTION,
        "deleted": False,
        "isGenerated": False,
        "displayName": title,
        **settings,
    }
