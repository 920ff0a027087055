"""Sounds of any length and rate become the same number of numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dlrun.classic.features.audio import N_NUMBERS, N_SAMPLES, Mfcc, Waveform


def cells(*sounds: np.ndarray) -> pd.Series:
    values = np.empty(len(sounds), dtype=object)
    values[:] = sounds
    return pd.Series(values)


def tone(pitch: float, rate: int, seconds: float, loudness: float = 0.5) -> np.ndarray:
    steps = np.arange(int(rate * seconds)) / rate
    return (loudness * np.sin(2 * np.pi * pitch * steps)).astype(np.float32)


@pytest.mark.parametrize("rate", [4_000, 8_000, 44_100])
def test_any_length_at_any_rate(rate: int) -> None:
    sounds = [tone(440, rate, seconds) for seconds in (0.001, 0.03, 0.2, 1.0)]
    values = Mfcc(rate).transform(cells(*sounds, np.zeros(rate, dtype=np.float32)))
    assert values.shape == (5, N_NUMBERS)
    assert np.isfinite(values).all()


def test_a_missing_sound_is_missing() -> None:
    values = Mfcc(8000).transform(cells(np.zeros(0, dtype=np.float32), tone(440, 8000, 0.2)))
    assert np.isnan(values[0]).all()
    assert np.isfinite(values[1]).all()


def test_the_centroid_follows_the_pitch_and_the_loudness_the_amplitude() -> None:
    low, high, quiet = Mfcc(8000).transform(
        cells(tone(500, 8000, 1), tone(2000, 8000, 1), tone(500, 8000, 1, loudness=0.05))
    )
    centroid, loudness = 60, 65
    assert low[centroid] == pytest.approx(500, rel=0.1)
    assert high[centroid] == pytest.approx(2000, rel=0.1)
    assert low[loudness] == pytest.approx(0.5 / 2**0.5, rel=0.1)
    assert quiet[loudness] == pytest.approx(0.05 / 2**0.5, rel=0.1)


def test_a_sound_does_not_depend_on_its_neighbours() -> None:
    first, second = tone(440, 8000, 0.5), tone(900, 8000, 0.2)
    together = Mfcc(8000).transform(cells(first, second))
    np.testing.assert_array_equal(together[1:], Mfcc(8000).transform(cells(second)))


def test_a_waveform_is_cut_and_silent_after_its_end() -> None:
    long, short = np.ones(N_SAMPLES + 5, np.float32), np.full(3, 0.5, np.float32)
    values = Waveform().transform(cells(long, short, np.zeros(0, np.float32)))
    assert values.shape == (3, N_SAMPLES)
    assert values[0].all()
    assert values[1:].sum() == 1.5
