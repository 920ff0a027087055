"""Image backbones: their weights in their places, pixels as they were trained with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlrun.contract.dataset import Column
from dlrun.deep.backbones.backbone import BackboneRequest, open_backbone
from dlrun.errors import RecipeError, TrainingError

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (20, 24, 3)).astype(np.uint8) for _ in range(3)]


def request(name: str, folder: Path, shape=(20, 24, 3), **settings) -> BackboneRequest:
    return BackboneRequest(name, Column("picture", "image", shape), folder, **settings)


def random_state(network):
    """Return weights for a network in PyTorch's axes."""
    rng = np.random.default_rng(1)
    state = {"_fc.weight": np.zeros((10, 1280), np.float32)}
    for layer in network.layers:
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if len(shapes) == 1:
            height, width, channels, filters = shapes[0]
            is_depthwise = "depthwise" in layer.name
            shape = (channels, filters) if is_depthwise else (filters, channels)
            fan_in = height * width * (1 if is_depthwise else channels)
            kernel = rng.normal(size=(*shape, height, width)) * np.sqrt(2 / fan_in)
            state[f"{layer.name}.weight"] = kernel.astype(np.float32)
        elif shapes:
            for name in ("weight", "bias", "running_mean", "running_var"):
                numbers = rng.uniform(0.5, 1.5, shapes[0])
                state[f"{layer.name}.{name}"] = numbers.astype(np.float32)
    return state


@pytest.fixture(scope="module")
def lite0(tmp_path_factory):
    """A folder with the package of EfficientNet-Lite0, with random weights."""
    from torch_files import write_state

    from dlrun.catalog.backbones import BACKBONES
    from dlrun.deep.backbones.efficientnet_lite import make

    row = BACKBONES["efficientnet_lite0"]
    path = tmp_path_factory.mktemp("site") / row.module / row.path
    path.parent.mkdir(parents=True)
    (path.parents[1] / "__init__.py").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(path.parents[2]))
        state = random_state(make(32))
        write_state(path, state, patch)
        backbone = open_backbone(request(row.name, path.parent, size=32))
        yield backbone, state, backbone.build()


def test_lite0_is_described_without_building_it(lite0):
    backbone, _, trunk = lite0
    assert trunk.output_shape == (None, backbone.width)
    assert trunk.count_params() == backbone.n_weights
    assert backbone.group.shape == (20, 24, 3)
    assert backbone.projections(trunk) == ()


def test_weights_of_lite0_are_in_their_places(lite0):
    """The first two convolutions and normalisations, computed by hand at a place in the middle."""
    _, state, trunk = lite0
    from dlrun.deep.backend import keras

    network = next(layer for layer in trunk.layers if isinstance(layer, keras.Model))
    pixels = np.random.default_rng(2).normal(size=(1, 32, 32, 3)).astype(np.float32)
    names = ("_bn0", "_bn0_relu", "_blocks.0._bn1")
    probe = keras.Model(network.input, [network.get_layer(name).output for name in names])
    normal, relu, second = (tensor[0] for tensor in probe.predict(pixels, verbose=0))

    def normalize(name, values):
        weight, bias, mean, variance = (
            state[f"{name}.{one}"] for one in ("weight", "bias", "running_mean", "running_var")
        )
        return (values - mean) / np.sqrt(variance + 1e-3) * weight + bias

    # Stride 2 and an even side: TensorFlow pads at the end only.
    patch = pixels[0, 10:13, 12:15]
    by_hand = np.einsum("hwc,fchw->f", patch, state["_conv_stem.weight"])
    np.testing.assert_allclose(normal[5, 6], normalize("_bn0", by_hand), atol=1e-4)
    np.testing.assert_allclose(relu, np.clip(normal, 0, 6), atol=1e-6)
    kernel = state["_blocks.0._depthwise_conv.weight"][:, 0]
    by_hand = np.einsum("hwc,chw->c", relu[4:7, 5:8], kernel)
    np.testing.assert_allclose(second[5, 6], normalize("_blocks.0._bn1", by_hand), atol=1e-4)


