"""Images: measured by their headers, then decoded to one size and colour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.data.types.decode import (
    CellError,
    Folders,
    allocate,
    as_cells,
    for_each,
    is_present,
    locate,
    to_array,
)
from dlrun.recipe.preprocessing import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

LONGEST: Final = 128  # pixels along the longer side that `size: auto` goes up to
ORIENTATION: Final = 0x0112  # the Exif tag
SIDEWAYS: Final = (5, 6, 7, 8)  # its values that swap height and width
GRAY: Final = frozenset(
    {"1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"}
)  # modes of Pillow
WHITE: Final = 255
CHANNELS: Final = {1: "L", 3: "RGB", 4: "RGBA"}
PLANE: Final = 2  # dimensions of an image without channels


class ImageHeader(NamedTuple):
    """What is known of an image before it is decoded."""

    height: int
    width: int
    is_gray: bool


def shape_images(
    values: pd.Series[Any], column: Column, folders: Folders, settings: Image
) -> tuple[Column, list[str]]:
    """Fix height, width and channels of an image column; no image is decoded for it.

    `size: auto` is the median height by the median width, scaled down together so that the
    longer side has at most 128 pixels; so images of one size up to that stay as they are.
    `color: auto` is grayscale if all images are gray.

    Returns:
        The column with its shape, and what is done to the images, one sentence each.

    Raises:
        DataError: a file is missing, or is no image.
    """
    headers = for_each(values, column, folders, lambda _, cell: _read_header(cell, folders))
    if not headers:
        return replace(column, shape=(1, 1, 1)), []
    gray = sum(header.is_gray for header in headers)
    is_gray = gray == len(headers) if settings.color == "auto" else settings.color == "grayscale"
    size = _auto_size(headers) if settings.size == "auto" else settings.size
    notes = []
    others = sum((header.height, header.width) != size for header in headers)
    if others:
        notes.append(
            f"Column {column.name!r}: {others:,} of {len(headers):,} images are scaled to "
            f"{size[0]} × {size[1]} pixels (preprocessing.image.size)."
        )
    return replace(column, shape=(*size, 1 if is_gray else 3)), notes


def _auto_size(headers: list[ImageHeader]) -> tuple[int, int]:
    height = float(np.median([header.height for header in headers]))
    width = float(np.median([header.width for header in headers]))
    scale = min(1.0, LONGEST / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def read_images(values: pd.Series[Any], column: Column, folders: Folders) -> NDArray[Any]:
    """Decode images, (rows,) cells of `column.shape` uint8; zeros where one is missing.

    Images of another size are resized without keeping their proportions. Transparent ones are
    laid on white, of animated ones the first is taken, Exif orientation is followed.

    Raises:
        DataError: a file is missing, or cannot be decoded.
    """
    cells = values.to_numpy(dtype=object)
    if all(_is_ready(cell, column.shape) for cell in cells):
        return cells
    images = allocate((len(values), *column.shape), np.uint8, column)
    images[~is_present(values)] = 0

    def decode(place: int, cell: Any) -> None:
        images[place] = decode_image(cell, column.shape, folders)

    for_each(values, column, folders, decode)
    return as_cells(images, len(values))


def _is_ready(cell: Any, shape: tuple[int, ...]) -> bool:
    return isinstance(cell, np.ndarray) and cell.dtype == np.uint8 and cell.shape == shape


def decode_image(cell: Any, shape: tuple[int, ...], folders: Folders) -> NDArray[np.uint8]:
    """Decode one image to `shape`: height, width and 1 or 3 channels."""
    from PIL import Image as pillow
    from PIL import ImageOps

    height, width, channels = shape
    with _open(cell, folders) as opened:
        longer = 2 * max(height, width)
        opened.draft(None, (longer, longer))  # a JPEG can be decoded to a half, or less
        ImageOps.exif_transpose(opened, in_place=True)
        picture = _to_mode(opened, CHANNELS[channels])
    if picture.size != (width, height):
        picture = picture.resize((width, height), pillow.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(picture, dtype=np.uint8).reshape(shape)


def _open(cell: Any, folders: Folders) -> Picture:
    """Open an image; only its header is read."""
    from PIL import Image as pillow
    from PIL import UnidentifiedImageError

    if isinstance(cell, np.ndarray | list | tuple):
        return _from_array(to_array(cell))
    try:
        return pillow.open(locate(cell, folders))
    except UnidentifiedImageError as error:
        message = "is no image of a kind that Pillow knows"
        raise CellError(message) from error


def _read_header(cell: Any, folders: Folders) -> ImageHeader:
    if isinstance(cell, np.ndarray | list | tuple):
        height, width, channels = _with_channels(to_array(cell)).shape
        return ImageHeader(height, width, channels == 1)
    with _open(cell, folders) as picture:
        width, height = picture.size
        # To ask a PNG for Exif would decode it; the size of a TIFF has heard of it.
        exif = picture.getexif() if picture.format not in ("PNG", "TIFF") else {}
        if exif.get(ORIENTATION) in SIDEWAYS:
            width, height = height, width
        return ImageHeader(height, width, picture.mode in GRAY or _has_gray_palette(picture))


def _has_gray_palette(picture: Picture) -> bool:
    palette = picture.getpalette("RGB") if picture.mode == "P" else None
    if palette is None:
        return False
    colors = np.reshape(palette, (-1, 3))
    return bool((colors == colors[:, :1]).all())


def _to_mode(picture: Picture, mode: str) -> Picture:
    """Convert to 8-bit gray or colour."""
    from PIL import Image as pillow

    if picture.mode.startswith(("I", "F")):
        picture = pillow.fromarray(_to_bytes(np.asarray(picture), picture.mode))
    if picture.has_transparency_data:
        clear = picture.convert("RGBA")
        ground = pillow.new("RGBA", clear.size, "white")
        picture = pillow.alpha_composite(ground, clear)
    return picture.convert(mode)


def _to_bytes(pixels: NDArray[Any], mode: str) -> NDArray[np.uint8]:
    """Scale 16-bit whole numbers, or floats from 0 to 1 or 0 to 255, to bytes."""
    if mode == "F":
        pixels = np.nan_to_num(pixels) * (WHITE if np.nanmax(pixels) <= 1 else 1)
    else:
        pixels = pixels / 257  # 65,535 becomes 255
    return np.clip(np.rint(pixels), 0, WHITE).astype(np.uint8)


# ----------------------------------------------------------------------------------- arrays


def _from_array(pixels: NDArray[Any]) -> Picture:
    from PIL import Image as pillow

    scaled = scale_pixels(_with_channels(pixels))
    return pillow.fromarray(scaled[..., 0] if scaled.shape[2] == 1 else scaled)


def _with_channels(pixels: NDArray[Any]) -> NDArray[Any]:
    shaped = pixels[..., None] if pixels.ndim == PLANE else pixels
    if shaped.ndim != PLANE + 1 or shaped.shape[2] not in CHANNELS or shaped.size == 0:
        message = (
            f"has the shape {pixels.shape}, but must be (height, width) or (height, width, "
            "channels) with 1, 3 or 4 channels"
        )
        raise CellError(message)
    return shaped


def scale_pixels(pixels: NDArray[Any], brightest: float | None = None) -> NDArray[np.uint8]:
    """Scale pixels of any dtype to bytes.

    Whole numbers from 0 to 255 stay; floats from 0 to 1 and booleans are multiplied by 255.

    Args:
        pixels: of any shape.
        brightest: the value that becomes 255, where it is known.

    Raises:
        CellError: values are negative, not finite, or brighter than 255 without `brightest`.
    """
    if pixels.dtype == np.uint8 and brightest is None:
        return pixels
    low, high = (pixels.min(), pixels.max()) if pixels.size else (0, 0)
    if not (0 <= low <= high <= (WHITE if brightest is None else np.inf)):
        message = (
            f"holds values from {low:g} to {high:g}, but an image has whole numbers from 0 to 255 "
            "or floats from 0 to 1"
        )
        raise CellError(message)
    if brightest is None:
        is_share = pixels.dtype.kind in "fb" and high <= 1
        brightest = 1 if is_share else WHITE
    # In pieces, as floats take eight times the memory.
    scaled = np.empty(pixels.shape, dtype=np.uint8)
    for row in _pieces(len(pixels)):
        scaled[row] = np.rint(pixels[row] * (WHITE / brightest))
    return scaled


def _pieces(length: int, size: int = 1024) -> Iterator[slice]:
    for start in range(0, length, size):
        yield slice(start, start + size)
