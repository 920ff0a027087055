"""Every golden study gives what is on record: the same bits on the same machine and libraries.

The name of each test says how results are held against the record here, `bit_for_bit` or
`within_tolerance`. Where a change of results is meant: python tests/golden/record.py [STUDY …].
"""

from __future__ import annotations

from pathlib import Path

import pytest
from golden import records
from golden.replay import replay
from golden.studies import STUDIES

pytestmark = pytest.mark.tf

MOST_LINES = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all studies and of their store, whose making takes seconds."""
    return tmp_path_factory.mktemp("golden")


@pytest.mark.parametrize(
    "golden", STUDIES, ids=lambda golden: f"{golden.name}-{records.mode_of(golden.name)}"
)
def test_a_study_repeats_its_record(golden, folder, request):
    found = replay(golden, folder)
    if request.config.pluginmanager.has_plugin("Recording"):
        records.save(golden.name, found)
    record = records.load(golden.name)
    assert record, f"no record of {golden.name}. Run: python tests/golden/record.py {golden.name}"
    told = list(records.differences(record, found))
    if told:
        shown = "\n".join(told[:MOST_LINES])
        reason = f"{golden.name} differs from its record in {len(told)} places:\n{shown}"
        pytest.fail(reason, pytrace=False)
