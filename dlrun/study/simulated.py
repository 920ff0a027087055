"""Simulated studies whose true answer is known, for the self-test and to measure the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.catalog.metrics import metrics_of
from dlrun.catalog.metrics.row import ScoredRows
from dlrun.contract.candidate import BLEND, Family, Predictions
from dlrun.contract.study import DataSummary, Study
from dlrun.data.targets import target_kind
from dlrun.metrics.blend import blend_weights, mix

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

TASK: Final = "classification"
LABELS: Final = ("no", "yes")
SHARED, OWN = 8, 6  # columns that all candidates see, and that one alone sees
SHARED_SIGNAL: Final = 1.05  # distance of the classes on the shared columns, in deviations
PENALTY: Final = 10.0
VALIDATION: Final = 0.1
METRICS: Final = ("roc_auc", "accuracy")


@dataclass(frozen=True, kw_only=True)
class SimulatedStudy(Study):
    """A study in memory.

    Attributes:
        predictions: candidate → its test predictions.
        weights: blend → its members, as in `Study.read_weights`.
        true_scores: candidate → metric → the mean true score of its fitted models.
    """

    predictions: Mapping[str, pd.DataFrame] = field(repr=False)
    weights: Mapping[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    true_scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def read_predictions(self, candidate: str) -> pd.DataFrame:
        """Return a candidate's test predictions; see `Study`."""
        return self.predictions[candidate]

    def read_validation_predictions(self, candidate: str) -> None:
        """Return None; see `Study`."""

    def read_weights(self, candidate: str) -> pd.DataFrame:
        """Return the members of a blend; see `Study`."""
        return self.weights[candidate] if candidate in self.weights else self.read_probe_scores()

    def decode_predictions(self, frame: pd.DataFrame) -> tuple[Any, Predictions]:
        """Return y and the predictions of rows; see `Study`."""
        return target_kind(self.task).from_table(frame, self.labels)

    def read_probe_scores(self) -> pd.DataFrame:
        """Return no rows; see `Study`."""
        from pandas import DataFrame

        return DataFrame()

    def read_search(self) -> pd.DataFrame:
        """Return no rows; see `Study`."""
        return self.read_probe_scores()

    def read_epochs(self, candidate: str) -> pd.DataFrame:
        """Return no rows; see `Study`."""
        return self.read_probe_scores()

    def read_layers(self, candidate: str) -> pd.DataFrame:
        """Return no rows; see `Study`."""
        return self.read_probe_scores()

    def read_excerpt(self) -> None:
        """Return None; see `Study`."""

    def read_inside(self, candidate: str) -> None:
        """Return None; see `Study`."""

    def read_text(self, name: str) -> str:
        """Return nothing; see `Study`."""
        return ""


@dataclass(frozen=True)
class Contender:
    """A ridge classifier on the shared columns and on some that it alone sees.

    Attributes:
        signal: distance of the classes on its own columns; more is better.
        noise: how much the weights vary from training to training, as those of a network do.
        like: the place of an earlier contender whose columns it sees; None: some of its own.
    """

    name: str
    family: Family
    signal: float = 0.5
    noise: float = 0.0
    like: int | None = None


def simulate_ridge(
    contenders: Sequence[Contender],
    rng: np.random.Generator,
    *,
    n_rows: int = 300,
    folds: int = 5,
    repeats: int = 1,
    metric: str = "roc_auc",
    rope: float | None = None,
    has_blend: bool = False,
) -> SimulatedStudy:
    """Cross-fit ridge classifiers on two normal classes, so that the true scores are known.

    Args:
        contenders: with equal signals and noise they are equally good.
        rng: of the rows, the folds and the noise.
        n_rows: half of each class.
        folds: of each repeat; 1: one test set of a fifth of the rows.
        repeats: of the folds.
        metric: the primary one.
        rope: as in a recipe; None: automatic.
        has_blend: the contenders are blended as well.
    """
    from scipy.special import expit

    y = rng.permutation(n_rows) % 2
    centres = np.concatenate(
        [_spread(SHARED_SIGNAL, SHARED), *(_spread(each.signal, OWN) for each in contenders)]
    )
    x = rng.normal(size=(n_rows, len(centres))) + (y[:, None] - 0.5) * centres
    results: dict[str, list[_Fitted]] = {each.name: [] for each in contenders}
    sizes = []
    dealt = [(repeat, *part) for repeat in range(repeats) for part in _folds(y, folds, rng)]
    for repeat, fold, (train, validation, test) in dealt:
        sizes.append((len(train), len(validation), len(test)))
        for place, each in enumerate(contenders):
            own = SHARED + (place if each.like is None else each.like) * OWN
            columns = np.r_[0:SHARED, own : own + OWN]
            weights, bias = _fit_ridge(x[np.ix_(train, columns)], y[train])
            weights = weights + rng.normal(size=len(weights)) * (
                each.noise * np.linalg.norm(weights) / len(weights) ** 0.5
            )
            shares = expit(4 * (x[:, columns] @ weights + bias))
            truth = _true_scores(weights, bias, centres[columns])
            results[each.name].append(_Fitted(repeat, fold, validation, test, shares, truth))
    if not has_blend:
        return _to_study(contenders, results, y, sizes, (metric, *METRICS), rope)
    blended, members = _blend(contenders, results, y, metric)
    every = (*contenders, Contender(BLEND, "both"))
    study = _to_study(every, results | {BLEND: blended}, y, sizes, (metric, *METRICS), rope)
    return replace(study, weights={BLEND: members})


