"""What of a row a unit looks at, which units are shown, and how: without TensorFlow."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dlrun.contract.dataset import Column
from dlrun.study.inside.pictures import filter_picture, make_sheet
from dlrun.study.inside.unit_columns import unusual_columns
from dlrun.study.inside.unit_views import show_lines, show_sounds
from dlrun.study.inside.units import choose_units, explained_by_target, most_exciting
from dlrun.study.inside.windows import find_box, quote, smallest_window


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([0, 0, 5, 5, 0], (2, 4)),
        ([1, 1, 1, 1], (0, 4)),
        ([0.01, 9, 0.01, 0], (1, 2)),
        ([0, 0, 0, 3], (3, 4)),
        ([4, 0, 0, 4], (0, 4)),
    ],
    ids=["within", "everywhere", "small rest", "at the end", "both ends"],
)
def test_the_smallest_window_has_the_share(sizes, expected):
    assert smallest_window(np.array(sizes, dtype=float), 0.95) == expected


def test_a_box_is_where_the_gradient_is():
    sizes = np.zeros((8, 9))
    sizes[2:5, 6:8] = 1
    assert find_box(sizes) == ((2, 5), (6, 8))
    assert find_box(np.zeros((4, 4))) == ()


def test_words_are_quoted_with_those_around_them():
    tokens = "it is a very nice little film that everyone will love".split()
    sizes = np.zeros(20)
    sizes[[4, 5]] = 3, 2
    assert quote(tokens, sizes, " ") == (
        "it is a very", "nice little", "film that everyone will …",
    )  # fmt: skip
    everywhere = quote(tokens, np.ones(20), " ")
    assert everywhere[1] == "it is a very nice little film that"
    assert quote(list("abcdef"), np.array([0, 0, 1, 1, 0, 0.0]), "") == ("ab", "cd", "ef")
    assert quote([], np.zeros(20), " ") == ("", "", "")


def test_units_that_differ_are_chosen_by_what_the_target_explains():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    classes = (y[:, None] == np.arange(3)).astype(float)
    noise = rng.normal(size=(300, 4))
    peaks = np.column_stack(
        [classes[:, 0], classes[:, 0] * 2 + 1e-3 * noise[:, 0], classes[:, 1], noise[:, 1], 0 * y]
    )
    told = explained_by_target(peaks, classes)
    np.testing.assert_allclose(told[[0, 2]], 1)
    assert told[3] < 0.05
    assert np.isnan(told[4])
    assert choose_units(peaks, told, 3) == [0, 2, 3]  # 1 does what 0 does
    assert choose_units(peaks, told, 6) == [0, 2, 1, 3]  # 4 does nothing


def test_equal_rows_are_shown_once_where_there_are_others():
    peaks = np.array([1, 7, 7, 7, *range(10, 20)], dtype=np.float32)
    assert most_exciting(peaks).tolist() == [13, 12, 11, 10, 9, 8, 7, 6, 5]
    assert most_exciting(np.array([1, 7, 7], dtype=np.float32)).tolist() == [1, 2, 0]


def test_columns_are_named_in_which_exciting_rows_are_unusual():
    rng = np.random.default_rng(0)
    n_rows = 200
    frame = pd.DataFrame(
        {
            "age": rng.normal(50, 10, n_rows),
            "bmi": rng.normal(25, 4, n_rows),
            "noise": rng.normal(size=n_rows),
            "town": pd.Categorical(rng.choice(["Ulm", "Bonn"], n_rows, p=[0.1, 0.9])),
            "when": pd.Series(pd.date_range("2020-01-01", periods=n_rows)),
        }
    )
    rows = np.arange(9)
    frame.loc[rows, "age"], frame.loc[rows, "bmi"] = 1234.5, 12.0
    frame.loc[rows, ["noise"]] = 0.0
    frame.loc[rows, "town"] = "Ulm"
    types = ["number", "number", "number", "category", "datetime"]
    columns = tuple(Column(name, kind) for name, kind in zip(frame, types, strict=True))
    found = unusual_columns(columns, frame, rows, {"age": 0.5})
    assert {each.column: each.leaning for each in found} == {
        "age": "high", "town": "Ulm", "bmi": "low",
    }  # fmt: skip
    age = next(each for each in found if each.column == "age")
    assert (age.values, age.weight) == ("1,234", 0.5)
    town = next(each for each in found if each.column == "town")
    assert (town.values, town.usual) == ("100%", f"{(frame['town'] == 'Ulm').mean():.0%}")


def _pixels(media: str) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(b64decode(media.partition("base64,")[2]))))


def test_a_filter_is_grey_at_zero_and_has_a_contrast_of_its_own():
    pixels = _pixels(filter_picture(np.array([[-0.02, 0.0, 0.02]])[..., None]))
    assert pixels.tolist() == [[0, 128, 255]]
    colours = np.zeros((1, 2, 3))
    colours[0, 1] = 1, 0, -1
    assert _pixels(filter_picture(colours)).tolist() == [[[128, 128, 128], [255, 128, 0]]]


def test_a_sheet_has_three_pictures_a_line_and_shrinks_large_ones():
    pictures = [np.full((2, 2, 1), shade, np.uint8) for shade in (10, 20, 30, 40)]
    sheet = _pixels(make_sheet(pictures, 3))
    assert sheet[::2, ::2].tolist() == [[10, 20, 30], [40, 255, 255]]
    assert _pixels(make_sheet([np.zeros((200, 100, 3), np.uint8)] * 3, 3)).shape == (68, 102, 3)


def test_long_series_are_averaged_without_their_padding():
    steps = np.zeros((1, 100, 3))
    steps[0, :, 2] = np.arange(100)
    sizes = np.zeros_like(steps)
    sizes[0, 40:50, 2] = 1
    shown = show_lines(steps, sizes, np.array([60]))
    assert shown.boxes == (((13, 17),),)
    assert [line[:2] for line in shown.lines[0]] == [(0.0, 0.0), (1.0, 4.0)]
    assert len(shown.lines[0][0]) == 20


def test_sounds_stand_upright_and_end_in_silence():
    bands = np.zeros((1, 4, 2))
    bands[0, 1, 0], bands[0, :, 1] = 1, -1  # a low tone in the second frame
    sizes = np.abs(bands) * [1, 0]
    shown = show_sounds(bands, sizes, np.array([3]))
    assert shown.sides == (2, 4)
    assert shown.boxes == (((1, 2), (1, 2)),)
    pixels = _pixels(shown.sheet)[:, :4]
    assert pixels[1, 1] == 255
    assert (pixels[:, 3] == 0).all()


def test_a_sheet_without_any_pattern_is_still_small():
    noise = np.random.default_rng(0).integers(0, 256, (9, 48, 48, 1)).astype(np.uint8)
    sheet = make_sheet([*noise], 3)
    assert sheet.startswith("image/jpeg")
    assert len(sheet) < 10_000


def test_a_category_that_is_missing_in_all_exciting_rows_is_not_named():
    frame = pd.DataFrame({"town": pd.Categorical([None, None, "Ulm", "Bonn"])})
    columns = (Column("town", "category"),)
    assert unusual_columns(columns, frame, np.array([0, 1]), {}) == ()
