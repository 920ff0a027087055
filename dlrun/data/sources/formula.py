"""Tables of known functions, computed: what a candidate approximates is known at every point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from dlrun.data.sources.raw import RawData
from dlrun.errors import DataError
from dlrun.system.text import did_you_mean, listed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

MOST_ROWS: Final = 10_000_000


@dataclass(frozen=True)
class Formula:
    """A function of one or two numbers that are spread evenly at random between two ends.

    Attributes:
        columns: the names of its arguments.
        ends: the smallest and the largest value of each argument.
        value: of (rows,) arguments, (rows,).
    """

    columns: tuple[str, ...]
    ends: tuple[float, float]
    value: Callable[..., Values]


def read(name: str, target: str | None) -> RawData:
    """Compute a table of a function, `NAME` or `NAME?rows=1000&noise=0.1&seed=0`.

    Noise is the standard deviation of normal noise in the target, 0 by default. The target column
    is called as in the recipe, else `target`.

    Raises:
        DataError: there is no such function, or it does not take these settings.
    """
    import numpy as np
    import pandas as pd

    bare, _, query = name.partition("?")
    if bare not in FORMULAS:
        message = (
            f"formula:{bare} is not a known function.{did_you_mean(bare, FORMULAS)} "
            f"Allowed: {listed(FORMULAS)}"
        )
        raise DataError(message)
    settings = _read_settings(query)
    if settings is None:
        message = (
            f"formula:{name}: the settings of a function are rows (1 to {MOST_ROWS:,}), noise (a "
            "standard deviation, 0 or more) and seed (a whole number, 0 or more). Write them as "
            f"formula:{bare}?rows=1000&noise=0.1&seed=0"
        )
        raise DataError(message)
    formula, (n_rows, noise, seed) = FORMULAS[bare], settings
    rng = np.random.default_rng(seed)
    arguments = rng.uniform(*formula.ends, size=(len(formula.columns), n_rows))
    frame = pd.DataFrame(dict(zip(formula.columns, arguments, strict=True)))
    column = target if target and target not in frame else "target"
    frame[column] = formula.value(*arguments) + noise * rng.standard_normal(n_rows)
    return RawData(bare, frame, column, types=dict.fromkeys(formula.columns, "number"))


def _read_settings(query: str) -> tuple[int, float, int] | None:
    """Return the number of rows, the noise and the seed; None where one of them is none."""
    texts = {"rows": "1000", "noise": "0", "seed": "0"}
    given = dict(parse_qsl(query, keep_blank_values=True))
    try:
        n_rows, noise, seed = (given.pop(key, text) for key, text in texts.items())
        settings = int(n_rows), float(noise), int(seed)
    except ValueError:
        return None
    is_known = not given and 0 < settings[0] <= MOST_ROWS and settings[2] >= 0
    return settings if is_known and 0 <= settings[1] < inf else None


def _sines(x: Values) -> Values:
    import numpy as np

    turn = 2 * np.pi * x
    return np.sin(turn) + 0.5 * np.sin(3 * turn)


def _step(x: Values) -> Values:
    return (x >= 0).astype(float)


def _chirp(x: Values) -> Values:
    """Oscillate from 1 to 9 periods per unit."""
    import numpy as np

    return np.sin(2 * np.pi * (x + 4 * x**2))


def _runge(x: Values) -> Values:
    """Runge (1901), on which polynomials through evenly spaced points diverge."""
    return 1 / (1 + 25 * x**2)


def _franke(x: Values, y: Values) -> Values:
    """Franke (1979): two peaks and a dip."""
    import numpy as np

    u, v = 9 * x, 9 * y
    peaks = 0.75 * np.exp(-((u - 2) ** 2 + (v - 2) ** 2) / 4)
    peaks += 0.75 * np.exp(-((u + 1) ** 2) / 49 - (v + 1) / 10)
    peaks += 0.5 * np.exp(-((u - 7) ** 2 + (v - 3) ** 2) / 4)
    return peaks - 0.2 * np.exp(-((u - 4) ** 2) - (v - 7) ** 2)


FORMULAS: Final = {
    "sines": Formula(("x",), (0.0, 1.0), _sines),
    "step": Formula(("x",), (-1.0, 1.0), _step),
    "chirp": Formula(("x",), (0.0, 1.0), _chirp),
    "runge": Formula(("x",), (-1.0, 1.0), _runge),
    "franke": Formula(("x", "y"), (0.0, 1.0), _franke),
}
