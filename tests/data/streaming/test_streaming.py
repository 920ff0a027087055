from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from dlrun.contract.dataset import Dataset
from dlrun.data.dataset import read_dataset
from dlrun.data.profile import describe
from dlrun.data.splits.make import count_leaked_duplicates, make_splits, sizes
from dlrun.data.splits.plan import SUBSETS
from dlrun.data.streaming import eligibility, partitions, scan
from dlrun.data.streaming.prefetch import prefetch
from dlrun.errors import DataError, RecipeError

N_ROWS = 4000
FEATURES = {"x": "number", "z": "number", "town": "category", "code": "category", "day": "datetime"}


def make_table(n_rows: int = N_ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "x": rng.normal(size=n_rows),
            "z": rng.integers(0, 1000, n_rows).astype(np.float64),
            "town": rng.choice(["Köln", "a, b", 'say "x"', None], n_rows),
            "code": rng.choice(["007", "7"], n_rows),
            "day": pd.to_datetime("2020-01-01")
            + pd.to_timedelta(rng.integers(0, 10**6, n_rows), unit="min"),
            "late": rng.choice(["no", "yes"], n_rows),
        }
    )
    table.loc[::7, "z"] = np.nan
    table.loc[::1000, "late"] = None
    return table


def write(folder: Path, table: pd.DataFrame, cuts: list[int], group_rows: int = 300) -> Path:
    folder.mkdir()
    edges = [0, *cuts, len(table)]
    for number, (start, stop) in enumerate(pairwise(edges)):
        part = table.iloc[start:stop]
        part.to_parquet(folder / f"part-{number}.parquet", row_group_size=group_rows, index=False)
    return folder


@pytest.fixture
def read(make_recipe):
    def read(source: str, **sections) -> Dataset:
        data = {"target": "late", "features": FEATURES, "stream": True, **sections.pop("data", {})}
        return read_dataset(make_recipe({"source": source, **data}, **sections))

    return read


@pytest.fixture
def dataset(read, tmp_path: Path) -> Dataset:
    write(tmp_path / "parts", make_table(), [1000, 1700])
    return read("parts")


def rows_of(dataset: Dataset, *key: int) -> np.ndarray:
    return np.concatenate([chunk.row_ids for chunk in dataset.stream.chunks(*key)])


def test_every_row_is_in_one_part_and_the_training_rows_flow(dataset: Dataset):
    flown = rows_of(dataset, 0, 1)
    parts = dataset.split_values
    assert sorted(flown) == sorted(dataset.row_ids[parts == "train"])
    assert len(np.unique(dataset.row_ids)) == len(dataset) == N_ROWS - 4
    assert dataset.stream.sizes == tuple((parts == one).sum() for one in SUBSETS)
    assert np.allclose(np.array(dataset.stream.sizes) / N_ROWS, [0.7, 0.1, 0.2], atol=0.03)
    assert dataset.stream.classes == (0, 1)
    assert tuple(note.text for note in dataset.notes[:2]) == (
        "Streamed: training rows are read from 3 files in every epoch (data.stream).",
        "Dropped 4 of 4,000 rows that have no 'late'.",
    )


def test_the_whole_stream_has_the_rows_of_all_parts(dataset: Dataset):
    """But not those without a target."""
    whole = replace(dataset, stream=dataset.stream.whole())
    assert sorted(rows_of(whole, 0)) == sorted(dataset.row_ids)
    assert whole.stream.sizes == (N_ROWS - 4, 0, 0)
    assert whole.stream.classes == (0, 1)


def test_chunks_are_typed_as_the_rows_in_memory(dataset: Dataset):
    held = pd.Series(np.arange(len(dataset)), index=dataset.row_ids)
    for chunk in dataset.stream.chunks(3):
        rows = held[chunk.row_ids].to_numpy()
        same = dataset.take(rows)
        assert chunk.columns == dataset.columns
        assert np.array_equal(chunk.y, same.y)
        assert list(chunk.frame) == list(same.frame)
        for name in chunk.frame:
            if chunk.frame[name].dtype == "category":
                pd.testing.assert_series_equal(
                    chunk.frame[name].astype(object), same.frame[name].astype(object)
                )
            else:
                pd.testing.assert_series_equal(chunk.frame[name], same.frame[name])


