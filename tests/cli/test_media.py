"""Recipes for, and predictions of, images, sounds, texts and series."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from PIL import Image
from shard_files import pack, picture


def write_photos(folder: Path) -> None:
    for place, name in enumerate(("cat", "dög")):
        for number in range(10):
            path = folder / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (5, 4), 100 * place + number + 1).save(path)


def write_voices(folder: Path) -> None:
    for place, name in enumerate(("anna", "ben")):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            samples = np.sin(np.arange(400) * (place + number + 1) / 9)
            soundfile.write(folder / name / f"{number}.wav", samples, 8000)


def write_arrays(folder: Path) -> None:
    folder.mkdir()
    x = np.random.default_rng(0).normal(size=(20, 2, 9))
    np.savez(folder / "x.npz", x_train=x, y_train=[0, 1] * 10, x_test=x, y_test=[0, 1] * 10)


def write_shards(folder: Path) -> None:
    for part in ("train", "test"):
        pack(folder / f"{part}-0.tar", [each for n in range(9) for each in sample(n)])


def sample(number: int) -> list[tuple[str, bytes]]:
    return [
        (f"{number}.png", picture(number)),
        (f"{number}.cls", b"01"[number % 2 : 1 + number % 2]),
    ]


def write_texts(folder: Path) -> None:
    folder.mkdir()
    texts = [f"this is the {n}th text of them all" for n in range(20)]
    pd.DataFrame({"text": texts, "y": ["a", "b"] * 10}).to_csv(folder / "x.csv", index=False)


@pytest.mark.parametrize(
    ("write", "data", "target", "kind", "architecture", "split"),
    [
        (write_photos, "set", None, "image", "cnn", "# split: {method: stratified}"),
        (write_voices, "set", None, "audio", "cnn", "# split: {method: stratified}"),
        (write_shards, "set", None, "image", "cnn", "# the data brings its own training"),
        (write_texts, "set/x.csv", "y", "text", "text_cnn", "# split: {method: stratified}"),
        (write_arrays, "set/x.npz", None, "series", "fcn", "# the data brings its own training"),
    ],
)
def test_init_chooses_what_suits_the_columns(
    dlrun, tmp_path, write, data, target, kind, architecture, split
):
    write(tmp_path / "set")
    asked = ("--target", target) if target else ()
    ran = dlrun("init", data, *asked, "-o", "r.yaml", cwd=tmp_path)
    assert (ran.code, ran.out) == (0, "r.yaml written. Next: dlrun train r.yaml\n"), ran.err
    text = (tmp_path / "r.yaml").read_text(encoding="utf-8")
    assert f"  #   {kind}: {kind}\n" in text
    assert split in text
    recipe = yaml.safe_load(text)
    assert recipe["model"] == {"architecture": architecture}
    assert recipe["data"] == {"source": data, "target": target or recipe["data"]["target"]}
    uncommented = text.replace("  # features: ", "  features: ").replace("  #   ", "    ")
    (tmp_path / "r.yaml").write_text(uncommented, encoding="utf-8")
    ran = dlrun("validate", "r.yaml", cwd=tmp_path)
    assert ran.code == 0, ran.err


@pytest.fixture(scope="module")
def photos(dlrun, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder / "photos")
    recipe = {"data": {"source": "photos"}, "model": "none", "baselines": ["dummy"]}
    recipe["evaluation"] = {"folds": 2}
    (folder / "r.yaml").write_text(yaml.safe_dump(recipe))
    ran = dlrun("train", "r.yaml", cwd=folder)
    assert ran.code == 0, ran.err
    return folder


@pytest.mark.slow
def test_predict_takes_a_folder_and_answers_with_its_paths(dlrun, photos):
    ran = dlrun("predict", "last", "photos", "-o", "answers.csv", cwd=photos)
    assert (ran.code, ran.out) == (0, "answers.csv: 20 rows predicted by dummy\n"), ran.err
    answers = pd.read_csv(photos / "answers.csv")
    assert list(answers) == ["image", "prediction", "p_cat", "p_dög"]
    assert answers["image"].tolist()[:2] == ["photos/cat/0.png", "photos/cat/1.png"]
    assert answers["p_cat"].tolist() == [0.5] * 20


@pytest.mark.slow
def test_predict_takes_tables_of_paths_from_where_they_lie(dlrun, photos):
    table = photos / "photos" / "new.jsonl"
    rows = [{"id": n, "image": f"cat/{n}.png", "box": [1, 2]} for n in range(3)]
    table.write_text("\n".join(map(json.dumps, rows)))
    ran = dlrun("predict", "last", "photos/new.jsonl", cwd=photos)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[:2] == [
        "id,image,prediction,p_cat,p_dög",
        "0,cat/0.png,cat,0.5,0.5",
    ]


@pytest.mark.slow
def test_predict_takes_shards_and_parquet_with_files_in_it(dlrun, photos):
    write_shards(photos / "shards")
    files = [{"bytes": picture(number), "path": None} for number in range(9)]
    pd.DataFrame({"image": files, "id": range(9)}).to_parquet(photos / "files.parquet")
    for source, names, n_rows in (
        ("shards/test-0.tar", "image,label,prediction,p_cat,p_dög", 9),
        ("shards/{train,test}-0.tar", "image,label,prediction,p_cat,p_dög", 18),
        ("shards", "image,label,prediction,p_cat,p_dög", 18),
        ("files.parquet", "id,prediction,p_cat,p_dög", 9),
    ):
        ran = dlrun("predict", "last", source, cwd=photos)
        assert ran.code == 0, ran.err
        lines = ran.out.splitlines()
        assert lines[0] == names
        assert lines[1].endswith("0,cat,0.5,0.5")
        assert len(lines) == 1 + n_rows


@pytest.mark.slow
def test_predict_names_what_it_cannot_decode(dlrun, photos):
    (photos / "bad.png").write_text("no image")
    ran = dlrun("predict", "last", "bad.png", cwd=photos)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "column 'image' is of type image, but row 1 holds 'bad.png', which is no image of a kind "
        "that Pillow knows. Replace it or leave it out.\n"
    )
