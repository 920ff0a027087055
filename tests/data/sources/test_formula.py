from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlrun.catalog.sources import SOURCES
from dlrun.data.sources.formula import FORMULAS
from dlrun.data.sources.registry import read_source
from dlrun.errors import DataError


@pytest.mark.parametrize("name", FORMULAS)
def test_a_function_is_computed_between_its_ends(name: str) -> None:
    raw, formula = read_source(f"formula:{name}?rows=500", Path()), FORMULAS[name]
    assert (raw.name, raw.target) == (name, "target")
    assert list(raw.frame) == [*formula.columns, "target"]
    arguments = [raw.frame[column].to_numpy() for column in formula.columns]
    low, high = formula.ends
    assert low <= np.min(arguments) < low + 0.02 * (high - low)
    assert high - 0.02 * (high - low) < np.max(arguments) <= high
    np.testing.assert_array_equal(raw.frame["target"], formula.value(*arguments))
    assert name in SOURCES["formula"].title


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [
        ("sines", (0.25,), 1 - 0.5),
        ("step", (-0.01,), 0),
        ("step", (0.01,), 1),
        ("chirp", (0.5,), np.sin(3 * np.pi)),
        ("runge", (0.2,), 0.5),
        ("franke", (0.0, 0.0), 0.766420591),  # as tabulated for Franke's function
        ("franke", (4 / 9, 7 / 9), 0.003821605),
    ],
    ids=["sines", "before the step", "after the step", "chirp", "runge", "franke", "franke's dip"],
)
def test_known_values(name: str, arguments: tuple[float, ...], value: float) -> None:
    found = FORMULAS[name].value(*map(np.atleast_1d, arguments))
    np.testing.assert_allclose(found, value, atol=1e-8)


def test_rows_noise_and_seed_are_settings() -> None:
    def target(source: str) -> np.ndarray:
        return read_source(source, Path(), target="y").frame["y"].to_numpy()

    clean, noisy = target("formula:runge?rows=4000"), target("formula:runge?rows=4000&noise=0.1")
    assert len(clean) == 4000
    assert np.std(noisy - clean) == pytest.approx(0.1, rel=0.05)
    np.testing.assert_array_equal(clean, target("formula:runge?seed=0&rows=4000"))
    assert not np.array_equal(clean, target("formula:runge?seed=1&rows=4000"))
    assert len(target("formula:runge")) == 1000


def test_the_target_does_not_hide_an_argument() -> None:
    assert list(read_source("formula:runge", Path(), target="x").frame) == ["x", "target"]


def failure(source: str) -> str:
    with pytest.raises(DataError) as caught:
        read_source(source, Path())
    return str(caught.value)


def test_an_unknown_function_names_the_known_ones() -> None:
    assert failure("formula:rung") == (
        "formula:rung is not a known function. Did you mean 'runge'? Allowed: sines, step, chirp, "
        "runge, franke"
    )


@pytest.mark.parametrize(
    "query", ["row=9", "rows=0", "rows=many", "noise=-1", "noise=nan", "seed=-1", "rows"]
)
def test_settings_that_a_function_does_not_take(query: str) -> None:
    assert failure(f"formula:runge?{query}") == (
        f"formula:runge?{query}: the settings of a function are rows (1 to 10,000,000), noise (a "
        "standard deviation, 0 or more) and seed (a whole number, 0 or more). Write them as "
        "formula:runge?rows=1000&noise=0.1&seed=0"
    )
