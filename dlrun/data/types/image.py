"""Images: (height, width, channels) uint8, one size and colour per column, zeros where missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.catalog.notes import SCALED_IMAGES
from dlrun.contract.dataset import Column
from dlrun.contract.excerpt import ShownCell
from dlrun.contract.note import Note
from dlrun.data.types.audio import is_encoded_sound
from dlrun.data.types.decode import (
    CellError,
    Folders,
    allocate,
    as_cells,
    as_data,
    for_each,
    is_present,
    locate,
    to_array,
)
from dlrun.data.types.occluded import Occluded, replace_parts
from dlrun.data.types.raw_column import RawColumn
from dlrun.data.types.sequence import even_slices
from dlrun.recipe.preprocessing import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MAX_SIDE: Final = 128  # pixels along the longer side, for `size: auto`
ORIENTATION: Final = 0x0112  # the Exif tag
SIDEWAYS: Final = (5, 6, 7, 8)  # its values that swap height and width
GRAY: Final = frozenset(
    {"1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"}
)  # modes of Pillow
WHITE: Final = 255
CHANNELS: Final = {1: "L", 3: "RGB", 4: "RGBA"}
GRAY_DIMENSIONS: Final = 2  # height and width
COLOR_DIMENSIONS: Final = 3  # height, width, channels
SHOWN_SIDE: Final = 160  # pixels of an image that is shown
PHOTO: Final = 64 * 64  # values of an image in colour, from which JPEG is the smaller file
PATCHES: Final = 4  # along each side of an image
OCCLUDED: Final = 8  # patches along each side, one of which is replaced at a time
CHUNK: Final = 1024  # rows that are floats at once, which take eight times the memory


class ImageHeader(NamedTuple):
    """Facts in the header of an encoded image."""

    height: int
    width: int
    is_gray: bool


def recognises(raw: RawColumn) -> bool:
    """Return whether the cells are encoded images, arrays of pixels, or names of image files."""
    if isinstance(raw.cell, bytes):
        return not is_encoded_sound(raw.cell)
    return has_pixels(raw.cell) or raw.names_files("image")


def has_pixels(cell: Any) -> bool:
    """Return whether a cell is (height, width) uint8 or (height, width, channels) of any dtype."""
    n_dimensions = 0
    while isinstance(cell, list | tuple | np.ndarray):
        n_dimensions += 1
        cell = cell[0] if len(cell) else None
    is_gray = n_dimensions == GRAY_DIMENSIONS and isinstance(cell, np.uint8)
    return is_gray or n_dimensions >= COLOR_DIMENSIONS


def find_shape(
    frame: pd.DataFrame, column: Column, folders: Folders, settings: Image
) -> tuple[Column, list[Note]]:
    """Find height, width and channels; no image is decoded.

    `size: auto` is the median height by the median width, scaled down together until the longer
    side has at most 128 pixels. `color: auto` is grayscale if all images are gray.
    """
    values = frame[column.name]
    headers = for_each(values, column, folders, lambda _, cell: _read_header(cell, folders))
    if not headers:
        return replace(column, shape=(1, 1, 1)), []
    gray = sum(header.is_gray for header in headers)
    is_gray = gray == len(headers) if settings.color == "auto" else settings.color == "grayscale"
    size = _auto_size(headers) if settings.size == "auto" else settings.size
    notes = []
    others = sum((header.height, header.width) != size for header in headers)
    if others:
        text = (
            f"Column {column.name!r}: {others:,} of {len(headers):,} images are scaled to "
            f"{size[0]} × {size[1]} pixels (preprocessing.image.size)."
        )
        notes.append(SCALED_IMAGES.note(text))
    return replace(column, shape=(*size, 1 if is_gray else 3)), notes


def _auto_size(headers: list[ImageHeader]) -> tuple[int, int]:
    height = float(np.median([header.height for header in headers]))
    width = float(np.median([header.width for header in headers]))
    scale = min(1.0, MAX_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def cast(frame: pd.DataFrame, column: Column, folders: Sequence[Path]) -> NDArray[Any]:
    """Decode images, (rows,) cells of `column.shape` uint8; zeros where one is missing.

    Images of another size are resized without keeping their proportions. Transparent images are
    composed with white; of an animation the first frame counts; Exif orientation is applied.
    """
    values = frame[column.name]
    cells = values.to_numpy(dtype=object)
    if all(_is_ready(cell, column.shape) for cell in cells):
        return cells
    images = allocate((len(values), *column.shape), np.uint8, column)
    images[~is_present(values)] = 0

    def decode(row: int, cell: Any) -> None:
        images[row] = decode_image(cell, column.shape, folders)

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
        side = 2 * max(height, width)
        opened.draft(None, (side, side))  # a JPEG can be decoded to a half, or less
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
        # Reading Exif would decode a PNG; the size of a TIFF respects its orientation already.
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
        picture = pillow.fromarray(_to_uint8(np.asarray(picture), picture.mode))
    if picture.has_transparency_data:
        transparent = picture.convert("RGBA")
        white = pillow.new("RGBA", transparent.size, "white")
        picture = pillow.alpha_composite(white, transparent)
    return picture.convert(mode)


def _to_uint8(pixels: NDArray[Any], mode: str) -> NDArray[np.uint8]:
    """Scale 16-bit integers, or floats from 0 to 1 or 0 to 255, to uint8."""
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
    shaped = pixels[..., None] if pixels.ndim == GRAY_DIMENSIONS else pixels
    if shaped.ndim != COLOR_DIMENSIONS or shaped.shape[2] not in CHANNELS or shaped.size == 0:
        message = (
            f"has the shape {pixels.shape}, but must be (height, width) or (height, width, "
            "channels) with 1, 3 or 4 channels"
        )
        raise CellError(message)
    return shaped


def scale_pixels(pixels: NDArray[Any], white: float | None = None) -> NDArray[np.uint8]:
    """Scale pixels of any shape and dtype to uint8.

    Integers from 0 to 255 are kept; floats from 0 to 1 and booleans are multiplied by 255.

    Args:
        pixels: not negative.
        white: the value that becomes 255; default: 255 or 1.

    Raises:
        CellError: values are negative, not finite, or larger than 255 without `white`.
    """
    if pixels.dtype == np.uint8 and white is None:
        return pixels
    low, high = (pixels.min(), pixels.max()) if pixels.size else (0, 0)
    if not (0 <= low <= high <= (WHITE if white is None else np.inf)):
        message = (
            f"holds values from {low:g} to {high:g}, but an image has whole numbers from 0 to 255 "
            "or floats from 0 to 1"
        )
        raise CellError(message)
    if white is None:
        white = 1 if pixels.dtype.kind in "fb" and high <= 1 else WHITE
    scaled = np.empty(pixels.shape, dtype=np.uint8)
    for start in range(0, len(pixels), CHUNK):
        rows = slice(start, start + CHUNK)
        scaled[rows] = np.rint(pixels[rows] * (WHITE / white))
    return scaled


# ---------------------------------------------------------------------------- decoded images


def is_known(values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return whether each image has a pixel that is not zero, (rows,)."""
    return np.array([cell.any() for cell in values], dtype=bool)