def test_the_order_is_that_of_the_key(dataset: Dataset):
    first, again, other = rows_of(dataset, 5, 1), rows_of(dataset, 5, 1), rows_of(dataset, 5, 2)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert sorted(first) == sorted(other)


def test_order_files_and_format_change_nothing(read, make_recipe, tmp_path: Path):
    table = make_table()
    shuffled = table.sample(frac=1, random_state=1)
    write(tmp_path / "parts", table, [1000, 1700])
    write(tmp_path / "other", shuffled, [2500], group_rows=301)
    shuffled.to_csv(tmp_path / "one.csv", index=False)
    shuffled.to_csv(tmp_path / "one.tsv", index=False, sep="\t")
    found = [read(source) for source in ("parts", "other/*.parquet", "one.csv", "one.tsv")]
    splits = [make_splits(make_recipe({"source": "x"}), each) for each in found]
    assert len({each.digest for each in found}) == len({each.digest for each in splits}) == 1
    for each in found[1:]:
        pd.testing.assert_frame_equal(each.frame, found[0].frame)
        assert np.array_equal(each.y, found[0].y)
        assert np.array_equal(each.split_values, found[0].split_values)


def test_another_seed_parts_anew_and_says_so_in_the_fingerprint(read, make_recipe, dataset):
    other = read("parts", seed=1)
    assert other.digest == dataset.digest
    recipe = make_recipe({"source": "x"})
    assert make_splits(recipe, other).digest != make_splits(recipe, dataset).digest