def test_normalisation_and_dropout_stay_as_they_were_pretrained(lite0, images):
    backbone, _, trunk = lite0
    before = [weight.numpy() for weight in trunk.weights]
    rows = backbone.reader.read(images)
    np.testing.assert_array_equal(trunk(rows, training=True), trunk(rows, training=False))
    for weight, earlier in zip(trunk.weights, before, strict=True):
        np.testing.assert_array_equal(weight, earlier)
    trained = [layer for block in backbone.blocks(trunk) for layer in block]
    assert not any("bn" in layer.name for layer in trained)
    assert sum(layer.count_params() for layer in trained) == sum(
        int(np.prod(weight.shape)) for weight in trunk.trainable_weights
    )


def test_blocks_go_from_the_stem_to_the_smallest_maps(lite0):
    backbone, _, trunk = lite0
    blocks = backbone.blocks(trunk)
    assert [block[0].name for block in blocks] == [
        "_conv_stem", "_blocks.1._depthwise_conv", "_blocks.3._depthwise_conv",
        "_blocks.5._depthwise_conv",
    ]  # fmt: skip
    assert blocks[-1][-1].name == "_conv_head"


def test_a_saved_backbone_loads_with_keras_alone(lite0, images, tmp_path):
    backbone, _, trunk = lite0
    from dlrun.deep.backend import keras

    trunk.save(tmp_path / "a.keras")
    loaded = keras.models.load_model(tmp_path / "a.keras", safe_mode=True)
    rows = backbone.reader.read(images)
    np.testing.assert_allclose(loaded(rows), trunk(rows), rtol=1e-5, atol=1e-5)


def test_gray_images_are_as_colour_images_of_equal_channels(tmp_path):
    from dlrun.deep.backend import keras

    save_own(tmp_path / "mine.keras", keras.layers.Conv2D(4, 3))
    gray = np.random.default_rng(3).integers(0, 256, (2, 20, 24, 1)).astype(np.uint8)
    vectors = []
    for rows in (gray, np.repeat(gray, 3, axis=3)):
        backbone = open_backbone(request("mine.keras", tmp_path, rows.shape[1:], size=16))
        vectors.append(backbone.build()(rows))
    np.testing.assert_allclose(*vectors, rtol=1e-4, atol=1e-4)


def test_what_changes_the_vectors_changes_the_digest(tmp_path):
    from dlrun.deep.backend import keras

    for name in ("mine.keras", "other.keras"):
        save_own(tmp_path / name, keras.layers.Conv2D(4, 3))
    digests = [
        open_backbone(request(name, tmp_path, shape, size=size)).digest
        for name, shape, size in [
            ("mine.keras", (20, 24, 3), 16), ("mine.keras", (20, 24, 3), 17),
            ("mine.keras", (20, 24, 1), 16), ("other.keras", (20, 24, 3), 16),
            ("mine.keras", (20, 24, 3), 16),
        ]
    ]  # fmt: skip
    assert len(set(digests)) == 4
    assert digests[0] == digests[-1]


@pytest.mark.parametrize(
    ("scaling", "module"),
    [("tf", "resnet_v2"), ("torch", "densenet"), ("caffe", "resnet50"), ("none", "convnext")],
)
def test_pixels_are_scaled_as_keras_scales_them(images, scaling, module):
    from dlrun.deep.backbones.image_bodies import SCALINGS
    from dlrun.deep.backend import keras

    pixels = np.stack(images).astype(np.float32)
    by_keras = getattr(keras.applications, module).preprocess_input(pixels.copy())
    np.testing.assert_allclose(SCALINGS[scaling].apply(pixels), by_keras, atol=1e-4)


def test_pixels_of_efficientnet_are_scaled_as_with_the_weights_of_keras(images):
    """Keras adds a layer where it loads them itself; weights from a file are without it."""
    from dlrun.deep.backbones.image_bodies import SCALINGS
    from dlrun.deep.backend import keras

    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    within = keras.layers.Normalization(mean=mean, variance=std)
    pixels = np.stack(images).astype(np.float32)
    by_keras = within(pixels / 255) / np.sqrt(std)
    scaled = SCALINGS["efficientnet"].apply(pixels)
    np.testing.assert_allclose(within(scaled / 255), by_keras, atol=1e-4)


