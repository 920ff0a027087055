"""Tables that scikit-learn brings or downloads."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from dlrun.data.sources.download import download
from dlrun.data.sources.raw import RawData
from dlrun.data.sources.tables import checked
from dlrun.data.types.decode import as_cells
from dlrun.data.types.image import scale_pixels
from dlrun.errors import DataError
from dlrun.system.text import did_you_mean, listed


def read(name: str, target: str | None) -> RawData:
    """Read a table that scikit-learn brings (`load_…`) or downloads (`fetch_…`).

    The target column is called as in the recipe, else `target`; its values are the names of the
    classes where these have names. The digits are images.

    Raises:
        DataError: there is no such table, or it cannot be downloaded.
    """
    tables = _sklearn_tables()
    name = name.removeprefix("fetch_").removeprefix("load_")
    if name not in tables:
        message = (
            f"sklearn:{name} is not a table of scikit-learn.{did_you_mean(name, list(tables))} "
            f"Allowed: {listed(tables)}"
        )
        raise DataError(message)
    bunch = download(f"sklearn:{name}", lambda: tables[name](as_frame=True))
    if isinstance(bunch.target, pd.DataFrame):  # several targets: the recipe must choose
        return RawData(name, checked(bunch.frame, f"sklearn:{name}"))
    if "images" in bunch:
        return _images(name, bunch, target or "target")
    column = "target" if target is None or target in bunch.data else target
    y = _with_names(bunch.target, bunch.get("target_names"))
    frame = pd.concat([bunch.data, y.rename(column)], axis=1)
    return RawData(name, checked(frame, f"sklearn:{name}"), column)


def _images(name: str, bunch: Any, target: str) -> RawData:
    pixels = scale_pixels(bunch.images[..., None], float(bunch.images.max()))
    frame = pd.DataFrame({"image": as_cells(pixels, len(pixels)), target: bunch.target.to_numpy()})
    return RawData(name, frame, target, types={"image": "image"})


def _sklearn_tables() -> dict[str, Callable[..., Any]]:
    """Return scikit-learn's loaders that can give a DataFrame, by the name of the data."""
    from sklearn import datasets

    functions = {
        name.partition("_")[2]: function
        for name, function in vars(datasets).items()
        if name.startswith(("load_", "fetch_")) and name != "fetch_openml"
    }
    return {
        name: function
        for name, function in functions.items()
        if "as_frame" in inspect.signature(function).parameters
    }


def _with_names(codes: pd.Series[Any], names: Any) -> pd.Series[Any]:
    """Replace class codes by the names of the classes, where these are words."""
    words = np.asarray([] if names is None else names)
    if words.dtype.kind not in "UO" or codes.nunique() != len(words):
        return codes
    return pd.Series(words[codes.to_numpy()])
