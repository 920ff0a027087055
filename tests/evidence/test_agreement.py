from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest

from dlrun.contract.excerpt import ShownCell
from dlrun.contract.reasons import CellReasons, Reasons, RowReasons
from dlrun.evidence.agreement import agreement, resampled

PLAIN, QUOTE, IMAGE = (ShownCell(form, "") for form in ("plain", "quote", "image"))


def reasons(*cells, row_id=7):
    return Reasons("occlusion", "", (RowReasons(row_id, "", "", "", 0.0, nan, nan, cells),))


def plain(**weights):
    return [CellReasons(name, PLAIN, ((weight,),)) for name, weight in weights.items()]


def words(text, *weights):
    return CellReasons("t", QUOTE, (weights,), tuple(text.split()))


def test_single_values_are_compared_by_column_whatever_their_order_and_unit():
    own, same = plain(a=3, b=2, c=-1), plain(c=-100, b=0, a=8)
    assert agreement(reasons(*own), reasons(*same)) == pytest.approx(1)
    assert agreement(reasons(*own), reasons(*plain(a=-3, b=-2, c=1))) == pytest.approx(-1)
    assert isnan(agreement(reasons(*own), reasons(*same, row_id=8)))
    assert isnan(agreement(reasons(*own[:2]), reasons(*same[:2])))


def test_tokens_are_summed_over_the_words_in_which_they_stand():
    own = words("Not good, truly awful", 0.0, 1.0, 0.5, -2.0)
    tokens = words("not good , tru ##ly aw ful", 0.0, 5.0, 1.0, 1.0, 9.0, -3.0, -3.0)
    assert agreement(reasons(own), reasons(tokens)) == pytest.approx(1)
    assert agreement(reasons(tokens), reasons(own)) == pytest.approx(1)


def test_maps_are_compared_at_the_coarser_resolution():
    fine = np.arange(16.0).reshape(4, 4)
    assert resampled(fine, (2, 2)).tolist() == [[10, 18], [42, 50]]
    assert resampled(fine, (3, 4)).sum() == pytest.approx(fine.sum())
    cells = [
        CellReasons("i", IMAGE, tuple(map(tuple, each.tolist())))
        for each in (fine, resampled(fine, (2, 2)))
    ]
    assert agreement(*(reasons(cell) for cell in cells)) == pytest.approx(1)
