"""Studies of the same splits, joined into one list of candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.catalog.baselines import DUMMY
from dlrun.catalog.glass_boxes import is_glass_box
from dlrun.contract.candidate import Family, Kind, Predictions
from dlrun.contract.study import Study
from dlrun.contract.trial import Cost
from dlrun.errors import ComparisonError
from dlrun.evidence.formatting import first_line

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


LATE_SHARE: Final = 0.1  # of the epochs: a training whose best is among these improves still

KINDS_BEFORE: Final[Mapping[Family, Kind]] = {"deep": "network", "classic": "classic"}

TrialColumns = dict[str, "NDArray[Any]"]  # column → values, one per trial


@dataclass(frozen=True)
class CandidateResults:
    """One candidate's results on one metric.

    Attributes:
        kind: None where it is a blend.
        is_dummy: it is the baseline that ignores the columns.
        is_glass_box: see `dlrun.catalog.glass_boxes`; None where that is unknown.
        metric: the one that is compared.
        metrics: all that its study measured.
        trials: those that finished with a score, as in `Study.trials`.
        n_failed: trials without a score.
        read_epochs: as `Study.read_epochs`.
        read_layers: as `Study.read_layers`.
        read_weights: as `Study.read_weights`.
        read_predictions: as `Study.read_predictions`.
        decode_predictions: as `Study.decode_predictions`.
    """

    name: str
    family: Family
    kind: Kind | None
    is_dummy: bool
    metric: str
    metrics: tuple[str, ...]
    trials: TrialColumns
    n_failed: int
    error: str | None
    read_epochs: Callable[[], pd.DataFrame]
    read_layers: Callable[[], pd.DataFrame]
    read_weights: Callable[[], pd.DataFrame]
    read_predictions: Callable[[], pd.DataFrame]
    decode_predictions: Callable[[pd.DataFrame], tuple[NDArray[Any], Predictions]]
    is_glass_box: bool | None = None

    @cached_property
    def scores(self) -> dict[int, float]:
        """Return split index → test score."""
        return self.by_split(self.metric)

    @cached_property
    def validation_scores(self) -> dict[int, float]:
        """Return split index → validation score; NaN where there is none."""
        return self.by_split(f"val_{self.metric}")

    @cached_property
    def n_capped(self) -> int:
        """Return how many trainings reached their maximum of epochs while they still improved."""
        return _count_capped(self.trials, self.read_epochs)

    @cached_property
    def folds(self) -> dict[int, tuple[int, int]]:
        """Return split index → repeat and fold."""
        places = zip(self.trials["repeat"].tolist(), self.trials["fold"].tolist(), strict=True)
        return dict(zip(self.trials["step"].tolist(), places, strict=True))

    @cached_property
    def weights(self) -> dict[str, float]:
        """Return member → its mean weight in a blend over the splits, the heaviest first."""
        shares = self._shares_of("candidate")
        return {name: shares[name] for name in sorted(shares, key=lambda name: -shares[name])}

    @cached_property
    def side_weights(self) -> dict[str, float]:
        """Return family → its mean weight in a blend over the splits."""
        return self._shares_of("family")

    def _shares_of(self, key: str) -> dict[str, float]:
        table = self.read_weights()
        n_splits = len(table[["repeat", "fold"]].drop_duplicates())
        totals = table.groupby(key, sort=False)["weight"].sum()
        return {str(name): float(total) / n_splits for name, total in totals.items()}

    @property
    def mean(self) -> float:
        """Return the mean test score; NaN when there is none."""
        return float(np.mean(list(self.scores.values()))) if self.scores else float("nan")

    @property
    def validation(self) -> float:
        """Return the mean validation score; NaN when there is none."""
        return _mean_of(self.trials, f"val_{self.metric}")

    @property
    def means(self) -> dict[str, float]:
        """Return metric → mean test score."""
        return {name: _mean_of(self.trials, name) for name in self.metrics}

    @property
    def cost(self) -> Cost:
        """Return the mean costs of a trial."""
        return _mean_cost(self.trials)

    def by_split(self, column: str) -> dict[int, float]:
        """Return split index → value of a column of the trials; NaN where it is missing."""
        splits = self.trials["step"].tolist()
        if column not in self.trials:
            return dict.fromkeys(splits, float("nan"))
        return dict(zip(splits, self.trials[column].astype(float).tolist(), strict=True))


def check_comparable(studies: Sequence[Study], metric: str | None) -> str:
    """Return the metric to compare on.

    Raises:
        ComparisonError: the studies do not share their splits, their task or the metric.
    """
    if not studies:
        message = "There is no study to compare. Run: dlrun train RECIPE"
        raise ComparisonError(message)
    if len({study.split_digest for study in studies}) > 1:
        message = _differing_splits(studies)
        raise ComparisonError(message)
    if len({(study.task, study.labels) for study in studies}) > 1:
        message = (
            "These studies cannot be compared: they do not predict the same target.\n"
            + _list(studies, lambda study: ", ".join((study.task, *study.labels)))
        )
        raise ComparisonError(message)
    chosen = metric or studies[0].metrics[0]
    for study in studies:
        if chosen not in study.metrics:
            measured = ", ".join(study.metrics)
            message = f"{chosen} was not measured in study {_title(study)}. Measured: {measured}"
            raise ComparisonError(message)
    return chosen


def read_candidates(studies: Sequence[Study], metric: str) -> list[CandidateResults]:
    """Return the candidates of all studies, in order; equal names are prefixed with the study's."""
    found = [(study, table) for study in studies for table in _tables(study)]
    plain = [str(table["candidate"][0]) for _, table in found]
    pairs = list(zip(found, plain, strict=True))
    named = [f"{study.name}/{name}" for (study, _), name in pairs]
    full = [f"{study.name}/{study.id[:8]}/{name}" for (study, _), name in pairs]
    names = _distinct(plain, _distinct(named, full))
    return [
        _results(unique, study, table, metric)
        for unique, (study, table) in zip(names, found, strict=True)
    ]


