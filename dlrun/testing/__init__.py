"""Checks of the promises that a part of dlrun keeps: for its own parts, and for users' parts.

>>> from dlrun.testing import check_metric
>>> from dlrun.catalog.metrics import metrics_of
>>> check_metric(metrics_of("classification")["accuracy"])

A check raises a `CheckError` that says which promise is broken.
"""

from dlrun.testing.candidates import check_candidate
from dlrun.testing.columns import check_column_kind
from dlrun.testing.errors import CheckError
from dlrun.testing.metrics import check_metric
from dlrun.testing.parts import check_architecture, check_baseline

__all__ = [
    "CheckError",
    "check_architecture",
    "check_baseline",
    "check_candidate",
    "check_column_kind",
    "check_metric",
]
