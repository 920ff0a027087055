from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFile

from dlrun.contract.dataset import Column
from dlrun.data.dataset import read_dataset
from dlrun.data.types import image as images
from dlrun.data.types.cast import cast_columns, find_shapes
from dlrun.data.types.decode import as_cells
from dlrun.errors import DataError
from dlrun.recipe.preprocessing import Preprocessing

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
GRAY = PIXELS[..., 0]
RAMP = np.linspace(0, 255, 20, dtype=np.uint8).repeat(12).reshape(20, 12).T


def encoded(pixels: Any, kind: str = "png", **options: Any) -> bytes:
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def read(
    raw: list[Any], folder: Path = Path(), **settings: Any
) -> tuple[Column, list[np.ndarray], list[str]]:
    frame = pd.DataFrame({"photo": as_cells(raw, len(raw))})
    preprocessing = Preprocessing.model_validate({"image": settings})
    columns, notes = find_shapes([Column("photo", "image")], frame, [folder], preprocessing)
    typed = cast_columns(frame, columns, [folder])["photo"].tolist()
    for cell in typed:
        assert cell.shape == columns[0].shape
        assert cell.dtype == np.uint8
    return columns[0], typed, [note.text for note in notes]


@pytest.mark.parametrize("kind", ["png", "bmp", "tiff", "webp", "gif", "jpeg"])
def test_images_are_decoded_whatever_their_kind(kind: str) -> None:
    lossless = {"webp": {"lossless": True}, "jpeg": {"quality": 100}}.get(kind, {})
    column, (cell,), notes = read([encoded(RAMP, kind, **lossless)], color="grayscale")
    assert column == Column("photo", "image", (12, 20, 1))
    assert np.abs(cell[..., 0].astype(int) - RAMP).max() <= (2 if kind == "jpeg" else 0)
    assert notes == []


def test_color_is_kept_and_gray_images_are_told_from_it() -> None:
    column, (cell,), _ = read([encoded(PIXELS)])
    assert column.shape == (12, 20, 3)
    np.testing.assert_array_equal(cell, PIXELS)
    column, (cell,), _ = read([encoded(GRAY)])
    assert column.shape == (12, 20, 1)
    np.testing.assert_array_equal(cell[..., 0], GRAY)
    column, (gray, color), _ = read([encoded(GRAY), encoded(PIXELS)])
    assert column.shape == (12, 20, 3)
    np.testing.assert_array_equal(gray, GRAY[..., None].repeat(3, axis=2))
    np.testing.assert_array_equal(color, PIXELS)
    column, (cell,), _ = read([encoded(PIXELS)], color="grayscale")
    np.testing.assert_array_equal(cell[..., 0], np.asarray(Image.fromarray(PIXELS).convert("L")))
    assert read([encoded(GRAY)], color="rgb")[0].shape == (12, 20, 3)


def test_palettes_bits_sixteen_bits_and_floats_are_understood() -> None:
    palette = Image.fromarray(PIXELS).quantize(8)
    _, (cell,), _ = read([encoded(palette)])
    np.testing.assert_array_equal(cell, np.asarray(palette.convert("RGB")))
    gray_palette = Image.fromarray(RAMP).convert("P")
    column, (cell,), _ = read([encoded(gray_palette)])
    assert column.shape[2] == 1
    np.testing.assert_array_equal(cell[..., 0], RAMP)
    bits = Image.fromarray(RAMP > 100)
    column, (cell,), _ = read([encoded(bits)])
    assert set(np.unique(cell)) == {0, 255}
    for deep in (
        encoded(RAMP.astype(np.uint16) * 257),
        encoded(RAMP.astype(np.uint16) * 257, "tiff"),
    ):
        column, (cell,), _ = read([deep])
        assert column.shape[2] == 1
        np.testing.assert_array_equal(cell[..., 0], RAMP)
    _, (cell,), _ = read([encoded((RAMP / 255).astype(np.float32), "tiff")])
    np.testing.assert_array_equal(cell[..., 0], RAMP)


def test_transparent_images_are_laid_on_white() -> None:
    clear = np.dstack([PIXELS, np.where(np.arange(20) < 10, 255, 0) + np.zeros((12, 1))])
    _, (cell,), _ = read([encoded(clear.astype(np.uint8))])
    np.testing.assert_array_equal(cell[:, :10], PIXELS[:, :10])
    assert (cell[:, 10:] == 255).all()
    masked = Image.fromarray(PIXELS).quantize(4)
    _, (cell,), _ = read([encoded(masked, transparency=2)])
    assert (cell[np.asarray(masked) == 2] == 255).all()
    gray = Image.merge("LA", [Image.fromarray(GRAY), Image.new("L", (20, 12), 0)])
    column, (cell,), _ = read([encoded(gray)])
    assert column.shape[2] == 1
    assert (cell == 255).all()


def test_of_an_animation_the_first_picture_is_taken() -> None:
    frames = [Image.fromarray(np.full((6, 7), shade, dtype=np.uint8)) for shade in (50, 90, 200)]
    data = encoded(frames[0], "gif", save_all=True, append_images=frames[1:], duration=100)
    _, (cell,), _ = read([data])
    assert (cell == 50).all()


def test_exif_orientation_is_followed_in_size_and_pixels() -> None:
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6  # the camera was held upright
    for kind in ("jpeg", "tiff", "webp"):
        column, (cell,), _ = read([encoded(RAMP, kind, exif=exif)])
        assert column.shape[:2] == (20, 12), kind
        assert cell[2, :, 0].mean() < cell[17, :, 0].mean()
    _, (cell,), _ = read([encoded(RAMP, "png", exif=exif)], size=[20, 12])
    assert cell[2, :, 0].mean() < cell[17, :, 0].mean()


