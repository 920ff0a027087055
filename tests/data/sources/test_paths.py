from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.data.sources.paths import find_matches, repository_files, subsets_of
from dlrun.errors import DataError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a-{0..2}", ["a-0", "a-1", "a-2"]),
        ("a-{2..0}", []),
        ("{b,a-{0,1}}", []),  # braces within braces are none
        ("{a,b}-{0,1}", ["a-0", "a-1", "b-0", "b-1"]),
        ("{b,a}-*", ["b-0", "b-1", "b-2", "a-0", "a-1", "a-2"]),
        ("c-{009..011}", ["c-009", "c-010", "c-011"]),
    ],
)
def test_braces_stand_for_names(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    touch(tmp_path, *(f"{name}-{number}" for name in "ab" for number in range(3)))
    touch(tmp_path, "c-009", "c-010", "c-011")
    assert [path.name for path in find_matches(tmp_path / pattern)] == expected


def test_a_range_that_is_far_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="more than 1,000,000 files"):
        find_matches(tmp_path / "a-{0..99999999999}")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test.parquet"],
         ("train", "train", "test")),
        (["x/train/0000.parquet", "x/validation/0000.parquet", "x/test/0000.parquet"],
         ("train", "validation", "test")),
        (["cifar-train-0.tar", "cifar-val-0.tar", "cifar-test-0.tar"],
         ("train", "validation", "test")),
        (["test/train.parquet", "test/test.parquet"], ("train", "test")),
        (["train-0.parquet", "train-1.parquet"], None),  # no test rows
        (["train.parquet", "validation.parquet"], None),
        (["train.parquet", "test.parquet", "unsupervised.parquet"], None),
        (["a-train.parquet", "b-test.parquet"], None),  # of two data sets
        (["trains-1.parquet", "tests-1.parquet"], None),
        (["training-2020-test.parquet", "2020.parquet"], None),
    ],
)  # fmt: skip
def test_parts_are_recognised_beyond_doubt_alone(
    names: list[str], expected: tuple[str, ...] | None
) -> None:
    assert subsets_of([Path("set") / name for name in names]) == expected


def test_a_repository_is_data_in_one_place_and_documents(tmp_path: Path) -> None:
    def found(*names: str) -> list[str]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        touch(folder, *names)
        files = repository_files(folder, (".parquet", ".tar"))
        return [path.relative_to(folder).as_posix() for path in files]

    assert found("README.md", ".git/x.bin", "data/b.parquet", "data/a.parquet", "LICENSE") == [
        "data/a.parquet", "data/b.parquet",
    ]  # fmt: skip
    assert found("train/0.tar", "test/0.tar", "sizes.json") == ["test/0.tar", "train/0.tar"]
    assert found("a/0.parquet", "b/0.parquet") == []
    assert found("a/train/0.parquet", "b/test/0.parquet") == []
    assert found("a.parquet", "b.tar") == []
    assert found("a.parquet", "cat/1.png") == []
    assert found("README.md") == []
