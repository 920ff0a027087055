"""The usual advice on deep learning and classic ML, and whether it held on the data of a study.

An advice *held* where the study shows what it claims, by the same tests as the verdict, and *did
not hold* otherwise: also where no difference could be shown, since then it decides nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import yaml

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.metrics import get_metric, metrics_of
from dlrun.evidence.candidates import read_candidates
from dlrun.evidence.feature_ablation import engineering
from dlrun.evidence.formatting import decimals, either_of, fixed, span
from dlrun.evidence.label_curve import label_curves
from dlrun.evidence.learning_curve import crossover
from dlrun.evidence.paired_tests import MIN_FOLDS, compare_folds
from dlrun.evidence.pairs import ComparisonSettings, compare_pairs, read_test_sets
from dlrun.evidence.questions import AspectContext, shortest
from dlrun.evidence.statistics import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dlrun.contract.candidate import Family
    from dlrun.contract.study import Study
    from dlrun.evidence.comparison import Comparison

Outcome = Literal["held", "did not hold", "not measured"]

SMALL_ROWS: Final = 10_000
"""Training rows up to which a table is small (Hollmann et al. 2025, "Accurate predictions on small
data with a tabular foundation model")."""
LARGE_ROWS: Final = 50_000
"""Training rows from which it is large (Grinsztajn, Oyallon & Varoquaux 2022, "Why do tree-based
models still outperform deep learning on typical tabular data?")."""
GLASS_AND_BLACK: Final = "baselines=[linear, shallow_tree, hist_gradient_boosting]"


@dataclass(frozen=True)
class RuleResult:
    """What a study says of an advice.

    Attributes:
        reason: the numbers, or why there are none.
        command: that would measure it, where it was not; None where none can on these columns.
        advice: in the words of `RULES`.
    """

    outcome: Outcome
    reason: str
    command: str | None = None
    advice: str = ""


@dataclass(frozen=True)
class SideLead:
    """Which side leads, as the verdict says it, and by how much."""

    kind: str
    words: str

    def judge(self, side: Family, where: str) -> RuleResult:
        """Return whether that is the side which an advice names."""
        held: Outcome = "held" if self.kind == side else "did not hold"
        return RuleResult(held, f"{where}, {self.words}")


def check_rules(study: Study, comparison: Comparison) -> tuple[RuleResult, ...]:
    """Return what a study says of every advice.

    Args:
        study: one that was tracked.
        comparison: of this study alone.
    """
    context = AspectContext(study, comparison)
    missing = _missing_side(context)
    return tuple(
        replace(missing or check(context), advice=advice) for advice, check in RULES.items()
    )


def _missing_side(context: AspectContext) -> RuleResult | None:
    """Return that the study cannot say anything, where a side has no candidate that finished."""
    deep, classic = context.best
    if deep and classic and context.comparison.verdict.difference:
        return None
    name = "classic" if deep else "deep"
    added = "baselines=auto" if deep else "model={architecture: mlp}"
    return RuleResult("not measured", f"there is no {name} candidate", context.command(added))


def _small_data(context: AspectContext) -> RuleResult:
    """Ask the smallest part of a learning curve, else the verdict where the study is small."""
    smallest = _smallest_part(context)
    if smallest and smallest[0] <= SMALL_ROWS:
        n_rows, lead = smallest
        return lead.judge("classic", f"with {n_rows:,} rows to learn from")
    n_train = _n_train(context.study)
    if n_train <= SMALL_ROWS:
        return _verdict(context).judge("classic", f"with {n_train:,} training rows")
    reason = f"there are {n_train:,} training rows, and small are up to {SMALL_ROWS:,}"
    return RuleResult("not measured", reason, _curve_command(context))


def _large_data(context: AspectContext) -> RuleResult:
    """Ask the verdict where the study is large, else how the learning curve goes on."""
    n_train = _n_train(context.study)
    if n_train >= LARGE_ROWS:
        return _verdict(context).judge("deep", f"with {n_train:,} training rows")
    deep, classic = context.best
    found = None
    if deep and classic:
        found = crossover(deep.name, classic.name, context.study, context.probe_scores)
    if deep is None or found is None:
        reason = f"there are {n_train:,} training rows, and large are from {LARGE_ROWS:,} on"
        return RuleResult("not measured", reason, _curve_command(context))
    leads_already = found.later is None and context.comparison.verdict.kind == "deep"
    is_deep = found.later == deep.name or leads_already
    return RuleResult(
        "held" if is_deep else "did not hold", f"by the learning curve: {found.sentence}"
    )


def _unstructured_data(context: AspectContext) -> RuleResult:
    """Ask the verdict where there are images, texts, sounds or series."""
    kinds = dict.fromkeys(context.study.data.columns.values()) if context.study.data else {}
    names = [kind for kind in kinds if COLUMN_KINDS[kind].has_structure]
    if not names:
        return RuleResult("not measured", "the columns are those of a table")
    return _verdict(context).judge("deep", f"from {' and '.join(names)} columns")


def _interpretability(context: AspectContext) -> RuleResult:
    """Ask the price of clarity: glass boxes are classic, and should cost nothing that matters."""
    price = context.comparison.clarity
    if price is None:
        reason = "there is no glass box beside a black box"
        return RuleResult("not measured", reason, context.command(GLASS_AND_BLACK))
    sentence = price.sentence.rstrip(".")
    return RuleResult("held" if price.outcome == "free" else "did not hold", sentence)


def _end_to_end(context: AspectContext) -> RuleResult:
    """Compare the best network on raw inputs with the best classic model on engineered ones."""
    study = context.study
    if study.data is None:
        return RuleResult("not measured", "the types of the columns are unknown")
    recipe: Mapping[str, object] = yaml.safe_load(study.read_text("recipe.yaml"))
    kinds = list(study.data.columns.values())
    found = engineering(context.comparison, study.features or {}, kinds, recipe)
    if found is None:
        return RuleResult("not measured", "these columns have no engineered features")
    raw, engineered = found.cells.get(("deep", "raw")), found.cells.get(("classic", "engineered"))
    if raw is None or engineered is None:
        reason = "it takes a network on raw and a baseline on engineered inputs"
        return RuleResult("not measured", reason, context.command(*found.overrides))
    lead = _compare(context, raw.name, engineered.name)
    if lead is None:
        return RuleResult("not measured", f"{raw.name} and {engineered.name} share no split")
    is_enough = lead.kind in ("deep", "equivalent")
    return RuleResult("held" if is_enough else "did not hold", f"on raw inputs, {lead.words}")


def _verdict(context: AspectContext) -> SideLead:
    """Return the lead that the verdict is about."""
    comparison = context.comparison
    verdict, difference = comparison.verdict, comparison.verdict.difference
    deep, classic = context.best
    if deep is None or classic is None or difference is None:
        message = "a lead needs a candidate of each side"
        raise ValueError(message)
    interval = Interval(difference.mean, difference.low, difference.high)
    words = _words(verdict.kind, (deep.name, classic.name), interval, comparison.metric)
    if verdict.not_beaten:
        words += f", and does not beat {either_of(verdict.not_beaten)}"
    return SideLead(verdict.kind, words)


def _compare(context: AspectContext, deep: str, classic: str) -> SideLead | None:
    """Compare two candidates of the study as the verdict does; None where they share no split."""
    comparison = context.comparison
    found = read_candidates([context.study], comparison.metric)
    both = {each.name: each for each in found if each.name in (deep, classic)}
    settings = ComparisonSettings(
        metric=metrics_of(comparison.task)[comparison.metric],
        n_rows=comparison.n_rows,
        rope=comparison.rope,
        test_share=comparison.test_share,
        test_sets=read_test_sets(list(both.values())),
    )
    paired = compare_pairs([(deep, classic)], both, settings).get((deep, classic))
    if paired is None:
        return None
    words = _words(paired.outcome, (deep, classic), paired.interval, comparison.metric)
    return SideLead(paired.outcome, words)


def _smallest_part(context: AspectContext) -> tuple[int, SideLead] | None:
    """Return the rows, or labels, of the smallest part of the learning curve, and who leads."""
    deep, classic = context.best
    if deep is None or classic is None:
        return None
    scores = _smallest_of_rows(context, (deep.name, classic.name))
    names = (deep.name, classic.name)
    if of_labels := label_curves(context.study):
        curves = {curve.kind: curve for curve in of_labels.curves}
        if deep.kind not in curves or "classic" not in curves:
            return None
        own, other = (curves[kind].points[0] for kind in (deep.kind, "classic"))
        scores = own.labels, own.scores, other.scores
        names = curves[deep.kind].title, curves["classic"].title
    if scores is None:
        return None
    n_rows, first, second = scores
    splits = sorted(first.keys() & second.keys())
    sign = get_metric(context.metric).sign
    differences = sign * np.array([first[split] - second[split] for split in splits])
    return n_rows, _lead_of_splits(names, differences, context)


def _smallest_of_rows(
    context: AspectContext, names: tuple[str, str]
) -> tuple[int, Mapping[int, float], Mapping[int, float]] | None:
    """Return the rows, and the score of each candidate by split; None without a curve."""
    probes = context.probe_scores
    curve = probes[(probes["aspect"] == "learning_curve") & probes["candidate"].isin(names)]
    if curve.empty:
        return None
    smallest = curve[curve["level"] == curve["level"].min()]
    by_name = [
        smallest[smallest["candidate"] == name].set_index("step")["score"].dropna().to_dict()
        for name in names
    ]
    return int(smallest["n_train"].iloc[0]), by_name[0], by_name[1]


def _lead_of_splits(
    names: tuple[str, str], differences: NDArray[np.float64], context: AspectContext
) -> SideLead:
    """Return the lead by differences on splits; fewer than three show no difference."""
    if len(differences) < MIN_FOLDS:
        return SideLead("undecided", f"it takes {MIN_FOLDS} splits to show a difference")
    share = context.comparison.test_share
    paired = compare_folds(differences, share, context.comparison.rope)
    return SideLead(paired.outcome, _words(paired.outcome, names, paired.interval, context.metric))


def _words(kind: str, names: tuple[str, str], interval: Interval, metric: str) -> str:
    """Return a lead in words, the better one first.

    Args:
        kind: of the verdict.
        names: of the deep and of the classic candidate.
        interval: of the difference, deep − classic.
        metric: its name.
    """
    places, mean = decimals(interval.width), interval.mean
    low, high = (interval.low, interval.high) if mean >= 0 else (-interval.high, -interval.low)
    better, worse = names if mean >= 0 else names[::-1]
    by = f"{fixed(abs(mean), places)} {get_metric(metric).title} {span(low, high, places)}"
    if kind in ("deep", "classic"):
        return f"{better} beats {worse} by {by}"
    if kind == "equivalent":
        return f"{names[0]} and {names[1]} are equivalent: they differ by {by}"
    if kind == "both":
        return f"both together beat either; {better} is ahead of {worse} by {by}"
    return f"no difference that matters is certain: {better} is ahead of {worse} by {by}"


def _n_train(study: Study) -> int:
    """Return the mean number of training rows of a split; all rows where it is unknown."""
    if study.data is None:
        return study.n_rows
    return round(float(np.mean([n_train for n_train, _, _ in study.data.sizes])))


def _curve_command(context: AspectContext) -> str:
    return f"dlrun curve {shlex.quote(shortest(context.study.source))}"


RULES: Final[Mapping[str, Callable[[AspectContext], RuleResult]]] = {
    "small data → classic ML": _small_data,
    "large data → deep learning": _large_data,
    "unstructured data → deep learning": _unstructured_data,
    "interpretability needed → classic ML": _interpretability,
    "end-to-end, no feature engineering → deep learning": _end_to_end,
}
