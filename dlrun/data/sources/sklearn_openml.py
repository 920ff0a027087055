"""Data sets by name, from scikit-learn and OpenML."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from dlrun.data.sources.raw import RawData
from dlrun.data.sources.tables import checked
from dlrun.data.types.decode import as_cells
from dlrun.data.types.image import scale_pixels
from dlrun.errors import DataError
from dlrun.system.text import did_you_mean, listed


def read_sklearn(name: str, target: str | None) -> RawData:
    """Read a table that scikit-learn brings (`load_…`) or downloads (`fetch_…`).

    The target column gets the recipe's name for it, else `target`, and holds the names of the
    classes where there are any. The digits are images.

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
    bunch = _download(f"sklearn:{name}", lambda: tables[name](as_frame=True))
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


def read_openml(name: str, _target: str | None) -> RawData:
    """Read a table from openml.org, by its name or its number.

    Raises:
        DataError: there is no such table, or it cannot be downloaded.
    """
    from sklearn.datasets import fetch_openml

    key = {"data_id": int(name)} if name.isdecimal() else {"name": name}
    bunch = _download(f"openml:{name}", lambda: fetch_openml(**key, as_frame=True))
    brought = bunch.target_names or []
    frame = checked(bunch.frame, f"openml:{name}")
    return RawData(
        bunch.details.get("name", name), frame, brought[0] if len(brought) == 1 else None
    )


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


def _download(source: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except (OSError, ValueError) as error:
        message = f"{source} cannot be loaded: {error} Is this machine online?"
        raise DataError(message) from error
