"""Small pictures of filters, and sheets of the rows that excite a unit."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.data.types.decode import as_data

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image as Picture

MOST_PIXELS: Final = 48 * 48  # of a picture in a sheet
WHITE: Final = 255
MOST_BYTES: Final = 6500  # of a sheet
QUALITIES: Final = (80, 60, 40, 20)  # of JPEG, where a PNG is too large
CONTRAST: Final = (1, 99)  # percentiles of a sound that become black and white


def filter_picture(kernel: NDArray[Any]) -> str:
    """Return the weights of a filter as PNG: zero is grey, the largest is black or white.

    Args:
        kernel: (height, width, channels); three channels are colours, of others the mean is shown.
    """
    shown = kernel if kernel.shape[-1] == len("RGB") else kernel.mean(axis=-1, keepdims=True)
    largest = np.abs(shown).max() or 1.0
    pixels = np.rint((shown / largest + 1) / 2 * WHITE).astype(np.uint8)
    return _encode(_picture(pixels))


def filter_lines(kernel: NDArray[Any]) -> tuple[tuple[float, ...], ...]:
    """Return the weights of a filter on a series, (channels, steps, 1), without the last axis."""
    return tuple(tuple(round(float(each), 3) for each in line) for line in kernel[..., 0])


def sound_pictures(bands: NDArray[Any]) -> NDArray[np.uint8]:
    """Return spectrograms, (rows, frames, bands), as pictures, (rows, bands, frames, 1).

    Time goes to the right, the lowest band is at the bottom, and all have one contrast.
    """
    low, high = np.percentile(bands, CONTRAST)
    scaled = np.clip((bands - low) / ((high - low) or 1.0), 0, 1)
    pixels: NDArray[np.uint8] = np.rint(upright(scaled) * WHITE).astype(np.uint8)[..., None]
    return pixels


def upright(bands: NDArray[Any]) -> NDArray[Any]:
    """Turn (…, frames, bands) into (…, bands, frames), the lowest band at the bottom."""
    return np.swapaxes(bands, -1, -2)[..., ::-1, :]


def make_sheet(pictures: Sequence[NDArray[np.uint8]], per_line: int) -> str:
    """Join pictures of one shape, (height, width, channels), to one; large ones are shrunk."""
    height, width, n_channels = pictures[0].shape
    scale = min(1.0, (MOST_PIXELS / (height * width)) ** 0.5)
    sides = max(1, round(height * scale)), max(1, round(width * scale))
    n_lines = ceil(len(pictures) / per_line)
    sheet = np.full((n_lines * sides[0], per_line * sides[1], n_channels), WHITE, dtype=np.uint8)
    for place, pixels in enumerate(pictures):
        top, left = (place // per_line) * sides[0], (place % per_line) * sides[1]
        shrunk = pixels if scale == 1 else _shrink(pixels, sides)
        sheet[top : top + sides[0], left : left + sides[1]] = shrunk
    return _encode(_picture(sheet))


def _shrink(pixels: NDArray[np.uint8], sides: tuple[int, int]) -> NDArray[np.uint8]:
    from PIL import Image as pillow

    resized = _picture(pixels).resize(sides[::-1], pillow.Resampling.BOX)
    return np.asarray(resized, dtype=np.uint8).reshape(*sides, pixels.shape[-1])


def _picture(pixels: NDArray[np.uint8]) -> Picture:
    from PIL import Image as pillow

    return pillow.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _encode(picture: Picture) -> str:
    """Return the picture as PNG, or as JPEG of the best quality that is small enough."""
    kind, content = "png", _save(picture, "PNG", optimize=True)
    for quality in QUALITIES:
        if len(content) > MOST_BYTES:
            kind, content = "jpeg", _save(picture, "JPEG", quality=quality)
    return as_data(f"image/{kind}", content)


def _save(picture: Picture, form: str, **settings: Any) -> bytes:
    file = BytesIO()
    picture.save(file, form, **settings)
    return file.getvalue()
