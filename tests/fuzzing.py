"""Mutated recipes and data files: whatever they are, dlrun answers or raises a `DlrunError`."""

from __future__ import annotations

import gzip
import io
import random
import re
import tarfile
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from dlrun.data.dataset import read_dataset
from dlrun.data.splits.make import make_splits
from dlrun.errors import DlrunError
from dlrun.recipe.load import load_recipe
from dlrun.study.plan import prepare

TOKENS = [
    b"[", b"]", b"{", b"}", b"[" * 200, b"&a ", b"*a", b"<<: ", b"!!bool ", b"!!timestamp ",
    b"!!binary ", b"!!set ", b"!x ", b"? ", b"- ", b": ", b"|", b">", b"'", b'"', b"#", b"%",
    b"\t", b"\n", b"---\n", b"\x00", b"\x1b[2J", b"\xff", b"\xef\xbb\xbf", b"1e999", b".nan",
    b"1000000000", b"-1", b"9" * 400, b"null", b"true", b"~", b"\xe2\x80\xae", b"\\ud800",
    b'"\\UFFFFFFFF"', b'"\\ud800"', b",", b";", b"=", b"os:getcwd",
]  # fmt: skip

RECIPE = """\
name: fuzzed
task: classification
seed: 3
data:
  source: table.csv
  target: y
  features: {a: number, b: category, s: {series: [t0…t3]}}
  split: {method: stratified, test: 0.2, validation: 0.1}
preprocessing: {number: {impute: median}, text: {max_tokens: 100}}
model:
  - &m {architecture: mlp, hidden: [8, 8], dropout: 0.1, training: {epochs: 2}}
  - {<<: *m, name: second}
  - {architecture: layers, layers: [{Dense: 8}, {Dropout: {rate: 0.1}}]}
training: {optimizer: {name: sgd, momentum: 0.9}, learning_rate: {schedule: cosine, peak: 1e-3}}
baselines: [linear, {name: knn, n_neighbors: 3}, {estimator: sklearn.svm.SVC, C: 2}]
evaluation: {metrics: [roc_auc, accuracy], folds: 3, repeats: 1, stress: [noise]}
tracking: {uri: "sqlite:///x.db", experiment: e}
"""


VALUE = re.compile(rb"(?<=[:\[,] )[^\n,\]}{\[]+")
VALUES = [
    b"1000000000", b"-1", b"0", b"1e400", b".inf", b"9" * 50, b"null", b"true", b"[]", b"{}",
    b"[[1]]", b"{a: 1}", b"''", b"auto", b"!!bool maybe", b"!!timestamp x", b"!!int ''",
    b"!!set {a}", b"*m", b"t0...t999999999", b"os:getcwd", b"os.system", b"../../..",
    b"/dev/zero", b"~/x", b"**", b"sklearn:x", b"http://h:x/", b'"\\0"', b'"\\ud800"', b"y", b"a",
    b"[y, y]", b"time", b"group",
]  # fmt: skip


STREAMED = ("table.csv", "table.tsv", "table.parquet", "pictures.zip", ".tar", "pictures.parquet")


def mutate_values(content: bytes, rng: random.Random) -> bytes:
    """Put odd values in the place of one or two values of a recipe."""
    for _ in range(rng.choice([1, 2])):
        found = rng.choice(list(VALUE.finditer(content)))
        content = content[: found.start()] + rng.choice(VALUES) + content[found.end() :]
    return content


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Change a few places: bytes, pieces, and tokens that mean something to a parser."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        at, end = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
        end = min(end, at + rng.choice([1, 4, 40, 4000]))
        piece = data[at:end]
        kind = rng.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at:end]
        elif kind == 2:
            data[at:at] = piece * rng.choice([1, 2, 20])
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            data[at:end] = rng.choice(TOKENS)
        else:
            data[at:at] = rng.choice(TOKENS)
    return bytes(data)


