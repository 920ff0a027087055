"""GPUs are named as NVIDIA's driver names them, those that CUDA may use."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import pytest

from dlrun.system import gpus
from dlrun.system.cost import n_cores

NAMES = [b"NVIDIA H200", b"NVIDIA A100-SXM4-80GB"]


def library(names: list[bytes]) -> Any:
    """Return NVML's five functions over some GPUs, with its calling convention."""

    def count(number: Any) -> int:
        number._obj.value = len(names)
        return 0

    def by_index(index: int, device: Any) -> int:
        device._obj.value = index + 1
        return 0

    def by_uuid(uuid: bytes, device: Any) -> int:
        if uuid != b"GPU-1f":
            return 6  # NVML_ERROR_NOT_FOUND
        device._obj.value = 2
        return 0

    def name(device: Any, text: Any, size: int) -> int:
        text.value = names[device.value - 1][:size]
        return 0

    return SimpleNamespace(
        nvmlInit_v2=lambda: 0,
        nvmlDeviceGetCount_v2=count,
        nvmlDeviceGetHandleByIndex_v2=by_index,
        nvmlDeviceGetHandleByUUID=by_uuid,
        nvmlDeviceGetName=name,
    )


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        (None, ["NVIDIA H200", "NVIDIA A100-SXM4-80GB"]),
        ("1", ["NVIDIA A100-SXM4-80GB"]),
        ("1,0", ["NVIDIA A100-SXM4-80GB", "NVIDIA H200"]),
        ("0,7,1", ["NVIDIA H200"]),
        ("GPU-1f", ["NVIDIA A100-SXM4-80GB"]),
        ("GPU-9", []),
        ("-1", []),
        ("", []),
    ],
)
def test_the_gpus_that_cuda_may_use(
    monkeypatch: pytest.MonkeyPatch, setting: str | None, found: list[str]
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library(NAMES))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if setting is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", setting)
    assert gpus.gpu_names() == found


def test_without_a_driver_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> Any:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert gpus.gpu_names() == []
    broken = library(NAMES)
    broken.nvmlInit_v2 = lambda: 9  # NVML_ERROR_DRIVER_NOT_LOADED
    monkeypatch.setattr(ctypes, "CDLL", lambda _: broken)
    assert gpus.gpu_names() == []


def test_devices_in_words() -> None:
    cores = n_cores()
    assert gpus.describe_devices([]) == f"CPU only, {cores} cores"
    assert gpus.describe_devices(["NVIDIA H200"]) == f"NVIDIA H200, {cores} CPU cores"
    assert gpus.describe_devices(["NVIDIA H200"] * 2) == f"2 × NVIDIA H200, {cores} CPU cores"