def describe(column: Column, _values: pd.Series[Any]) -> str:
    """Return the size and the colour."""
    height, width, channels = column.shape
    return f"{height} × {width} {'grayscale' if channels == 1 else 'colour'}"


def measures(_column: Column, values: pd.Series[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the mean and the standard deviation of the pixels."""
    yield "brightness", np.array([cell.mean() for cell in values], dtype=np.float64)
    yield "contrast", np.array([cell.std() for cell in values], dtype=np.float64)


def show(column: Column, cell: Any) -> ShownCell:
    """Return the image as PNG, or a larger one in colour as JPEG of at most `SHOWN_SIDE` pixels."""
    picture = _from_array(cell)
    picture.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    is_photo = cell.shape[2] > 1 and cell.size > PHOTO
    file = BytesIO()
    picture.save(file, "JPEG" if is_photo else "PNG", quality=85)
    kind = "image/jpeg" if is_photo else "image/png"
    return ShownCell("image", describe(column, pd.Series([])), as_data(kind, file.getvalue()))


def typical(column: Column, values: pd.Series[Any]) -> NDArray[np.uint8]:
    """Return the mean image; zeros where all are missing."""
    known = [cell for cell in values if cell.any()]
    if not known:
        return np.zeros(column.shape, dtype=np.uint8)
    mean: NDArray[np.uint8] = np.rint(np.mean(known, axis=0)).astype(np.uint8)
    return mean


def occlude(_column: Column, cell: NDArray[np.uint8], reference: NDArray[np.uint8]) -> Occluded:
    """Replace one patch of 8 × 8 after the other by that of the reference."""
    rows, columns = (tuple(even_slices(side, OCCLUDED)) for side in cell.shape[:2])
    parts = [(down, across) for down in rows for across in columns]
    return Occluded(replace_parts(cell, reference, parts), (len(rows), len(columns)))


def add_noise(values: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
    """Add normal noise of `level` times the range of the pixels."""
    noisy = (
        np.clip(cell + rng.normal(0, WHITE * level, cell.shape), 0, WHITE).astype(np.uint8)
        for cell in values
    )
    return as_cells(noisy, len(values))


def drop_values(values: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
    """Blacken a rectangle of each image, a share `level` of its area."""

    def dropped(cell: NDArray[Any]) -> NDArray[Any]:
        height, width = (round(side * level**0.5) for side in cell.shape[:2])
        top = rng.integers(0, cell.shape[0] - height + 1)
        left = rng.integers(0, cell.shape[1] - width + 1)
        changed = cell.copy()
        changed[top : top + height, left : left + width] = 0
        return changed

    return as_cells((dropped(cell) for cell in values), len(values))


def shuffle_structure(values: pd.Series[Any], column: Column, rng: np.random.Generator) -> Any:
    """Rearrange the pixels."""
    height, width, channels = column.shape
    order = rng.permutation(height * width)
    shuffled = (cell.reshape(-1, channels)[order].reshape(cell.shape) for cell in values)
    return as_cells(shuffled, len(values))


def segments(column: Column) -> Iterator[tuple[str, tuple[slice, ...]]]:
    """Yield the name, rows and columns of each of 4 × 4 patches."""
    height, width, _ = column.shape
    for row, rows in enumerate(even_slices(height, PATCHES), start=1):
        for number, columns in enumerate(even_slices(width, PATCHES), start=1):
            yield f"{column.name} patch {row},{number}", (rows, columns)
