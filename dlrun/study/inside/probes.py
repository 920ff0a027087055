"""Layer probes: a linear model on what each layer computes (Alain & Bengio 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.catalog.features import FEATURES, features_of_type
from dlrun.catalog.metrics import metrics_of
from dlrun.contract.probes import LayerProbe, LayerProbes
from dlrun.metrics.scores import score
from dlrun.study.inside.activations import MAX_WIDTH, Activations, narrowed
from dlrun.study.inside.linear import linear_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.dataset import Column
    from dlrun.contract.inside import Inside
    from dlrun.study.inside.context import InsideContext

# Metrics that need no probabilities, which a linear regression of indicators does not give.
SUITED: Final = (
    "roc_auc", "balanced_accuracy", "f1", "average_precision", "mcc", "kappa", "r2",
)  # fmt: skip
OTHERWISE: Final = ("accuracy", "r2")
TOKENS: Final = "text"  # how the names of groups of texts begin


def add_probes(context: InsideContext, inside: Inside) -> Inside:
    """Add the probes of a network's layers."""
    seen = context.activations
    if seen is None:
        return inside
    metric = probe_metric(context.metric, context.dataset.target.task)
    own = _scores(context, seen, metric)
    random = _scores(context, _randomized(context, seen), metric)
    layers = tuple(
        LayerProbe(layer.name, layer.kind, layer.shape, matrix.shape[1], *scores)
        for layer, matrix, *scores in zip(seen.layers, seen.train, own, random, strict=True)
    )
    engineered, names = _engineered(context, metric)
    train, test = context.train_sample, context.test_sample
    raw = linear_score(*raw_inputs(seen), train, test, metric)
    predicted = context.fitted.predict(test.frame)
    own_score = score((metric,), predicted, test.y, test.target)[metric]
    return replace(
        inside,
        probes=LayerProbes(
            metric, layers, raw, engineered, names, own_score, len(train), len(test)
        ),
    )


def probe_metric(primary: str, task: str) -> str:
    """Return the metric of probes: the primary one where no probabilities are needed for it."""
    known = metrics_of(task)
    return primary if primary in SUITED else next(name for name in OTHERWISE if name in known)


def _scores(context: InsideContext, seen: Activations, metric: str) -> list[float]:
    """Return the score of a linear model on each layer."""
    return [
        linear_score(
            narrowed(train, context.seed),
            narrowed(test, context.seed),
            context.train_sample,
            context.test_sample,
            metric,
        )
        for train, test in zip(seen.train, seen.test, strict=True)
    ]


def _randomized(context: InsideContext, seen: Activations) -> Activations:
    network = seen.network.randomized(context.seed)
    return replace(
        seen,
        network=network,
        train=network.activations(seen.train_rows),
        test=network.activations(seen.test_rows),
    )


# ------------------------------------------------------------------- what layers are compared with


def raw_inputs(seen: Activations) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the encoded inputs of training and test rows as matrices, at most `MAX_WIDTH` wide.

    Numbers are laid out, and missing ones 0. The codes of each column of categories, and of all
    tokens of a text, are counted, up to the number `MAX_WIDTH`: frequent tokens have low ones.
    """
    train, test = map(seen.network.encoded, (seen.train_rows, seen.test_rows))
    pairs = [_matrices(name, train[name], test[name]) for name in train]
    return (
        narrowed(np.hstack([first for first, _ in pairs]).astype(np.float32), seed=0),
        narrowed(np.hstack([second for _, second in pairs]).astype(np.float32), seed=0),
    )


def _matrices(
    group: str, train: NDArray[Any], test: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    if train.dtype.kind != "i":  # images are of uint8
        flat = [np.nan_to_num(part.reshape(len(part), -1)) for part in (train, test)]
        return flat[0], flat[1]
    n_codes = min(MAX_WIDTH, int(train.max(initial=0)) + 1)
    if group.startswith(TOKENS):
        return _counts(train, n_codes), _counts(test, n_codes)
    columns = [
        [_counts(part[:, [place]], n_codes) for place in range(part.shape[1])]
        for part in (train, test)
    ]
    return np.hstack(columns[0]), np.hstack(columns[1])


def _counts(codes: NDArray[Any], n_codes: int) -> NDArray[np.float32]:
    """Count the codes of each row below a number, (rows, codes)."""
    counts = np.zeros((len(codes), n_codes), np.float32)
    rows, places = np.nonzero(codes < n_codes)
    np.add.at(counts, (rows, codes[rows, places]), 1)
    return counts


def _engineered(context: InsideContext, metric: str) -> tuple[float, tuple[str, ...]]:
    """Return the score of a linear model on features as classic candidates get them, and these."""
    from dlrun.classic.features.pipeline import make_features, transform
    from dlrun.classic.features.spec import FeatureSpec

    train, test = context.train_sample, context.test_sample
    names = engineered_features(train.columns)
    spec = FeatureSpec("onehot_dense", context.preprocessing, len(train), context.seed)
    features = make_features(train.columns, list(names.values()), spec)
    features.fit(train.frame, train.y)
    matrices = (transform(features, part.frame, part.columns) for part in (train, test))
    first, second = (narrowed(np.asarray(matrix), context.seed) for matrix in matrices)
    kinds = dict.fromkeys(column.type for column in train.columns)
    words = tuple(names.get(kind, kind) for kind in kinds)
    return linear_score(first, second, train, test, metric), words


def engineered_features(columns: tuple[Column, ...]) -> Mapping[str, str]:
    """Return type of column → the first feature that is engineered, else the type's default.

    Features whose package is not installed are left out.
    """
    from dlrun.classic import extras

    missing = {name for name in FEATURES if any(extras.missing([name]))}
    found: dict[str, str] = {}
    for kind in dict.fromkeys(column.type for column in columns):
        rows = [row for row in features_of_type(kind) if row.name not in missing]
        made = [row for row in rows if not (row.is_raw or row.is_learned)] or rows[:1]
        found |= {kind: made[0].name} if made else {}
    return found
