from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlrun.contract import Column, Dataset, Target
from dlrun.data.digest import digest_dataset

FRAME = pd.DataFrame(
    {
        "n": [1.0, np.nan, 3.0],
        "c": pd.Categorical(["a", None, "b"]),
        "t": pd.to_datetime(["2013-01-31", None, "2014-01-31"]).astype("datetime64[us]"),
    }
)
DATASET = Dataset(
    name="made",
    source="made",
    columns=(Column("n", "number"), Column("c", "category"), Column("t", "datetime")),
    target=Target("y", "classification", ("no", "yes")),
    frame=FRAME,
    truth=np.array([0, 1, 0]),
    row_ids=np.arange(3),
)


def with_column(name: str, values: Any) -> Dataset:
    return replace(DATASET, frame=FRAME.assign(**{name: values}))


def test_the_digest_is_stable_over_versions_of_dlrun() -> None:
    """Studies are compared by it: change this value only together with the major version."""
    assert digest_dataset(DATASET) == "9b10b979ba3adefcd381d34cbf23fc48ccc4"


@pytest.mark.parametrize(
    "same",
    [
        replace(DATASET, name="other", source="other", notes=("a",), digest="x"),
        with_column("c", pd.Categorical(["a", None, "b"], categories=["z", "b", "a"])),
        with_column("n", [1.0, -np.float64("nan"), 3.0]),
        DATASET.take(np.array([0, 1, 2])),
    ],
)
def test_the_same_content_has_the_same_digest(same: Dataset) -> None:
    assert digest_dataset(same) == digest_dataset(DATASET)


def test_zero_has_no_sign() -> None:
    one, two = with_column("n", [0.0, 1.0, 2.0]), with_column("n", [-0.0, 1.0, 2.0])
    assert digest_dataset(one) == digest_dataset(two)


@pytest.mark.parametrize(
    "other",
    [
        with_column("n", [1.0, 2.0, 3.0]),
        with_column("n", [1.0, np.nan, np.nextafter(3.0, 4.0)]),
        with_column("c", pd.Categorical(["a", "b", None])),
        with_column("c", pd.Categorical(["a", None, "c"])),
        with_column("t", FRAME["t"] + pd.Timedelta(1, "us")),
        replace(DATASET, truth=np.array([0, 1, 1])),
        replace(DATASET, target=Target("y", "classification", ("no", "oui"))),
        replace(DATASET, target=Target("z", "classification", ("no", "yes"))),
        replace(DATASET, columns=DATASET.columns[:2]),
        DATASET.take(np.array([0, 2, 1])),
    ],
)
def test_other_content_has_another_digest(other: Dataset) -> None:
    assert digest_dataset(other) != digest_dataset(DATASET)


def test_numbers_that_are_classes_differ_from_numbers() -> None:
    number = replace(DATASET, truth=np.array([0.0, 1.0, 0.0]))
    assert digest_dataset(number) != digest_dataset(DATASET)
