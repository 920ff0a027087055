"""The vectors that a frozen backbone makes of cells, each computed once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backbones.backbone import Backbone
from dlrun.deep.backbones.vector_store import VectorStore, costs_of, key_of, open_store
from dlrun.system import cost
from dlrun.system.cost import Duration

BATCH: Final = 32
STEP: Final = 8  # lengths of texts are rounded up to its multiples
CHUNK: Final = 512  # cells between two writes
LONG_SECONDS: Final = 10.0  # a pass that takes longer is announced

log = logging.getLogger(__name__)


def embed(backbone: Backbone, cells: Sequence[Any]) -> NDArray[np.float32]:
    """Return the vectors of cells, (rows, width) float32; each distinct one is computed once.

    They are kept in the user's cache, where later folds, candidates and studies find them. A
    vector has the same bits whatever cells it is computed with: a batch always has as many rows,
    and the padding of a row depends on that row alone. What a vector took to compute counts in
    each fit that is measured, also where it was computed before.

    Args:
        backbone: whose weights are as pretrained.
        cells: as in a typed frame.
    """
    store = open_store(backbone.digest)
    keys = [key_of(cell) for cell in cells]
    known = dict(zip(keys, cells, strict=True))
    if any(key not in store.vectors for key in known):
        store.refresh()
    if any(key not in store.vectors for key in known):
        with store.locked():
            missing = {key: cell for key, cell in known.items() if key not in store.vectors}
            _add(store, backbone, missing)
            cost.charge(dict.fromkeys(missing, Duration()))  # it is measured as it is
    cost.charge(costs_of(store, keys))
    vectors = [store.vectors[key] for key in keys]
    return np.stack(vectors) if vectors else np.empty((0, backbone.width), np.float32)


def encode(backbone: Backbone, cells: Sequence[Any]) -> NDArray[np.float32]:
    """Return the vectors of cells, (rows, width) float32, computed here and now, and not kept."""
    return prepare(backbone, cells)()


def prepare(
    backbone: Backbone, cells: Sequence[Any], *, is_filled: bool = False
) -> Callable[[], NDArray[np.float32]]:
    """Read cells; return what computes their vectors, (rows, width) float32.

    Args:
        backbone: whose weights are as pretrained.
        cells: as in a typed frame.
        is_filled: whether every batch has as many rows, some twice.
    """
    if not backbone.is_trainable:
        return lambda: np.asarray(backbone.reader.read(cells), np.float32)
    group, forward = backbone.reader.read(cells), _compiled(backbone)
    is_free = None in backbone.group.shape
    lengths = _lengths(group) if is_free else np.zeros(len(group), np.int64)

    def compute() -> NDArray[np.float32]:
        vectors = np.empty((len(group), backbone.width), np.float32)
        for length in np.unique(lengths):
            same = np.flatnonzero(lengths == length)
            for rows in np.split(same, range(BATCH, len(same), BATCH)):
                batch = group[np.resize(rows, BATCH) if is_filled else rows]
                vectors[rows] = forward(_fit(batch, length) if is_free else batch)[: len(rows)]
        return vectors

    return compute


def _add(store: VectorStore, backbone: Backbone, missing: Mapping[bytes, Any]) -> None:
    """Compute vectors and add them to a store, the cells in the order of their length."""
    if missing and backbone.is_trainable:
        _compiled(backbone)
    order = sorted(missing, key=lambda key: len(missing[key]))
    for start in range(0, len(order), CHUNK):
        keys, rest = order[start : start + CHUNK], order[start + CHUNK :]
        cells = [missing[key] for key in keys]
        wall, cpu = time.perf_counter(), time.process_time()
        vectors = prepare(backbone, cells, is_filled=True)()
        took = Duration(time.perf_counter() - wall, time.process_time() - cpu)
        store.add(keys, vectors, took)
        if not start:
            share = _length(missing[key] for key in rest) / _length(cells)
            _announce(backbone, len(order), took.wall_seconds * share)


def _length(cells: Iterable[Any]) -> int:
    return sum(1 + len(cell) for cell in cells)


def _announce(backbone: Backbone, n_cells: int, seconds: float) -> None:
    """Say how long a pass is expected to take, if that is long."""
    if seconds > LONG_SECONDS:
        log.warning(
            "Encoding %s cells (%s) with %s takes about %.0f seconds, once: they are kept.",
            f"{n_cells:,}",
            backbone.column_type,
            backbone.name,
            seconds,
        )


_forwards: dict[str, Callable[[NDArray[Any]], NDArray[np.float32]]] = {}


def _compiled(backbone: Backbone) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
    """Return a backbone's compiled network, built once in a process."""
    if backbone.digest not in _forwards:
        with cost.startup():
            _forwards[backbone.digest] = _compile(backbone)
    return _forwards[backbone.digest]


def _compile(backbone: Backbone) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
    from dlrun.deep.backend import tf

    trunk, group = backbone.build(), backbone.group
    signature = [tf.TensorSpec([None, *group.shape], group.dtype)]
    forward = tf.function(
        lambda rows: tf.cast(trunk(rows, training=False), tf.float32), input_signature=signature
    )
    forward.get_concrete_function()

    def run(rows: NDArray[Any]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = forward(tf.constant(rows, group.dtype)).numpy()
        return vectors

    return run


def _lengths(ids: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the number of ids of each text, rounded up; those of padding are 0."""
    longest = ids.shape[1] - np.argmax(ids[:, ::-1] != 0, axis=1)
    lengths = np.where((ids != 0).any(axis=1), longest, 1)
    rounded: NDArray[np.int64] = -(-lengths // STEP) * STEP
    return rounded


def _fit(ids: NDArray[np.int32], length: int) -> NDArray[np.int32]:
    """Cut or pad rows of ids to a length."""
    return np.pad(ids[:, :length], ((0, 0), (0, max(0, length - ids.shape[1]))))
