"""The excerpt of a dataset: cells as people see or hear them, and not more than a page can hold."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.data import excerpt
from dlrun.data.excerpt import make_excerpt
from dlrun.data.types import column_module
from dlrun.testing.samples import SAMPLES
from dlrun.tracking.excerpt import excerpt_from_json, excerpt_to_json


def _show(column, cell):
    return column_module(column.type).show(column, cell)


def _content(shown):
    return BytesIO(b64decode(shown.media.partition(",")[2]))


def test_scalars_are_short_texts():
    assert _show(Column("x", "number"), 0.1 + 0.2).text == "0.3"
    assert _show(Column("x", "number"), np.nan).text == ""
    assert _show(Column("x", "category"), "<b>").text == "<b>"  # escaped where it is written
    assert _show(Column("x", "datetime"), pd.Timestamp("2024-01-31")).text == "2024-01-31 00:00:00"


def test_a_long_text_is_cut():
    shown = _show(Column("x", "text"), "word " * 1000)
    assert shown.form == "quote"
    assert len(shown.text) == 601


@pytest.mark.parametrize("shape", [(8, 8, 1), (300, 400, 1)])
def test_a_gray_image_is_a_png_of_bounded_size(shape):
    cell = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    shown = _show(Column("x", "image", shape), cell)
    assert shown.media.startswith("image/png;base64,")
    picture = np.asarray(Image.open(_content(shown)))
    assert max(picture.shape) <= 160
    if shape[0] == 8:
        assert np.array_equal(picture, cell[..., 0])


def test_a_photo_is_a_jpeg():
    cell = np.zeros((128, 96, 3), dtype=np.uint8)
    shown = _show(Column("x", "image", cell.shape), cell)
    assert shown.media.startswith("image/jpeg;base64,")
    assert Image.open(_content(shown)).size == (96, 128)


@pytest.mark.parametrize(("rate", "shown_rate"), [(8000, 8000), (44100, 16000)])
def test_a_sound_can_be_played(rate, shown_rate):
    cell = np.sin(np.arange(6 * rate) / rate * 2 * np.pi * 440).astype(np.float32)
    shown = _show(Column("x", "audio", (6 * rate,), rate), cell)
    samples, found_rate = soundfile.read(_content(shown))
    assert (found_rate, len(samples)) == (shown_rate, 4 * shown_rate)
    assert shown.text == "6 s, the first 4 s"
    loud = np.abs(np.fft.rfft(samples)).argmax() / 4
    assert loud == pytest.approx(440, abs=1)


def test_a_series_keeps_gaps_and_the_first_channels():
    cell = np.arange(2000, dtype=np.float32).reshape(200, 10)
    cell[0, 0] = np.nan
    shown = _show(Column("x", "series", (200, 10)), cell)
    assert (len(shown.lines), len(shown.lines[0])) == (6, 120)
    assert shown.lines[0][0] is None
    assert shown.lines[1][0] == 1


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("task", ["classification", "regression", "multilabel"])
def test_an_excerpt_survives_json(name, task):
    dataset = SAMPLES[name]().dataset(task)
    made = make_excerpt(dataset, [5, 3, 5, 10_000])
    assert list(made.rows) == [5, 3]
    assert made.columns
    assert all(0 <= each.strength <= 1 for each in made.columns)
    assert excerpt_from_json(excerpt_to_json(made)) == made


def test_images_and_sounds_have_a_limit(monkeypatch):
    monkeypatch.setattr(excerpt, "MOST_MEDIA", 3000)
    rng = np.random.default_rng(0)
    cells = [rng.integers(0, 256, (30, 30, 1), dtype=np.uint8) for _ in range(10)]
    frame = pd.DataFrame({"x": pd.Series(cells, dtype=object)})
    column = Column("x", "image", (30, 30, 1))
    target = Target("y", "classification", ("no", "yes"))
    rows = np.arange(10)
    dataset = Dataset("made", "made", (column,), target, frame, rows % 2, rows + 100)
    made = make_excerpt(dataset, [109, 104, 100, 101])
    assert list(made.rows) == [109, 104]  # the most wanted


def test_a_wide_row_is_cut_to_the_columns_that_say_most():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 100)
    columns = {f"x{k}": rng.normal(size=100) for k in range(30)} | {"x30": y + 0.0}
    frame = pd.DataFrame(columns | {"words": ["a b"] * 100})
    typed = tuple(
        Column(str(name), "text" if name == "words" else "number") for name in frame.columns
    )
    target = Target("y", "classification", ("no", "yes"))
    made = make_excerpt(Dataset("", "", typed, target, frame, y, np.arange(100)), [0])
    assert list(made.rows[0])[:2] == ["words", "x30"]
    assert len(made.rows[0]) == 12


def _one_column(n_rows, *, kind="number", task="regression"):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=n_rows)})
    frame.loc[1, "x"] = np.nan
    target = Target("y", task, () if task == "regression" else ("no", "yes"))
    y = rng.normal(size=n_rows) if task == "regression" else np.arange(n_rows) % 2
    return Dataset("", "", (Column("x", kind),), target, frame, y, np.arange(n_rows) + 7)


def test_the_only_column_is_kept_where_it_and_the_target_are_numbers():
    dataset = _one_column(6)
    made = make_excerpt(dataset, [])
    assert list(made.inputs) == [7, 9, 10, 11, 12]  # a value is missing
    assert made.inputs[9] == dataset.frame["x"][2]
    assert excerpt_from_json(excerpt_to_json(made)) == made
    assert make_excerpt(_one_column(6, task="classification"), []).inputs == {}


def test_of_many_rows_some_are_kept(monkeypatch):
    monkeypatch.setattr(excerpt, "MOST_INPUTS", 5)
    assert list(make_excerpt(_one_column(41), []).inputs) == [7, 17, 27, 37, 47]
