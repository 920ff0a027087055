"""How many rows are predicted at once: by the memory of a GPU, whose size is made up here."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from dlrun.system.cost import resident_mb

pytestmark = pytest.mark.tf

GIB = 2**30
SIZE = (224, 224, 3)
IMAGES = {"image": SimpleNamespace(shape=(100_000, *SIZE))}


@pytest.fixture
def gpu(monkeypatch):
    """A GPU; returns what can be changed of it: its free memory, and what TensorFlow has of it."""
    from dlrun.deep.training import device_memory

    found = {"free": 139 * GIB, "current": 0}
    config = device_memory.tf.config
    listed = [SimpleNamespace(name="/device:GPU:0")]
    monkeypatch.setattr(config, "list_logical_devices", lambda kind: listed * (kind == "GPU"))
    monkeypatch.setattr(config.experimental, "get_memory_info", lambda _: dict(found))
    monkeypatch.setattr(device_memory, "free_gpu_bytes", lambda: found["free"])
    device_memory._free_at_first.cache_clear()
    yield found
    device_memory._free_at_first.cache_clear()


@pytest.fixture
def body():
    """A network whose first convolution makes 64 times 112 x 112 numbers, within a model."""
    from dlrun.deep.backend import keras

    layers = keras.layers
    inner = keras.Sequential([keras.Input(SIZE), layers.Conv2D(64, 7, 2, "same")])
    pixels = keras.Input(SIZE)
    pooled = layers.GlobalAveragePooling2D()(inner(pixels))
    return keras.Model(pixels, layers.Dense(2)(pooled))


def rows_at_once(groups, *models):
    from dlrun.deep.training.device_data import _rows_at_once

    return _rows_at_once(groups, models)


def test_many_rows_where_there_is_memory(gpu, body):
    """On a CPU 16: as many bytes as eight tensors of the convolution fit into 4 GiB."""
    largest = 64 * 112 * 112
    assert rows_at_once(IMAGES, body) == 4 * GIB // (8 * 4 * largest) == 167


def test_few_rows_where_there_is_not(gpu, body):
    gpu["free"] = 8 * GIB
    assert rows_at_once(IMAGES, body) == 41
    gpu["current"] = 6 * GIB  # TensorFlow's tensors
    assert rows_at_once(IMAGES, body) == 16


def test_what_tensorflow_keeps_for_itself_is_not_lost(gpu, body):
    """The driver calls it used, but tensors that are gone have left it to others."""
    gpu["free"] = 8 * GIB
    rows_at_once(IMAGES, body)
    gpu["free"] = 0
    assert rows_at_once(IMAGES, body) == 41


def test_a_driver_that_does_not_tell(gpu, body):
    gpu["free"] = None
    assert rows_at_once(IMAGES, body) == 20


def test_small_rows_are_thousands_and_attention_has_scores(gpu):
    from dlrun.deep.backend import keras

    layers = keras.layers
    numbers = keras.Input((10,))
    dense = keras.Model(numbers, layers.Dense(4)(numbers))
    assert rows_at_once({"number": SimpleNamespace(shape=(10**6, 10))}, dense) == 8192
    ids = keras.Input((None,), dtype="int32")
    words = layers.Embedding(10, 4)(ids)
    attended = layers.MultiHeadAttention(8, 4)(words, words)
    model = keras.Model(ids, layers.GlobalAveragePooling1D()(attended))
    scores = 8 * 512 * 512
    groups = {"text": SimpleNamespace(shape=(1000, 512))}
    assert rows_at_once(groups, model) == 4 * GIB // (8 * 4 * scores)


def test_validation_and_prediction_take_them(gpu, trained, breast_cancer, monkeypatch):
    """In pieces of 16 rows here, and the numbers are the same as at once."""
    from dlrun.deep import fitted
    from dlrun.deep.distributed import gpu_usage
    from dlrun.deep.training import device_data, evaluation

    memory = {"current": 0, "peak": 0}
    statistics = gpu_usage.tf.config.experimental
    monkeypatch.setattr(statistics, "reset_memory_stats", lambda _: None)
    monkeypatch.setattr(statistics, "get_memory_info", lambda _: memory)
    whole = trained(breast_cancer)
    chunks, sizes = device_data.chunks, {fitted: [], evaluation: []}
    monkeypatch.setattr(device_data, "MAX_ROWS", 16)
    for module, found in sizes.items():

        def record(*arguments, found=found):
            for piece in chunks(*arguments):
                found.extend(len(rows) for rows in piece.values())
                yield piece

        monkeypatch.setattr(module, "chunks", record)
    split = trained(breast_cancer)
    values = [run.fitted.predict(run.test.frame).values for run in (whole, split)]
    np.testing.assert_allclose(*values, atol=1e-6)
    assert [max(found) for found in sizes.values()] == [16, 16]


def test_a_table_is_not_copied_for_the_only_device():
    from dlrun.deep.backend import tf
    from dlrun.deep.training.device_data import DeviceDataset, copy_to_replicas

    table = DeviceDataset({"number": tf.random.uniform((2**18, 100))}, tf.zeros(2**18))
    before = resident_mb()
    inputs, y = copy_to_replicas(tf.distribute.get_strategy(), table)
    assert resident_mb() - before < 50  # of 100
    assert inputs["number"] is table.inputs["number"] and y is table.y
