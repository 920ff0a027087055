"""The speech embedding: sounds of any length and rate, vectors that a saved reader makes again."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from dlrun.contract.dataset import Column
from dlrun.deep.backbones.audio import EMBEDDING, MEL, load_reader
from dlrun.deep.backbones.backbone import BackboneRequest, open_backbone
from dlrun.deep.backbones.weights import find_weights
from dlrun.errors import TrainingError, WeightsError

RATE = 16_000


@pytest.fixture(scope="module")
def networks() -> Path:
    """The networks of the package, where it is installed."""
    pytest.importorskip("onnxruntime")
    try:
        return find_weights("speech_embedding", "audio", Path())
    except WeightsError as error:
        pytest.skip(str(error))


def opened(name: str, folder: Path = Path(), rate: int = RATE):
    return open_backbone(BackboneRequest(name, Column("sound", "audio", (9,), rate), folder))


def tones(seconds: float, rate: int = RATE) -> np.ndarray:
    """Return a chirp, (samples,) float32."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * (200 + 400 * time) * time)).astype(np.float32)


def embed_by_hand(folder: Path, samples: np.ndarray) -> np.ndarray:
    """Return the vector of each window, as openWakeWord's own loop makes them."""
    import onnxruntime

    mel, embedding = (onnxruntime.InferenceSession(folder / name) for name in (MEL, EMBEDDING))
    pcm = (samples * 32767).astype(np.float32)
    bands = np.squeeze(mel.run(None, {"input": pcm[None]})[0]) / 10 + 2
    windows = [bands[i : i + 76] for i in range(0, len(bands), 8)]
    whole = np.stack([window for window in windows if len(window) == 76])
    return embedding.run(None, {"input_1": whole[..., None]})[0].reshape(-1, 96)


@pytest.mark.parametrize(
    ("n_samples", "before", "after", "n_windows"),
    [(6_400, 5_520, 720, 1), (10_400, 4_800, 0, 3), (10_401, 5_439, 640, 4)],
)
def test_a_vector_is_the_mean_over_windows(networks, n_samples, before, after, n_windows):
    samples = tones(n_samples / RATE)
    by_hand = embed_by_hand(networks, np.pad(samples, (before, after)))
    assert len(by_hand) == n_windows
    backbone = opened("speech_embedding")
    vectors = backbone.reader.read([samples, samples[:, None]])
    np.testing.assert_allclose(vectors, np.tile(by_hand.mean(axis=0), (2, 1)), atol=1e-3)
    assert vectors.dtype == np.float32
    assert backbone.group.shape == (backbone.width,)


def test_sounds_of_any_length_have_finite_vectors_whatever_stands_beside_them(networks):
    sounds = [tones(seconds) for seconds in (0.0, 0.0001, 0.2, 0.79, 0.8, 1.7)]
    reader = opened("speech_embedding").reader
    vectors = reader.read(sounds)
    assert np.isfinite(vectors).all()
    for sound, vector in zip(sounds, vectors, strict=True):
        np.testing.assert_array_equal(reader.read([sound])[0], vector)
    assert len(np.unique(vectors.round(3), axis=0)) > len(sounds) - 2  # two are but silence


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
def test_sounds_of_another_rate_are_resampled(networks, rate):
    same = opened("speech_embedding").reader.read([tones(1.5)])[0]
    other = opened("speech_embedding", rate=rate).reader.read([tones(1.5, rate)])[0]
    assert np.corrcoef(same, other)[0, 1] > 0.98
    faster = opened("speech_embedding", rate=rate).reader.read([tones(1.5)])[0]
    assert np.corrcoef(same, faster)[0, 1] < np.corrcoef(same, other)[0, 1]


def test_a_saved_reader_makes_the_same_vectors_without_the_package(networks, tmp_path):
    backbone = opened("speech_embedding", rate=8_000)
    backbone.reader.save(tmp_path)
    sounds = [tones(0.4, 8_000)]
    loaded = load_reader(tmp_path)
    assert loaded.folder == tmp_path
    np.testing.assert_array_equal(loaded.read(sounds), backbone.reader.read(sounds))


def test_a_digest_is_of_the_networks_and_the_rate(networks, tmp_path):
    for name in (MEL, EMBEDDING):
        shutil.copyfile(networks / name, tmp_path / name)
    packaged = opened("speech_embedding").digest
    assert opened(str(tmp_path)).digest == packaged
    assert opened("speech_embedding", rate=8_000).digest != packaged
    with (tmp_path / MEL).open("ab") as file:
        file.write(b"\0")
    assert opened(str(tmp_path)).digest != packaged


def test_it_cannot_be_trained(networks):
    backbone = opened("speech_embedding")
    assert not backbone.is_trainable
    with pytest.raises(TrainingError, match="cannot be trained: take train: head"):
        backbone.build()


def test_a_folder_without_the_networks_is_one_clear_error(tmp_path):
    with pytest.raises(WeightsError, match=f"has no {MEL} and no {EMBEDDING}"):
        opened("empty", _folder(tmp_path / "empty").parent)


def test_a_damaged_network_is_one_clear_error(tmp_path):
    pytest.importorskip("onnxruntime")
    for name in (MEL, EMBEDDING):
        (tmp_path / name).write_bytes(b"no network")
    with pytest.raises(WeightsError, match=f"{MEL} cannot be read"):
        opened(str(tmp_path)).reader.read([tones(0.1)])


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
