"""The data of a study, read again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dlrun.data.dataset import read_dataset
from dlrun.data.splits.make import make_splits
from dlrun.errors import DataError, UsageError
from dlrun.recipe.load import parse_recipe
from dlrun.study.reread import reread

TEXT = "data: {source: rows.csv, target: y}\nevaluation: {folds: 2}\n"


@pytest.fixture
def study(tmp_path):
    lines = [f"{n},{n % 7},{'' if n == 5 else 'no yes'.split()[n % 2]}" for n in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,y", *lines]))
    recipe = parse_recipe(TEXT, tmp_path / "recipe.yaml")
    dataset = read_dataset(recipe)
    return SimpleNamespace(
        name="s-1",
        source=str(tmp_path / "recipe.yaml"),
        data_digest=dataset.digest,
        split_digest=make_splits(recipe, dataset).digest,
        read_text=lambda _: TEXT,
    )


def test_a_row_is_found_by_its_number_in_the_source(study):
    data = reread(study)
    place = data.place(17)
    assert data.dataset.frame["a"].iloc[place] == 17
    parts = [data.part_of(place) for place in range(len(data.dataset))]
    assert {part: parts.count(part) for part in set(parts)} == {
        part: len(getattr(data.splits.splits[-1], name))
        for part, name in (("training", "train"), ("validation", "validation"), ("test", "test"))
    }
    with pytest.raises(UsageError, match=r"row 5: the study has no such row. It has 39 rows"):
        data.place(5)


def test_other_splits_say_nothing_of_parts(study):
    study.split_digest = "other"
    assert reread(study).part_of(0) == ""


def test_data_that_have_changed_are_refused(study, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text(file.read_text().replace("3,3,yes", "3,4,yes"))
    with pytest.raises(DataError, match=r"rows\.csv: the data have changed since s-1"):
        reread(study)


def test_data_that_are_gone_are_named(study, tmp_path):
    (tmp_path / "rows.csv").unlink()
    with pytest.raises(DataError, match=r"the data of s-1 cannot be read again: .*rows\.csv"):
        reread(study)
