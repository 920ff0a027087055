from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from dlrun.contract.dataset import Column
from dlrun.data.dataset import read_dataset
from dlrun.data.sources.registry import read_source
from dlrun.data.sources.user_functions import find_function
from dlrun.errors import DataError


def failure(source: str, folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_source(source, folder)
    return str(caught.value)


def test_a_path_starts_at_the_folder_given(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "prices.csv").write_text("a\n1\n")
    for source in ("data/prices.csv", str(tmp_path / "data" / "prices.csv")):
        raw = read_source(source, tmp_path)
        assert (raw.name, raw.target, raw.subsets) == ("prices", None, None)
        assert raw.frame["a"].tolist() == [1]


def test_a_glob_joins_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, row in (("day-2", "2,x"), ("day-1", "1,"), ("day-3", "3,y")):
        (tmp_path / f"{name}.csv").write_text(f"n,s\n{row}\n")
    raw = read_source("day-*.csv", tmp_path)
    assert raw.name == "day"
    assert raw.frame["n"].tolist() == [1, 2, 3]
    assert raw.frame.index.equals(pd.RangeIndex(3))


def test_files_of_a_glob_must_have_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "2.csv").write_text("a,c\n1,2\n")
    assert failure("*.csv", tmp_path) == (
        "2.csv and 1.csv must have the same columns, but only one of them has 'b', 'c'."
    )


def test_a_glob_without_files_says_where_it_looked(tmp_path: Path) -> None:
    assert failure("data/*.csv", tmp_path) == (
        f"no file matches data/*.csv in the folder {tmp_path / 'data'}."
    )


def test_a_missing_file_names_the_folder_and_its_near_names(tmp_path: Path) -> None:
    for name in ("flights.parquet", "planes.csv", ".hidden"):
        (tmp_path / name).write_text("x")
    assert failure("flight.parquet", tmp_path) == (
        f"flight.parquet does not exist in the folder {tmp_path}. Did you mean "
        "'flights.parquet'? It holds: flights.parquet, planes.csv"
    )
    assert failure("no/where.csv", tmp_path) == (
        f"no/where.csv does not exist: there is no folder {tmp_path / 'no'}."
    )


# ----------------------------------------------------------------------------------- arrays


def test_arrays_become_columns_and_keep_their_parts(tmp_path: Path) -> None:
    x, y = np.arange(6.0).reshape(3, 2), np.array(["a", "b", "a"])
    np.savez(
        tmp_path / "set.npz", x_train=x, y_train=y, x_test=x[:1], y_test=y[:1], X_val=x, y_val=y
    )
    raw = read_source("set.npz", tmp_path)
    assert list(raw.frame) == ["x0", "x1", "target"]
    assert raw.target == "target"
    assert raw.subsets is not None
    assert raw.subsets.tolist() == ["train"] * 3 + ["validation"] * 3 + ["test"]
    assert raw.frame["x1"].tolist() == [1.0, 3.0, 5.0, 1.0, 3.0, 5.0, 1.0]


def test_plain_arrays_have_no_parts_and_the_recipe_may_name_the_target(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "set.npz", x=np.arange(3), y=np.array([[1], [2], [3]]))
    raw = read_source("set.npz", tmp_path, target="size")
    assert raw.subsets is None
    assert raw.target == "size"
    assert raw.frame.to_dict("list") == {"x0": [0, 1, 2], "size": [1, 2, 3]}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"a": np.ones(1), "b": np.ones(1)},
            "the archive must hold the arrays x and y, or x_train, y_train, x_test and "
            "y_test, but holds a, b.",
        ),
        (
            {"x": np.zeros((2, 8, 8, 3, 1)), "y": [0, 1]},
            "x has the shape (2, 8, 8, 3, 1), but must be (rows, columns), (rows, height, width), "
            "(rows, height, width, channels) or (rows, channels, steps).",
        ),
        (
            {"x": np.full((2, 8, 8), -3), "y": [0, 1]},
            "x holds values from -3 to -3, but an image has whole numbers from 0 to 255 or floats "
            "from 0 to 1.",
        ),
        (
            {
                "x_train": np.zeros((2, 8, 8)),
                "y_train": [0, 1],
                "x_test": np.zeros((2, 8, 9)),
                "y_test": [0, 1],
            },
            "x_train has the shape (2, 8, 8), but x_test (2, 8, 9): rows must have the same shape "
            "in all parts.",
        ),
        (
            {"x": np.zeros((2, 3)), "y": [0, 1, 2]},
            "y has the shape (3,), but x has 2 rows: it must be (2,).",
        ),
        (
            {"x": np.zeros((2, 3)), "y": np.array([0, "a"], dtype=object)},
            "cannot be read as .npz: Object arrays cannot be loaded when allow_pickle=False",
        ),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, arrays: dict[str, object], message: str) -> None:
    np.savez(tmp_path / "set.npz", **arrays)  # type: ignore[arg-type]
    assert failure("set.npz", tmp_path) == f"set.npz: {message}"


