"""GPUs are named as NVIDIA's driver names them, those that CUDA may use."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlrun.system import gpus
from dlrun.system.cost import n_cores

HERE = Path(__file__).parent
NAMES = [b"NVIDIA H200", b"NVIDIA A100-SXM4-80GB"]


def library(names: list[bytes]) -> Any:
    """Return NVML's functions over some GPUs, with its calling convention."""

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


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without NVML, whose driver lists its GPUs below the folder."""

    def refuse(name: str) -> Any:
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    monkeypatch.setattr(gpus, "LISTED", tmp_path / "gpus")
    monkeypatch.setattr(gpus, "NODES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return tmp_path


def test_without_a_driver_there_is_none(
    monkeypatch: pytest.MonkeyPatch, without_library: Path
) -> None:
    assert gpus.gpu_names() == gpus.visible_gpus() == []
    assert gpus.energy_joules() is None
    broken = library(NAMES)
    broken.nvmlInit_v2 = lambda: 9  # NVML_ERROR_DRIVER_NOT_LOADED
    monkeypatch.setattr(ctypes, "CDLL", lambda _: broken)
    assert gpus.gpu_names() == []


def test_without_its_library_the_files_of_the_driver_name_them(
    monkeypatch: pytest.MonkeyPatch, without_library: Path
) -> None:
    for address, model, uuid in (
        ("0000:81:00.0", "NVIDIA A100-SXM4-80GB", "GPU-1f00"),
        ("0000:02:00.0", "NVIDIA H200", "GPU-2a00"),
    ):
        path = without_library / "gpus" / address / "information"
        path.parent.mkdir(parents=True)
        path.write_text(f"Model: \t\t {model}\nIRQ:   \t\t 11\nGPU UUID: \t {uuid}\nVideo:\n")
    assert gpus.gpu_names() == ["NVIDIA H200", "NVIDIA A100-SXM4-80GB"]
    assert gpus.visible_gpus() == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-1f")
    assert gpus.gpu_names() == ["NVIDIA A100-SXM4-80GB"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpus.gpu_names() == []


def test_without_these_files_the_devices_are_counted(without_library: Path) -> None:
    for node in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (without_library / node).touch()
    assert gpus.gpu_names() == ["NVIDIA GPU", "NVIDIA GPU"]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> str:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    built = str(tmp_path_factory.mktemp("driver") / gpus.LIBRARY)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", built, HERE / "nvml.c"], check=True)
    return built


def test_a_driver_in_c_is_called_as_it_wants(monkeypatch: pytest.MonkeyPatch, driver: str) -> None:
    """The counter of the first is beyond 32 bits."""
    monkeypatch.setattr(gpus, "LIBRARY", driver)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus.gpu_names() == ["NVIDIA H200", "NVIDIA T4"]
    assert gpus.energy_joules() == 18e9 + 2 * 1800
    assert gpus.energy_joules() == 18e9 + 4 * 1800
    assert gpus.free_gpu_bytes() == 15 * 2**30
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert gpus.free_gpu_bytes() == 140 * 2**30
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-bb")
    assert (gpus.gpu_names(), gpus.energy_joules()) == (["NVIDIA T4"], 3 * 1800)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-c")
    assert (gpus.gpu_names(), gpus.energy_joules()) == ([], None)
    assert gpus.free_gpu_bytes() is None


def test_devices_in_words() -> None:
    cores = n_cores()
    assert gpus.describe_devices([]) == f"CPU only, {cores} cores"
    assert gpus.describe_devices(["NVIDIA H200"]) == f"NVIDIA H200, {cores} CPU cores"
    assert gpus.describe_devices(["NVIDIA H200"] * 2) == f"2 × NVIDIA H200, {cores} CPU cores"
