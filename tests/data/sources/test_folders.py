from __future__ import annotations

import os
import pickle
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from dlrun.contract.dataset import Column
from dlrun.data.dataset import read_dataset
from dlrun.data.fingerprint import digest_dataset
from dlrun.data.profile import describe
from dlrun.data.sources.folders import find_files
from dlrun.data.sources.registry import read_source
from dlrun.data.splits.make import count_leaked_duplicates, make_splits
from dlrun.data.types import audio as sounds
from dlrun.data.types import decode as cells
from dlrun.data.types import image as images
from dlrun.errors import DataError

Write = Callable[[Path, int], None]
N_EACH = 6


def write_image(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 6), shade, dtype=np.uint8)).save(path)


def write_sound(path: Path, pitch: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.sin(np.arange(800) * (pitch + 1) / 100), 8000)


def write_classes(folder: Path, write: Write = write_image, suffix: str = "png") -> Path:
    for place, name in enumerate(("Äpfel", "class 10", "class 9")):
        for number in range(N_EACH):
            write(folder / name / f"{number}.{suffix}", place * N_EACH + number + 1)
    return folder


def zipped(folder: Path, top: str = "") -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._x.png", b"")
        for file in sorted(folder.rglob("*")):
            archive.write(file, f"{top}{file.relative_to(folder).as_posix()}")
    return path


@pytest.mark.parametrize("pack", [None, "", "photos/"])
def test_a_folder_for_each_class_is_a_source(
    make_recipe: Any, tmp_path: Path, pack: str | None
) -> None:
    folder = write_classes(tmp_path / "photos")
    (folder / ".DS_Store").write_text("x")
    (folder / "README.txt").write_text("not data")
    (folder / "class 9" / "Thumbs.db").write_text("x")
    source = folder if pack is None else zipped(folder, pack)
    dataset = read_dataset(make_recipe({"source": source.name}))
    assert dataset.name == "photos"
    assert dataset.columns == (Column("image", "image", (8, 6, 1)),)
    assert dataset.target.name == "label"
    assert dataset.target.labels == ("class 9", "class 10", "Äpfel")
    assert [cell[0, 0, 0] for cell in dataset.frame["image"]] == list(range(7, 19)) + list(
        range(1, 7)
    )
    assert np.bincount(dataset.y).tolist() == [N_EACH] * 3
    assert describe(dataset).columns[0].values == "8 × 6 grayscale"
    assert (
        count_leaked_duplicates(
            dataset, make_splits(make_recipe({"source": "x"}), dataset).splits[0]
        )
        == 0
    )


def test_sounds_and_texts_come_in_folders_too(make_recipe: Any, tmp_path: Path) -> None:
    write_classes(tmp_path / "voices", write_sound, "wav")
    dataset = read_dataset(make_recipe({"source": "voices", "target": "who"}))
    assert dataset.columns == (Column("audio", "audio", (800,), 8000),)
    assert dataset.target.name == "who"
    assert describe(dataset).columns[0].values == "0.1 s at 8,000 Hz"

    def write_text(path: Path, number: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"wörd {number}", encoding="utf-8")

    for source in (
        write_classes(tmp_path / "texts", write_text, "txt"),
        zipped(tmp_path / "texts"),
    ):
        dataset = read_dataset(make_recipe({"source": source.name}))
        assert dataset.columns == (Column("text", "text"),)
        assert sorted(dataset.frame["text"]) == sorted(f"wörd {n}" for n in range(1, 19))


