"""PyTorch's files are read without PyTorch, and can make nothing but tensors."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
from torch_files import HEADER, write_state

from dlrun.deep.backbones.torch_file import read_state
from dlrun.errors import WeightsError


def test_tensors_come_back_whatever_their_order_in_memory(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    state = {
        "plain": rng.normal(size=(2, 3)).astype(np.float32),
        "transposed": rng.normal(size=(5, 3, 4, 2)).astype(np.float32).transpose(3, 1, 0, 2),
        "count": np.array(7),
        "several": np.arange(3),
    }
    read = read_state(write_state(tmp_path / "a.pth", state, monkeypatch))
    assert read.keys() == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


class Malicious:
    def __reduce__(self):
        return os.system, ("touch pwned",)


@pytest.mark.parametrize("place", ["in the state", "in the header"])
def test_a_file_that_would_run_something_is_refused(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.pth"
    if place == "in the state":
        write_state(path, {"a": np.zeros(2), "b": Malicious()}, monkeypatch)
    else:
        path.write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(WeightsError, match=r"asks for (posix|nt)\.system, which is no part of a"):
        read_state(path)
    assert not (tmp_path / "pwned").exists()


def test_a_tensor_outside_of_its_storage_is_refused(tmp_path, monkeypatch):
    outside = np.lib.stride_tricks.as_strided(np.zeros(4, np.float32), (2, 2), (8, 8))
    state = {"a": outside, "b": np.zeros(1, np.float32)}
    path = write_state(tmp_path / "a.pth", state, monkeypatch)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"K\x02K\x02\x86q", b"K\x02K\x63\x86q"))  # strides 2, 99
    assert path.read_bytes() != content
    with pytest.raises(WeightsError, match="not within its storage"):
        read_state(path)


@pytest.mark.parametrize("damage", ["cut", "empty", "noise", "version", "list"])
def test_a_damaged_file_is_one_clear_error(damage, tmp_path, monkeypatch):
    path = write_state(tmp_path / "a.pth", {"a": np.zeros(9, np.float32)}, monkeypatch)
    content = path.read_bytes()
    damaged = {
        "cut": content[:-8],
        "empty": b"",
        "noise": bytes(range(256)),
        "version": pickle.dumps(1) * 3,
        "list": b"".join(pickle.dumps(part, 2) for part in (*HEADER, [1], [])),
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(WeightsError, match="has no weights that can be read"):
        read_state(path)
