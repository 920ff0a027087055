"""Every kind of column passes the checks, and a faulty one does not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.data.types import column_module
from dlrun.testing import CheckError, check_column_kind, columns


@pytest.mark.parametrize("kind", COLUMN_KINDS.values(), ids=list(COLUMN_KINDS))
def test_a_kind_of_column_keeps_its_promises(kind):
    check_column_kind(kind)


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        ({"is_known": lambda values: values.notna()}, "is_known"),
        ({"describe": lambda column, values: ""}, "no description"),
        ({"add_noise": lambda values, rng, level: values[1:]}, "number of cells"),
        ({"drop_values": lambda values, rng, level: values}, "cells are known"),
    ],
)
def test_a_faulty_kind_is_found(faulty, message, monkeypatch):
    module = SimpleNamespace(**{**vars(column_module("number")), **faulty})
    monkeypatch.setattr(columns, "column_module", lambda kind: module)
    with pytest.raises(CheckError, match=message):
        check_column_kind(COLUMN_KINDS["number"])