def make_tiny(include_top=False, weights=None, input_shape=(8, 8, 3), pooling=None):
    """Stand in for a function of keras.applications."""
    from dlrun.deep.backend import keras

    inputs = keras.Input(input_shape)
    tensor = keras.layers.Conv2D(4, 3, 2, padding="same", name="stem")(inputs)
    tensor = keras.layers.BatchNormalization(name="bn")(tensor)
    tensor = keras.layers.Conv2D(5, 3, 2, padding="same", name="stage")(tensor)
    vector = keras.layers.GlobalAveragePooling2D()(tensor)
    if include_top:
        vector = keras.layers.Dense(7)(vector)
    return keras.Model(inputs, vector)


@pytest.fixture
def tiny(monkeypatch):
    from dlrun.deep.backend import keras

    monkeypatch.setattr(keras.applications, "ResNet50", make_tiny)
    return make_tiny


def test_weights_in_a_file_are_of_the_network_that_its_name_begins_with(tiny, images, tmp_path):
    from dlrun.deep.backend import keras

    network = tiny(include_top=True, input_shape=(16, 16, 3))
    network.save_weights(tmp_path / "resnet50_mine.weights.h5")
    backbone = open_backbone(request("resnet50_mine.weights.h5", tmp_path, size=16))
    assert backbone.width == 2048
    trunk = backbone.build()
    rows = backbone.reader.read(images)
    pixels = keras.ops.image.resize(rows.astype(np.float32), (16, 16), antialias=True)
    scaled = keras.applications.resnet50.preprocess_input(np.array(pixels))
    body = keras.Model(network.input, network.layers[-2].output)
    np.testing.assert_allclose(trunk(rows), body(scaled), rtol=1e-3, atol=1e-3)
    names = [[layer.name for layer in block] for block in backbone.blocks(trunk)]
    assert names == [["stem"], ["stage"]]


def test_weights_of_another_network_are_one_clear_error(tiny, tmp_path):
    (tmp_path / "resnet50.h5").write_bytes(b"no weights")
    backbone = open_backbone(request("resnet50.h5", tmp_path))
    with pytest.raises(TrainingError, match="does not fit ResNet50 at 128 × 128 pixels: "):
        backbone.build()


@pytest.mark.parametrize("name", ["mine.h5", "resnet50", "resnet50.txt"])
def test_a_file_that_says_no_network_is_one_clear_error(tmp_path, name):
    path = tmp_path / name
    path.touch() if path.suffix else path.mkdir()
    with pytest.raises(RecipeError, match=r"no network over images. Allowed: a whole Keras model"):
        open_backbone(request(name, tmp_path))


def save_own(path: Path, *layers, shape=(None, None, 3)) -> None:
    from dlrun.deep.backend import keras

    keras.Sequential([keras.Input(shape), *layers]).save(path)


def test_a_model_of_ones_own_is_a_backbone(images, tmp_path):
    from dlrun.deep.backend import keras

    scale = keras.layers.Rescaling(1 / 255)
    save_own(tmp_path / "mine.keras", scale, keras.layers.Conv2D(6, 3), shape=(10, 12, 3))
    backbone = open_backbone(request("mine.keras", tmp_path))
    assert (backbone.width, backbone.n_weights) == (6, 6 * 28)
    trunk = backbone.build()
    network = keras.models.load_model(tmp_path / "mine.keras")
    rows = backbone.reader.read(images)
    pixels = keras.ops.image.resize(rows.astype(np.float32), (10, 12), antialias=True)
    by_hand = np.mean(network(pixels), axis=(1, 2))
    np.testing.assert_allclose(trunk(rows), by_hand, rtol=1e-4, atol=1e-4)
    with pytest.raises(
        RecipeError, match=r"takes images of 10 × 12 pixels only: leave model\.size"
    ):
        open_backbone(request("mine.keras", tmp_path, size=64))


def test_a_model_that_takes_no_images_in_colour_is_refused(tmp_path):
    from dlrun.deep.backend import keras

    save_own(tmp_path / "mine.keras", keras.layers.Rescaling(1 / 255), shape=(8, 8, 1))
    with pytest.raises(RecipeError, match=r"takes \(None, 8, 8, 1\) and makes .*It must take"):
        open_backbone(request("mine.keras", tmp_path))


def test_a_model_that_would_run_code_is_refused(tmp_path):
    from dlrun.deep.backend import keras

    save_own(tmp_path / "mine.keras", keras.layers.Lambda(lambda tensor: tensor))
    with pytest.raises(TrainingError, match=r"mine\.keras cannot be loaded: "):
        open_backbone(request("mine.keras", tmp_path))
