from __future__ import annotations

from types import SimpleNamespace

import pytest

from dlrun.deep.distributed import devices


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    for variable in ("CUDA_VISIBLE_DEVICES", "TF_CONFIG"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def tf(monkeypatch):
    """Return the TensorFlow of a machine without a GPU, whatever this one has."""
    from dlrun.deep.backend import tf

    class Config:
        experimental = tf.config.experimental

        @staticmethod
        def list_physical_devices(_):
            return []

        list_logical_devices = list_physical_devices

    monkeypatch.setattr(tf, "config", Config)
    return tf


def _says(why):
    cores = devices.n_cores()
    found = devices.describe_devices()
    assert found.devices == [f"CPU with {cores} cores: {why}"]
    assert found.auto["strategy"] == "one device"
    assert found.auto["precision"] == "float32"
    assert found.auto["compile"].startswith("with XLA in long")


def test_hidden_gpus_are_the_first_reason(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    _says("CUDA_VISIBLE_DEVICES is '-1', which hides every GPU")


def test_no_driver_is_the_next(monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "DRIVER", tmp_path / "none")
    _says("no NVIDIA driver is running on this machine")


@pytest.mark.tf
def test_a_driver_without_cuda_is_the_last(tf, monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "DRIVER", tmp_path)
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: False)
    _says(f"TensorFlow {tf.__version__} was built without CUDA")
    assert devices.why_idle() == f"TensorFlow {tf.__version__} was built without CUDA"
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: True)
    _says("TensorFlow finds no CUDA libraries. Run: pip install 'dlrun[gpu]'")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}',
            "multi_worker, worker 1 of 2 by TF_CONFIG",
        ),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}',
            "one device",
        ),
        (
            '{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
            "TF_CONFIG names the job 'ps'. Allowed: chief and worker; every worker trains",
        ),
    ],
)
def test_auto_goes_by_the_workers_that_there_are(monkeypatch, tmp_path, text, says):
    monkeypatch.setattr(devices, "DRIVER", tmp_path / "none")
    monkeypatch.setenv("TF_CONFIG", text)
    assert devices.describe_devices().auto["strategy"] == says


@pytest.mark.tf
def test_a_single_cpu_is_one_device(tf):
    from dlrun.deep.distributed.strategy import choose_strategy

    for name in ("auto", "one_device", "mirrored"):
        assert choose_strategy(name).num_replicas_in_sync == 1


@pytest.mark.tf
def test_what_auto_chooses_on_two_gpus(monkeypatch, tmp_path):
    from dlrun.deep import precision
    from dlrun.deep.backend import tf
    from dlrun.deep.distributed import strategy
    from dlrun.deep.training import device_memory

    monkeypatch.setattr(devices, "DRIVER", tmp_path)
    monkeypatch.setattr(devices, "why_idle", lambda: "")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["GPU:0", "GPU:1"])
    details = {"device_name": "NVIDIA H200", "compute_capability": (9, 0)}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _: details)
    two = SimpleNamespace(num_replicas_in_sync=2)
    monkeypatch.setattr(strategy, "choose_strategy", lambda _: two)
    monkeypatch.setattr(device_memory, "budget_bytes", lambda: 2.0**32)
    found = devices.describe_devices()
    assert found.devices == ["GPU NVIDIA H200"] * 2
    assert found.auto == {
        "strategy": "mirrored over 2 GPUs",
        "precision": "float32 or mixed_bfloat16, in which steps are timed first",
        "compile": "with XLA where its steps are measured to save more than it costs",
        "evaluation": "as many rows at once as 4.0 GB are sure to take",
    }
    monkeypatch.setattr(precision, "mixed_policy", lambda: None)
    assert devices.describe_devices().auto["precision"] == "float32"
