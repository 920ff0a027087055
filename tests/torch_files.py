"""Writes state dicts as PyTorch did before 1.6, without PyTorch."""

from __future__ import annotations

import pickle
import sys
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})


@dataclass
class Storage:
    key: str
    numbers: NDArray[Any]


@dataclass
class Tensor:
    """A tensor whose numbers lie in memory as those of `array`."""

    storage: Storage
    array: NDArray[Any]

    def __reduce__(self) -> Any:
        strides = tuple(stride // self.array.itemsize for stride in self.array.strides)
        arguments = (self.storage, 0, self.array.shape, strides, False, OrderedDict())
        return sys.modules["torch._utils"]._rebuild_tensor_v2, arguments


class Pickler(pickle.Pickler):
    def persistent_id(self, thing: Any) -> Any:
        if not isinstance(thing, Storage):
            return None
        kind = "LongStorage" if thing.numbers.dtype.kind == "i" else "FloatStorage"
        dtype = getattr(sys.modules["torch"], kind)
        return ("storage", dtype, thing.key, "cpu", thing.numbers.size, None)


def write_state(path: Path, state: dict[str, Any], monkeypatch: Any) -> Path:
    """Write arrays by their names, in the order of their memory; anything else is pickled."""
    _pretend_torch(monkeypatch)
    tensors = {
        name: Tensor(Storage(str(place), value.ravel("K")), value)
        if isinstance(value, np.ndarray)
        else value
        for place, (name, value) in enumerate(state.items())
    }
    storages = [one.storage for one in tensors.values() if isinstance(one, Tensor)]
    with path.open("wb") as file:
        for part in (*HEADER, OrderedDict(tensors), [one.key for one in storages]):
            Pickler(file, protocol=2).dump(part)
        for one in storages:
            file.write(one.numbers.size.to_bytes(8, "little") + one.numbers.tobytes())
    return path


def _pretend_torch(monkeypatch: Any) -> None:
    torch, inner = ModuleType("torch"), ModuleType("torch._utils")
    for kind in ("FloatStorage", "LongStorage"):
        setattr(torch, kind, type(kind, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2() -> None: ...

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    inner._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", inner)
