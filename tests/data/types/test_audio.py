from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from dlrun.contract.dataset import Column
from dlrun.data.types.cast import cast_columns, find_shapes
from dlrun.data.types.decode import as_cells
from dlrun.errors import DataError
from dlrun.recipe.preprocessing import Preprocessing

RATE = 8000


def tone(seconds: float = 0.5, rate: int = RATE, hertz: float = 440) -> np.ndarray:
    places = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * places)).astype(np.float32)


def encoded(samples: Any, rate: int = RATE, kind: str = "wav", subtype: str | None = None) -> bytes:
    file = BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def read(
    raw: list[Any], folder: Path = Path(), **settings: Any
) -> tuple[Column, list[np.ndarray], list[str]]:
    frame = pd.DataFrame({"sound": as_cells(raw, len(raw))})
    preprocessing = Preprocessing.model_validate({"audio": settings})
    columns, notes = find_shapes([Column("sound", "audio")], frame, [folder], preprocessing)
    typed = cast_columns(frame, columns, [folder])["sound"].tolist()
    for cell in typed:
        assert cell.dtype == np.float32
        assert cell.ndim == 1
        assert len(cell) <= columns[0].shape[0]
        assert np.abs(cell).max(initial=0) <= 1
    return columns[0], typed, [note.text for note in notes]


def pitch(samples: np.ndarray, rate: int) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


@pytest.mark.parametrize(
    ("kind", "subtype", "error"),
    [
        ("wav", "PCM_16", 1e-4),
        ("wav", "PCM_U8", 1e-2),
        ("wav", "PCM_24", 1e-6),
        ("wav", "FLOAT", 0),
        ("flac", "PCM_16", 1e-4),
        ("ogg", "VORBIS", 0.1),
        ("mp3", "MPEG_LAYER_III", 0.1),
    ],
)
def test_sounds_are_decoded_whatever_their_kind(kind: str, subtype: str, error: float) -> None:
    samples = tone()
    column, (cell,), notes = read([encoded(samples, kind=kind, subtype=subtype)])
    assert column == Column("sound", "audio", (4000,), RATE)
    assert len(cell) == 4000
    assert np.abs(cell - samples)[500:-500].max() <= error
    assert notes == []


def test_several_channels_are_averaged() -> None:
    left, right = tone(hertz=300), tone(hertz=700)
    _, (cell,), _ = read([encoded(np.stack([left, right], axis=1), subtype="FLOAT")])
    np.testing.assert_allclose(cell, (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("wanted", ["auto", 8000, 11025])
def test_sample_rates_become_one(wanted: Any) -> None:
    raw = [
        encoded(tone(), subtype="FLOAT"),
        encoded(tone(), subtype="FLOAT"),
        encoded(tone(rate=16000), 16000, subtype="FLOAT"),
        encoded(tone(rate=44100), 44100, subtype="FLOAT"),
        encoded(np.stack([tone(rate=22050)] * 2, axis=1), 22050, subtype="FLOAT"),
    ]
    column, cells, notes = read(raw, sample_rate=wanted)
    rate = RATE if wanted == "auto" else wanted
    assert column == Column("sound", "audio", (-(-rate // 2),), rate)
    for cell in cells:
        assert abs(len(cell) - rate / 2) <= 1
        assert pitch(cell, rate) == pytest.approx(440, abs=3)
        assert np.abs(cell[200:-200]).max() == pytest.approx(0.5, abs=0.02)
    n_resampled = 3 if rate == RATE else 5
    assert notes == [
        f"Column 'sound': {n_resampled} of 5 sounds are resampled to {rate:,} Hz "
        "(preprocessing.audio.sample_rate)."
    ]


def test_of_rates_equally_common_the_highest_is_taken() -> None:
    raw = [encoded(tone(rate=rate), rate) for rate in (8000, 16000, 4000)]
    assert read(raw)[0].rate == 16000


def test_the_length_is_that_of_the_longest_unless_it_is_much_longer() -> None:
    usual = [encoded(tone(0.1)), *[encoded(tone(0.2))] * 98]
    assert read([*usual, encoded(tone(0.4))])[0].shape == (3200,)
    column, cells, notes = read([*usual, encoded(tone(3))])
    assert column.shape == (3200,)
    assert [len(cell) for cell in (cells[0], cells[1], cells[-1])] == [800, 1600, 3200]
    assert notes == [
        "Column 'sound': 1 of 100 sounds are cut after 0.4 s (preprocessing.audio.seconds)."
    ]
    assert read([*usual, encoded(tone(3))], seconds=2.5)[0].shape == (20000,)


def test_what_is_cut_is_the_same_as_the_start_of_the_whole() -> None:
    for rate in (RATE, 22050):
        data = encoded(tone(1, rate), rate, subtype="FLOAT")
        _, (whole,), _ = read([data], sample_rate=RATE)
        _, (cut,), _ = read([data], sample_rate=RATE, seconds=0.25)
        assert len(cut) == 2000
        np.testing.assert_allclose(cut, whole[:2000], atol=1e-6)


def test_missing_and_empty_sounds_have_no_samples() -> None:
    _, cells, _ = read([None, encoded(tone()), "", encoded(np.zeros(0))])
    assert [len(cell) for cell in cells] == [0, 4000, 0, 0]
    assert [len(cell) for cell in read([None, np.nan])[1]] == [0, 0]


def test_loud_and_broken_samples_stay_within_bounds() -> None:
    samples = np.array([0.5, 3.0, -7.0, np.nan, np.inf], dtype=np.float32)
    _, (cell,), _ = read([encoded(samples, subtype="FLOAT")])
    np.testing.assert_array_equal(cell, [0.5, 1, -1, 0, 1])


def test_cells_may_hold_samples() -> None:
    samples = tone()
    whole = (samples * 2**15).astype(np.int16)
    raw = [samples, samples.astype(float).tolist(), whole, whole.tolist()]
    column, cells, _ = read(raw, sample_rate=RATE)
    assert column == Column("sound", "audio", (4000,), RATE)
    for cell in cells:
        np.testing.assert_allclose(cell, samples, atol=1e-4)
    with pytest.raises(DataError) as caught:
        read([samples])
    assert str(caught.value) == (
        "column 'sound' holds sounds as numbers, which do not tell their sample rate. Set "
        "preprocessing.audio.sample_rate."
    )


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            b"no sound",
            "holds 8 bytes, which is no sound that libsndfile can read: Format not recognised. Re",
        ),
        (encoded(tone(), kind="flac")[:-900], "bytes, which cannot be decoded: "),
        (
            encoded(tone(), kind="ogg")[:200],
            "bytes, which is no sound that libsndfile can read: Supported file format but file is "
            "malformed. Replace it",
        ),
        (
            encoded(tone(), rate=2**26 + 1),
            "bytes, which has a sample rate of 67,108,865 Hz, of at most 2,000,000 Hz.",
        ),
        (np.zeros((5, 2)), "which has the shape (5, 2), but must be (samples,), one channel"),
        (["a"], "which holds a list of something other than numbers"),
    ],
)
def test_what_cannot_be_decoded_is_named_with_its_row(cell: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read([encoded(tone()), None, cell])
    assert str(caught.value).startswith("column 'sound' is of type audio, but row 3 holds ")
    assert message in str(caught.value)
    assert str(caught.value).endswith(" Replace it or leave it out.")
