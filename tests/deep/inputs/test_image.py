"""Images: read as bytes, resized where they must be, standardised by the training rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.dataset import Column
from dlrun.recipe.preprocessing import Image

pytestmark = pytest.mark.tf

COLUMN = Column("photo", "image", (6, 4, 3))


def make_cells(n_rows, shape=COLUMN.shape):
    """Make images whose channels differ in brightness and contrast."""
    rng = np.random.default_rng(0)
    spans = [(0, 256), (100, 110), (7, 8)][: shape[-1]]
    channels = [rng.integers(*span, (n_rows, *shape[:2])) for span in spans]
    cells = np.empty(n_rows, dtype=object)
    cells[:] = list(np.stack(channels, axis=-1).astype(np.uint8))
    return cells


def fit(cells, column=COLUMN):
    from dlrun.deep.inputs.image import fit

    return fit([column], pd.DataFrame({column.name: cells}), Image())


def test_cells_are_stacked_as_bytes_also_where_there_are_none():
    from dlrun.deep.inputs.image import make_reader

    cells = make_cells(5)
    read = make_reader([COLUMN], None)
    stacked = read(pd.DataFrame({"photo": cells}))
    assert stacked.dtype == np.uint8
    np.testing.assert_array_equal(stacked, np.stack(cells))
    assert read(pd.DataFrame({"photo": cells[:0]})).shape == (0, 6, 4, 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_channel_is_standardised_by_the_training_rows(channels):
    cells = make_cells(50, (6, 4, channels))
    encoding = fit(cells[:40], Column("photo", "image", (6, 4, channels)))
    assert encoding.group == encoding.encoded
    assert encoding.encoded.dtype == "uint8"
    group = np.stack(cells)
    standardised = np.array(encoding.expand(encoding.encode(group)))
    train = group[:40].reshape(-1, channels).astype(np.float64)
    spread = np.where(train.std(axis=0) > 0, train.std(axis=0), 1.0)  # the last one is constant
    expected = (group - train.mean(axis=0)) / spread
    np.testing.assert_allclose(standardised, expected, atol=1e-5)
    assert channels == 1 or (standardised[..., 2] == 0).all()


def test_images_of_the_right_size_stay_as_they_are_and_others_are_resized():
    from PIL import Image as Pillow

    encoding = fit(make_cells(3))
    group = np.stack(make_cells(3))
    np.testing.assert_array_equal(np.array(encoding.read([group])), group)
    (large,) = make_cells(1, (18, 20, 3))
    expected = Pillow.fromarray(large).resize((4, 6), Pillow.Resampling.BILINEAR)
    resized = np.array(encoding.read([large[None]]))
    assert resized.dtype == np.uint8
    np.testing.assert_allclose(resized[0].astype(int), np.array(expected, dtype=int), atol=1)
    (small,) = make_cells(1, (1, 1, 3))
    np.testing.assert_array_equal(
        np.array(encoding.read([small[None]])), np.tile(small, (1, 6, 4, 1))
    )


def test_a_network_on_black_images_alone_predicts_finite_numbers(trained):
    from modalities import image

    dataset = image("classification")
    dataset.frame["photo"] = [np.zeros((12, 10, 1), dtype=np.uint8)] * len(dataset)
    run = trained(dataset, model={"architecture": "cnn", "filters": [2]})
    assert np.isfinite(run.fitted.predict(run.test.frame).values).all()
