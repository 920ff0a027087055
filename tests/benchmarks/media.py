"""Memory and speed of images and texts larger than memory, against tf.data by hand.

    python tests/benchmarks/media.py images [ROWS]
    python tests/benchmarks/media.py texts [GB]

It writes JPEGs of 224 × 224 as Hugging Face keeps them in Parquet ({bytes, path}), or texts, and
trains a small network on them for three epochs with `data.stream`, so that reading counts. A script
by hand (`by_hand/media_tfdata.py`) trains the same network on as many of the rows with tf.data. It
exits 1 where the peak of the memory (VmHWM) is above 3 GB, the memory grows from epoch to epoch, or
an epoch has fewer than 0.9 × the rows per second of the script. MEDIA_STORE=0 decodes images anew
in every epoch, as where the disk has no room.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from PIL import Image
from streaming import TRAIN, Run, watch

BY_HAND = Path(__file__).parent / "by_hand"
N_CLASSES, EPOCHS, BATCH = 10, 3, 64
SIDE, N_PICTURES, GROUP_IMAGES = 224, 2000, 500
N_WORDS, MEAN_WORDS, GROUP_TEXTS = 50_000, 150, 10_000
PEAK_MB, GROWTH, SPEED = 3072, 1.15, 0.9
RECIPE = """\
name: media
task: classification
data:
  source: {file}
  target: label
  stream: true
  features: {{{kind}: {kind}}}
  split: {{validation: 0.05, test: 0.05}}
preprocessing: {{image: {{size: [224, 224]}}, text: {{sequence_length: 128}}}}
model: {{architecture: "nets:{net}"}}
training: {{epochs: {epochs}, batch_size: {batch}, learning_rate: 1e-3, early_stopping: false}}
baselines: []
"""
STORE = """\
import os
if os.environ.get("MEDIA_STORE") == "0":
    from dlrun.data.streaming import store
    store.DISK_SHARE = 0
"""
FACTS = """
print("rows", len(validation), rows, flush=True)
for note in data.notes:
    print(note.code, note.text)
