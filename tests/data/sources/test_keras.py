from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from dlrun.data.sources.registry import read_source
from dlrun.errors import DataError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give Keras a home of its own, and no network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write_fashion(home: Path, n_train: int = 20, n_test: int = 10) -> np.ndarray:
    """Write the files as Keras would have downloaded them; return the first images."""
    folder = home / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, n_rows in (("t10k", n_test), ("train", n_train)):
        pixels = rng.integers(0, 256, (n_rows, 28, 28), dtype=np.uint8)
        labels = (np.arange(n_rows) % 10).astype(np.uint8)
        for kind, offset, data in (("images-idx3", 16, pixels), ("labels-idx1", 8, labels)):
            content = gzip.compress(bytes(offset) + data.tobytes())
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(content)
    return pixels


@pytest.mark.tf
def test_images_are_loaded_by_another_process_and_kept(home: Path) -> None:
    pixels = write_fashion(home)
    raw = read_source("keras:fashion_mnist", Path(), target="garment")
    assert (raw.name, raw.target, raw.types) == ("fashion_mnist", "garment", {"image": "image"})
    assert raw.subsets is not None
    assert raw.subsets.tolist() == ["train"] * 20 + ["test"] * 10
    np.testing.assert_array_equal(np.stack(raw.frame["image"])[:20, ..., 0], pixels)
    assert raw.frame["garment"].tolist() == [*range(10)] * 3
    for file in (home / "datasets").rglob("*.gz"):
        file.unlink()
    again = read_source("keras:fashion_mnist", Path())
    np.testing.assert_array_equal(np.stack(again.frame["image"]), np.stack(raw.frame["image"]))


@pytest.mark.tf
def test_without_a_network_the_error_says_what_to_do(home: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_source("keras:mnist", Path())
    assert str(caught.value) == (
        "keras:mnist cannot be downloaded: URL fetch failure on "
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz: None -- [Errno "
        "111] Connection refused. Without a network, use a local copy, such as mnist.npz with the "
        "arrays x_train, y_train, x_test and y_test: data.source=mnist.npz"
    )
    assert list((home / "dlrun").iterdir()) == []


def test_texts_are_read_line_by_line(home: Path) -> None:
    (home / "dlrun").mkdir()
    train, test = ["a fine film", "", "très 🙂"], ["so-so"]
    texts = {
        f"x_{part}": np.frombuffer("\n".join(lines).encode(), dtype=np.uint8)
        for part, lines in (("train", train), ("test", test))
    }
    np.savez(home / "dlrun" / "imdb.npz", y_train=[1, 0, 1], y_test=[0], **texts)
    raw = read_source("keras:imdb", Path())
    assert raw.frame["text"].tolist() == train + test
    assert raw.frame["target"].tolist() == [1, 0, 1, 0]
    assert raw.types == {"text": "text"}
    assert raw.subsets is not None
    assert raw.subsets.tolist() == ["train"] * 3 + ["test"]


def test_an_unknown_set_is_answered_with_those_there_are() -> None:
    with pytest.raises(DataError) as caught:
        read_source("keras:fashion-mnist", Path())
    assert str(caught.value) == (
        "keras:fashion-mnist is not a data set of Keras. Did you mean 'fashion_mnist'? Allowed: "
        "mnist, fashion_mnist, cifar10, cifar100, california_housing, boston_housing, imdb, reuters"
    )
