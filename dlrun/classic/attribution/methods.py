"""The methods that explain a fitted estimator, and their weights summed back to the columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.multioutput import MultiOutputClassifier

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.classic.attribution import coefficients, shap, tree_shap
from dlrun.classic.attribution.contributions import Contributions
from dlrun.classic.attribution.sources import source_columns, spread_over_words, text_ngrams
from dlrun.contract.attribution import Attribution, ColumnAttribution
from dlrun.data.targets.classification import LEAST_CHANCE

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.dataset import Column

MODULES: Final = {"coefficients": coefficients, "tree_shap": tree_shap, "shap": shap}
PIECE_ROWS: Final = 64  # whose features are dense at once


@dataclass(frozen=True)
class Explainer:
    """A fitted estimator with its features, as `ClassicFitted` documents them."""

    columns: tuple[Column, ...]
    features: Any
    estimator: Any
    classes: NDArray[np.int64]

    @property
    def methods(self) -> tuple[str, ...]:
        """Return the methods that explain the estimator, none where its features hide the columns.

        An n-gram that a text lacks may move a tree; there is no word to show for it.
        """
        if text_ngrams(self.features) is None or not hasattr(self.features, "transformers_"):
            return ()
        if not (found := [*self._estimators()]):
            return ()
        has_texts = any(COLUMN_KINDS[column.type].has_structure for column in self.columns)
        names = ["coefficients"] if has_texts else list(MODULES)
        return tuple(name for name in names if all(map(MODULES[name].suits, found)))

    def _estimators(self) -> Iterator[Any]:
        """Yield the estimator, or those of several labels."""
        yield from (
            self.estimator.estimators_
            if isinstance(self.estimator, MultiOutputClassifier)
            else (self.estimator,)
        )

    def explain(
        self,
        frame: pd.DataFrame,
        outputs: NDArray[np.int64],
        reference: pd.DataFrame,
        method: str,
    ) -> list[Attribution]:
        """Explain typed rows; see `Explains`."""
        other = self.features.transform(reference)
        found: dict[int, Attribution] = {}
        for output in np.unique(outputs).tolist():
            rows = np.flatnonzero(outputs == output)
            for start in range(0, len(rows), PIECE_ROWS):
                places = rows[start : start + PIECE_ROWS]
                piece = frame.iloc[places]
                weights = self._contributions(piece, output, other, method)
                own = self._attributions(piece, output, weights, method)
                found |= dict(zip(places.tolist(), own, strict=True))
        return [found[row] for row in range(len(frame))]

    def _contributions(
        self, frame: pd.DataFrame, output: int, reference: Any, method: str
    ) -> Contributions:
        matrix = self.features.transform(frame)
        estimator, place = self._output(output)
        if estimator is None:  # without such training rows, or with no others
            value = np.log(LEAST_CHANCE) * (1.0 if place < 0 else -1.0)
            n_rows, n_features = matrix.shape
            zeros = np.zeros((n_rows, n_features))
            return Contributions(zeros, np.full(n_rows, value), float(value), "log-odds")
        found: Contributions = MODULES[method].contribute(estimator, place, matrix, reference)
        return found

    def _output(self, output: int) -> tuple[Any, int]:
        """Return the estimator of an output, and the output's place in it.

        Returns:
            None and -1 where the output is always 0, and None and 0 where it is always 1.
        """
        places = np.flatnonzero(self.classes == output)
        if isinstance(self.estimator, MultiOutputClassifier):
            if len(places):
                return self.estimator.estimators_[places[0]], 1
            return None, 0 if -1 - output in self.classes else -1
        if not len(self.classes):
            return self.estimator, 0
        return (self.estimator, int(places[0])) if len(places) else (None, -1)

    def _attributions(
        self, frame: pd.DataFrame, output: int, found: Contributions, method: str
    ) -> Iterator[Attribution]:
        sources, texts = np.array(source_columns(self.features)), text_ngrams(self.features) or {}
        names: Sequence[str] = [column.name for column in self.columns]
        order = {name: place for place, name in enumerate(names)}
        places = np.array([order[name] for name in sources])
        for row, weights in enumerate(found.features):
            sums = np.bincount(places, weights, minlength=len(names))
            parts = []
            for name, total in zip(names, sums, strict=True):
                if name in texts:
                    own, ngrams = texts[name]
                    spread = spread_over_words(frame[name].iloc[row], ngrams, weights[own])
                    parts.append(ColumnAttribution(name, spread[1], spread[0]))
                else:
                    parts.append(ColumnAttribution(name, np.array(total)))
            value = float(found.values[row])
            yield Attribution(method, output, found.unit, value, found.baseline, tuple(parts))
