"""Every metric passes the checks, and a faulty one does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dlrun.catalog.metrics import METRICS, metrics_of
from dlrun.testing import CheckError, check_metric


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: f"{metric.tasks[0]}-{metric.name}")
def test_a_metric_keeps_its_promises(metric):
    check_metric(metric)


ACCURACY = metrics_of("classification")["accuracy"]


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        ({"lower_is_better": True}, "good predictions score"),
        ({"score": lambda rows: float("nan")}, "it is not finite"),
        ({"score": lambda rows: 2 * ACCURACY.score(rows)}, "is not from 0 to 1"),
        (
            {"score": lambda rows: ACCURACY.score(rows) - rows.values[0, 0] / 10},
            "depends on the order",
        ),
        ({"bootstrap": lambda rows: lambda counts: ACCURACY.score(rows)}, "bootstrap 0."),
        (
            {"score": lambda rows: float((rows.class_indices == rows.y).mean()), "bootstrap": None},
            "weighted 0.",
        ),
    ],
)
def test_a_faulty_metric_is_found(faulty, message):
    with pytest.raises(CheckError, match=message):
        check_metric(replace(ACCURACY, **faulty))