@pytest.mark.parametrize("pack", [None, "", "set/"])
def test_folders_above_the_classes_keep_their_parts(
    make_recipe: Any, tmp_path: Path, pack: str | None
) -> None:
    folder = tmp_path / "set"
    for part in ("train", "val", "Test"):
        write_classes(folder / part)
    source = folder if pack is None else zipped(folder, pack)
    recipe = make_recipe({"source": source.name})
    dataset = read_dataset(recipe)
    assert dataset.split_values is not None
    found, counts = np.unique(dataset.split_values.astype(str), return_counts=True)
    assert dict(zip(found, counts, strict=True)) == {"train": 18, "validation": 18, "test": 18}
    assert dataset.target.labels == ("class 9", "class 10", "Äpfel")
    (split,) = make_splits(recipe, dataset).splits
    assert (len(split.train), len(split.validation), len(split.test)) == (18, 18, 18)
    assert count_leaked_duplicates(dataset, split) == 18


def test_one_part_alone_is_no_part(make_recipe: Any, tmp_path: Path) -> None:
    write_classes(tmp_path / "set" / "train")
    dataset = read_dataset(make_recipe({"source": "set"}))
    assert dataset.split_values is None
    assert len(dataset.target.labels) == 3


def test_files_below_the_classes_count_however_deep(tmp_path: Path) -> None:
    write_image(tmp_path / "set" / "cat" / "a" / "b" / "1.png", 1)
    write_image(tmp_path / "set" / "dog" / "2.png", 1)
    assert read_source("set", tmp_path).frame["label"].tolist() == ["cat", "dog"]


