from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import BaseEstimator, ClassifierMixin

from dlrun.classic.candidate import ClassicCandidate
from dlrun.classic.candidates import learning_from_sample
from dlrun.classic.features import all_rows, pipeline
from dlrun.classic.features.image import Pixels
from dlrun.classic.features.text import TfidfNgrams
from dlrun.classic.persistence import load
from dlrun.contract.candidate import FitContext, LearnsFromSample
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.errors import TrainingError
from dlrun.recipe.preprocessing import Preprocessing
from dlrun.system import cost

N_ALL, N_MEMORY, CHUNK = 400, 60, 33
WORDS = np.array(["good", "bad", *(f"{start}{end}" for start in "bdfglm" for end in "aeiou")])


@dataclass(frozen=True)
class Rows:
    """A stream of rows that are in memory."""

    dataset: Dataset
    sizes: tuple[int, int, int]
    classes: tuple[int, ...] = (0, 1)
    digest: str = "rows"

    def whole(self) -> Rows:
        return self

    def chunks(self, *key: int) -> Iterator[Dataset]:
        order = np.random.default_rng(key).permutation(range(0, len(self.dataset), CHUNK))
        for start in order:
            yield self.dataset.take(np.arange(start, min(start + CHUNK, len(self.dataset))))


def streamed(columns: tuple[Column, ...], frame: pd.DataFrame, y: np.ndarray) -> Dataset:
    """Return the first rows, with a stream of all."""
    target = Target("y", "classification", ("no", "yes"))
    dataset = Dataset("rows", "by hand", columns, target, frame, y, 10 * np.arange(len(frame)))
    return replace(dataset.take(np.arange(N_MEMORY)), stream=Rows(dataset, (len(frame), 0, 0)))


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(all_rows, "_opened", {})
    monkeypatch.setattr(pipeline, "PIECE_ROWS", 20)
    monkeypatch.setattr(all_rows, "PIECE_ROWS", 20)
    monkeypatch.setenv("DLRUN_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def images() -> Dataset:
    """400 images, of which 60 are in memory; those of one class are brighter."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, N_ALL)
    cells = np.empty(N_ALL, dtype=object)
    cells[:] = [rng.integers(0, 150, (6, 5, 1), np.uint8) + np.uint8(20 * label) for label in y]
    frame = pd.DataFrame({"face": cells, "age": rng.normal(size=N_ALL)})
    return streamed((Column("face", "image", (6, 5, 1)), Column("age", "number")), frame, y)


@pytest.fixture
def texts() -> Dataset:
    """400 texts, of which 60 are in memory."""
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, N_ALL)
    said = [" ".join([*rng.choice(WORDS[2:], 6), WORDS[label]]) for label in y]
    return streamed((Column("said", "text"),), pd.DataFrame({"said": said}), y)


class Recorder(ClassifierMixin, BaseEstimator):
    """Keeps what it is fitted to."""

    def fit(self, X, y):
        Recorder.fits.append((X, y))
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(X.shape[0], np.int64)


class SparseRecorder(Recorder):
    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class PartRecorder(Recorder):
    def partial_fit(self, X, y, classes):
        return self.fit(X, y)


@pytest.fixture
def fits(monkeypatch) -> list:
    monkeypatch.setattr(Recorder, "fits", [], raising=False)
    return Recorder.fits


def candidate(recorder: type, name: str = "own") -> ClassicCandidate:
    return ClassicCandidate(name, f"{__name__}.{recorder.__name__}", {}, Preprocessing())


def fit(one: ClassicCandidate, train: Dataset, seed: int = 4):
    return one.fit(train, train.take(np.arange(0)), FitContext(seed))


def counted(monkeypatch, kind: type) -> list[int]:
    """Record how many rows a transformer gets at a time."""
    counts: list[int] = []
    own = kind.transform

    def transform(self, cells):
        counts.append(len(cells))
        return own(self, cells)

    monkeypatch.setattr(kind, "transform", transform)
    return counts


def by_content(matrix, y) -> list[tuple]:
    rows = matrix.toarray() if scipy.sparse.issparse(matrix) else np.asarray(matrix)
    return sorted((*row, label) for row, label in zip(rows.round(9).tolist(), y, strict=True))


def test_the_features_of_all_images_are_what_they_are_in_memory(images: Dataset, fits):
    fitted = fit(candidate(Recorder), images)
    (matrix, y), everything = fits[0], images.stream.dataset
    assert isinstance(fitted, LearnsFromSample)
    assert fitted.n_sampled is None
    assert matrix.dtype == fitted.features.transform(images.frame).dtype
    expected = fitted.features.transform(everything.frame)
    assert len(matrix) == N_ALL
    assert by_content(matrix, y) == by_content(expected, everything.y)


def test_the_weights_of_all_texts_are_a_sparse_matrix(texts: Dataset, fits):
    fitted = fit(candidate(SparseRecorder), texts)
    (matrix, y), everything = fits[0], texts.stream.dataset
    expected = fitted.features.transform(everything.frame)
    assert scipy.sparse.issparse(matrix)
    assert type(matrix) is type(expected)
    assert (matrix.dtype, matrix.indices.dtype) == (expected.dtype, expected.indices.dtype)
    assert by_content(matrix, y) == by_content(expected, everything.y)


def test_a_sample_of_as_many_rows_as_have_room_is_told(images: Dataset, fits, monkeypatch):
    monkeypatch.setattr(all_rows, "MAX_BYTES", 100 * 31 * 8)
    fitted = fit(candidate(Recorder), images)
    (matrix, y), everything = fits[0], images.stream.dataset
    assert fitted.n_sampled == len(matrix) == len(y) == 100
    expected = by_content(fitted.features.transform(everything.frame), everything.y)
    assert set(by_content(matrix, y)) < set(expected)
    assert len(set(by_content(matrix, y))) == 100
    in_memory = by_content(fitted.features.transform(images.frame), images.y)
    assert 3 < len(set(in_memory) & set(by_content(matrix, y))) < 30  # 15 in a uniform sample
    other = fit(candidate(Recorder), images, seed=5)
    assert by_content(*fits[1]) != by_content(matrix, y)
    assert other.n_sampled == 100


def test_sparse_rows_have_a_room_of_their_own(texts: Dataset, fits, monkeypatch):
    monkeypatch.setattr(all_rows, "MAX_SPARSE_BYTES", 100_000)
    fitted = fit(candidate(SparseRecorder), texts)
    matrix = fits[0][0]
    assert N_MEMORY < fitted.n_sampled == matrix.shape[0] < N_ALL
    assert 80_000 < matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes < 110_000


def test_less_room_than_for_the_rows_in_memory(images: Dataset, fits, monkeypatch):
    monkeypatch.setattr(all_rows, "MAX_BYTES", 30 * 31 * 8)
    fitted = fit(candidate(Recorder), images)
    assert fitted.n_sampled == 30
    assert np.array_equal(fits[0][1], images.y[:30])


def test_where_all_rows_are_in_memory_the_fit_is_that_of_a_dataset(
    images: Dataset, fits, monkeypatch
):
    counts = counted(monkeypatch, Pixels)
    whole = images.stream.dataset.take(np.arange(N_MEMORY))
    fit(candidate(Recorder), whole)
    for _ in range(2):
        fit(candidate(Recorder), replace(whole, stream=Rows(whole, (N_MEMORY, 0, 0))))
    assert sum(counts) == 3 * N_MEMORY  # by the dataset, by the fit and by the pass of the stream
    (plain, own), (streamed, y), _ = fits
    assert np.array_equal(streamed, plain)
    assert np.array_equal(y, own)


def test_candidates_with_the_same_features_share_one_pass(images: Dataset, fits, monkeypatch):
    counts = counted(monkeypatch, Pixels)
    fit(candidate(Recorder), images)
    assert sum(counts) == N_MEMORY + N_ALL
    fit(candidate(Recorder, "another"), images)
    fit(candidate(PartRecorder), images)
    assert sum(counts) == N_MEMORY + N_ALL
    assert np.array_equal(fits[0][0], fits[1][0])
    fits[1][0][:] = 0.0  # an estimator's changes stay its own
    fit(candidate(Recorder), images)
    assert np.array_equal(fits[0][0], fits[-1][0])
    assert sum(counts) == N_MEMORY + N_ALL
    assert max(counts) == 60


@pytest.mark.parametrize("change", ["digest", "seed", "columns"])
def test_other_rows_have_other_features(images: Dataset, fits, monkeypatch, change: str):
    counts = counted(monkeypatch, Pixels)
    fit(candidate(Recorder), images)
    others = {
        "digest": replace(images, stream=replace(images.stream, digest="others")),
        "columns": replace(
            images, columns=(replace(images.columns[0], shape=(1, 1, 1)), images.columns[1])
        ),
        "seed": images,
    }
    fit(candidate(Recorder), others[change], seed=5 if change == "seed" else 4)
    assert sum(counts) == 2 * (N_MEMORY + N_ALL)


def test_an_estimator_that_learns_in_parts_sees_all_rows_once(texts: Dataset, fits, monkeypatch):
    monkeypatch.setattr(all_rows, "MAX_BYTES", 1000)
    fitted = fit(candidate(PartRecorder), texts)
    everything = texts.stream.dataset
    expected = fitted.features.transform(everything.frame)
    assert fitted.n_sampled is None
    assert max(len(y) for _, y in fits) <= 20
    assert by_content(
        np.concatenate([part for part, _ in fits]), np.concatenate([y for _, y in fits])
    ) == by_content(expected, everything.y)


def test_the_pass_counts_in_the_cost_of_each_fit_that_uses_it(images: Dataset, fits, monkeypatch):
    own = Pixels.transform

    def slow(self, cells):
        if len(cells) < N_MEMORY:
            until = cost._cpu_seconds() + 0.01
            while cost._cpu_seconds() < until:
                pass
        return own(self, cells)

    monkeypatch.setattr(Pixels, "transform", slow)
    usages = []
    for _ in range(2):
        with cost.measure() as usage:
            fit(candidate(Recorder), images)
        usages.append(usage)
    first, second = usages
    assert first.cpu_seconds > 0.2
    assert second.cpu_seconds == pytest.approx(first.cpu_seconds, rel=0.3)
    assert second.wall_seconds == pytest.approx(first.wall_seconds, rel=0.5)


def test_features_that_nobody_uses_leave_nothing_on_disk(images: Dataset, fits, tmp_path: Path):
    def n_open() -> int:
        links = (os.readlink(each) for each in Path("/proc/self/fd").iterdir() if each.is_symlink())
        return sum(str(tmp_path / "cache") in link for link in links)

    if not Path("/proc/self/fd").exists():
        pytest.skip("open files are listed by Linux")
    for seed in range(all_rows.N_KEPT + 2):
        fit(candidate(Recorder), images, seed)
    fits.clear()
    gc.collect()
    assert n_open() == 2 * all_rows.N_KEPT
    assert list((tmp_path / "cache" / "features").iterdir()) == []
    all_rows._opened.clear()
    gc.collect()
    assert n_open() == 0


def test_a_full_disk_is_told(images: Dataset, fits, monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("a full disk is simulated by Linux")
    monkeypatch.setattr(all_rows, "TemporaryFile", lambda **_: Path("/dev/full").open("wb"))
    with pytest.raises(TrainingError, match=r"No space left on device\. Free some space"):
        fit(candidate(Recorder), images)


def test_real_estimators_learn_from_the_files_and_are_saved(images: Dataset, texts, tmp_path: Path):
    for name, train in (
        ("knn", images),
        ("hist_gradient_boosting", images),
        ("linear", texts),
        ("linear_svm", texts),
        ("dummy", texts),
    ):
        fitted = fit(ClassicCandidate(name, name, {}, Preprocessing()), train)
        everything = train.stream.dataset
        values = fitted.predict(everything.frame).values
        if name != "dummy":
            assert np.mean(values.argmax(axis=1) == everything.y) > 0.8
        folder = tmp_path / name
        folder.mkdir()
        fitted.save(folder)
        assert np.array_equal(load(folder).predict(everything.frame).values, values)


def test_vocabularies_are_found_in_a_part_of_many_letters(texts: Dataset, fits, monkeypatch):
    monkeypatch.setattr(all_rows, "FIT_LETTERS", 1000)
    seen = []
    own = TfidfNgrams.fit_transform
    monkeypatch.setattr(
        TfidfNgrams,
        "fit_transform",
        lambda self, cells, y=None: seen.append(cells) or own(self, cells),
    )
    fit(candidate(SparseRecorder), texts)
    assert (
        seen[0].str.len().sum()
        <= 1000
        < texts.frame["said"].iloc[: len(seen[0]) + 1].str.len().sum()
    )
    assert fits[0][0].shape[0] == N_ALL


def test_nobody_says_beforehand_that_it_learns_from_a_sample(images: Dataset):
    candidates = [candidate(Recorder), candidate(PartRecorder)]
    assert list(learning_from_sample(candidates, images, N_MEMORY)) == []
    table = replace(images, columns=images.columns[1:])
    (note,) = learning_from_sample(candidates, table, N_MEMORY)
    assert note.text == "own learns from a sample of 60 of 400 training rows."