BYTES = np.random.default_rng(0).integers(0, 256, (4, 6, 5), dtype=np.uint8)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (BYTES, BYTES),
        (BYTES.astype(np.int64), BYTES),
        (BYTES[..., None], BYTES),
        (BYTES[..., None] / 255, BYTES),
        (BYTES > 127, (BYTES > 127) * 255),
        (BYTES.astype(np.uint16) * 100, np.rint(BYTES * (255 / BYTES.max()))),
        ((BYTES // 16).astype(float)[..., None], np.rint(BYTES // 16 * (255 / 15))),
        (BYTES[..., None].repeat(3, axis=3), BYTES),
    ],
)
def test_arrays_of_whole_numbers_or_with_channels_are_images(
    tmp_path: Path, x: Any, expected: Any
) -> None:
    np.savez(tmp_path / "set.npz", x=x, y=np.arange(4))
    raw = read_source("set.npz", tmp_path)
    assert list(raw.frame) == ["image", "target"]
    assert raw.types == {"image": "image"}
    cells = np.stack(raw.frame["image"])
    assert (cells.dtype, cells.shape[:3]) == (np.uint8, (4, 6, 5))
    np.testing.assert_array_equal(cells[..., 0], expected)


def test_arrays_of_floats_are_series_of_channels_by_steps(make_recipe: Any, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(6, 2, 9))
    np.savez(
        tmp_path / "set.npz", x_train=x, y_train=list("ababab"), x_test=x, y_test=list("ababab")
    )
    dataset = read_dataset(make_recipe({"source": "set.npz"}))
    assert dataset.columns == (Column("series", "series", (9, 2)),)
    assert dataset.split_values is not None
    np.testing.assert_array_equal(dataset.frame["series"][0], x[0].T.astype(np.float32))


@pytest.mark.parametrize(
    ("shape", "features", "column"),
    [
        ((6, 4, 5), {"photo": "image"}, Column("photo", "image", (4, 5, 1))),
        ((6, 20), {"x": "series"}, Column("x", "series", (20, 1))),
        ((6, 3, 20), {"ecg": "series"}, Column("ecg", "series", (20, 3))),
        ((6, 20), {"sound": "audio"}, Column("sound", "audio", (20,), 4000)),
    ],
)
def test_the_recipe_may_say_what_an_array_is(
    make_recipe: Any, tmp_path: Path, shape: Any, features: Any, column: Column
) -> None:
    x = np.random.default_rng(0).uniform(size=shape)
    np.savez(tmp_path / "set.npz", x=x, y=list("ababab"))
    recipe = make_recipe(
        {"source": "set.npz", "features": features}, preprocessing={"audio": {"sample_rate": 4000}}
    )
    dataset = read_dataset(recipe)
    assert dataset.columns == (column,)
    assert dataset.frame[column.name][0].shape == column.shape


