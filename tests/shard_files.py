"""Shards and zips that tests write."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def picture(shade: int, kind: str = "png") -> bytes:
    """Return an image of 8 × 6 pixels of one shade."""
    content = io.BytesIO()
    Image.fromarray(np.full((8, 6), shade, dtype=np.uint8)).save(content, kind)
    return content.getvalue()


def pack(path: Path, members: Iterable[tuple[str, bytes]], mode: str = "w") -> Path:
    """Write a .tar of these members, in their order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def as_members(samples: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, bytes]]:
    """Return key → extension → content as members."""
    return [
        (f"{key}.{extension}", _encoded(content))
        for key, sample in samples.items()
        for extension, content in sample.items()
    ]


def _encoded(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else json.dumps(content)).encode()


def make_samples(n: int, first: int = 0) -> dict[str, dict[str, Any]]:
    """Return samples with an image, a class, a caption and a .json."""
    return {
        f"d/{number:05d}": {
            "cls": str(number % 3),
            "png": picture(number % 256),
            "txt": f"a picture of shade {number}",
            "json": {"width": number, "place": f"p{number % 2}", "tags": ["a"], "isGood": True},
        }
        for number in range(first, first + n)
    }
