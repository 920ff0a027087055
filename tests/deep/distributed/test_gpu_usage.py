"""What a training takes of GPUs, whose numbers are made up here."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dlrun.system import cost

pytestmark = pytest.mark.tf


@pytest.fixture
def peaks(monkeypatch):
    """The peaks of two GPUs, one of them in use by an earlier network."""
    from dlrun.deep.distributed import gpu_usage

    peaks = {"GPU:0": 900 * cost.MB, "GPU:1": 0}
    in_use = {"GPU:0": 100 * cost.MB, "GPU:1": 0}
    config, joules = gpu_usage.tf.config, iter([1e9, 1e9 + 7200])
    names = [f"/job:worker/replica:0/task:1/device:{name}" for name in peaks]
    gpus = [SimpleNamespace(name=name) for name in names]
    monkeypatch.setattr(config, "list_logical_devices", lambda kind: gpus * (kind == "GPU"))
    monkeypatch.setattr(
        config.experimental, "reset_memory_stats", lambda name: peaks.update({name: in_use[name]})
    )
    monkeypatch.setattr(
        config.experimental, "get_memory_info", lambda name: {"current": 0, "peak": peaks[name]}
    )
    monkeypatch.setattr(gpu_usage, "energy_joules", lambda: next(joules))
    return peaks


def test_the_peak_is_that_of_the_training_on_all_gpus(peaks):
    from dlrun.deep.distributed.gpu_usage import measure_gpus

    with cost.measure() as usage, pytest.raises(ZeroDivisionError), measure_gpus():
        peaks["GPU:1"] = 50 * cost.MB
        _ = 1 / 0
    assert (usage.gpu_peak_memory_mb, usage.gpu_energy_wh) == (150.0, 2.0)


def test_a_driver_without_energy_leaves_the_memory(peaks, monkeypatch):
    from dlrun.deep.distributed import gpu_usage

    monkeypatch.setattr(gpu_usage, "energy_joules", lambda: None)
    with cost.measure() as usage, gpu_usage.measure_gpus():
        pass
    assert (usage.gpu_peak_memory_mb, usage.gpu_energy_wh) == (100.0, None)


def test_a_network_on_a_cpu_takes_none(trained, breast_cancer, monkeypatch):
    from dlrun.deep.distributed import gpu_usage

    monkeypatch.setattr(gpu_usage.tf.config, "list_logical_devices", lambda kind: [])
    with cost.measure() as usage:
        trained(breast_cancer)
    assert usage.gpu_peak_memory_mb is usage.gpu_energy_wh is None
