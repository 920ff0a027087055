"""A network that cannot fit in memory is refused before the memory is taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import prod
from typing import Any, Final

from dlrun.data.types.decode import free_memory
from dlrun.deep.backend import keras
from dlrun.errors import TrainingError

TRAINED: Final = 16  # bytes of a weight: itself, its gradient, and the two moments of Adam
FROZEN: Final = 4

_bytes_of_weight: ContextVar[int] = ContextVar("bytes of a weight", default=TRAINED)


@contextmanager
def frozen_weights() -> Iterator[None]:
    """Count the weights that are made within as frozen ones."""
    token = _bytes_of_weight.set(FROZEN)
    try:
        yield
    finally:
        _bytes_of_weight.reset(token)


@contextmanager
def limited_weights() -> Iterator[None]:
    """Refuse a network that cannot fit before memory is taken: the system would kill the process.

    Raises:
        TrainingError: training the weights takes more memory than there is.
    """
    create, free = keras.layers.Layer.add_weight, free_memory()
    n_weights = n_bytes = 0

    def add_weight(layer: Any, shape: Any = None, *given: Any, **named: Any) -> Any:
        nonlocal n_weights, n_bytes
        n_weights += prod(shape or ())
        n_bytes += prod(shape or ()) * _bytes_of_weight.get()
        if n_bytes > free:
            message = (
                f"the network has {n_weights:,} weights or more; to train them takes more than the "
                f"{free / 2**30:,.1f} GiB of memory that are free. Make it smaller"
            )
            raise TrainingError(message)
        return create(layer, shape, *given, **named)

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = create
