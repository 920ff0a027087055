"""The random numbers that new layers draw their first weights and seeds from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from random import Random
from typing import Any

from dlrun.deep.backend import keras


def seed_random_numbers(seed: int) -> None:
    """Seed all random numbers."""
    keras.utils.set_random_seed(seed)
    # Layers draw their seeds from Python's global numbers, and so may other threads: a worker of
    # Dask does, now and then.
    _generator().python_random = Random(seed)


@contextmanager
def unchanged_random_state(seed: int = 0) -> Iterator[None]:
    """Build layers within, by a seed of their own, without a trace in what later ones draw."""
    generator = _generator()
    before = generator.python_random
    generator.python_random = Random(seed)
    try:
        yield
    finally:
        generator.python_random = before


def _generator() -> Any:
    return import_module("keras.src.random.seed_generator")
