"""The rules of a shallow tree and the terms of an explainable boosting machine, on tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sklearn.tree import BaseDecisionTree

from dlrun.contract.glass_box import AddedTerm, GlassBox, TreeRule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.dataset import Target

MOST_LEAVES: Final = 16  # of a tree that a person follows
MOST_VALUES: Final = 4  # of a category that are named


@dataclass(frozen=True)
class TableFeature:
    """A feature of a table, made without mixing columns.

    Attributes:
        name: the column, and what of it is meant.
        values: of a category, by their integers; empty for numbers.
        is_gap: it is 1 where the column is missing, else 0.
    """

    name: str
    values: tuple[str, ...] = ()
    is_gap: bool = False

    def condition(self, threshold: float, *, is_below: bool) -> str:
        """Return in words that the feature is at most, or above, a threshold."""
        if self.is_gap:
            return f"{self.name} is {'known' if is_below else 'missing'}"
        if not self.values:
            return f"{self.name} {'≤' if is_below else '>'} {threshold:.4g}"
        n_below = int(np.floor(threshold)) + 1
        if n_below == 0:
            return f"{self.name} is {'missing' if is_below else 'known'}"
        below = self.values[:n_below]
        names = ", ".join([*below[:MOST_VALUES], *["…"][: len(below) > MOST_VALUES]])
        verb = "is" if is_below else "is not"
        return f"{self.name} {verb} {'one of ' if len(below) > 1 else ''}{names}"


def read_glass_box(features: Any, estimator: Any, target: Target) -> GlassBox | None:
    """Return how an estimator on a table decides; None where it is no glass box of this kind.

    Args:
        features: the fitted transformer of the columns.
        estimator: fitted to its features.
        target: names the classes.
    """
    is_small_tree = isinstance(estimator, BaseDecisionTree) and estimator.get_n_leaves() <= (
        MOST_LEAVES
    )
    if not (is_small_tree or hasattr(estimator, "term_importances")):
        return None
    names = table_features(features)
    if names is None:
        return None
    if is_small_tree:
        return GlassBox(rules=tuple(_rules(estimator.tree_, names, target)))
    return GlassBox(terms=tuple(_terms(estimator, names)))


def table_features(features: Any) -> list[TableFeature] | None:
    """Return the features of a fitted transformer, in order; None where some mix columns."""
    found: list[TableFeature] = []
    for kind, pipeline, columns in getattr(features, "transformers_", ()):
        if kind not in FEATURES_OF:
            return None
        first, *others = [step for _, step in pipeline.steps]
        made = FEATURES_OF[kind](first, list(columns))
        found += made
        for step in (first, *others):
            indicator = getattr(step, "indicator_", None)
            gaps = [] if indicator is None else indicator.features_
            found += [TableFeature(made[gap].name, is_gap=True) for gap in gaps]
    return found


def _of_categories(codes: Any, columns: Sequence[str]) -> list[TableFeature]:
    pairs = zip(columns, codes.values_, strict=True)
    return [TableFeature(name, tuple(map(str, values))) for name, values in pairs]


def _of_numbers(_step: Any, columns: Sequence[str]) -> list[TableFeature]:
    return [TableFeature(name) for name in columns]


def _of_dates(parts: Any, columns: Sequence[str]) -> list[TableFeature]:
    pairs = zip(columns, parts.parts_, strict=True)
    return [
        TableFeature(f"{part.replace('_', ' ')} of {name}") for name, own in pairs for part in own
    ]


FEATURES_OF: Final = {"category": _of_categories, "number": _of_numbers, "datetime": _of_dates}


def _rules(tree: Any, features: Sequence[TableFeature], target: Target) -> Iterator[TreeRule]:
    """Yield the rules of a tree, from its left to its right."""
    waiting: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    n_rows = tree.weighted_n_node_samples[0]
    while waiting:
        node, conditions = waiting.pop()
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left == right:  # both −1: a leaf
            share = float(tree.weighted_n_node_samples[node] / n_rows)
            yield TreeRule(conditions, _prediction(tree.value[node, 0], target), share)
            continue
        feature, threshold = features[tree.feature[node]], float(tree.threshold[node])
        for child, is_below in ((right, False), (left, True)):
            waiting.append((child, (*conditions, feature.condition(threshold, is_below=is_below))))


def _prediction(values: NDArray[np.float64], target: Target) -> str:
    if not target.labels:
        return f"{values[0]:.4g}"
    shares = values / values.sum()
    best = int(shares.argmax())
    return f"{target.labels[best]} {100 * shares[best]:.0f} %"


def _terms(ebm: Any, features: Sequence[TableFeature]) -> list[AddedTerm]:
    strengths = ebm.term_importances()
    terms = [
        AddedTerm(" × ".join(features[each].name for each in term), float(strength))
        for term, strength in zip(ebm.term_features_, strengths, strict=True)
    ]
    return sorted(terms, key=lambda term: -term.strength)
