"""The parts of a blend: its members of one side alone, which show whether it needs the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dlrun.catalog.metrics.row import ScoredRows
from dlrun.contract.candidate import SIDES

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.catalog.metrics.row import Metric
    from dlrun.contract.candidate import Family
    from dlrun.evidence.candidates import CandidateResults


def blend_parts(
    blend: CandidateResults, candidates: Sequence[CandidateResults], metric: Metric
) -> Iterator[CandidateResults]:
    """Yield the blend with the members of one side alone, where that side has several.

    Many members may gain by averaging alone, whatever side they are of: a blend that is not better
    than its own part of one side needs no other.
    """
    known = {each.name: each for each in candidates}
    table = blend.read_weights()
    for family in SIDES:
        own = table[table["family"] == family]
        if own["candidate"].nunique() > 1 and set(own["candidate"]) <= known.keys():
            yield _part(blend, family, own, known, metric)


def _part(
    blend: CandidateResults,
    family: Family,
    weights: pd.DataFrame,
    known: Mapping[str, CandidateResults],
    metric: Metric,
) -> CandidateResults:
    """Return the results of some members, on the splits on which they have a weight."""
    from pandas import concat

    predictions = {name: known[name].read_predictions() for name in set(weights["candidate"])}
    frames, scores = {}, {}
    for split, (repeat, fold) in blend.folds.items():
        own = _on_split(weights, repeat, fold)
        shares = dict(zip(own["candidate"], own["weight"].astype(float), strict=True))
        if shares:
            rows = {name: _on_split(predictions[name], repeat, fold) for name in shares}
            frames[split] = _mix(rows, shares)
            y, mixed = blend.decode_predictions(frames[split])
            scores[split] = metric.score(ScoredRows(y, mixed.values))
    kept = np.isin(blend.trials["step"], list(frames))
    trials = {name: values[kept] for name, values in blend.trials.items()}
    trials[blend.metric] = np.array([scores[split] for split in trials["step"].tolist()])
    return replace(
        blend,
        name=f"its {family} members alone",
        trials=trials,
        read_predictions=partial(concat, [*frames.values()], ignore_index=True),
    )


def _on_split(table: pd.DataFrame, repeat: int, fold: int) -> pd.DataFrame:
    return table[(table["repeat"] == repeat) & (table["fold"] == fold)]


def _mix(rows: Mapping[str, pd.DataFrame], shares: Mapping[str, float]) -> pd.DataFrame:
    """Return the weighted mean of tables of predictions; see `Study.read_predictions`."""
    ordered = {name: frame.sort_values("row_id") for name, frame in rows.items()}
    mixed = next(iter(ordered.values())).copy()
    columns = [name for name in map(str, mixed) if name.startswith("p_")] or ["prediction"]
    values = [frame[columns].to_numpy() for frame in ordered.values()]
    mixed[columns] = np.average(values, axis=0, weights=[shares[name] for name in ordered])
    return mixed
