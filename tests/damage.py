"""Damage to files: what a bad disk does."""

from __future__ import annotations

from collections.abc import Callable


def flipped(position: int) -> Callable[[bytes], bytes]:
    """Return what flips a bit of the byte at a position."""

    def flip(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[position] ^= 4
        return bytes(changed)

    return flip