def simulate_scores(
    scores: Mapping[str, Sequence[float] | Numbers],
    families: Mapping[str, Family],
    *,
    validation: Mapping[str, Sequence[float] | Numbers] | None = None,
    test_share: float = 0.2,
    rope: float = 0.005,
) -> SimulatedStudy:
    """Make a study with these scores on each split, whose rows do not vary.

    Args:
        scores: candidate → ROC AUC on each split.
        families: candidate → side.
        validation: the same on the validation rows; default: none.
        test_share: test rows ÷ (training + test rows) of a split.
        rope: as in a recipe.
    """
    from pandas import DataFrame, concat

    n_splits, n_test = len(next(iter(scores.values()))), 20
    frame = concat(
        [
            _frame(0, split, np.arange(n_test) + split * n_test, np.arange(n_test) % 2, None)
            for split in range(n_splits)
        ]
    )
    known = validation or {}
    trials = [
        _trial(name, families[name], (0, split), split, {"roc_auc": score})
        | {"val_roc_auc": known[name][split] if name in known else np.nan}
        for name, own in scores.items()
        for split, score in enumerate(own)
    ]
    n_train = round(n_test / test_share) - n_test
    return _study(
        DataFrame(trials),
        dict.fromkeys(scores, frame),
        ("roc_auc",),
        rope,
        [(n_train, n_test, n_test)] * n_splits,
        n_splits * n_test,
    )


# ------------------------------------------------------------------------------ the ridge


@dataclass(frozen=True)
class _Fitted:
    """One candidate on one split: its probability of the second class for every row."""

    repeat: int
    fold: int
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    shares: Numbers
    truth: Mapping[str, float]


def _spread(signal: float, n_columns: int) -> Numbers:
    return np.full(n_columns, signal / n_columns**0.5)


def _folds(
    y: NDArray[np.int64], folds: int, rng: np.random.Generator
) -> list[tuple[int, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]]:
    """Return training, validation and test rows of each stratified fold."""
    fold_of = np.empty(len(y), dtype=np.int64)
    for label in (0, 1):
        at = rng.permutation(np.flatnonzero(y == label))
        fold_of[at] = np.arange(len(at)) % max(folds, 5)
    parts = []
    for fold in range(folds):
        others = rng.permutation(np.flatnonzero(fold_of != fold))
        n_validation = round(VALIDATION * len(y))
        rows = others[n_validation:], others[:n_validation], np.flatnonzero(fold_of == fold)
        parts.append((fold, rows))
    return parts


def _fit_ridge(x: Numbers, y: NDArray[np.int64]) -> tuple[Numbers, float]:
    """Fit classes −1 and 1 by least squares with a penalty; return weights and bias."""
    target, centre = 2.0 * y - 1, x.mean(axis=0)
    centred = x - centre
    gram = centred.T @ centred + PENALTY * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (target - target.mean()))
    return weights, float(target.mean() - centre @ weights)


def _true_scores(weights: Numbers, bias: float, centres: Numbers) -> dict[str, float]:
    """Return the scores of a linear classifier on two normal classes at ± centres ÷ 2."""
    from scipy.special import ndtr

    length, gap = float(np.linalg.norm(weights)), float(weights @ centres)
    hits = ndtr((gap / 2 + bias) / length), ndtr((gap / 2 - bias) / length)
    return {"roc_auc": float(ndtr(gap / length / 2**0.5)), "accuracy": float(np.mean(hits))}


