"""A value that several processes of this machine read, from one file without a name."""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final

from dlrun.errors import DataError

ALIGNMENT: Final = 64  # bytes, as NumPy's own arrays may be


@dataclass(frozen=True)
class SharedValue:
    """A pickled value whose arrays stand in the file as they are; picklable.

    Attributes:
        descriptor: of the file; a process that is started with it has it under the same number.
        spans: the first byte and the one after the last, of the pickle and of each array.
    """

    descriptor: int
    spans: tuple[tuple[int, int], ...]

    def load(self) -> Any:
        """Return the value; its arrays, which are read-only, are pages that all processes share."""
        view = memoryview(mmap.mmap(self.descriptor, 0, access=mmap.ACCESS_READ))
        pickled, *arrays = (view[start:end] for start, end in self.spans)
        return pickle.loads(pickled, buffers=arrays)


@contextmanager
def share(value: object) -> Iterator[SharedValue]:
    """Write a value for other processes; the file disappears with the last that has it open.

    Raises:
        DataError: the disk is full.
    """
    arrays: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(value, protocol=5, buffer_callback=arrays.append)
    with tempfile.TemporaryFile(prefix="dlrun-") as file:
        try:
            spans = [_append(file, pickled), *(_append(file, each.raw()) for each in arrays)]
            file.flush()
        except OSError as error:
            message = (
                f"{tempfile.gettempdir()}: the rows cannot be written for the workers: "
                f"{error.strerror}. Set TMPDIR to a folder with more room, or execution.workers: 1"
            )
            raise DataError(message) from error
        yield SharedValue(file.fileno(), tuple(spans))


def _append(file: IO[bytes], content: bytes | memoryview) -> tuple[int, int]:
    start = -(-file.seek(0, os.SEEK_END) // ALIGNMENT) * ALIGNMENT
    file.seek(start)
    return start, start + file.write(content)
