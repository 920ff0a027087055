"""Learning curves of the kinds of candidates over numbers of labels, and where one kind leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.metrics import get_metric
from dlrun.contract.trial import VALIDATION
from dlrun.evidence.candidates import CandidateResults, read_candidates
from dlrun.evidence.choice import Side, choose
from dlrun.evidence.labels_needed import LabelsNeeded, find_leads
from dlrun.evidence.pairs import ComparisonSettings, compare_pairs, read_test_sets

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.candidate import Kind
    from dlrun.contract.study import Study

KIND_TITLES: Final[Mapping[Kind, str]] = {
    "pretrained": "pretraining",
    "network": "training from scratch",
    "classic": "classic ML",
}
"""In the order in which they are shown."""
PAIRS: Final[tuple[tuple[Kind, Kind], ...]] = (
    ("pretrained", "classic"),
    ("pretrained", "network"),
    ("network", "classic"),
)
"""In the order in which they are compared."""
MIN_SIZES: Final = 3


@dataclass(frozen=True)
class LabelPoint:
    """A kind of candidates that saw so many labels.

    Attributes:
        labels: training and validation rows.
        scores: split index → test score of the candidate that was best on its validation rows.
        chosen: candidate → splits on which it was chosen, most often first.
    """

    labels: int
    scores: Mapping[int, float]
    chosen: Mapping[str, int]

    @property
    def mean(self) -> float:
        """Return the mean score."""
        return float(np.mean(list(self.scores.values())))

    @property
    def sd(self) -> float:
        """Return the standard deviation over the splits; NaN for a single one."""
        scores = list(self.scores.values())
        return float(np.std(scores, ddof=1)) if len(scores) > 1 else float("nan")


@dataclass(frozen=True)
class LabelCurve:
    """Test scores of a kind of candidates by the labels that they saw, ascending.

    Attributes:
        chosen: results of its representative on all labels.
    """

    kind: Kind
    points: tuple[LabelPoint, ...]
    chosen: CandidateResults

    @property
    def title(self) -> str:
        """Return the kind with the candidate that was chosen most: "pretraining (minilm)"."""
        counts: dict[str, int] = {}
        for point in self.points:
            for name, n in point.chosen.items():
                counts[name] = counts.get(name, 0) + n
        most = max(counts, key=lambda name: counts[name])
        return f"{KIND_TITLES[self.kind]} ({most}{', mostly' if len(counts) > 1 else ''})"


@dataclass(frozen=True)
class LabelCurves:
    """The curves of a study, and which kind leads at which numbers of labels.

    Attributes:
        leads: one for each two kinds, as in `PAIRS`.
    """

    metric: str
    curves: tuple[LabelCurve, ...]
    leads: tuple[LabelsNeeded, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return the leads in words, and where what is known ends."""
        if not self.leads:
            return ()
        most = max(curve.points[-1].labels for curve in self.curves)
        beyond = f"Beyond the {most:,} labels that there are nothing was measured."
        return (*(each.sentence for each in self.leads), beyond)


def label_curves(study: Study) -> LabelCurves | None:
    """Return the curves of the kinds of candidates; None where the study measured none.

    On every split and for every number of labels, a kind is represented by the candidate that is
    best on the validation rows among these labels, as a side is in the verdict.
    """
    probes = study.read_probe_scores()
    measured = probes[probes["aspect"] == "labels"]
    if measured.empty or study.data is None:
        return None
    whole = min(n_train + n_validation for n_train, n_validation, _ in study.data.sizes)
    metric = study.metrics[0]
    by_kind: dict[Kind, list[CandidateResults]] = {}
    for each in read_candidates([study], metric):
        if each.kind:
            by_kind.setdefault(each.kind, []).append(each)
    curves = tuple(
        LabelCurve(kind, tuple(_points(by_kind[kind], measured, whole, side)), side.chosen)
        for kind in KIND_TITLES
        if kind in by_kind and (side := choose(by_kind[kind]))
    )
    of_kind = {curve.kind: curve for curve in curves}
    pairs = [(of_kind[one], of_kind[other]) for one, other in PAIRS if {one, other} <= {*of_kind}]
    leads = (_leads(one, other, study) for one, other in pairs)
    return LabelCurves(metric, curves, tuple(filter(None, leads)))


def _points(
    candidates: Sequence[CandidateResults], measured: pd.DataFrame, whole: int, at_all: Side
) -> Iterator[LabelPoint]:
    """Yield the points of a kind; the last are the trials on all training rows."""
    for level, of_level in measured.groupby("level"):
        side = choose([_under(each, of_level) for each in candidates])
        if side:
            yield LabelPoint(int(cast("float", level)), side.chosen.scores, side.n_splits)
    yield LabelPoint(whole, at_all.chosen.scores, at_all.n_splits)


def _under(candidate: CandidateResults, of_level: pd.DataFrame) -> CandidateResults:
    """Return a candidate's results with some labels as if they were those of its trials."""
    own = of_level[of_level["candidate"] == candidate.name]
    validation = own[own["name"] == VALIDATION].set_index("step")["score"]
    test = own[own["name"] != VALIDATION].dropna(subset="score")
    metric, steps = candidate.metric, test["step"]
    scores = {
        "step": steps.to_numpy(),
        metric: test["score"].to_numpy(),
        f"val_{metric}": validation.reindex(steps).to_numpy(),
    }
    return replace(candidate, trials=scores)


def _leads(one: LabelCurve, other: LabelCurve, study: Study) -> LabelsNeeded | None:
    """Compare two kinds on the splits and labels that both finished."""
    splits = sorted(set.intersection(*(set(curve.points[-1].scores) for curve in (one, other))))
    points = {point.labels: point for point in other.points}
    pairs = [
        (point, points[point.labels])
        for point in one.points
        if point.labels in points
        and all(set(splits) <= set(each.scores) for each in (point, points[point.labels]))
    ]
    if len(pairs) < MIN_SIZES or not splits:
        return None
    row = get_metric(study.metrics[0])
    scores = [[[each.scores[k] for k in splits] for each in pair] for pair in pairs]
    both: NDArray[np.float64] = np.array(scores)
    differences = row.sign * (both[:, 0] - both[:, 1])
    test_sets = read_test_sets([one.chosen, other.chosen])
    best = row.sign * max(row.sign * float(value) for value in both[-1].mean(axis=1))
    labels = np.array([float(point.labels) for point, _ in pairs])
    settings = ComparisonSettings(
        metric=row,
        n_rows=study.n_rows,
        rope=row.automatic_rope(best) if study.rope is None else study.rope,
        test_share=study.n_test_rows / (study.n_test_rows + labels[-1]),
        test_sets=test_sets,
    )
    return find_leads(
        (one.title, other.title),
        labels,
        test_sets.means(differences.T, splits).T,
        rope=settings.rope,
        test_share=settings.test_share,
        unit=row.title,
        at_all=_at_all(one, other, settings),
    )


def _at_all(one: LabelCurve, other: LabelCurve, settings: ComparisonSettings) -> int | None:
    """Return 1 where the first kind is better with all labels, as the verdict decides, -1 or 0."""
    pair = (one.chosen.name, other.chosen.name)
    found = compare_pairs(
        [pair], dict(zip(pair, (one.chosen, other.chosen), strict=True)), settings
    )
    signs = {"deep": 1, "classic": -1}
    return signs.get(found[pair].outcome, 0) if pair in found else None
