"""Pixels and gradients of images of any size, in grey and in colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from dlrun.catalog.features import Encoding
from dlrun.classic.features.image import Hog, PcaComponents, Pixels, hog_steps, pixels_steps
from dlrun.classic.features.spec import FeatureSpec
from dlrun.contract.dataset import Column
from dlrun.recipe.preprocessing import Preprocessing


def cells(images: list[np.ndarray]) -> pd.Series:
    values = np.empty(len(images), dtype=object)
    values[:] = images
    return pd.Series(values)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def test_pixels_go_from_0_to_1_one_after_the_other() -> None:
    image = np.array([[[0], [51]], [[255], [102]]], dtype=np.uint8)
    np.testing.assert_allclose(Pixels().transform(cells([image])), [[0, 0.2, 1, 0.4]], rtol=1e-6)


def test_a_large_image_shrinks_to_the_means_of_its_blocks() -> None:
    image = np.zeros((64, 33, 3), dtype=np.uint8)
    image[:2, :2, 0] = [[255, 0], [255, 0]]
    values = Pixels().transform(cells([image])).reshape(32, 17, 3)
    assert values[0, 0].tolist() == [0.5, 0, 0]
    assert values.sum() == 0.5


def test_a_row_at_the_edge_that_fills_no_block_is_repeated() -> None:
    image = np.zeros((33, 8, 1), dtype=np.uint8)
    image[32] = 255
    values = Pixels().transform(cells([image])).reshape(17, 8)
    assert values[-1].tolist() == [1.0] * 8
    assert values[:-1].max() == 0


@pytest.mark.parametrize(
    ("shape", "width"),
    [
        # In blocks: of the grid at the edge, and of the one that is half a cell aside.
        ((8, 8, 1), (3 * 3 + 4 * 4) * 36),
        ((28, 28, 1), (6 * 6 + 7 * 7) * 36),
        ((28, 28, 3), (6 * 6 + 7 * 7) * 36),
        ((128, 128, 4), (7 * 7 + 8 * 8) * 36),
        ((40, 300, 3), (7 * 59 + 7 * 59) * 36),
        ((3, 3, 1), 9 + 36),
        ((1, 5, 1), 18 + 2 * 18),
    ],
)
def test_gradients_of_images_of_any_size(shape: tuple[int, ...], width: int) -> None:
    values = Hog().transform(cells([noise(*shape), noise(*shape)[::-1], noise(*shape) * 0]))
    assert values.shape == (3, width)
    assert np.isfinite(values).all()
    assert values[2].max() == 0  # a missing image has no gradients


def test_gradients_tell_directions_apart_and_not_brightness() -> None:
    stripes = np.zeros((16, 16, 1), dtype=np.uint8)
    stripes[::4] = 100
    across, brighter, along = Hog().transform(
        cells([stripes, stripes * 2, stripes.transpose(1, 0, 2)])
    )
    np.testing.assert_allclose(across, brighter, atol=1e-3)
    assert np.abs(across - along).max() > 0.2


def test_a_grey_image_has_the_gradients_of_its_own_colours() -> None:
    grey = noise(16, 16, 1)
    values = Hog().transform(cells([grey]))
    np.testing.assert_allclose(
        values, Hog().transform(cells([np.repeat(grey, 3, axis=2)])), atol=1e-4
    )


@pytest.mark.parametrize(
    ("steps", "encoding", "n_rows", "width"),
    [
        (pixels_steps, "onehot", 300, 200),
        (pixels_steps, "onehot_dense", 50, 50),
        (pixels_steps, "ordinal", 50, 28 * 28),
        (hog_steps, "native", 300, 200),
    ],
)
def test_components_of_the_training_rows(
    steps: Any, encoding: Encoding, n_rows: int, width: int
) -> None:
    spec = FeatureSpec(encoding, Preprocessing(), n_rows, seed=0)
    pipeline = make_pipeline(*steps(Column("photo", "image", (28, 28, 1)), spec))
    images = cells(list(noise(n_rows, 28, 28, 1)))
    assert pipeline.fit(images).transform(images[:3]).shape == (3, width)


def test_fewer_values_than_components_keep_their_number() -> None:
    assert PcaComponents(200).fit(np.eye(6, 4)).transform(np.eye(6, 4)).shape == (6, 4)