def _blend(
    contenders: Sequence[Contender],
    results: Mapping[str, Sequence[_Fitted]],
    y: NDArray[np.int64],
    metric: str,
) -> tuple[list[_Fitted], pd.DataFrame]:
    """Blend the contenders on each split, and return the table of their weights."""
    from pandas import DataFrame

    blended, rows = [], []
    for split, each in enumerate(results[contenders[0].name]):
        shares = np.stack([results[one.name][split].shares for one in contenders])
        checked = np.stack([1 - shares, shares], axis=2)[:, each.validation]
        weights = blend_weights(checked, y[each.validation], metrics_of(TASK)[metric], seed=split)
        blended.append(replace(each, shares=mix(shares, weights), truth={}))
        rows += [
            {"repeat": each.repeat, "fold": each.fold, "candidate": one.name}
            | {"family": one.family, "weight": weight}
            for one, weight in zip(contenders, weights, strict=True)
            if weight > 0
        ]
    return blended, DataFrame(rows)


# ------------------------------------------------------------------------------ the study


def _to_study(
    contenders: Sequence[Contender],
    results: Mapping[str, Sequence[_Fitted]],
    y: NDArray[np.int64],
    sizes: Sequence[tuple[int, int, int]],
    metrics: Sequence[str],
    rope: float | None,
) -> SimulatedStudy:
    from pandas import DataFrame, concat

    names = tuple(dict.fromkeys(metrics))
    trials, frames = [], {}
    for each in contenders:
        own = results[each.name]
        for split, fitted in enumerate(own):
            scores = _scores(names, y, fitted.shares, fitted.test)
            checked = _scores(names, y, fitted.shares, fitted.validation)
            place = (fitted.repeat, fitted.fold)
            trials.append(
                _trial(each.name, each.family, place, split, scores)
                | {f"val_{name}": score for name, score in checked.items()}
            )
        frames[each.name] = concat(
            [_frame(a.repeat, a.fold, a.test, y[a.test], a.shares[a.test]) for a in own]
        )
    true_scores = {
        name: {key: float(np.mean([fitted.truth[key] for fitted in own])) for key in METRICS}
        for name, own in results.items()
        if own[0].truth  # that of a blend is not known
    }
    return _study(DataFrame(trials), frames, names, rope, sizes, len(y), true_scores)


def _scores(
    names: Sequence[str], y: NDArray[np.int64], shares: Numbers, rows: NDArray[np.int64]
) -> dict[str, float]:
    metrics = metrics_of(TASK)
    both = np.column_stack([1 - shares[rows], shares[rows]])
    once = np.ones(len(rows), dtype=np.int64)
    return {name: metrics[name].bootstrap_scorer(ScoredRows(y[rows], both))(once) for name in names}


def _frame(
    repeat: int, fold: int, rows: NDArray[Any], y: NDArray[Any], shares: Numbers | None
) -> pd.DataFrame:
    from pandas import DataFrame

    shares = np.full(len(rows), 0.5) if shares is None else shares
    columns = {"row_id": rows, "repeat": repeat, "fold": fold, "truth": y}
    columns |= {"prediction": (shares > 0.5).astype(int)}  # noqa: PLR2004
    return DataFrame(columns | {"p_no": 1 - shares, "p_yes": shares})


def _trial(
    name: str, family: Family, place: tuple[int, int], split: int, scores: Mapping[str, float]
) -> dict[str, Any]:
    return {
        "candidate": name,
        "family": family,
        "repeat": place[0],
        "fold": place[1],
        "step": split,
        "seed": split,
        "status": "ok",
        "error": "",
        **scores,
    }


def _study(
    trials: pd.DataFrame,
    predictions: Mapping[str, pd.DataFrame],
    metrics: tuple[str, ...],
    rope: float | None,
    sizes: Sequence[tuple[int, int, int]],
    n_rows: int,
    true_scores: Mapping[str, Mapping[str, float]] | None = None,
) -> SimulatedStudy:
    return SimulatedStudy(
        id="simulated",
        name="simulated",
        experiment="simulated",
        recipe="simulated",
        source="",
        status="FINISHED",
        started=datetime.fromtimestamp(0, tz=UTC),
        task=TASK,
        labels=LABELS,
        metrics=metrics,
        rope=rope,
        n_rows=n_rows,
        n_test_rows=sizes[0][2],
        split_digest="simulated",
        data_digest="simulated",
        trials=trials,
        data=DataSummary("", "y", {}, tuple(sizes), ()),
        predictions=predictions,
        true_scores=true_scores or {},
    )