def test_a_matrix_stays_a_table_of_which_columns_may_be_typed(
    make_recipe: Any, tmp_path: Path
) -> None:
    np.savez(tmp_path / "set.npz", x=np.arange(12).reshape(6, 2), y=list("ababab"))
    dataset = read_dataset(make_recipe({"source": "set.npz", "features": {"x1": "category"}}))
    assert dataset.columns == (Column("x1", "category"),)
    wide = {"curve": {"series": ["x0…x1"]}}
    dataset = read_dataset(make_recipe({"source": "set.npz", "features": wide}))
    assert dataset.frame["curve"][5][:, 0].tolist() == [10, 11]


# ------------------------------------------------------------------------------- named sets


def test_sets_of_scikit_learn_bring_their_target_with_its_words(tmp_path: Path) -> None:
    cancer = read_source("sklearn:breast_cancer", tmp_path)
    assert (cancer.name, cancer.target) == ("breast_cancer", "target")
    assert cancer.frame["target"].value_counts().to_dict() == {"benign": 357, "malignant": 212}
    assert "mean radius" in cancer.frame


def test_the_recipe_may_name_the_target_of_a_set(tmp_path: Path) -> None:
    cancer = read_source("sklearn:breast_cancer", tmp_path, target="diagnosis")
    assert cancer.target == "diagnosis"
    assert "target" not in cancer.frame
    radius = read_source("sklearn:breast_cancer", tmp_path, target="mean radius")
    assert radius.target == "target"  # a feature is asked for: both keep their names
    assert {"target", "mean radius"} <= set(radius.frame)


def test_targets_that_are_numbers_stay_numbers(tmp_path: Path) -> None:
    assert read_source("sklearn:iris", tmp_path).frame["target"].nunique() == 3
    assert read_source("sklearn:diabetes", tmp_path).frame["target"].dtype == "float64"


def test_digits_are_images(tmp_path: Path) -> None:
    raw = read_source("sklearn:digits", tmp_path, target="digit")
    assert list(raw.frame) == ["image", "digit"]
    assert raw.frame["digit"].unique().tolist() == [*range(10)]
    pixels = np.stack(raw.frame["image"])
    assert (pixels.dtype, pixels.shape) == (np.uint8, (1797, 8, 8, 1))
    np.testing.assert_array_equal(pixels[..., 0], np.rint(load_digits().images * (255 / 16)))


def test_of_several_targets_the_recipe_must_choose(tmp_path: Path) -> None:
    raw = read_source("sklearn:linnerud", tmp_path)
    assert raw.target is None
    assert {"Weight", "Waist", "Pulse", "Chins"} <= set(raw.frame)


def test_an_unknown_set_is_answered_with_those_there_are(tmp_path: Path) -> None:
    said = failure("sklearn:irs", tmp_path)
    assert said.startswith(
        "sklearn:irs is not a table of scikit-learn. Did you mean 'iris'? Allowed: "
    )
    assert {"breast_cancer", "wine", "california_housing"} <= set(
        said.partition("Allowed: ")[2].split(", ")
    )


@pytest.mark.filterwarnings("ignore:Retry downloading from url")
@pytest.mark.filterwarnings("ignore:A network error occurred while downloading")
@pytest.mark.parametrize("source", ["sklearn:california_housing", "openml:adult"])
def test_a_download_without_a_network_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert failure(source, tmp_path) == (
        f"{source} cannot be loaded: <urlopen error [Errno 111] Connection refused> "
        "Is this machine online?"
    )


# ---------------------------------------------------------------------- the user's functions

LOADER = """
import pandas as pd

def rows():
    return pd.DataFrame({"a": [1, 2]}, index=[7, 8])

def nothing():
    return None
"""


def test_a_loader_beside_the_recipe_comes_before_a_trusted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    for folder in (here, elsewhere):
        folder.mkdir()
        (folder / "my_rows.py").write_text(LOADER.replace("[1, 2]", f"['{folder.name}', 2]"))
    monkeypatch.syspath_prepend(str(elsewhere))
    empty = tmp_path / "empty"
    empty.mkdir()
    for folder, found in ((here, "here"), (elsewhere, "elsewhere"), (here, "here")):
        raw = read_source("my_rows:rows", folder, trusted=["my_rows"])
        assert raw.name == "rows"
        assert raw.frame["a"].tolist() == [found, 2]
        assert raw.frame.index.equals(pd.RangeIndex(2))
    del sys.modules["my_rows"]
    assert read_source("my_rows:rows", empty, trusted=["my_rows"]).frame["a"].tolist() == [
        "elsewhere",
        2,
    ]
    assert str(here) not in sys.path