def _tables(study: Study) -> list[TrialColumns]:
    """Return the trials of each candidate, in the order of the table."""
    columns = {name: study.trials[name].to_numpy() for name in study.trials.columns}
    candidates = columns["candidate"]
    return [
        {name: values[candidates == candidate] for name, values in columns.items()}
        for candidate in dict.fromkeys(candidates)
    ]


def _results(unique: str, study: Study, table: TrialColumns, metric: str) -> CandidateResults:
    name = str(table["candidate"][0])
    is_ok = (table["status"] == "ok") & np.isfinite(table[metric].astype(float))
    ok = {column: values[is_ok] for column, values in table.items()}
    errors = table["error"][table["status"] != "ok"]
    kind, features = _kind(table), (study.features or {}).get(name, ())
    return CandidateResults(
        name=unique,
        family=table["family"][0],
        kind=kind,
        is_dummy=name == DUMMY,
        metric=metric,
        metrics=study.metrics,
        trials=ok,
        n_failed=int(np.sum(~is_ok)),
        error=first_line(str(errors[0])) if len(errors) else None,
        read_epochs=partial(study.read_epochs, name),
        read_layers=partial(study.read_layers, name),
        read_weights=partial(study.read_weights, name),
        read_predictions=partial(study.read_predictions, name),
        decode_predictions=study.decode_predictions,
        is_glass_box=is_glass_box(name, kind, features),
    )


def _kind(table: TrialColumns) -> Kind | None:
    """Return a candidate's kind; studies of earlier versions, which lack it, have no pretrained."""
    if "kind" in table:
        return table["kind"][0] or None
    return KINDS_BEFORE.get(table["family"][0])


def _count_capped(ok: TrialColumns, read_epochs: Callable[[], pd.DataFrame]) -> int:
    """Count the trials that ran all of their epochs, and had the best of them near the end.

    Without early stopping the last epoch counts as the best: then the validation loss decides.
    """
    if "max_epochs" not in ok:  # a study of an earlier version
        return 0
    most = ok["max_epochs"].astype(float)
    is_late = (most > 0) & (ok["n_epochs"] == most) & _is_late(ok["best_epoch"], most)
    if not is_late.any():
        return 0
    epochs = read_epochs()
    if "val/loss" not in epochs:
        return 0
    epochs = epochs.dropna(subset="val/loss")
    lowest = epochs.loc[epochs.groupby(["repeat", "fold"])["val/loss"].idxmin()]
    best = {(row.repeat, row.fold): row.epoch for row in lowest.itertuples()}
    found = [best.get(key, 0) for key in zip(ok["repeat"], ok["fold"], strict=True)]
    return int(np.sum(is_late & _is_late(np.array(found), most)))


def _is_late(epochs: NDArray[Any], of: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(epochs.astype(float) > (1 - LATE_SHARE) * of)


def _mean_cost(ok: TrialColumns) -> Cost:
    means = {each.name: _mean_of(ok, each.name) for each in fields(Cost)}
    finite: dict[str, Any] = {name: mean for name, mean in means.items() if np.isfinite(mean)}
    if "parameters" in finite:
        finite["parameters"] = round(finite["parameters"])
    return Cost(**finite)


def _mean_of(table: TrialColumns, column: str) -> float:
    """Return the mean of the finite values of a column; NaN where there are none."""
    values = table[column].astype(float) if column in table else np.empty(0)
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def _distinct(names: Sequence[str], otherwise: Sequence[str]) -> list[str]:
    n_uses = Counter(names)
    pairs = zip(names, otherwise, strict=True)
    return [name if n_uses[name] == 1 else other for name, other in pairs]


def _differing_splits(studies: Sequence[Study]) -> str:
    digests = Counter(study.split_digest for study in studies)
    largest, n_largest = digests.most_common(1)[0]
    lines = [
        "These studies cannot be compared: they did not train and test on the same rows.",
        _list(studies, lambda study: f"split fingerprint {study.split_digest}"),
        "Train them again with the same data, seed, data.split, evaluation.folds and "
        "evaluation.repeats.",
    ]
    if n_largest > 1:
        ids = " ".join(study.id for study in studies if study.split_digest == largest)
        lines.append(f"Or compare those that belong together: dlrun compare {ids}")
    return "\n".join(lines)


def _list(studies: Sequence[Study], fact: Callable[[Study], str]) -> str:
    return "\n".join(f"  {_title(study)}: {fact(study)}" for study in studies)


def _title(study: Study) -> str:
    return f"{study.name} ({study.id[:8]})"
