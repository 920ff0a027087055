from __future__ import annotations

import pytest

from dlrun.system.text import did_you_mean, listed, nearest, quoted, suggest


@pytest.mark.parametrize(
    ("name", "known", "near"),
    [("adm", ["sgd", "adam"], "adam"), ("RMSE", ["rmse"], "rmse"), ("x", ["adam"], None)],
)
def test_the_nearest_name(name, known, near):
    assert nearest(name, known) == near


def test_suggestions():
    assert suggest("adm", ["adam"]) == "Did you mean adam?"
    assert suggest("x", ["adam", "sgd"]) == "Allowed: adam, sgd"
    assert suggest("x", [], "any name") == "Allowed: any name"
    assert suggest("x", []) == "Allowed: none"
    assert did_you_mean("adm", ["adam"]) == " Did you mean 'adam'?"
    assert did_you_mean("x", ["adam"]) == ""


def test_long_lists_are_cut():
    assert listed("abc", 3) == "a, b, c"
    assert listed("abcd", 3) == "a, b, c and 1 more"
    assert quoted("ab") == "'a', 'b'"
