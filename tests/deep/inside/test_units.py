"""What units look for, in networks whose weights are set by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.recipe.preprocessing import Preprocessing

pytestmark = pytest.mark.tf

SIDE = 10
EDGE = np.array([[-1.0, 0, 1]] * 3)


def fitted(dataset: Dataset, architecture: str, **settings: Any) -> Any:
    """Build a network with fresh weights, as if it had been trained."""
    from pathlib import Path

    from dlrun.deep.architecture import build_architecture
    from dlrun.deep.backend import keras
    from dlrun.deep.fitted import FittedNetwork
    from dlrun.deep.inputs.groups import fit_encodings
    from dlrun.deep.network import build_network
    from dlrun.deep.objective import choose_objective
    from dlrun.recipe.schema import Model
    from dlrun.recipe.training import Training

    keras.backend.clear_session(free_memory=False)  # layers are named anew
    model = Model.model_validate({"architecture": architecture, **settings})
    network = build_network(
        dataset.columns,
        fit_encodings(dataset.columns, dataset.frame, Preprocessing()),
        choose_objective(Training(), dataset.target, dataset.y),
        lambda groups: build_architecture(model, Path(), groups),
        {},
    )
    return FittedNetwork(
        architecture, dataset.columns, dataset.target, network.whole(), None, network.n_parameters
    )


def body_of(network: Any) -> Any:
    return network.model.get_layer("dlrun_body")


def dataset(column: Column, cells: list[Any], y: np.ndarray) -> Dataset:
    dtype = "str" if column.type == "text" else object
    frame = pd.DataFrame({column.name: pd.Series(cells, dtype=dtype)})
    target = Target("y", "classification", ("without", "with"))
    return Dataset("small", "by hand", (column,), target, frame, y, np.arange(100, 100 + len(y)))


@pytest.fixture(scope="module")
def edges() -> Any:
    """Grey images, of which every third has a vertical edge; the first unit looks for one."""
    rng = np.random.default_rng(0)
    images = rng.integers(100, 110, (60, SIDE, SIDE, 1)).astype(np.uint8)
    y = (np.arange(60) % 3 == 0).astype(np.int64)
    places = rng.integers(2, SIDE - 2, 60)
    for image, place, has_edge in zip(images, places, y, strict=True):
        image[3:7, place:] += np.uint8(100 * has_edge)
    rows = dataset(Column("photo", "image", (SIDE, SIDE, 1)), [*images], y)
    network = fitted(rows, "cnn", filters=[2, 2], hidden=[], normalization="none")
    kernel = np.stack([EDGE, np.zeros((3, 3))], axis=-1)[:, :, None]
    body_of(network).get_layer("conv2d").set_weights([kernel, np.zeros(2)])
    return SimpleNamespace(rows=rows, network=network, places=places)


@pytest.fixture(scope="module")
def found(edges):
    from dlrun.study.inside.units import find_units

    return find_units(edges.network, edges.rows)


def test_an_edge_detector_finds_the_rows_with_an_edge_where_it_is(edges, found):
    layer = found.layers[0]
    assert (layer.layer, layer.form, layer.column) == ("conv2d", "image", "photo")
    assert layer.sides == (SIDE, SIDE)
    (unit,) = layer.units  # the other one does nothing
    assert unit.number == 0
    assert unit.told_by_target > 0.9
    assert [row.truth for row in unit.rows] == ["with"] * 9
    peaks = [row.activation for row in unit.rows]
    assert peaks == sorted(peaks, reverse=True)
    for row in unit.rows:
        (top, bottom), (left, right) = row.box
        place = edges.places[row.row_id - 100]
        assert 2 <= top < bottom <= 8
        assert left < place < right  # the columns on both sides of the edge
        assert right - left == 3


def test_an_activation_is_the_largest_over_the_places_of_a_row(edges, found):
    pixels = np.stack([*edges.rows.frame["photo"]])[..., 0].astype(float)
    steps = pixels[:, :, 2:] - pixels[:, :, :-2]
    sums = steps[:, :-2] + steps[:, 1:-1] + steps[:, 2:]
    largest = sums.max(axis=(1, 2)) / pixels.std()
    for row in found.layers[0].units[0].rows:
        assert row.activation == pytest.approx(largest[row.row_id - 100], rel=1e-3)


def test_deeper_units_see_more_of_a_row(found):
    def width(layer):
        return np.mean([np.ptp(row.box[1]) for unit in layer.units for row in unit.rows])

    assert width(found.layers[1]) > width(found.layers[0])


def test_the_first_filters_are_those_of_the_first_layer(found):
    assert len(found.filters) == 2
    assert found.layers[0].units[0].filter == found.filters[0]
    assert found.layers[1].units[0].filter == ""


def test_a_unit_that_looks_for_one_word_quotes_it():
    from dlrun.study.inside.units import find_units

    rng = np.random.default_rng(1)
    words = np.array("a the film was it this of never with story".split())
    y = np.arange(40) % 2
    texts = [[*rng.choice(words, 6)] for _ in y]
    for text, has_word in zip(texts, y, strict=True):
        if has_word:
            text[rng.integers(0, 6)] = "Marvel!"
    rows = dataset(Column("review", "text"), [" ".join(text) for text in texts], y)
    network = fitted(rows, "text_cnn", embedding=2, filters=1, kernel_sizes=[1], dropout=0)
    body = body_of(network)
    code = network.model.get_layer("dlrun_text_review").get_vocabulary().index("marvel")
    table = np.zeros(body.get_layer("embedding").get_weights()[0].shape)
    table[code] = 1, 0
    body.get_layer("embedding").set_weights([table])
    body.get_layer("conv1d").set_weights([np.array([[[1.0], [0.0]]]), np.zeros(1)])
    found = find_units(network, rows)
    unit = found.layers[-1].units[0]
    assert found.layers[-1].form == "quote"
    assert [row.truth for row in unit.rows] == ["with"] * 9
    assert {row.words[1] for row in unit.rows} == {"marvel"}


def test_a_unit_of_a_table_has_the_weights_of_its_columns(breast_cancer):
    from dlrun.study.inside.units import find_units

    network = fitted(breast_cancer, "mlp", hidden=[1])
    kernel = np.zeros((30, 1))
    names = [column.name for column in breast_cancer.columns]
    kernel[names.index("mean texture")] = 2.0
    kernel[names.index("worst symmetry")] = -1.0
    body_of(network).get_layer("dense").set_weights([kernel, np.zeros(1)])
    found = find_units(network, breast_cancer)
    assert [layer.form for layer in found.layers] == ["table"]
    columns = {each.column: each for each in found.layers[0].units[0].columns}
    assert columns["mean texture"].leaning == "high"
    assert columns["mean texture"].weight == pytest.approx(2)
    assert max(columns.values(), key=lambda each: each.distance).column.endswith("texture")


def test_filters_over_patches_are_laid_out_as_pixels():
    """A patch of 2 × 2 pixels stands in the channels, line by line."""
    from dlrun.deep.inside.filters import _kernels

    pixels = np.arange(36.0).reshape(6, 6)  # 3 × 3 patches
    patches = pixels.reshape(3, 2, 3, 2).transpose(0, 2, 1, 3).reshape(3, 3, 4, 1)
    np.testing.assert_array_equal(_kernels(patches, "image", 1)[0, :, :, 0], pixels)


def test_filters_of_a_spectrogram_have_the_lowest_band_at_the_bottom():
    from dlrun.deep.inside.filters import _kernels

    kernel = np.zeros((3, 5, 1))  # frames, bands and mask, filters
    kernel[2, 0] = 1
    shown = _kernels(kernel, "audio", 4)[0, :, :, 0]
    assert shown.shape == (4, 3)
    assert np.argwhere(shown).tolist() == [[3, 2]]


@pytest.mark.parametrize("shows_rows", [True, False])
def test_rows_are_kept_only_where_an_excerpt_may_be(edges, shows_rows):
    from dlrun.contract.inside import Inside
    from dlrun.study.inside.units import add_units

    context = SimpleNamespace(
        family="deep", shows_rows=shows_rows, fitted=edges.network, train_sample=edges.rows
    )
    inside = add_units(context, Inside("cnn", "deep", 0, "some rows"))
    assert (inside.units is not None) == shows_rows
