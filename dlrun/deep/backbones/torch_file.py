"""Reads the tensors of a PyTorch state dict in the format before 1.6, without PyTorch."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from dlrun.errors import WeightsError

MAGIC: Final = 0x1950A86A20F9469CFC6C
VERSION: Final = 1001
DTYPES: Final = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
FAULTS: Final = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError,
    OverflowError, MemoryError,
)  # fmt: skip
"""What a damaged pickle ends in."""


@dataclass(frozen=True)
class _Tensor:
    """How a tensor is laid out in numbers that are further on in the file.

    Attributes:
        strides: how many numbers it is to the next one along each axis.
    """

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Return the tensor, which must lie within the numbers."""
        sides = zip(self.shape, self.strides, strict=True)
        last = self.offset + sum((side - 1) * stride for side, stride in sides)
        if min((self.offset, last, *self.shape, *self.strides)) < 0 or last >= len(numbers):
            message = f"a tensor of shape {self.shape} is not within its storage"
            raise ValueError(message)
        strides = [stride * numbers.itemsize for stride in self.strides]
        return as_strided(numbers[self.offset :], self.shape, strides, writeable=False)


def _rebuild(storage: str, offset: int, shape: Any, strides: Any, *rest: object) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _Unpickler(pickle.Unpickler):
    """Makes dicts, strings, numbers and tensors: a pickle can run nothing else."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.storages: dict[str, np.dtype[Any]] = {}

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
            **{("torch", storage): dtype for storage, dtype in DTYPES.items()},
        }
        if (module, name) in known:
            return known[module, name]
        message = f"it asks for {module}.{name}, which is no part of a tensor"
        raise pickle.UnpicklingError(message)

    def persistent_load(self, reference: Any) -> str:
        _, dtype, key, *_ = reference
        self.storages[key] = dtype
        return str(key)


def read_state(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a file by their names.

    Raises:
        WeightsError: the file is damaged, of another format, or has more in it than tensors.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except FAULTS as error:
        message = f"{path} has no weights that can be read: {error or type(error).__name__}"
        raise WeightsError(message) from error


def _read(file: IO[bytes]) -> dict[str, NDArray[Any]]:
    header = [_Unpickler(file).load() for _ in range(3)]
    if header[:2] != [MAGIC, VERSION]:
        message = "it is not in PyTorch's format before 1.6"
        raise pickle.UnpicklingError(message)
    unpickler = _Unpickler(file)
    state = unpickler.load()
    numbers = {}
    for key in _Unpickler(file).load():
        count = int.from_bytes(file.read(8), "little")
        dtype = unpickler.storages[key]
        numbers[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype, count)
    return {
        name: tensor.of(numbers[tensor.storage])
        for name, tensor in state.items()
        if isinstance(tensor, _Tensor)
    }