def test_a_loader_may_live_in_a_package(tmp_path: Path) -> None:
    (tmp_path / "my_pack").mkdir()
    (tmp_path / "my_pack" / "__init__.py").write_text("")
    (tmp_path / "my_pack" / "loading.py").write_text(LOADER)
    assert read_source("my_pack.loading:rows", tmp_path).frame["a"].tolist() == [1, 2]


def test_a_loader_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "my_loader.py").write_text(LOADER)
    assert failure("my_loader:row", tmp_path) == (
        f"my_loader:row: {tmp_path / 'my_loader.py'} has no function 'row'. Did you mean 'rows'?"
    )
    assert failure("no_such.module:rows", tmp_path) == (
        f"there is no module 'no_such.module' in the folder {tmp_path}. A recipe is data, and "
        "runs code from its own folder alone. If you trust an installed module, add "
        "--trust-modules no_such."
    )
    with pytest.raises(DataError) as caught:
        find_function("no_such.module:rows", tmp_path, ["no_such"])
    assert str(caught.value) == (
        f"there is no module 'no_such.module' in the folder {tmp_path}, nor on the Python path."
    )
    assert failure("my_loader:nothing", tmp_path) == (
        "my_loader:nothing must return a pandas DataFrame, but returned NoneType."
    )


@pytest.mark.parametrize("source", ["os:getcwd", "this:s", "dlrun.api:load"])
def test_a_function_of_an_installed_module_is_not_called(tmp_path: Path, source: str) -> None:
    assert "runs code from its own folder alone" in failure(source, tmp_path)
    assert "this" not in sys.modules  # which prints a poem


def test_a_function_that_a_module_imported_is_not_called(tmp_path: Path) -> None:
    text = "from functools import partial\nfrom os import getcwd\nhidden = partial(getcwd)\n"
    (tmp_path / "my_imports.py").write_text(text + LOADER)
    for name in ("getcwd", "hidden"):
        assert failure(f"my_imports:{name}", tmp_path) == (
            f"my_imports:{name} was imported from posix, which is not in the folder {tmp_path}. "
            "Write a function of your own that calls it."
        )
    (tmp_path / "my_front.py").write_text("from my_imports import rows\n")
    assert find_function("my_front:rows", tmp_path)


def test_a_module_beside_the_recipe_cannot_be_called_like_one_of_python(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text(LOADER)
    assert failure("json:rows", tmp_path) == (
        f"json is the name of a module of Python itself. Rename the one in {tmp_path}."
    )


def test_tables_inside_archives_are_read_through(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.csv", "a.csv")
    shutil.copy(tmp_path / "a.zip", tmp_path / "a.csv.zip")
    for name in ("a.zip", "a.csv.zip"):
        assert read_source(name, tmp_path).frame["a"].tolist() == [1]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def rows():\n    return helper()\ndef helper():\n    return {}['x']\n",
         "broken.py:4: KeyError: 'x'"),
        ("import pandas as pd\ndef rows():\n    return pd.DataFrame({'a': [1]})['b']\n",
         "broken.py:3: KeyError: 'b'"),
        ("def rows()\n    return 1\n", "broken.py:1: SyntaxError: expected ':'"),
        ("import nothing_like_this\n",
         "broken.py:1: ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("raise SystemExit('bye')\n", "broken.py:1: SystemExit: bye"),
    ],
)  # fmt: skip
def test_an_error_in_a_users_own_code_names_their_file_and_line(
    tmp_path: Path, code: str, message: str
) -> None:
    sys.modules.pop("broken", None)
    (tmp_path / "broken.py").write_text(code)
    assert failure("broken:rows", tmp_path) == message
