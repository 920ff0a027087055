"""Tensors by their names, out of one or several safetensors files."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from dlrun.deep.backbones.encoders.shape import Weight
from dlrun.deep.backbones.extras import load
from dlrun.errors import WeightsError

FILE = "model.safetensors"


def find_files(folder: Path) -> tuple[Path, ...]:
    """Return the files with a model's weights: one, or those that its index names.

    Raises:
        WeightsError: there are none, or one is missing.
    """
    if (folder / FILE).is_file():
        return (folder / FILE,)
    index = folder / f"{FILE}.index.json"
    if not index.is_file():
        message = f"{folder} has no {FILE}; weights in another format can be converted to it"
        raise WeightsError(message)
    names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    files = tuple(folder / name for name in sorted(set(names)))
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        message = f"{folder} lacks {', '.join(missing)}, which {index.name} names"
        raise WeightsError(message)
    return files


class Tensors:
    """Open files, whose tensors may be named with one more prefix than the network's.

    Args:
        files: to read.
        known: a tensor that they have; what comes before its name comes before all names.
    """

    def __init__(self, files: tuple[Path, ...], known: str) -> None:
        self.files = files
        opened = [_open(file) for file in files]
        self._files = {name: file for file in opened for name in file.keys()}
        self._opened = opened
        endings = [name for name in self._files if name.endswith(known)]
        self._prefix = min(endings, key=len).removesuffix(known) if endings else ""

    def __enter__(self) -> Tensors:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for file in self._opened:
            file.__exit__(kind, error, traceback)

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self._files

    def read(self, name: str) -> Weight:
        """Read a tensor as float32.

        Raises:
            WeightsError: there is none of this name.
        """
        file, full = self._find(name)
        return Weight(full, file.get_tensor(full).astype("float32", copy=False))

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor, which is not read.

        Raises:
            WeightsError: there is none of this name.
        """
        file, full = self._find(name)
        return tuple(file.get_slice(full).get_shape())

    def _find(self, name: str) -> tuple[Any, str]:
        full = self._prefix + name
        if full not in self._files:
            files = ", ".join(map(str, self.files))
            message = f"{files}: there is no tensor {full}"
            raise WeightsError(message)
        return self._files[full], full


def _open(file: Path) -> Any:
    safetensors = load("safetensors")
    try:
        return safetensors.safe_open(file, framework="numpy").__enter__()
    except (OSError, safetensors.SafetensorError) as error:
        message = f"{file} cannot be read: {error}"
        raise WeightsError(message) from error
