"""The distribution of columns by class or against a number, every value by hand."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.data import distribution
from dlrun.data.distribution import measure_columns, measure_target

CLASSES = Target("late", "classification", ("no", "yes"))
NUMBER = Target("price", "regression", dtype="float")


def _dataset(target, y, **columns):
    kinds = {"M": "datetime", "f": "number"}
    frame = pd.DataFrame(columns)
    typed = tuple(
        Column(name, "category" if values.dtype == "category" else kinds[values.dtype.kind])
        for name, values in frame.items()
    )
    y = np.array(y)
    return Dataset("made", "made", typed, target, frame, y, np.arange(len(y)))


def _only(dataset):
    _, (found,) = measure_columns(dataset)
    return found


def test_whole_numbers_have_a_bin_each_by_class():
    found = _only(_dataset(CLASSES, [0, 0, 1, 1, 1], x=[1.0, 2, 2, 3, np.nan]))
    assert found.edges == (0.5, 1.5, 2.5, 3.5)
    assert found.labels == ("no", "yes")
    assert found.counts == ((1, 1, 0), (0, 1, 1))
    assert found.missing == pytest.approx(0.2)
    assert found.quartiles == ()


def test_bins_of_many_whole_numbers_have_equally_many_of_them():
    days = np.tile(np.arange(1.0, 32), 100)
    found = _only(_dataset(CLASSES, [0, 1] * 1550, day=days))
    assert found.edges == tuple(0.5 + 2 * k for k in range(17))
    totals = [sum(each) for each in zip(*found.counts, strict=True)]
    assert totals == [200] * 15 + [100]


def test_a_number_has_the_quartiles_of_the_target():
    y = [10.0, 20, 30, 40, 1, 2]
    found = _only(_dataset(NUMBER, y, x=[1.0, 1, 1, 1, 3, 3]))
    assert found.edges == (0.5, 1.5, 2.5, 3.5)
    assert found.counts == ((4, 0, 2),)
    assert found.quartiles == ((17.5, 25.0, 32.5), None, (1.25, 1.5, 1.75))


def test_a_few_values_far_apart_have_a_bin_each():
    found = _only(_dataset(NUMBER, [1.0, 2, 3, 9], x=[0.0, 0, 1000, 1000]))
    assert found.edges == (-500, 500, 1500)
    assert found.quartiles == ((1.25, 1.5, 1.75), (4.5, 6.0, 7.5))
    assert found.strength > 0


def test_bins_take_in_the_tails_and_every_row():
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    x[0] = 1e9
    y = rng.integers(0, 2, 4000)
    found = _only(_dataset(CLASSES, y, x=x))
    assert found.edges[-1] < 5
    assert sum(map(sum, found.counts)) == 4000
    found = _only(_dataset(NUMBER, y * 1.0, x=x))
    (counts,) = found.counts
    assert sum(counts) == 4000
    assert max(counts) < 1.3 * min(counts)  # quantiles


def test_frequent_categories_are_kept_and_the_others_are_one():
    names = [f"town {k:02}" for k in range(20) for _ in range(k + 1)]
    dataset = _dataset(CLASSES, [0, 1] * 105, town=pd.Categorical([*names[:-1], None]))
    found = _only(dataset)
    assert found.names == (*(f"town {k:02}" for k in range(9, 20)), "other values")
    totals = [sum(each) for each in zip(*found.counts, strict=True)]
    assert totals == [*range(10, 20), 19, 45]
    assert found.missing == pytest.approx(1 / 210)


def test_categories_that_are_numbers_stand_in_their_order():
    hours = pd.Categorical([str(hour) for hour in range(6, 16)] * 2)
    found = _only(_dataset(CLASSES, [0, 1] * 10, hour=hours))
    assert found.names == tuple(str(hour) for hour in range(6, 16))


def test_dates_are_seconds():
    when = pd.to_datetime(["2024-01-01", "2024-01-03", None]).astype("datetime64[us]")
    found = _only(_dataset(CLASSES, [0, 1, 1], when=when))
    assert found.is_date
    assert found.edges[0] >= pd.Timestamp("2024-01-01").timestamp()
    assert sum(map(sum, found.counts)) == 2


def test_strength_is_the_share_of_variance_less_that_of_chance():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 600)
    noise = pd.Categorical(rng.choice(list("abcdefghij"), 600))
    copy = pd.Categorical(np.array(["n", "y"])[y])
    half = pd.Categorical(np.where(np.arange(600) < 300, np.array(["n", "y"])[y], "?"))
    _, ranked = measure_columns(_dataset(CLASSES, y, noise=noise, copy=copy, half=half))
    assert [each.column for each in ranked] == ["copy", "half", "noise"]
    assert ranked[0].strength == pytest.approx(1)
    assert ranked[1].strength == pytest.approx(0.5, abs=0.05)
    assert ranked[2].strength < 0.02  # without the correction 9 / 600 more
    price = y * 7.0 + 3
    _, ranked = measure_columns(_dataset(NUMBER, price, noise=noise, copy=copy))
    assert ranked[0].strength == pytest.approx(1)


def test_a_missing_value_can_say_the_target():
    y = [0, 1] * 50
    x = [1.0 if each else np.nan for each in y]
    assert _only(_dataset(CLASSES, y, x=x)).strength == pytest.approx(1)


@pytest.mark.parametrize("x", [[np.nan] * 4, [5.0] * 4, [0.5] * 4])
@pytest.mark.parametrize("target", [CLASSES, NUMBER])
def test_an_empty_column_is_left_out_and_a_constant_one_has_a_bin(x, target):
    y = np.array([0, 1, 0, 1]) * (1 if target is CLASSES else 1.0)
    _, found = measure_columns(_dataset(target, y, x=x))
    assert len(found) == (0 if np.isnan(x[0]) else 1)
    assert all(each.strength == 0 for each in found)


def test_many_rows_and_columns_are_cut(monkeypatch):
    monkeypatch.setattr(distribution, "MOST_ROWS", 100)
    monkeypatch.setattr(distribution, "MOST_KEPT", 3)
    y = np.sort(np.random.default_rng(0).integers(0, 2, 1000))
    columns = {f"x{k}": np.arange(1000.0) for k in range(5)}
    n_rows, found = measure_columns(_dataset(CLASSES, y, **columns))
    assert (n_rows, len(found)) == (100, 3)
    assert min(map(sum, found[0].counts)) > 40  # both ends of the sorted table


def test_the_target():
    found = measure_target(_dataset(NUMBER, [1.0, 1, 2, 4], x=[0.0] * 4))
    assert found.edges == (0.5, 1.5, 2.5, 3.5, 4.5)
    assert found.counts == ((2, 1, 0, 1),)
    assert measure_target(_dataset(CLASSES, [0, 1], x=[0.0] * 2)) is None


def test_a_thousand_classes_cost_no_more_than_ten():
    y = np.random.default_rng(0).integers(0, 1000, 20_000)
    target = Target("kind", "classification", tuple(map(str, range(1000))))
    dataset = _dataset(target, y, **{f"x{k}": y * 1.0 for k in range(40)})
    start = time.process_time()
    _, found = measure_columns(dataset)
    assert time.process_time() - start < 2
    assert len(found[0].labels) == 10


def test_at_most_ten_classes_are_counted_the_most_frequent_ones():
    labels = tuple("abcdefghijkl")
    y = np.repeat(np.arange(12), np.arange(12) + 1)
    target = Target("kind", "classification", labels)
    found = _only(_dataset(target, y, x=np.zeros(len(y))))
    assert found.labels == labels[2:]