print("peak", open("/proc/self/status").read().split("VmHWM:")[1].split()[0], flush=True)
"""


def write_images(path: Path, n_rows: int) -> None:
    """Write images of about 15 KB, no two with the same bytes, whose tint says their class."""
    rng = np.random.default_rng(0)

    def draw(number: int) -> bytes:
        own = np.random.default_rng(number)
        coarse = Image.fromarray(own.integers(0, 256, (14, 14, 3)).astype(np.uint8))
        pixels = np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.int16)
        pixels = pixels + own.integers(-12, 13, pixels.shape, np.int16)
        pixels[..., 0] += 6 * (number % N_CLASSES)
        file = BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=80)
        return file.getvalue()

    with ThreadPoolExecutor() as pool:
        pictures = list(pool.map(draw, range(N_PICTURES)))
    print(f"mean of {np.mean([*map(len, pictures)]) / 1024:.1f} KB an image")

    def group(numbers: np.ndarray) -> pa.Table:
        drawn = rng.integers(0, N_PICTURES, len(numbers))
        # A comment in the file, which costs nothing to decode, makes its bytes differ.
        contents = [
            pictures[each][:2] + b"\xff\xfe\x00\x0a%08d" % number + pictures[each][2:]
            for each, number in zip(drawn, numbers, strict=True)
        ]
        cells = [{"bytes": each, "path": None} for each in contents]
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        labels = [f"c{each % N_CLASSES}" for each in drawn]
        return pa.table({"image": pa.array(cells, kind), "label": labels})

    write(path, n_rows, GROUP_IMAGES, group)


def write_texts(path: Path, gigabytes: float) -> None:
    """Write texts of words as often as in a language; some words are those of a class."""
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = pa.array("".join(rng.choice(letters, rng.integers(2, 11))) for _ in range(N_WORDS))
    shares = np.cumsum(1 / np.arange(1, N_WORDS + 1))
    shares /= shares[-1]

    def group(numbers: np.ndarray) -> pa.Table:
        lengths = rng.poisson(MEAN_WORDS, len(numbers))
        drawn = np.searchsorted(shares, rng.random(lengths.sum()))
        labels = rng.integers(0, N_CLASSES, len(numbers))
        own = 100 + np.repeat(labels, lengths)
        drawn = np.where(rng.random(len(drawn)) < 0.02, own, drawn)
        ends = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
        parts = pa.ListArray.from_arrays(ends, words.take(pa.array(drawn)))
        texts = pc.utf8_capitalize(pc.binary_join(parts, " "))
        return pa.table({"text": texts, "label": [f"c{each}" for each in labels]})

    per_text = np.mean([len(text) for text in group(np.arange(1000))["text"].to_pylist()])
    write(path, int(gigabytes * 2**30 / per_text), GROUP_TEXTS, group)


def write(path: Path, n_rows: int, size: int, group: Callable[[np.ndarray], pa.Table]) -> None:
    """Write a Parquet file, a row group at a time."""
    writer = None
    for start in range(0, n_rows, size):
        table = group(np.arange(start, min(start + size, n_rows)))
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()
    print(f"{n_rows:,} rows, {path.stat().st_size / 2**30:.1f} GB of Parquet", flush=True)


def train(folder: Path, file: Path, kind: str) -> Run:
    """Train with dlrun in a process of its own, and watch it."""
    net = {"image": "picture", "text": "bag"}[kind]
    shutil.copy(BY_HAND / "nets.py", folder)
    recipe, script = folder / "recipe.yaml", folder / "train.py"
    recipe.write_text(RECIPE.format(file=file, kind=kind, net=net, epochs=EPOCHS, batch=BATCH))
    script.write_text(STORE + TRAIN + FACTS)
    command = [sys.executable, str(script), str(recipe)]
    return watch(command, folder, DLRUN_CACHE_DIR=str(folder / "cache"))


def train_by_hand(folder: Path, file: Path, kind: str, n_train: int, n_validation: int) -> Run:
    """Train with the script, on as many rows."""
    counts = map(str, (n_train, n_validation, EPOCHS, BATCH))
    return watch(
        [sys.executable, str(BY_HAND / "media_tfdata.py"), kind, str(file), *counts], folder
    )


def report(ours: Run, hand: Run, n_rows: int) -> bool:
    """Print memory and speed; say whether they keep the limits."""
    name = next(line for _, line in ours.told if line.startswith("start ")).split()[1]
    ends = [ours.at(f"start {name}"), *(ours.at(f"epoch {n + 1}") for n in range(EPOCHS))]
    first = ours.peak_between(0, ours.at("prepared"))
    peaks = [ours.peak_between(a, b) for a, b in pairwise(ends)]
    peak = ours.value("peak") / 1024
    for _, line in ours.told:
        if line.startswith("DLR"):
            print(line)
    print(f"first pass {ours.value('prepared'):.0f} s, up to {first:,.0f} MB")
    print(f"peaks of the epochs: {', '.join(f'{mb:,.0f}' for mb in peaks)} MB")
    print(f"peak of all: {peak:,.0f} MB (limit {PEAK_MB:,}); by hand {hand_peak(hand):,.0f} MB")
    speeds, used = (
        [[value(run, f"{what} {n + 1} ") for n in range(EPOCHS)] for run in (ours, hand)]
        for what in ("epoch", "cpu")
    )
    ratios = [mine / other for mine, other in zip(*speeds, strict=True)]
    for n, (mine, other) in enumerate(zip(*speeds, strict=True)):
        cpu = f"CPU per row {used[0][n]:,.0f} µs, by hand {used[1][n]:,.0f}"
        print(f"epoch {n + 1}: {mine:,.0f} rows/s, by hand {other:,.0f}, {ratios[n]:.2f} ×; {cpu}")
    passes = ours.value("prepared") + sum(n_rows / speed for speed in speeds[0])
    whole = sum(n_rows / speed for speed in speeds[1]) / passes
    print(f"all epochs and the first pass: {whole:.2f} × as fast as by hand", flush=True)
    is_flat = peaks[-1] <= GROWTH * peaks[0]
    return peak <= PEAK_MB and is_flat and np.median(ratios) >= SPEED


def value(run: Run, start: str) -> float:
    """Return the number at the end of the line that starts so."""
    return next(float(line.split()[-1]) for _, line in run.told if line.startswith(start))


def hand_peak(run: Run) -> float:
    """Return the most memory of the script."""
    return run.peak_between(0, np.inf)


def main(what: str, amount: float | None = None) -> int:
    """Run the benchmark."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with TemporaryDirectory(prefix="dlrun-media-") as scratch:
        folder = Path(scratch)
        file, kind = folder / "table.parquet", what.removesuffix("s")
        if kind == "image":
            write_images(file, int(amount or 100_000))
        else:
            write_texts(file, amount or 5.0)
        ours = train(folder, file, kind)
        told = next(line for _, line in ours.told if line.startswith("rows ")).split()
        n_validation, n_train = map(int, told[1:])
        hand = train_by_hand(folder, file, kind, n_train, n_validation)
        return 0 if report(ours, hand, n_train) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(float, sys.argv[2:])))