def test_the_size_is_the_common_one_or_the_median_up_to_128_pixels() -> None:
    def blank(height: int, width: int) -> bytes:
        return encoded(np.full((height, width), 9, dtype=np.uint8))

    assert read([blank(128, 100)] * 3)[0].shape == (128, 100, 1)
    assert read([blank(400, 300)])[0].shape == (128, 96, 1)
    column, cells, notes = read([blank(10, 30), blank(20, 30), blank(30, 31)])
    assert column.shape == (20, 30, 1)
    assert all((cell == 9).all() for cell in cells)
    assert notes == [
        "Column 'photo': 2 of 3 images are scaled to 20 × 30 pixels (preprocessing.image.size)."
    ]
    assert read([blank(5000, 2)])[0].shape == (128, 1, 1)
    assert read([blank(10, 30)], size=[7, 300])[0].shape == (7, 300, 1)


def test_large_photos_are_scaled_without_losing_what_they_show() -> None:
    rows, columns = np.mgrid[0:1600, 0:2000]
    photo = np.dstack([rows // 7, columns // 8, (rows + columns) // 15]).astype(np.uint8)
    _, (from_png, from_jpeg), _ = read(
        [encoded(photo), encoded(photo, "jpeg", quality=95)], size=[40, 50]
    )
    expected = photo.reshape(40, 40, 50, 40, 3).mean(axis=(1, 3))
    assert np.abs(from_png - expected).mean() < 1
    assert np.abs(from_jpeg - expected).mean() < 2


def test_missing_images_are_all_zeros() -> None:
    _, cells, _ = read([None, encoded(GRAY), "", np.nan])
    assert [cell.any() for cell in cells] == [False, True, False, False]
    _, (cell,), _ = read([None])
    assert not cell.any()


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (GRAY, GRAY),
        (GRAY.astype(np.int64).tolist(), GRAY),
        (GRAY / 255, GRAY),
        (GRAY.astype(float), GRAY),
        (GRAY > 100, (GRAY > 100) * 255),
        (PIXELS, PIXELS),
        (np.dstack([PIXELS, np.full((12, 20), 255)]), PIXELS),
        (as_cells([as_cells(row, 20) for row in PIXELS], 12), PIXELS),  # as Parquet gives lists
    ],
)
def test_cells_may_hold_pixels(pixels: Any, expected: Any) -> None:
    _, (cell,), _ = read([pixels])
    np.testing.assert_array_equal(cell.squeeze(), expected)


def test_images_that_fit_are_not_copied() -> None:
    array = np.stack([PIXELS, PIXELS])
    _, cells, _ = read(list(array))
    assert all(np.shares_memory(cell, array) for cell in cells)


TRUNCATED = encoded(PIXELS)[:300]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (b"no image", "holds 8 bytes, which is no image of a kind that Pillow knows"),
        (
            encoded(PIXELS, "jpeg")[:800],
            "holds 800 bytes, which cannot be decoded: image file is truncated",
        ),
        (TRUNCATED, "holds 300 bytes, which cannot be decoded: image file is truncated"),
        (
            np.zeros((2, 3, 5), np.uint8),
            "which has the shape (2, 3, 5), but must be (height, width) or (height, width, "
            "channels) with 1, 3 or 4 channels",
        ),
        (
            [[0, 256]],
            "holds [[0, 256]], which holds values from 0 to 256, but an image has whole numbers "
            "from 0 to 255 or floats from 0 to 1",
        ),
        ([[-1.0]], "which holds values from -1 to -1, but an image has whole numbers"),
        ([[float("nan")]], "which holds values from nan to nan, but an image has whole numbers"),
    ],
)
def test_what_cannot_be_decoded_is_named_with_its_row(cell: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read([encoded(GRAY), None, cell])
    assert str(caught.value).startswith("column 'photo' is of type image, but row 3 holds ")
    assert message in str(caught.value)
    assert str(caught.value).endswith(". Replace it or leave it out.")


def test_a_corrupt_file_is_an_error_before_training(make_recipe: Any, tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{number}.png").write_bytes(encoded(GRAY))
    (tmp_path / "4.png").write_bytes(encoded(GRAY)[:100])
    table = pd.DataFrame({"photo": [f"{n}.png" for n in range(6)], "y": list("ababab")})
    with pytest.raises(DataError) as caught:
        read_dataset(make_recipe({"target": "y"}, table=table))
    assert str(caught.value) == (
        "recipe.yaml:1: data.features: column 'photo' is of type image, but row 5 holds '4.png', "
        "which cannot be decoded: image file is truncated. Replace it or leave it out."
    )
    (tmp_path / "4.png").unlink()
    with pytest.raises(DataError) as caught:
        read_dataset(make_recipe({"target": "y"}, table=table))
    assert str(caught.value) == (
        "recipe.yaml:1: data.features: column 'photo' is of type image, but row 5 holds '4.png', "
        f"which does not exist in {tmp_path}. Replace it or leave it out."
    )


def test_headers_alone_are_read_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"photo": [encoded(GRAY), encoded(PIXELS, "jpeg"), encoded(GRAY, "tiff")]})
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("it was decoded"))
    (column,), _ = find_shapes([Column("photo", "image")], frame, [], Preprocessing())
    assert column.shape == (12, 20, 3)


def test_base64_and_data_uris_are_read_as_they_come_over_a_network() -> None:
    text = base64.b64encode(encoded(GRAY)).decode()
    _, cells, _ = read([text, f"data:image/png;base64,{text}"])
    for cell in cells:
        np.testing.assert_array_equal(cell[..., 0], GRAY)