def _table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n_rows = 40
    series = {f"t{step}": rng.normal(size=n_rows) for step in range(4)}
    words = rng.choice(["red", "green", "blue"], n_rows)
    y = np.tile(["no", "yes"], n_rows // 2)
    day = pd.date_range("2024-01-01", periods=n_rows).strftime("%Y-%m-%d")
    return pd.DataFrame({"a": rng.normal(size=n_rows), "b": words, **series, "day": day, "y": y})


def _zip(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _tar(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in members.items():
            key = name.removesuffix(".png")
            for member, held in ((name, content), (f"{key}.cls", name.encode())):
                info = tarfile.TarInfo(member)
                info.size = len(held)
                archive.addfile(info, io.BytesIO(held))
    return packed.getvalue()


def _png(value: int) -> bytes:
    content = io.BytesIO()
    Image.new("L", (6, 6), value).save(content, "png")
    return content.getvalue()


def seeds() -> dict[str, bytes]:
    """Return file name → content of a valid file of each kind."""
    table = _table()
    csv = table.to_csv(index=False).encode()
    files = {"table.csv": csv, "table.tsv": table.to_csv(index=False, sep="\t").encode()}
    files["table.jsonl"] = table.to_json(orient="records", lines=True).encode()
    for suffix, write in (("parquet", table.to_parquet), ("feather", table.to_feather)):
        content = io.BytesIO()
        write(content)
        files[f"table.{suffix}"] = content.getvalue()
    files["table.json"] = table.to_json(orient="records").encode()
    arrays = io.BytesIO()
    np.savez(arrays, x=table[["a", "t0"]].to_numpy(), y=(table["y"] == "yes").to_numpy())
    files["table.npz"] = arrays.getvalue()
    files["table.csv.gz"] = gzip.compress(csv)
    files["table.csv.zip"] = _zip({"table.csv": csv})
    pictures = {f"{label}/{n}.png": _png(20 * n) for label in ("no", "yes") for n in range(5)}
    files["pictures.zip"] = _zip(pictures)
    files["pictures.tar"] = _tar(pictures)
    images = [{"bytes": content, "path": name} for name, content in pictures.items()]
    content = io.BytesIO()
    pd.DataFrame({"image": images, "y": ["no", "yes"] * 5}).to_parquet(content)
    files["pictures.parquet"] = content.getvalue()
    return files


def recipes(
    folder: Path, n_cases: int, seed: int = 0
) -> Iterator[tuple[bytes, Callable[[], None]]]:
    """Yield mutated recipes, and the call that reads each."""
    (folder / "table.csv").write_bytes(seeds()["table.csv"])
    rng = random.Random(seed)
    for _ in range(n_cases):
        content = rng.choice([mutate, mutate_values, mutate_values])(RECIPE.encode(), rng)
        yield content, lambda content=content: _read_recipe(folder, content)  # type: ignore[misc]


def files(folder: Path, n_cases: int, seed: int = 0) -> Iterator[tuple[bytes, Callable[[], None]]]:
    """Yield mutated data files, and the call that reads each, some as a stream."""
    rng = random.Random(seed)
    known = [
        (name, content, stream)
        for name, content in seeds().items()
        for stream in ([False, True] if name.endswith(STREAMED) else [False])
    ]
    for number in range(n_cases):
        name, content, stream = known[number % len(known)]
        changed = mutate(content, rng)
        yield changed, partial(_read_file, folder, name, changed, stream)


def crash_of(read: Callable[[], None]) -> Exception | None:
    """Return the error of a call that is none of dlrun's own."""
    try:
        read()
    except DlrunError:
        return None
    except Exception as error:
        return error
    return None


def _read_recipe(folder: Path, content: bytes) -> None:
    file = folder / "fuzzed.yaml"
    file.write_bytes(content)
    prepare(load_recipe(file))


def _read_file(folder: Path, name: str, content: bytes, stream: bool) -> None:
    (folder / name).write_bytes(content)
    target = "" if name in ("table.npz", "pictures.zip", "pictures.tar") else "target: y, "
    file = folder / "file.yaml"
    file.write_text(
        f"data: {{source: {name}, {target}stream: {str(stream).lower()}}}\n", encoding="utf-8"
    )
    recipe = load_recipe(file)
    dataset = read_dataset(recipe)
    make_splits(recipe, dataset)
    if dataset.stream is not None:
        deque(dataset.stream.chunks(0, 1), maxlen=0)
