"""Texts as features: the TF-IDF weights of words and of letters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import chi2
from sklearn.pipeline import make_union
from sklearn.preprocessing import Normalizer
from sklearn.utils.extmath import randomized_svd

from dlrun.classic.features.spec import FeatureSpec
from dlrun.contract.dataset import Column

TOKENS: Final = r"\w+|[^\w\s]"  # also single letters and signs: 好, !, 🙂
SIZES: Final = {"word": (1, 2), "char_wb": (3, 5)}
N_BINS: Final = 5


class TfidfNgrams(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """TF-IDF weights of n-grams, with sublinear counts and rows of length 1.

    The vocabulary is kept as one string: in a saved model a mapping of 20,000 words would take a
    minute to write.

    Args:
        unit: word: one or two words in a row; char_wb: three to five letters within a word.
        lowercase: whether texts are lowercased first.
        max_tokens: the number of n-grams, the most frequent; None: all.
    """

    def __init__(
        self, unit: str = "word", *, lowercase: bool = True, max_tokens: int | None = None
    ) -> None:
        self.unit = unit
        self.lowercase = lowercase
        self.max_tokens = max_tokens

    def fit(self, texts: pd.Series[Any], y: object = None) -> Self:
        """Find the vocabulary and its weights in the training rows."""
        self.fit_transform(texts)
        return self

    def fit_transform(self, texts: pd.Series[Any], y: object = None) -> Any:
        """Fit, and return the weights of the training rows."""
        # Texts without any letter have no vocabulary: they become one column of zeros.
        vocabulary = None if any(text.strip() for text in texts) else [""]
        self._vectorizer = self._make(vocabulary=vocabulary, max_features=self.max_tokens)
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

    def occurrences(self, words: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
        """Yield each n-gram of a text, with the places of the words that it stands in.

        Args:
            words: the text, parted at white space.
        """
        cased = [word.lower() for word in words] if self.lowercase else words
        for n in range(SIZES[self.unit][0], SIZES[self.unit][1] + 1):
            yield from _words(cased, n) if self.unit == "word" else _letters(cased, n)

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


def _words(words: Sequence[str], n: int) -> Iterator[tuple[str, list[int]]]:
    tokens = [(token, k) for k, word in enumerate(words) for token in re.findall(TOKENS, word)]
    for start in range(len(tokens) - n + 1):
        part = tokens[start : start + n]
        yield " ".join(token for token, _ in part), [k for _, k in part]


def _letters(words: Sequence[str], n: int) -> Iterator[tuple[str, list[int]]]:
    """Yield what scikit-learn's char_wb does: a word that is too short counts once."""
    for k, word in enumerate(words):
        padded = f" {word} "
        if n == SIZES["char_wb"][0] or len(padded) >= n:
            for start in range(max(1, len(padded) - n + 1)):
                yield padded[start : start + n], [k]


class LsaComponents(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """At most `n_components` of latent semantic analysis (Deerwester et al. 1990), by an SVD."""

    def __init__(self, n_components: int = 100, seed: int = 0) -> None:
        self.n_components = n_components
        self.seed = seed

    def fit(self, matrix: Any, y: object = None) -> Self:
        """Fit the components to the training rows."""
        n_components = min(self.n_components, *matrix.shape)
        svd = randomized_svd(matrix, n_components, n_iter=5, random_state=self.seed)
        self.components_ = svd[2]
        return self

    def transform(self, matrix: Any) -> NDArray[np.float64]:
        """Return the components, (rows, components) float64."""
        values: NDArray[np.float64] = matrix @ self.components_.T
        return values


class SelectKBestChi2(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The `k` n-grams with the largest chi-squared statistic with y.

    On 10,311 sentences of film reviews a network on them reaches an ROC AUC of 0.87; on 100
    components of latent semantic analysis 0.80, on 300 of them 0.83.
    """

    def __init__(self, k: int = 5000) -> None:
        self.k = k

    def fit(self, matrix: Any, y: NDArray[Any]) -> Self:
        """Choose by y: integers, (rows,) or (rows, labels); or numbers, (rows,), by quintiles."""
        if not np.issubdtype(y.dtype, np.integer):
            y = np.digitize(y, np.quantile(y, np.arange(1, N_BINS) / N_BINS))
        with np.errstate(invalid="ignore"):  # of a column of zeros
            statistics = np.nan_to_num(chi2(matrix, y)[0])
        self.kept_ = np.sort(np.argsort(-statistics, kind="stable")[: self.k])
        return self

    def transform(self, matrix: Any) -> NDArray[np.float32]:
        """Return the weights of the chosen n-grams, (rows, n-grams) float32."""
        weights: NDArray[np.float32] = matrix[:, self.kept_].astype(np.float32).toarray()
        return weights


def tfidf_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Return the steps of `tfidf`: sparse n-grams, reduced for an estimator of dense matrices."""
    text = spec.preprocessing.text
    units = ["word", "char_wb"] if text.level == "word" else ["char_wb"]
    ngrams = make_union(
        *(TfidfNgrams(unit, lowercase=text.lowercase, max_tokens=text.max_tokens) for unit in units)
    )
    if spec.encoding == "onehot":
        return [ngrams]
    if spec.encoding == "onehot_network":
        return [ngrams, SelectKBestChi2()]
    # Texts of any length are compared by the direction of their components.
    return [ngrams, LsaComponents(seed=spec.seed), *([Normalizer()] if spec.is_scaled else [])]
