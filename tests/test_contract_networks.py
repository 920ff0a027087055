"""Every architecture, and networks on features, pass the checks of a candidate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from candidates import CHECKS, DEEP, deep_cases, engineered_cases, make_case, one_thread, toys

from dlrun.testing.candidates import repeats_with_the_same_seed

__all__ = ["one_thread", "toys"]  # the fixtures

pytestmark = pytest.mark.usefixtures("one_thread", "toys")


# All kinds of columns: mixed has numbers, categories, texts and series.
TWICE = {("mlp", "mixed"), ("mlp", "image"), ("mlp", "audio"), ("tfidf summary", "mixed")}


def is_fitted_twice(name: str, modality: str, task: str) -> bool:
    """Say whether a second fit is tried: of every kind of column, and of every architecture."""
    is_first = name in DEEP and name != "mlp" and modality == DEEP[name][1][0]
    return task == "classification" and (is_first or (name, modality) in TWICE)


def promises() -> Iterator[object]:
    for case in (*deep_cases(), *engineered_cases()):
        for check in CHECKS:
            if check is not repeats_with_the_same_seed or is_fitted_twice(*case.values[0][1:]):
                name = f"{case.id}-{check.__name__}"
                yield pytest.param(case.values[0], check, id=name, marks=case.marks)


@pytest.mark.parametrize(("case", "promise"), [*promises()])
def test_a_candidate_keeps_its_promises(case, promise):
    promise(make_case(*case))
