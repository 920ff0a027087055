from __future__ import annotations

import pytest
from trials import make_dataset

from dlrun.contract.dataset import Dataset


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()