def test_what_is_held_is_a_sample_whatever_the_order(read, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(scan, "SAMPLE_SIZES", (500, 100, 200))
    table = make_table()
    write(tmp_path / "parts", table, [1000])
    write(tmp_path / "other", table[::-1], [], group_rows=401)
    dataset, other = read("parts"), read("other")
    pd.testing.assert_frame_equal(dataset.frame, other.frame)
    assert len(dataset) == 800
    n_train, n_validation, n_test = dataset.stream.sizes
    assert tuple(note.text for note in dataset.notes[2:5]) == (
        f"Preprocessing is fitted on 500 of {n_train:,} training rows, chosen by a hash of the "
        "row.",
        f"The validation part is 100 of {n_validation:,} rows, chosen by a hash of the row.",
        f"The test part is 200 of {n_test:,} rows, chosen by a hash of the row.",
    )
    assert set(dataset.row_ids[dataset.split_values == "train"]) < set(rows_of(dataset, 0))
    assert describe(dataset).streamed == dataset.stream.sizes


def test_the_split_is_one_over_the_rows_in_memory(dataset: Dataset, make_recipe):
    splits = make_splits(make_recipe({"source": "x"}, evaluation={"repeats": 2}), dataset)
    first, second = splits.splits
    assert np.array_equal(first.train, second.train)
    assert first.seed != second.seed
    for part in SUBSETS:
        assert (dataset.split_values[getattr(first, part)] == part).all()
    assert sizes(dataset, first) == dataset.stream.sizes
    assert count_leaked_duplicates(dataset, first) == 0


def test_equal_rows_stay_together(read, tmp_path: Path):
    table = make_table(500)
    write(tmp_path / "parts", pd.concat([table] * 3), [700])
    dataset = read("parts")
    parts = pd.Series(dataset.split_values, index=dataset.row_ids % 500)
    assert (parts.groupby(level=0).nunique() == 1).all()


def test_groups_stay_together(read, tmp_path: Path):
    table = make_table()
    table["who"] = np.random.default_rng(3).integers(0, 200, len(table))
    write(tmp_path / "parts", table, [1500])
    dataset = read("parts", data={"split": {"method": "group", "column": "who"}})
    who = table["who"].to_numpy()[dataset.row_ids]
    assert (pd.Series(dataset.split_values).groupby(who).nunique() == 1).all()
    assert min(dataset.stream.sizes) > 100


@pytest.mark.parametrize("brings_validation", [True, False])
def test_the_data_brings_its_parts(read, tmp_path: Path, brings_validation: bool):
    table = make_table()
    table["part"] = np.where(np.arange(N_ROWS) < 3000, "train", "test")
    if brings_validation:
        table.loc[2500:2999, "part"] = "val"
    write(tmp_path / "parts", table, [1500])
    dataset = read("parts", data={"split": {"method": "predefined", "column": "part"}})
    is_test = dataset.split_values == "test"
    assert (table["part"].to_numpy()[dataset.row_ids] == "test").tolist() == is_test.tolist()
    n_validation = dataset.stream.sizes[1]
    assert n_validation == 500 if brings_validation else 200 < n_validation < 400


def test_numbers_are_predicted_as_well(read, tmp_path: Path):
    table = make_table().drop(columns="late").rename(columns={"x": "late", "town": "x"})
    write(tmp_path / "parts", table, [])
    dataset = read("parts", data={"features": ["z", "code"]})
    assert dataset.target.task == "regression"
    assert dataset.stream.classes == ()
    chunk = next(dataset.stream.chunks(0))
    assert np.array_equal(chunk.y, table["late"].to_numpy()[chunk.row_ids])


def test_a_class_that_stands_in_the_last_rows_alone_is_a_class(read, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(eligibility, "N_SAMPLES", 1)
    table = make_table()
    table.loc[3500:, "late"] = "much"
    write(tmp_path / "parts", table, [])
    assert read("parts").target.labels == ("much", "no", "yes")


def test_blocks_of_a_text_file_end_where_rows_do(read, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(partitions, "BLOCK_BYTES", 1000)
    table = make_table(600)
    table.loc[::3, "town"] = 'two\nlines, "quoted"'
    table.to_csv(tmp_path / "one.csv", index=False)
    write(tmp_path / "parts", table, [])
    form, _ = partitions.text_format(tmp_path / "one.csv")
    files = partitions.cut_files("one.csv", [tmp_path / "one.csv"], form)
    assert len(files.blocks) > 20
    assert read("one.csv").digest == read("parts").digest


def test_a_dataset_with_a_stream_can_be_sent_to_another_process(dataset: Dataset):
    sent = pickle.loads(pickle.dumps(dataset))
    assert np.array_equal(rows_of(sent, 1), rows_of(dataset, 1))


def most_memory_of_a_pass(read, folder: Path, n_groups: int) -> int:
    rng = np.random.default_rng(0)
    schema = pa.schema([("x", pa.float64()), ("z", pa.float64()), ("late", pa.int64())])
    folder.mkdir()
    with pyarrow.parquet.ParquetWriter(folder / "one.parquet", schema) as writer:
        for _ in range(n_groups):
            values = [rng.normal(size=20_000), rng.normal(size=20_000), rng.integers(0, 2, 20_000)]
            writer.write_table(pa.table(values, schema=schema))
    dataset = read(folder.name, data={"features": ["x", "z"]})
    assert len(dataset) == 3000
    before, most, n_rows = pa.total_allocated_bytes(), 0, 0
    for chunk in dataset.stream.chunks(0):
        n_rows += len(chunk)
        most = max(most, pa.total_allocated_bytes() - before)
    assert n_rows == dataset.stream.sizes[0]
    return most


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(read, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(scan, "SAMPLE_SIZES", (1000, 1000, 1000))
    few, many = (most_memory_of_a_pass(read, tmp_path / f"of_{n}", n) for n in (10, 60))
    assert many < 1.3 * few


# ------------------------------------------------------------------------------- by itself


def test_a_table_larger_than_memory_is_streamed_by_itself(read, tmp_path: Path, monkeypatch):
    write(tmp_path / "parts", make_table(), [])
    auto = {"stream": "auto"}
    assert read("parts", data=auto).stream is None
    monkeypatch.setattr(eligibility, "free_memory", lambda: 50_000)
    dataset = read("parts", data=auto)
    assert dataset.stream is not None
    assert dataset.notes[0].text == (
        "The table would take more than half of the free memory, so it is streamed."
    )
    assert read("parts", data={"stream": False}).stream is None
    folds = read("parts", data=auto, evaluation={"folds": 3})
    assert folds.stream is None
    assert folds.notes[0].text == (
        "The table may be too large for this memory, but is not streamed: streamed rows have one "
        "test part, and 3 folds are asked for. Set folds: auto. Set data.stream: false to hold "
        "the rows in memory."
    )


def test_a_folder_of_tables_is_one_table_in_memory_too(read, tmp_path: Path):
    write(tmp_path / "parts", make_table(), [1000])
    (tmp_path / "parts" / "_SUCCESS").write_text("")
    assert len(read("parts", data={"stream": False})) == N_ROWS - 4


# -------------------------------------------------------------------------------- messages


ADVICE = "Set data.stream: false to hold the rows in memory"


@pytest.mark.parametrize(
    ("data", "sections", "said"),
    [
        (
            {"source": "sklearn:wine"},
            {},
            "recipe.yaml:2: data.source: sklearn:wine cannot be streamed: that takes .csv, .tsv, "
            ".parquet or .tar files of one kind, a glob or a folder of them; or a folder, or a "
            f"zip, of one folder for each class. {ADVICE}.",
        ),
        (
            {"max_rows": 10},
            {},
            f"recipe.yaml:11: data.max_rows: a sample of rows is held in memory. {ADVICE}.",
        ),
        (
            {
                "split": {"method": "time", "column": "day"},
                "lags": {"columns": ["x"], "steps": [1]},
            },
            {"evaluation": {"folds": 5}},
            f"recipe.yaml:14: data.lags: earlier rows are found among rows held in memory. {ADVICE}"
            ".\nrecipe.yaml:20: evaluation.folds: streamed rows have one test part, and 5 folds "
            f"are asked for. Set folds: auto. {ADVICE}.",
        ),
        (
            {},
            {"evaluation": {"stress": ["noise", "label_noise"]}},
            "recipe.yaml:12: evaluation.stress: training again on rows with label_noise takes rows "
            f"that are held in memory. {ADVICE}, with data.max_rows.",
        ),
        (
            {},
            {"evaluation": {"learning_curve": True}},
            "recipe.yaml:12: evaluation.learning_curve: training again on parts of the rows takes "
            f"rows that are held in memory. {ADVICE}, with data.max_rows.",
        ),
    ],
)
def test_what_cannot_be_streamed(read, tmp_path: Path, data, sections, said):
    write(tmp_path / "parts", make_table(), [])
    with pytest.raises(RecipeError) as caught:
        read(data.get("source", "parts"), data=data, **sections)
    assert str(caught.value).replace(f"{tmp_path}/", "") == said


def test_a_value_that_is_none_of_its_type_is_named_by_file_and_row(read, tmp_path: Path):
    table = make_table()
    table["x"] = table["x"].astype(object)
    table.loc[3900, "x"] = "n.a.?"
    write(tmp_path / "parts", table[:2000].astype({"x": float}), [])
    table[2000:].to_csv(tmp_path / "b.csv", index=False)
    table[:2000].to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError) as caught:
        read("*.csv")
    assert str(caught.value).endswith(
        "recipe.yaml:2: data.source: b.csv: column 'x' is of type number, but row 1901 holds "
        "'n.a.?'. Leave the cell empty where it is missing, or list what stands there in data.na."
    )


def test_files_of_other_columns(read, tmp_path: Path):
    table = make_table()
    table.to_csv(tmp_path / "a.csv", index=False)
    table.rename(columns={"x": "y"}).to_csv(tmp_path / "b.csv", index=False)
    with pytest.raises(DataError) as caught:
        read("*.csv")
    assert str(caught.value).endswith(
        "b.csv and a.csv must have the same columns, but only one of them has 'x', 'y'."
    )


def test_a_part_without_rows(read, tmp_path: Path):
    table = pd.concat([make_table(10).assign(late="no"), make_table(10).assign(late="yes")])
    write(
        tmp_path / "parts", table.assign(x=0, z=0, town="a", code="7", day=table["day"].max()), []
    )
    with pytest.raises(DataError) as caught:
        read("parts")
    assert str(caught.value).endswith(
        "there are no validation rows among the 20 rows. Equal rows, or rows of one group, are in "
        "one part: give the parts other shares, or set data.stream: false"
    )


def test_a_file_that_changed_is_not_learned_from(dataset: Dataset, tmp_path: Path):
    path = tmp_path / "parts" / "part-1.parquet"
    make_table(200).to_parquet(path, index=False)
    with pytest.raises(DataError) as caught:
        rows_of(dataset, 0)
    assert str(caught.value) == (
        f"recipe.yaml:2: data.source: {path}: the file changed while it was learned from. "
        "Start again"
    )


def test_work_done_ahead_keeps_the_order_and_the_errors():
    def faulty():
        yield 1
        message = "no more"
        raise DataError(message)

    assert list(prefetch(range(5))) == [0, 1, 2, 3, 4]
    items = prefetch(faulty())
    assert next(items) == 1
    with pytest.raises(DataError, match="no more"):
        next(items)
    endless = prefetch(iter(int, 1), n_items=2)
    assert next(endless) == 0
    endless.close()  # and the thread ends
