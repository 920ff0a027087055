from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from modalities import MODALITIES, N_ROWS

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.contract.dataset import Column
from dlrun.data import perturb as changes
from dlrun.data.fingerprint import digest_dataset
from dlrun.data.types import column_module
from dlrun.data.types.decode import as_cells


@pytest.fixture(params=MODALITIES)
def dataset(request):
    return MODALITIES[request.param]("classification")


def rng(seed=0):
    return np.random.default_rng(seed)


def digest(dataset, frame):
    return digest_dataset(replace(dataset, frame=frame))


def segments_of(column):
    return list(column_module(column.type).segments(column))


def check_cells(dataset, frame):
    """Changed rows hold what their columns say."""
    for column in dataset.columns:
        before, after = dataset.frame[column.name], frame[column.name]
        assert after.dtype == before.dtype
        if before.dtype == object:
            assert [cell.shape for cell in after] == [cell.shape for cell in before]
            assert {cell.dtype for cell in after} == {cell.dtype for cell in before}


@pytest.mark.parametrize("change", [changes.add_noise, changes.drop_values])
def test_test_rows_change_by_the_level_and_the_frame_given_does_not(dataset, change):
    before = digest(dataset, dataset.frame)
    slightly = change(dataset.frame, rng(), columns=dataset.columns, level=0.1)
    assert digest(dataset, dataset.frame) == before != digest(dataset, slightly)
    check_cells(dataset, slightly)
    again = change(dataset.frame, rng(), columns=dataset.columns, level=0.1)
    assert digest(dataset, slightly) == digest(dataset, again)
    none = change(dataset.frame, rng(), columns=dataset.columns, level=0.0)
    if "text" not in {column.type for column in dataset.columns}:  # white space is not kept
        assert digest(dataset, none) == before


def test_noise_is_as_strong_as_asked():
    dataset = MODALITIES["table"]("regression")
    noisy = changes.add_noise(dataset.frame, rng(), dataset.columns, 0.5)
    added = noisy["noise"] - dataset.frame["noise"]
    assert added.std() == pytest.approx(dataset.frame["noise"].std() / 2, rel=0.15)
    assert (noisy["town"].astype(str) != dataset.frame["town"].astype(str)).mean() > 0.4
    assert noisy["day"].equals(dataset.frame["day"])


def test_the_share_asked_for_goes_missing():
    dataset = MODALITIES["table"]("regression")
    holed = changes.drop_values(dataset.frame, rng(), dataset.columns, 0.3)
    assert holed["noise"].isna().mean() == pytest.approx(0.3, abs=0.08)
    series = MODALITIES["series"]("regression")
    holed = changes.drop_values(series.frame, rng(), series.columns, 0.3)
    lost = [np.isnan(cell[:, 0]).mean() for cell in holed["curve"] if len(cell)]
    assert np.mean(lost) == pytest.approx(0.3, abs=0.03)


def test_permuted_cells_are_the_same_cells(dataset):
    name = dataset.columns[0].name
    dealt = changes.permute_cells(dataset.frame, rng(), name)
    check = [str(cell) for cell in dataset.frame[name]]
    assert sorted(map(str, dealt[name])) == sorted(check) != list(map(str, dealt[name]))
    for column in dataset.columns[1:]:
        assert dealt[column.name] is not None
        assert digest(dataset, dealt) != digest(dataset, dataset.frame)


def test_parts_cover_an_image_and_a_series_once():
    for modality in ("image", "series", "audio"):
        column = MODALITIES[modality]("regression").columns[0]
        covered = np.zeros(column.shape)
        for _, part in segments_of(column):
            covered[part] += 1
        assert (covered == 1).all()
    names = [name for name, _ in segments_of(Column("photo", "image", (12, 10, 1)))]
    assert (names[0], names[-1], len(names)) == ("photo patch 1,1", "photo patch 4,4", 16)
    assert len(segments_of(Column("dot", "image", (2, 1, 3)))) == 2


@pytest.mark.parametrize("modality", ["image", "series", "audio"])
def test_a_permuted_part_leaves_the_rest_alone(modality):
    dataset = MODALITIES[modality]("regression")
    column = dataset.columns[0]
    _, part = segments_of(column)[1]
    dealt = changes.permute_segment(dataset.frame, rng(), column.name, part)
    check_cells(dataset, dealt)
    n_changed = 0
    for before, after in zip(dataset.frame[column.name], dealt[column.name], strict=True):
        inside = np.zeros(before.shape, dtype=bool)
        inside[part] = True
        np.testing.assert_array_equal(before[~inside], after[~inside])
        n_changed += not np.array_equal(before, after, equal_nan=True)
    assert n_changed > N_ROWS / 2


def test_junk_is_added_beside_what_was_there():
    dataset = MODALITIES["table"]("classification")
    taken = replace(dataset, frame=dataset.frame.rename(columns={"noise": "junk 1"}))
    junk = changes.add_junk_columns(taken, rng())
    assert [column.name for column in junk.columns[5:]] == [f"junk {n}" for n in range(2, 7)]
    assert list(junk.frame) == [*taken.frame, *(f"junk {n}" for n in range(2, 7))]
    pd.testing.assert_frame_equal(junk.frame[list(taken.frame)], taken.frame)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_share_of_the_labels_is_spoiled_among_the_rows_given(task):
    dataset = MODALITIES["table"](task)
    rows = np.arange(100)
    spoiled = changes.add_label_noise(dataset, rng(), rows, 0.2)
    differs = spoiled.y != dataset.y
    assert not differs[100:].any()
    assert differs.sum() == 20 if task == "classification" else 15 < differs.sum() <= 20
    assert set(np.unique(spoiled.y)) <= set(np.unique(dataset.y))


def test_shuffled_structure_keeps_what_a_row_holds(dataset):
    shuffled = changes.shuffle_structure(dataset, rng())
    structured = [c for c in dataset.columns if COLUMN_KINDS[c.type].has_structure]
    check_cells(dataset, shuffled.frame)
    for column in structured:
        for before, after in zip(
            dataset.frame[column.name], shuffled.frame[column.name], strict=True
        ):
            if column.type == "text":
                assert sorted(after.split()) == sorted(before.split())
            else:
                np.testing.assert_array_equal(np.sort(after, axis=None), np.sort(before, axis=None))
    same = digest_dataset(shuffled) == digest_dataset(dataset)
    assert same == (not structured)


def test_structure_is_shuffled_the_same_way_in_every_row():
    dataset = MODALITIES["image"]("regression")
    ramp = np.arange(120, dtype=np.uint8).reshape(12, 10, 1)
    cells = as_cells([ramp] * N_ROWS, N_ROWS)
    shuffled = changes.shuffle_structure(
        replace(dataset, frame=pd.DataFrame({"photo": cells})), rng()
    )
    assert len({cell.tobytes() for cell in shuffled.frame["photo"]}) == 1
    assert not np.array_equal(shuffled.frame["photo"][0], ramp)
