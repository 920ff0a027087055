"""The features of all training rows of a stream, computed in one pass and kept on disk."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO, Any, Final

import joblib
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from dlrun.classic.features.pipeline import PIECE_ROWS, has_structure, in_pieces
from dlrun.contract.dataset import Column, Dataset, Stream
from dlrun.data.streaming.prefetch import prefetch
from dlrun.errors import TrainingError
from dlrun.system import cost
from dlrun.system.cache import CACHE_VARIABLE, cache_folder
from dlrun.system.cost import Duration

MAX_BYTES: Final = 2**28  # of a dense matrix: boosting copies it as float64, twice
MAX_SPARSE_BYTES: Final = 2**29  # linear machines copy it twice
FIT_ROWS: Final = 20_000  # that features are fitted to: pixels of so many take 240 MB
FIT_LETTERS: Final = 2**24  # of their texts: to count the n-grams of one takes 55 bytes a letter
N_KEPT: Final = 6  # of different features
LONG_SECONDS: Final = 10.0  # a pass that takes longer is announced
ROOM: Final = "features"  # of the cache

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FeatureRows:
    """Features of training rows.

    Attributes:
        features: the fitted transformer that they are made by.
        matrix: (rows, features).
        y: of these rows, as in a dataset.
        row_ids: likewise.
        n_all: the training rows that there are.
    """

    features: Any
    matrix: Any
    y: NDArray[Any]
    row_ids: NDArray[np.int64]
    n_all: int

    @property
    def n_sampled(self) -> int | None:
        """Return the number of rows where they are a sample; None: they are all."""
        return len(self.y) if len(self.y) < self.n_all else None


def fitting_rows(train: Dataset) -> Dataset:
    """Return the rows in memory of a stream that features are fitted to, the first ones.

    They are in the order of their hashes, so that the first ones are a uniform sample.
    """
    texts = [column.name for column in train.columns if column.type == "text"]
    lengths = sum((train.frame[name].str.len().to_numpy() for name in texts), np.zeros(len(train)))
    n_rows = int(np.searchsorted(np.cumsum(lengths), FIT_LETTERS, side="right"))
    n_rows = max(1, min(FIT_ROWS, n_rows))
    return train if n_rows >= len(train) else train.take(np.arange(n_rows))


def features_in_memory(unfitted: Any, train: Dataset) -> FeatureRows:
    """Fit features to the rows in memory, and return theirs."""
    matrix = unfitted.fit_transform(train.frame, train.y)
    return FeatureRows(unfitted, matrix, train.y, train.row_ids, len(train))


def features_of_stream(
    unfitted: Any,
    train: Dataset,
    stream: Stream,
    seed: int,
    *,
    most: int | None = None,
    in_parts: bool = False,
) -> FeatureRows:
    """Fit features to the rows in memory, and return those of all training rows of a stream.

    They are computed in one pass; where not all have room, those of a uniform sample of as many as
    have. Candidates with the same features share them, and the cost of the pass counts in each fit
    that is measured.

    Args:
        unfitted: a transformer of typed rows.
        train: the rows of `fitting_rows`.
        stream: of all training rows.
        seed: draws the sample.
        most: the number of rows that are needed; None: all.
        in_parts: whether a sample is needed only to calibrate: `parts` brings all rows.
    """
    kept = _open(unfitted, train, stream, seed)
    n_all = kept.stream.sizes[0]
    n_rows = min(n_all, kept.n_fitting, n_all if most is None else most)
    if n_rows == n_all or (n_rows > len(train) and not in_parts):
        return kept.rows(n_rows, train)
    some = train.take(np.arange(min(n_rows, len(train))))
    matrix = kept.features.transform(some.frame)
    return FeatureRows(kept.features, matrix, some.y, some.row_ids, n_all)


def parts(
    rows: FeatureRows, stream: Stream, columns: Iterable[Column], seed: int
) -> Iterator[tuple[Any, NDArray[Any]]]:
    """Yield the features and y of all training rows of a stream, some thousand at a time.

    Args:
        rows: their features where they had room, else those of a sample.
        stream: of the rows.
        columns: of the rows.
        seed: fixes the order.
    """
    if has_structure(columns) and rows.n_sampled is None:
        for start in range(0, rows.n_all, PIECE_ROWS):
            yield rows.matrix[start : start + PIECE_ROWS], rows.y[start : start + PIECE_ROWS]
        return
    for chunk in prefetch(stream.chunks(seed)):
        start = 0
        for frame in in_pieces(chunk.frame, chunk.columns):
            y = chunk.y[start : start + len(frame)]
            yield rows.features.transform(frame), y
            start += len(frame)


@dataclass
class StreamFeatures:
    """Features that are fitted to a sample of a stream, and those of its rows, once computed.

    Attributes:
        features: the fitted transformer.
        stream: of all training rows.
        n_fitting: the number of rows whose features have room.
        costs: what it took to fit them, and to compute those of the rows.
        made: number of rows → their features, in files.
    """

    key: str
    features: Any
    stream: Stream
    seed: int
    n_fitting: int
    costs: dict[bytes, Duration]
    made: dict[int, _Files] = field(default_factory=dict)

    def rows(self, n_rows: int, train: Dataset) -> FeatureRows:
        """Return the features of all rows, or of a uniform sample of so many.

        Args:
            n_rows: of the sample, or of all.
            train: those in memory, which are not read again where they are all.
        """
        if n_rows not in self.made:
            with cost.recorded(f"{self.key} {n_rows}".encode()) as costs:
                files = self._compute(n_rows, train)
            self.made[n_rows] = files
            files.costs = costs
        files = self.made[n_rows]
        cost.charge(files.costs)
        y, row_ids = map(np.concatenate, (files.y, files.row_ids))
        return FeatureRows(self.features, files.matrix(), y, row_ids, self.stream.sizes[0])

    def _compute(self, n_rows: int, train: Dataset) -> _Files:
        n_all, files, done, started = self.stream.sizes[0], _Files(), 0, time.perf_counter()
        is_chosen = np.zeros(n_all, dtype=bool)
        is_chosen[np.random.default_rng(self.seed).choice(n_all, n_rows, replace=False)] = True
        in_memory = len(train) == n_all
        for chunk in [train] if in_memory else prefetch(self.stream.chunks(self.seed)):
            chosen = np.flatnonzero(is_chosen[done : done + len(chunk)])
            if len(chosen):
                files.add_rows(chunk.take(chosen), self.features)
            if not done:
                _announce(n_rows, (time.perf_counter() - started) * (n_all / len(chunk) - 1))
            done += len(chunk)
        files.flush()
        return files


_opened: dict[str, StreamFeatures] = {}


def _open(unfitted: Any, train: Dataset, stream: Stream, seed: int) -> StreamFeatures:
    """Return features that are fitted to these rows of a stream, in this process once."""
    identity = (unfitted, train.columns, stream.digest, stream.sizes, train.row_ids, train.y, seed)
    key: str = joblib.hash(identity)
    found = _opened.pop(key, None)
    if found is None:
        with cost.recorded(key.encode()) as costs:
            sample = unfitted.fit_transform(train.frame, train.y)
        found = StreamFeatures(key, unfitted, stream, seed, _n_fitting(sample), costs)
    _opened[key] = found  # the latest is the last
    while len(_opened) > N_KEPT:
        del _opened[next(iter(_opened))]
    cost.charge(found.costs)
    return found


def _n_fitting(sample: Any) -> int:
    """Return the number of rows like these whose features have room."""
    if scipy.sparse.issparse(sample):
        per_row = 1 + sample.nnz / sample.shape[0]
        return int(MAX_SPARSE_BYTES / (per_row * (sample.dtype.itemsize + 4)))
    return int(MAX_BYTES // max(1, sample.shape[1] * sample.itemsize))


def _announce(n_rows: int, seconds: float) -> None:
    if seconds > LONG_SECONDS:
        text = "Computing the features of %s rows takes about %.0f seconds, once."
        log.warning(text, f"{n_rows:,}", seconds)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = (
            f"the features of the stream cannot be kept on disk: {error}. Free some space, or "
            f"choose another folder: {CACHE_VARIABLE}"
        )
        raise TrainingError(message) from error


@_disk_errors()
def _open_file() -> IO[bytes]:
    """Open a file without a name, which is gone with this process, however that ends."""
    folder = cache_folder(ROOM)
    folder.mkdir(parents=True, exist_ok=True)
    return TemporaryFile(dir=folder)


@dataclass
class _Files:
    """Features of rows in files, mapped into memory while they are used.

    Attributes:
        values: of a dense matrix, row by row, or those of a sparse one that are not zero.
        indices: the columns of a sparse matrix's values.
        lengths: for each piece, (rows,) the number of values of each row.
        kind: an example, without rows.
    """

    values: IO[bytes] = field(default_factory=_open_file)
    indices: IO[bytes] = field(default_factory=_open_file)
    lengths: list[NDArray[np.int64]] = field(default_factory=list)
    y: list[NDArray[Any]] = field(default_factory=list)
    row_ids: list[NDArray[np.int64]] = field(default_factory=list)
    kind: Any = None
    costs: dict[bytes, Duration] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Close the files once nobody uses them."""
        for file in (self.values, self.indices):
            weakref.finalize(self, file.close)

    def add_rows(self, rows: Dataset, features: Any) -> None:
        """Append the features of rows."""
        for frame in in_pieces(rows.frame, rows.columns):
            self._add(features.transform(frame))
        self.y.append(rows.y)
        self.row_ids.append(rows.row_ids)

    def _add(self, matrix: Any) -> None:
        self.kind = matrix[:0] if self.kind is None else self.kind
        if scipy.sparse.issparse(matrix):
            matrix = scipy.sparse.csr_matrix(matrix)
            matrix.sort_indices()
            self.lengths.append(np.diff(matrix.indptr).astype(np.int64))
            self._write(self.indices, matrix.indices.astype(np.int32))
            matrix = matrix.data
        self._write(self.values, np.ascontiguousarray(matrix, self.kind.dtype))

    @_disk_errors()
    def flush(self) -> None:
        """Write what is still in memory."""
        self.values.flush()
        self.indices.flush()

    @_disk_errors()
    def _write(self, file: IO[bytes], numbers: NDArray[Any]) -> None:
        file.write(numbers.data)

    def matrix(self) -> Any:
        """Return all rows, whose changes stay in memory."""
        n_columns, dtype = self.kind.shape[1], self.kind.dtype
        if not scipy.sparse.issparse(self.kind):
            return _mapped(self.values, dtype).reshape(-1, n_columns)
        starts = np.concatenate([[0], np.cumsum(np.concatenate(self.lengths))])
        content = _mapped(self.values, dtype), _mapped(self.indices, np.int32), starts
        return type(self.kind)(content, shape=(len(starts) - 1, n_columns))


def _mapped(file: IO[bytes], dtype: Any) -> NDArray[Any]:
    if not file.tell():
        return np.zeros(0, dtype)
    return np.asarray(np.memmap(file, dtype, mode="c"))
