"""Texts as features: the weights of their words and of pieces of their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_union
from sklearn.preprocessing import Normalizer
from sklearn.utils.extmath import randomized_svd

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.classic.features.purpose import Purpose
    from dlrun.contract import Column

TOKENS: Final = r"\w+|[^\w\s]"  # also single letters and signs: 好, !, 🙂
SIZES: Final = {"word": (1, 2), "char_wb": (3, 5)}
N_TOPICS: Final = 100


class Ngrams(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Weigh the n-grams of texts by how often they occur here and how rarely elsewhere (TF-IDF).

    Counts grow with their logarithm, and each row has the length 1. The vocabulary is kept as
    one string: in a saved model a mapping of 20,000 words would take a minute to write.

    Args:
        unit: word: one or two words in a row; char_wb: three to five letters within a word.
        lowercase: whether letters are made small first.
        max_tokens: how many n-grams are kept, the most frequent.
    """

    def __init__(
        self, unit: str = "word", *, lowercase: bool = True, max_tokens: int | None = None
    ) -> None:
        self.unit = unit
        self.lowercase = lowercase
        self.max_tokens = max_tokens

    def fit(self, texts: pd.Series[Any], y: object = None) -> Self:
        """Learn the vocabulary and the weights."""
        self.fit_transform(texts)
        return self

    def fit_transform(self, texts: pd.Series[Any], y: object = None) -> Any:
        """Learn, and return what `transform` would."""
        # Without a single letter there is no vocabulary: one column of zeros stands for it.
        nothing = None if any(text.strip() for text in texts) else [""]
        self._vectorizer = self._make(vocabulary=nothing, max_features=self.max_tokens)
        matrix = self._vectorizer.fit_transform(texts)
        self.terms_ = "\n".join(self._vectorizer.get_feature_names_out())
        self.idf_ = self._vectorizer.idf_
        return matrix

    def transform(self, texts: pd.Series[Any]) -> Any:
        """Return the weights, (rows, n-grams) sparse float64."""
        if not hasattr(self, "_vectorizer"):  # the model has just been loaded
            self._vectorizer = self._make(vocabulary=self.terms_.split("\n"))
            self._vectorizer.idf_ = self.idf_
        return self._vectorizer.transform(texts)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_vectorizer"}

    def _make(self, **settings: Any) -> TfidfVectorizer:
        return TfidfVectorizer(
            analyzer=self.unit,
            ngram_range=SIZES[self.unit],
            token_pattern=TOKENS if self.unit == "word" else None,
            lowercase=self.lowercase,
            sublinear_tf=True,
            **settings,
        )


class Topics(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Condense n-grams to few numbers: latent semantic analysis (Deerwester et al. 1990).

    Args:
        n_topics: how many numbers at most.
        seed: starts the randomised decomposition.
    """

    def __init__(self, n_topics: int = N_TOPICS, seed: int = 0) -> None:
        self.n_topics = n_topics
        self.seed = seed

    def fit(self, matrix: Any, y: object = None) -> Self:
        """Find the directions in which the training rows differ most."""
        n_topics = min(self.n_topics, *matrix.shape)
        *_, self.components_ = randomized_svd(matrix, n_topics, n_iter=5, random_state=self.seed)
        return self

    def transform(self, matrix: Any) -> NDArray[np.float64]:
        """Return the numbers, (rows, topics) float64."""
        values: NDArray[np.float64] = matrix @ self.components_.T
        return values


def tfidf_steps(column: Column, purpose: Purpose) -> list[Any]:
    """Make the steps of `tfidf`: sparse n-grams, condensed for an estimator that wants few."""
    text = purpose.preprocessing.text
    units = ["word", "char_wb"] if text.level == "word" else ["char_wb"]
    ngrams = make_union(
        *(Ngrams(unit, lowercase=text.lowercase, max_tokens=text.max_tokens) for unit in units)
    )
    if purpose.is_sparse:
        return [ngrams]
    # Rows are compared by the direction in which they point, not by their length.
    return [ngrams, Topics(seed=purpose.seed), *([Normalizer()] if purpose.is_scaled else [])]