def failure(source: str, folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_source(source, folder)
    return str(caught.value)


def test_images_in_a_zip_without_folders_are_no_table(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("1.png", b"x")
    assert failure("set.zip", tmp_path) == (
        "set.zip: 1.png lies in no folder of a class. Put each file into a folder named after its "
        "class, such as cats/1.png."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("stream", [False, True], ids=["in memory", "streamed"])
def test_names_of_another_encoding_are_named(
    make_recipe: Any, tmp_path: Path, stream: bool
) -> None:
    folder = os.fsencode(tmp_path) + b"/set/caf\xe9"
    os.makedirs(folder)
    write_image(Path(os.fsdecode(folder)) / "1.png", 1)
    with pytest.raises(DataError) as caught:
        read_dataset(make_recipe({"source": "set", "stream": stream}))
    assert str(caught.value) == (
        "recipe.yaml:2: data.source: set: the file name 'caf\\udce9/1.png' is not UTF-8. Rename it."
    )


def test_folders_that_are_no_source(tmp_path: Path) -> None:
    (tmp_path / "set" / "cat").mkdir(parents=True)
    (tmp_path / "set" / "cat" / "1.csv").write_text("a\n1\n")
    assert failure("set", tmp_path) == (
        "set holds no file to learn from (image: .png .jpg .jpeg .gif .bmp .webp .tif .tiff; "
        "audio: .wav .flac .ogg .mp3; text: .txt). For tables write a glob, such as set/*.csv."
    )
    write_image(tmp_path / "set" / "cat" / "1.png", 1)
    write_image(tmp_path / "set" / "2.png", 1)
    assert failure("set", tmp_path) == (
        "set: 2.png lies in no folder of a class. Put each file into a folder named after its "
        "class, such as cats/1.png."
    )
    write_sound(tmp_path / "set" / "cat" / "1.wav", 1)
    assert failure("set", tmp_path) == (
        "set holds images and sounds. Keep one kind, or list them in a table."
    )


def test_one_class_alone_is_nothing_to_learn(make_recipe: Any, tmp_path: Path) -> None:
    write_image(tmp_path / "set" / "cat" / "1.png", 1)
    with pytest.raises(DataError) as caught:
        read_dataset(make_recipe({"source": "set"}))
    assert str(caught.value) == (
        "recipe.yaml:1: data.target: column 'label' is 'cat' in every row: there is nothing to "
        "learn. It needs two different values at least."
    )


@pytest.mark.parametrize("pack", [False, True])
def test_a_corrupt_file_is_named(make_recipe: Any, tmp_path: Path, pack: bool) -> None:
    folder = write_classes(tmp_path / "photos")
    bad = folder / "class 9" / "3.png"
    bad.write_bytes(bad.read_bytes()[:45])
    source = zipped(folder) if pack else folder
    with pytest.raises(DataError) as caught:
        read_dataset(make_recipe({"source": source.name}))
    assert str(caught.value) == (
        "recipe.yaml:1: data.features: column 'image' is of type image, but row 10 holds "
        "'class 9/3.png', which cannot be decoded: image file is truncated. Replace it "
        "or leave it out."
    )


def test_a_damaged_zip_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK no zip")
    assert failure("a.zip", tmp_path) == f"{path}: cannot be unpacked: File is not a zip file"


def test_every_file_is_decoded_once(
    make_recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many splits, epochs and candidates there are: what they get are views."""
    decoded: list[str] = []
    for module, name in ((images, "decode_image"), (sounds, "decode_sound")):
        decode = getattr(module, name)

        def count(cell: Any, *rest: Any, decode: Any = decode) -> Any:
            decoded.append(str(cell))
            return decode(cell, *rest)

        monkeypatch.setattr(module, name, count)
    write_classes(tmp_path / "photos")
    write_classes(tmp_path / "voices", write_sound, "wav")
    for source in ("photos", "voices"):
        decoded.clear()
        recipe = make_recipe({"source": source})
        dataset = read_dataset(recipe)
        whole = dataset.frame.iloc[:, 0]
        assert len({id(cell.base) for cell in whole}) == 1
        for split in make_splits(recipe, dataset).splits:
            part = dataset.take(split.train).frame.iloc[:, 0]
            assert all(a is whole[row] for a, row in zip(part, split.train, strict=True))
        assert len(decoded) == len(set(decoded)) == 3 * N_EACH


def test_little_memory_changes_nothing_but_the_place(
    make_recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_classes(tmp_path / "photos")
    write_classes(tmp_path / "voices", write_sound, "wav")
    for source in ("photos", "voices"):
        plain = read_dataset(make_recipe({"source": source}))
        with monkeypatch.context() as patch:
            patch.setattr(cells, "free_memory", lambda: 0)
            mapped = read_dataset(make_recipe({"source": source}))
        assert mapped.digest == plain.digest
        assert digest_dataset(pickle.loads(pickle.dumps(mapped))) == plain.digest


def test_a_sample_is_drawn_before_anything_is_decoded(make_recipe: Any, tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "photos")
    whole = read_dataset(make_recipe({"source": "photos", "max_rows": 6}))
    for number, file in enumerate(sorted(folder.rglob("*.png"))):
        if number not in whole.row_ids:
            file.write_bytes(b"broken")
    sample = read_dataset(make_recipe({"source": "photos", "max_rows": 6}))
    assert sample.digest == whole.digest
    assert sample.row_ids.tolist() == whole.row_ids.tolist()


def test_the_digest_goes_by_what_the_files_hold(make_recipe: Any, tmp_path: Path) -> None:
    folder = write_classes(tmp_path / "photos")
    digest = read_dataset(make_recipe({"source": "photos"})).digest
    assert read_dataset(make_recipe({"source": zipped(folder).name})).digest == digest
    shutil.copytree(folder, tmp_path / "copy")
    assert read_dataset(make_recipe({"source": "copy"})).digest == digest
    write_image(tmp_path / "copy" / "class 9" / "0.png", 200)
    assert read_dataset(make_recipe({"source": "copy"})).digest != digest


def test_files_of_one_kind_are_found_without_classes(tmp_path: Path) -> None:
    write_image(tmp_path / "new" / "b.png", 1)
    write_image(tmp_path / "new" / "a" / "c.png", 1)
    write_sound(tmp_path / "new" / "d.wav", 1)
    assert find_files(tmp_path / "new", "image").names == ("a/c.png", "b.png")
    assert find_files(tmp_path / "new", "audio").names == ("d.wav",)
    with pytest.raises(DataError) as caught:
        find_files(tmp_path / "new", "text")
    assert str(caught.value) == (
        "new holds no file to learn from (text: .txt). For tables write a glob, such as new/*.csv."
    )
