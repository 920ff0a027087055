"""Splits of a stream in the order of time are those in memory, whatever the order of the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from dlrun.classic.candidates import make_candidates
from dlrun.data.dataset import read_dataset
from dlrun.data.splits.make import make_splits, sizes
from dlrun.data.splits.plan import SUBSETS
from dlrun.data.streaming import ranks, scan
from dlrun.data.streaming.ranks import find_shares
from dlrun.errors import DataError, RecipeError

N_ROWS = 900
START = pd.Timestamp("2021-03-01")


def table_of(days: np.ndarray) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": np.arange(len(days), dtype=float),
            "x": rng.normal(size=len(days)),
            "when": START + pd.to_timedelta(days, unit="D"),
            "late": rng.choice(["no", "yes"], len(days)),
        }
    )


def make_table() -> pd.DataFrame:
    """Many rows share a day, in no order; some have no target."""
    table = table_of(np.random.default_rng(1).integers(0, 60, N_ROWS))
    table.loc[::50, "late"] = None
    return table


@pytest.fixture
def read(make_recipe):
    def read(source: str, *, stream: bool = True, column: str = "when", **sections):
        split = {"method": "time", "column": column, "test": 0.25, "validation": 0.15}
        data = {"source": source, "target": "late", "features": ["id", "x"], "stream": stream}
        data |= {"split": split, **sections.pop("data", {})}
        recipe = make_recipe(data, **{"evaluation": {"folds": 1}, **sections})
        return read_dataset(recipe), recipe

    return read


def parts_of(read, source: str, **settings) -> list[set[float]]:
    """Return the ids of the rows of each part: of a stream those that it says are in them."""
    dataset, recipe = read(source, **settings)
    split = make_splits(recipe, dataset).splits[0]
    ids = dataset.frame["id"].to_numpy()
    found = [set(ids[getattr(split, subset)]) for subset in SUBSETS]
    if dataset.stream:
        flown = [chunk.frame["id"] for chunk in dataset.stream.chunks(0)]
        assert sorted(np.concatenate(flown)) == sorted(found[0])
        assert sizes(dataset, split) == tuple(map(len, found))
    return found


WAYS = {
    "dates": lambda when: when,
    "day first": lambda when: when.dt.strftime("%d/%m/%Y"),
    "words": lambda when: when.dt.strftime("%d %b %Y"),
    "numbers": lambda when: (when - START).dt.days / 7 - 3,
    "whole numbers": lambda when: (when - START).dt.days,
    "zones": lambda when: when.dt.tz_localize("Europe/Berlin"),
}


@pytest.mark.parametrize(
    ("way", "form"),
    [
        *(("dates", form) for form in ("csv", "parquet")),
        *((way, "parquet") for way in ("zones", "whole numbers")),
        *((way, "csv") for way in ("day first", "words", "numbers")),
    ],
)
def test_a_stream_has_the_parts_of_the_rows_in_memory(read, tmp_path: Path, way: str, form: str):
    table = make_table()
    table["when"] = WAYS[way](table["when"])
    mixed = table.sample(frac=1, random_state=3)
    for name, rows in {"one": table, "a": mixed[:300], "b": mixed[300:]}.items():
        folder = tmp_path / ("one" if name == "one" else "two")
        folder.mkdir(exist_ok=True)
        if form == "csv":
            rows.to_csv(folder / f"{name}.csv", index=False)
        else:
            rows.to_parquet(folder / f"{name}.parquet", row_group_size=70, index=False)
    held = parts_of(read, "one", stream=False)
    assert all(held)
    assert parts_of(read, "one") == held
    assert parts_of(read, "two") == held
    days = make_table().set_index("id")["when"]
    ends = [(days[sorted(part)].min(), days[sorted(part)].max()) for part in held]
    assert ends[0][1] < ends[1][0] <= ends[1][1] < ends[2][0]


def test_the_format_of_the_times_may_be_set(read, tmp_path: Path):
    table = make_table()
    table["when"] = table["when"].dt.strftime("%y%m%d")
    table.to_csv(tmp_path / "one.csv", index=False)
    data = {"features": {"id": "number", "x": "number", "when": {"datetime": "%y%m%d"}}}
    held = parts_of(read, "one.csv", stream=False, data=data)
    assert parts_of(read, "one.csv", data=data) == held


def test_the_rows_in_memory_are_chosen_by_a_hash(read, tmp_path: Path, monkeypatch):
    make_table().to_parquet(tmp_path / "one.parquet", index=False)
    whole = parts_of(read, "one.parquet")
    monkeypatch.setattr(scan, "SAMPLE_SIZES", (100, 20, 30))
    dataset, _ = read("one.parquet")
    ids, parts = dataset.frame["id"].to_numpy(), dataset.split_values
    assert [(parts == subset).sum() for subset in SUBSETS] == [100, 20, 30]
    for subset, rows in zip(SUBSETS, whole, strict=True):
        assert set(ids[parts == subset]) < rows
    assert dataset.stream.sizes == tuple(map(len, whole))
    assert [note.text for note in dataset.notes if "hash" in note.text][-1] == (
        f"The test part is 30 of {len(whole[2])} rows, chosen by a hash of the row."
    )


def test_markers_of_missing_times_are_last_as_in_memory(read, tmp_path: Path):
    table = make_table()
    table["when"] = (table["when"] - START).dt.days.astype(str)
    table.loc[table.index[5::90], "when"] = "?"
    table.to_csv(tmp_path / "one.csv", index=False)
    assert parts_of(read, "one.csv") == parts_of(read, "one.csv", stream=False)


def test_a_row_without_a_time_is_named(read, tmp_path: Path):
    table = make_table()
    table.loc[[650, 703, 704], "when"] = None  # the first is no row of any part
    table.to_parquet(tmp_path / "one.parquet", row_group_size=200, index=False)
    with pytest.raises(DataError) as caught:
        read("one.parquet")
    said = "data.split.column: column 'when' must not be empty, but is in row 704 (2 in all)."
    assert str(caught.value).startswith("one.parquet: ")
    assert str(caught.value).endswith(said)


def test_what_is_no_time_is_named(read, tmp_path: Path):
    table = make_table()
    table["when"] = table["when"].astype(str)
    table.loc[450, "when"] = "soon"
    table.to_csv(tmp_path / "one.csv", index=False)
    with pytest.raises(DataError, match="but row 451 holds 'soon'"):
        read("one.csv")


@pytest.mark.parametrize("days", [np.zeros(50), np.arange(50) // 49, np.arange(50) // 40])
def test_times_that_leave_a_part_empty(read, tmp_path: Path, days):
    table_of(days.astype(int)).to_parquet(tmp_path / "one.parquet", index=False)
    with pytest.raises(DataError) as caught:
        read("one.parquet")
    assert str(caught.value).endswith(
        "data.split: the times of 50 rows leave a part without any: rows of the same time are in "
        "one part. Give the parts other shares"
    )


def test_what_needs_earlier_rows_is_refused(read, tmp_path: Path):
    make_table().drop_duplicates("when").to_parquet(tmp_path / "one.parquet", index=False)
    lags = {"lags": {"columns": ["x"], "steps": [1]}}
    with pytest.raises(RecipeError) as caught:
        read("one.parquet", data=lags)
    assert str(caught.value).endswith(
        "data.lags: earlier rows are found among rows held in memory. Set data.stream: false to "
        "hold the rows in memory."
    )
    dataset, recipe = read("one.parquet", baselines=["naive"])
    with pytest.raises(RecipeError) as caught:
        make_candidates(recipe, dataset)
    assert str(caught.value).endswith(
        "naive reads the target of earlier rows: hold them in memory (data.stream: false)"
    )


# -------------------------------------------------------------------------------- the ranks


@given(
    st.lists(st.integers(-20, 400) | st.integers(-(2**62), 2**62), min_size=1, max_size=400),
    st.sampled_from([int, float]),
    st.lists(st.floats(0, 1), max_size=3),
)
@examples(max_examples=80, deadline=None)
def test_ranks_are_exact_whatever_the_room(numbers, kind, shares):
    """Bins are merged and the pieces read again and again where there is room for a few alone."""
    array = np.array(numbers, dtype=kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "N_BINS", 3)
        patch.setattr(ranks, "MOST_BINS", 12)
        n_numbers, found = find_shares(lambda: np.array_split(array, 7), shares)
    assert n_numbers == len(array)
    ordered = np.sort(array)
    for share, each in zip(shares, found, strict=True):
        rank = round(share * len(array))
        if rank == len(array):
            assert each is None
        else:
            value = ordered[rank]
            assert each == (value, np.searchsorted(ordered, value))


def test_memory_is_that_of_the_bins():
    n_passes, n_most = 0, 0
    rng = np.random.default_rng(0)

    def read():
        nonlocal n_passes
        n_passes += 1
        for _ in range(30):
            yield rng.permutation(50_000) * 60  # another order in each pass

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ranks, "N_BINS", 2**10)
        patched.setattr(ranks, "MOST_BINS", 2**13)
        count = ranks.RankBins.count

        def counted(bins: ranks.RankBins) -> None:
            nonlocal n_most
            count(bins)
            n_most = max(n_most, len(bins.low))

        patched.setattr(ranks.RankBins, "count", counted)
        n_numbers, (found,) = find_shares(read, [0.5])
    assert n_numbers == 1_500_000
    assert found == (25_000 * 60, 750_000)
    assert n_passes == 2
    assert n_most <= 2**13 + 50_000
