"""Mutated recipes and data files are read, or refused in one message: never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzzing import crash_of, files, recipes


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("make", "n_cases"), [(recipes, 60), (files, 60)])
def test_nothing_crashes(make, n_cases: int, tmp_path: Path) -> None:
    cases = list(make(tmp_path, n_cases, seed=1))
    crashed = [(content, repr(error)) for content, read in cases if (error := crash_of(read))]
    assert crashed == []
