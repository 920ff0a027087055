"""Sounds: cut and padded, measured in bands, scaled by the training rows, and masked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from dlrun.contract.dataset import Column
from dlrun.recipe.preprocessing import Audio

pytestmark = pytest.mark.tf

RATE = 8000


def tone(hertz, seconds, rate=RATE, loudness=0.5):
    return (loudness * np.sin(2 * np.pi * hertz * np.arange(seconds * rate) / rate)).astype("f4")


def fit(cells, rate=RATE, n_samples=None, **settings):
    from dlrun.deep.inputs.audio import fit

    column = Column("sound", "audio", (n_samples or max(map(len, cells)),), rate)
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return fit([column], pd.DataFrame({"sound": values}), Audio(**settings))


def encode(encoding, cells):
    from dlrun.deep.inputs.audio import read_sounds

    return np.array(encoding.encode(read_sounds(cells, encoding.n_samples)))


def test_cells_are_cut_and_padded_with_nan_also_where_there_are_none():
    from dlrun.deep.inputs.audio import make_reader

    column = Column("sound", "audio", (1000,), RATE)
    cells = np.empty(3, dtype=object)
    cells[:] = [np.ones(1500, np.float32), np.ones(10, np.float32), np.zeros(0, np.float32)]
    read = make_reader([column], None)
    group = read(pd.DataFrame({"sound": cells}))
    assert group.dtype == np.float32
    assert np.isfinite(group).sum(axis=1).tolist() == [1000, 10, 0]
    assert read(pd.DataFrame({"sound": cells[:0]})).shape == (0, 1000)


@pytest.mark.parametrize("rate", [4000, 16000, 44100])
def test_a_tone_is_loudest_in_its_own_band_at_every_rate(rate):
    """Bands are evenly spaced on the mel scale from 20 Hz to half the rate."""
    encoding = fit([tone(rate / 8, 1, rate)], rate, mels=32)
    assert encoding.encoded.shape == (100, 32)
    mel = lambda hertz: 1127 * np.log1p(hertz / 700)  # noqa: E731
    for hertz in (rate / 20, rate / 8, rate / 3):
        energies = np.array(encoding.bands(tone(hertz, 1, rate)[None]))[0]
        place = (mel(hertz) - mel(20)) / (mel(rate / 2) - mel(20)) * 33 - 1
        assert abs(energies[10:90].mean(axis=0).argmax() - place) < 1


def test_each_band_is_standardised_over_the_frames_of_the_training_rows():
    rng = np.random.default_rng(0)
    cells = [rng.normal(0, 0.1, length).astype("f4") for length in (8000, 2000, 5000)]
    encoded = encode(fit(cells), cells)
    bands, present = encoded[..., :-1], encoded[..., -1] == 1
    assert present.sum(axis=1).tolist() == [100, 25, 63]
    assert (encoded[~present] == 0).all()
    np.testing.assert_allclose(bands[present].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(bands[present].std(axis=0), 1, atol=1e-3)


def test_sounds_of_one_length_need_no_channel_for_padding():
    from dlrun.deep.backend import keras

    cells = [tone(440, 0.5), tone(880, 0.5)]
    encoding = fit(cells)
    assert encoding.encoded.shape == (50, 64)
    assert encoding.expand(encode(encoding, cells)).shape == (2, 50, 64)
    assert not keras.ops.any(keras.ops.isnan(encode(encoding, [cells[0][:100]])))


def test_a_sound_does_not_depend_on_the_others():
    """Keras' own decibels are relative to the loudest of all rows."""
    cells = [tone(440, 0.5, loudness=1e-4), tone(440, 0.5, loudness=1.0)]
    encoding = fit(cells)
    together = encode(encoding, cells)
    np.testing.assert_allclose(encode(encoding, cells[:1]), together[:1], atol=1e-5)


@pytest.mark.parametrize("features", ["log_mel", "waveform"])
def test_silence_missing_and_very_short_sounds_stay_finite(features):
    cells = [np.zeros(900, "f4"), np.zeros(0, "f4"), np.ones(1, "f4")]
    encoded = encode(fit(cells, features=features), cells)
    assert np.isfinite(encoded).all()
    assert (encoded[1] == 0).all()
    shortest = fit([np.ones(1, "f4")], features=features)
    assert np.isfinite(encode(shortest, [np.ones(1, "f4")])).all()


def test_a_waveform_is_scaled_as_a_whole():
    cells = [tone(440, 0.5) + 0.2, tone(880, 0.25) + 0.2]
    encoding = fit(cells, features="waveform")
    assert encoding.encoded.shape == (4000, 2)
    encoded = encode(encoding, cells)
    samples = np.concatenate([encoded[0, :, 0], encoded[1, :2000, 0]])
    assert samples.mean() == pytest.approx(0, abs=1e-4)
    assert samples.std() == pytest.approx(1, abs=1e-4)
    assert encoded[1, :, 1].sum() == 2000


def test_raw_sounds_of_any_length_are_cut_and_padded():
    encoding = fit([tone(440, 0.5), tone(440, 0.4)])
    short, long = tone(880, 0.3)[None], tone(880, 0.9)[None]
    read = np.array(encoding.read([short]))
    np.testing.assert_array_equal(read[:, :2400], short)
    assert np.isnan(read[:, 2400:]).all()
    np.testing.assert_array_equal(np.array(encoding.read([long])), long[:, :4000])


def test_hiding_bands_needs_bands():
    with pytest.raises(ValidationError) as caught:
        Audio(features="waveform", augment={"time": 0.1})
    assert caught.value.errors()[0]["msg"] == (
        "Value error, augment hides bands and frames of the log-mel, but features is waveform. "
        "Set features to log_mel, or remove augment"
    )
