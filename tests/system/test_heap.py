"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys

import numpy as np
import psutil
import pytest

from dlrun.system.heap import release_freed_memory

N_ARRAYS, N_BYTES = 1200, 100_000


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="another C library than glibc",
)
def test_holes_between_arrays_are_returned():
    arrays = [np.ones(N_BYTES, np.uint8) for _ in range(N_ARRAYS)]
    arrays = arrays[::2]
    before = psutil.Process().memory_info().rss
    release_freed_memory()
    freed = before - psutil.Process().memory_info().rss
    assert freed > 0.8 * N_ARRAYS / 2 * N_BYTES
    assert len(arrays) == N_ARRAYS / 2
