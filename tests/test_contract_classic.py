"""Every baseline, and every feature, passes the checks of a candidate."""

from __future__ import annotations

import pytest
from candidates import (
    CHECKS,
    classic_cases,
    few_kernels,
    make_case,
    one_thread,
    python_convolutions,
)

__all__ = ["few_kernels", "one_thread", "python_convolutions"]  # the fixtures

pytestmark = pytest.mark.usefixtures("one_thread", "few_kernels")


@pytest.fixture(params=classic_cases())
def case(request):
    return make_case(*request.param)


@pytest.mark.parametrize("promise", CHECKS, ids=lambda promise: promise.__name__)
def test_a_candidate_keeps_its_promises(case, promise):
    promise(case)
