"""Series of any length, with gaps, become rows of numbers."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import modalities
import numpy as np
import pandas as pd
import pytest
from candidates import python_convolutions
from numpy import nan

from dlrun.classic import persistence as saved
from dlrun.classic.candidate import ClassicCandidate
from dlrun.classic.features.series import (
    Catch22Series,
    FlatSeries,
    Rocket,
    SeriesScaler,
    SummarySeries,
    interpolate_missing,
    mini_rocket_steps,
    multi_rocket_steps,
    resample,
)
from dlrun.classic.features.spec import FeatureSpec
from dlrun.classic.fitted import ClassicFitted
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Column, Dataset
from dlrun.errors import ExtraError
from dlrun.recipe.preprocessing import Preprocessing

__all__ = ["python_convolutions"]  # the fixture

pytestmark = pytest.mark.usefixtures("python_convolutions")


def series(*channels: list[float]) -> np.ndarray:
    return np.array(channels, dtype=np.float32).T


EMPTY = np.zeros((0, 2), dtype=np.float32)
SHORT = series([1.0], [nan])
GAPS = series([nan, 1, nan, 3, nan], [nan] * 5)
CONSTANT = series([2.0] * 12, [2.0] * 12)
LONG = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
CELLS = [EMPTY, SHORT, GAPS, CONSTANT, LONG]


def test_gaps_are_interpolated_and_ends_held() -> None:
    np.testing.assert_array_equal(interpolate_missing(GAPS), series([1, 1, 2, 3, 3], [0] * 5))
    assert np.isnan(GAPS).sum() == 8  # and the series itself is left alone


def test_a_series_is_stretched_or_shrunk_between_its_ends() -> None:
    np.testing.assert_allclose(resample(series([0, 2]), 5), series([0, 0.5, 1, 1.5, 2]))
    np.testing.assert_allclose(resample(series([0, 1, 2, 3, 4]), 3), series([0, 2, 4]))
    np.testing.assert_array_equal(resample(series([3]), 2), series([3, 3]))
    np.testing.assert_array_equal(resample(EMPTY, 2), np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("scale", "expected"),
    [("standard", [-1.0, 1.0, nan]), ("minmax", [0.0, 1.0, nan]), ("none", [1.0, 3.0, nan])],
)
def test_channels_are_scaled_by_the_training_rows(scale: str, expected: list[float]) -> None:
    train = [series([1, 3, nan], [nan] * 3), EMPTY]
    scaled, _ = SeriesScaler(scale).fit(pd.Series(train)).transform(pd.Series(train))
    np.testing.assert_array_equal(scaled, series(expected, [nan] * 3))


def test_a_channel_that_never_varies_stays_finite() -> None:
    scaler = SeriesScaler().fit(pd.Series([CONSTANT]))
    assert scaler.transform(pd.Series([CONSTANT]))[0].tolist() == [[0, 0]] * 12


@pytest.mark.parametrize(
    ("transformer", "width"),
    [(FlatSeries(7), 14), (SummarySeries(), 17), (Catch22Series(), 48)],
    ids=["flat", "summary", "catch22"],
)
def test_rows_of_one_width_missing_only_where_the_series_is(transformer, width: int) -> None:
    rows = transformer.fit(CELLS).transform(CELLS)
    assert rows.shape == (5, width)
    assert np.isnan(rows[0]).all()
    assert np.isfinite(rows[1:]).all()
    np.testing.assert_array_equal(transformer.transform(CELLS[4:]), rows[4:])


def test_the_summary_of_a_line() -> None:
    (row,) = SummarySeries().transform([series([0, 1, 2, 3, 4])])
    np.testing.assert_allclose(row, [2, 2**0.5, 4, 0, 1, 2, 3, 4, 5], atol=1e-6)


@pytest.mark.parametrize("kind", ["MiniRocket", "MultiRocket"])
def test_convolutions_take_short_missing_and_constant_series(kind: str) -> None:
    rocket = Rocket(kind, n_steps=10, n_kernels=84, seed=2**32 - 1).fit(CELLS)
    rows = rocket.transform(CELLS)
    assert len(rows) == 5
    assert np.isfinite(rows).all()
    np.testing.assert_array_equal(Rocket(kind, 10, 84, 2**32 - 1).fit(CELLS).transform(CELLS), rows)


@pytest.mark.parametrize(
    ("steps", "n_rows", "n_kernels"),
    [
        (mini_rocket_steps, 1_000, 10_000),
        (mini_rocket_steps, 50_000, 1_000),
        (mini_rocket_steps, 10_000_000, 84),
        (multi_rocket_steps, 1_000, 6_250),
        (multi_rocket_steps, 50_000, 125),
    ],
)
def test_many_rows_get_fewer_kernels(steps, n_rows: int, n_kernels: int) -> None:
    spec = FeatureSpec("onehot", Preprocessing(), n_rows, seed=0)
    _, rocket, *_ = steps(Column("curve", "series", (4, 2)), spec)
    assert (rocket.n_kernels, rocket.n_steps) == (n_kernels, 10)


# The suite runs what numba would compile, for a minute, as Python; a fresh process compiles it.


def fit(features: str, dataset: Dataset) -> ClassicFitted:
    forest = {"n_estimators": 5}
    candidate = ClassicCandidate("it", "random_forest", forest, Preprocessing(), (features,))
    return candidate.fit(dataset, dataset, FitContext(0))


@pytest.mark.slow
def test_convolutions_are_loaded_by_a_fresh_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that numba compiled is in the file, and no pickle; compiled, it predicts the same."""
    monkeypatch.setattr("dlrun.classic.features.series.MAX_NUMBERS", 60 * 840)
    dataset = modalities.series("classification").take(np.arange(60))
    fitted = fit("mini_rocket", dataset)
    fitted.save(tmp_path)
    with zipfile.ZipFile(tmp_path / "model.skops") as file:
        assert {Path(name).suffix for name in file.namelist()} == {".json", ".npy"}
    code = (
        "from pathlib import Path; from dlrun.classic import persistence\n"
        "from modalities import series\n"
        "fitted = persistence.load(Path())\n"
        "print(*fitted.predict(series('classification').frame[:9]).class_indices)"
    )
    here = Path(modalities.__file__).parent
    output = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(here)},
    ).stdout
    expected = fitted.predict(dataset.frame[:9]).class_indices.tolist()
    assert list(map(int, output.split())) == expected


@pytest.mark.slow
def test_a_missing_package_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.classic.features.series.MAX_NUMBERS", 60 * 840)
    fit("mini_rocket", modalities.series("classification").take(np.arange(60))).save(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "aeon"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(ExtraError) as caught:
        saved.load(tmp_path)
    assert str(caught.value) == "aeon is not installed. Run: pip install 'dlrun[series]'"
