from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.data import model_io
from dlrun.data.reference import REFERENCE, make_reference, read_reference, write_reference
from dlrun.data.types.decode import as_cells
from dlrun.testing.samples import SAMPLES


def dataset(column, cells):
    frame = pd.DataFrame({column.name: cells})
    rows = np.arange(len(frame))
    return Dataset("", "", (column,), Target("y", "regression"), frame, rows.astype(float), rows)


def typical(column, cells):
    return make_reference(dataset(column, cells))[column.name][0]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_reference_is_typed_like_the_rows_and_survives_its_file(name, tmp_path):
    train = SAMPLES[name]().dataset("regression")
    row = make_reference(train)
    assert list(row) == [column.name for column in train.columns]
    for column in train.columns:
        own, theirs = row[column.name], train.frame[column.name]
        assert own.dtype.kind == theirs.dtype.kind
        if theirs.dtype == object:
            assert own[0].dtype == theirs[0].dtype
            assert own[0].shape == column.shape
    write_reference(tmp_path, train)
    read = read_reference(tmp_path, train.columns)
    pd.testing.assert_frame_equal(read, row)


@pytest.mark.parametrize(
    ("kind", "cells", "expected"),
    [
        ("number", [0.0, 0.0, 0.0, 1e9, np.nan], 0.0),
        ("category", pd.Categorical(["b", "a", "b", None]), "b"),
        ("datetime", np.array(["2020-01-01", "2020-03-01", "NaT"], "datetime64[us]"),
         pd.Timestamp("2020-01-01")),
        ("text", pd.Series(["one", "two"], dtype="str"), ""),
    ],
    ids=["number", "category", "datetime", "text"],
)  # fmt: skip
def test_a_value_is_the_median_or_the_most_frequent(kind, cells, expected):
    assert typical(Column("c", kind), cells) == expected


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("number", [np.nan, np.nan]),
        ("category", pd.Categorical([None, None])),
        ("datetime", np.array(["NaT", "NaT"], "datetime64[us]")),
    ],
    ids=["number", "category", "datetime"],
)
def test_the_reference_of_missing_values_is_missing(kind, cells, tmp_path):
    train = dataset(Column("c", kind), cells)
    write_reference(tmp_path, train)
    read = read_reference(tmp_path, train.columns)
    assert make_reference(train)["c"].isna().all()
    assert read["c"].isna().all()
    assert read["c"].dtype == make_reference(train)["c"].dtype


def test_images_have_a_mean_and_missing_ones_no_part_in_it():
    column = Column("c", "image", (1, 2, 1))
    cells = [np.array(values, np.uint8).reshape(1, 2, 1) for values in ([0, 0], [10, 20], [20, 40])]
    assert typical(column, as_cells(cells, 3)).ravel().tolist() == [15, 30]
    assert typical(column, as_cells(cells[:1], 1)).ravel().tolist() == [0, 0]


def test_a_sound_is_silent_for_its_whole_length():
    silence = typical(Column("c", "audio", (4,), 8000), as_cells([np.ones(2, np.float32)], 1))
    assert silence.tolist() == [0, 0, 0, 0]


def test_a_series_is_the_mean_of_each_known_step_and_else_of_the_channel():
    cells = [np.array([[1], [np.nan], [5]], np.float32), np.array([[3]], np.float32)]
    mean = typical(Column("c", "series", (4, 1)), as_cells(cells, 2))
    assert mean.ravel().tolist() == [2, 3, 5, 3]


def test_a_model_brings_its_reference_and_an_older_one_none(tmp_path, monkeypatch):
    train = SAMPLES["table"]().dataset("regression")
    monkeypatch.setitem(model_io.LOADERS, "fake", "fake_loader")
    monkeypatch.setitem(sys.modules, "fake_loader", SimpleNamespace(load=lambda folder: folder))
    model_io.ModelInfo("m", "fake", train.columns, train.target).write(tmp_path)
    assert model_io.load(tmp_path).reference is None
    write_reference(tmp_path, train)
    pd.testing.assert_frame_equal(model_io.load(tmp_path).reference, make_reference(train))
    assert (tmp_path / REFERENCE).stat().st_size < 2000
