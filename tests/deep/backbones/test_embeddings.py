"""Vectors of a frozen backbone: computed once, kept on disk, the same bits whatever the batch."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from damage import flipped
from filelock import FileLock
from toy_backbone import LetterBackbone, counting

from dlrun.deep.backbones import embeddings, vector_store
from dlrun.deep.backbones.embeddings import embed
from dlrun.system import cost

TEXTS = ["a bad cafe", "", "face", "a bad cafe", "fade"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("DLRUN_CACHE_DIR", str(tmp_path / "cache"))
    forget()
    yield tmp_path / "cache" / "vectors"
    forget()


def forget() -> None:
    """Lose what a process has in memory, as a new one would."""
    vector_store._open.cache_clear()
    embeddings._forwards.clear()


def chunks(cache: Path) -> list[Path]:
    return sorted(cache.glob("*/*.vectors"))


def test_each_distinct_cell_is_read_once_whoever_asks(cache: Path) -> None:
    backbone = counting("one")
    vectors = embed(backbone, TEXTS)
    assert vectors.shape == (5, 6)
    assert vectors.dtype == np.float32
    assert sorted(backbone.reader.read_cells) == sorted(set(TEXTS))
    assert np.array_equal(vectors, embed(backbone, TEXTS))
    forget()
    assert np.array_equal(vectors[::-1], embed(backbone, TEXTS[::-1]))
    assert len(backbone.reader.read_cells) == 4
    assert len(embed(backbone, [])) == 0


def test_another_digest_shares_nothing() -> None:
    first, second = counting("one"), counting("two")
    embed(first, TEXTS)
    embed(second, TEXTS)
    assert len(second.reader.read_cells) == 4


def test_cells_of_the_same_bytes_are_told_apart_by_type_and_shape() -> None:
    flat = np.arange(4, dtype=np.uint8)
    cells = [flat, flat.reshape(2, 2), flat.view(np.uint16), flat.tobytes().decode()]
    assert len({vector_store.key_of(cell) for cell in cells}) == 4


def test_a_damaged_chunk_is_computed_anew(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    backbone = counting("one")
    vectors = embed(backbone, TEXTS)
    (chunk,) = chunks(cache)
    chunk.write_bytes(flipped(300)(chunk.read_bytes()))
    forget()
    assert np.array_equal(embed(backbone, TEXTS), vectors)
    assert len(backbone.reader.read_cells) == 8
    assert "Its vectors are computed anew" in caplog.text
    forget()
    embed(backbone, TEXTS)
    assert len(backbone.reader.read_cells) == 8


def test_a_chunk_that_was_being_written_is_not_believed(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "CHUNK", 2)
    backbone = counting("one")
    vectors = embed(backbone, TEXTS)
    first, second = chunks(cache)
    first.rename(first.with_name(f".{first.name}.4242"))  # as atomic_write leaves it when killed
    second.write_bytes(second.read_bytes()[:-100])
    forget()
    assert np.array_equal(embed(backbone, TEXTS), vectors)
    assert len(backbone.reader.read_cells) == 8


def test_a_cache_that_cannot_be_written_costs_one_warning(
    cache: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(vector_store, "write_sealed", full)
    monkeypatch.setattr(embeddings, "CHUNK", 1)
    backbone = counting("one")
    assert np.array_equal(embed(backbone, TEXTS), embed(backbone, TEXTS))
    assert len(backbone.reader.read_cells) == 4
    assert len(caplog.records) == 1
    assert "No space left on device. The study goes on" in caplog.text


def test_chunks_that_nobody_reads_are_removed(cache: Path) -> None:
    embed(counting("one"), TEXTS)
    embed(counting("two"), TEXTS[:1])
    old = time.time() - 31 * 24 * 3600
    for chunk in chunks(cache):
        os.utime(chunk, (old, old))
    forget()
    embed(counting("three"), TEXTS)
    assert [chunk.parent.name for chunk in chunks(cache)] == ["three"]


def test_a_chunk_that_is_read_is_kept(cache: Path) -> None:
    embed(counting("one"), TEXTS)
    old = time.time() - 29 * 24 * 3600
    os.utime(chunks(cache)[0], (old, old))
    forget()
    embed(counting("one"), TEXTS)
    assert chunks(cache)[0].stat().st_mtime > old


def test_what_a_vector_took_counts_in_every_fit_once(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = counting("one")
    with cost.measure() as first:
        embed(backbone, TEXTS)
        embed(backbone, TEXTS)
    assert not sum(each.wall_seconds for each in first.charged.values())
    store = vector_store.open_store("one")
    taken = {vector_store.key_of(text): cost.Duration(100.0, 50.0) for text in TEXTS}
    monkeypatch.setattr(store, "costs", taken)
    with cost.measure() as second:
        embed(backbone, TEXTS[:3])
        embed(backbone, TEXTS)
    assert 400 <= second.wall_seconds < 401
    assert 200 <= second.cpu_seconds < 201


def test_waiting_for_another_process_is_no_training(cache: Path) -> None:
    """Another process encodes for a second; what it has taken counts, not the wait."""
    embed(counting("one"), TEXTS[:1])
    forget()
    is_locked = Event()

    def encode() -> None:
        with FileLock(cache / "one" / "lock"):
            is_locked.set()
            time.sleep(1)

    Thread(target=encode).start()
    is_locked.wait()
    with cost.measure() as usage:
        embed(counting("one"), TEXTS)
    assert usage.startup_seconds > 0.5 > usage.wall_seconds


def test_a_long_pass_is_announced_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(embeddings, "CHUNK", 1)
    monkeypatch.setattr(embeddings, "LONG_SECONDS", -1)
    embed(counting("one"), TEXTS)
    embed(counting("one"), TEXTS)
    (record,) = caplog.records
    assert record.getMessage().startswith("Encoding 4 cells (text) with letters takes about 0 sec")


EMBED = """
import sys
from toy_backbone import counting
from dlrun.deep.backbones.embeddings import embed
backbone = counting("shared")
vectors = embed(backbone, [f"face {number}" * number for number in range(200)])
print(vectors.sum(), len(backbone.reader.read_cells))
"""


@pytest.mark.slow
def test_processes_at_once_compute_each_vector_once(cache: Path) -> None:
    path = os.pathsep.join(sys.path)
    started = [
        subprocess.Popen(
            [sys.executable, "-c", EMBED],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        for _ in range(3)
    ]
    ended = [each.communicate()[0].split() for each in started]
    assert len({total for total, _ in ended}) == 1
    assert sum(int(n_read) for _, n_read in ended) == 200


@pytest.mark.tf
def test_a_vector_has_the_same_bits_whatever_it_is_computed_with() -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice([*"abcdef "], size)) for size in rng.integers(0, 60, 150)]
    together = embed(LetterBackbone("together"), texts)
    forget()
    for batch in (texts[40:43], texts[::-1][:97]):
        assert np.array_equal(
            embed(LetterBackbone(f"{len(batch)}"), batch),
            together[[texts.index(text) for text in batch]],
        )


@pytest.mark.tf
def test_the_network_is_built_only_where_a_vector_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors = embed(LetterBackbone(), TEXTS)
    trunk = LetterBackbone().build()
    expected = trunk(LetterBackbone().reader.read(["face"])).numpy()[0]
    assert np.allclose(vectors[2], expected, atol=1e-6)
    forget()
    monkeypatch.setattr(LetterBackbone, "build", lambda self: pytest.fail("it is built"))
    assert np.array_equal(embed(LetterBackbone(), TEXTS), vectors)
