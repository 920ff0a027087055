"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
import sys


def release_freed_memory() -> None:
    """Return the freed pages of the heap to the system, where the C library is glibc.

    Of many arrays of some 100 KB each, those that are freed leave holes, which it would keep.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:  # musl has none
            trim(0)
