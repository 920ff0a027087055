"""The values of a search space, as a recipe writes them."""

from __future__ import annotations

from typing import Any

import pytest

from dlrun.contract.search import Dimension
from dlrun.recipe.search import Search


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ([0.0, 2.0], Dimension(range=(0.0, 2.0))),
        ([0, 2], Dimension(range=(0, 2))),
        ([0, 0.5], Dimension(range=(0.0, 0.5))),
        ({"log": [1.0, 10.0]}, Dimension(log=(1.0, 10.0))),
        ({"log": [1, 10]}, Dimension(log=(1, 10))),
        ([True, False], Dimension(choices=(True, False))),
        ([[64], [128, 128]], Dimension(choices=([64], [128, 128]))),
        (["relu", None], Dimension(choices=("relu", None))),
    ],
)
def test_whole_bounds_give_whole_numbers_and_others_do_not(written: Any, meant: Dimension) -> None:
    found = Search.model_validate({"space": {"x": written}}).space["x"]
    assert found == meant
    assert found.is_whole == meant.is_whole
