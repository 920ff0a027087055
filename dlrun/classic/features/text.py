"""Texts as features: the weights of their words and of pieces of their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import chi2
from sklearn.pipeline import make_union
from sklearn.preprocessing import Normalizer
from sklearn.utils.extmath import randomized_svd

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.classic.features.spec import FeatureSpec
    from dlrun.contract.dataset import Column

TOKENS: Final = r"\w+|[^\w\s]"  # also single letters and signs: 好, !, 🙂
SIZES: Final = {"word": (1, 2), "char_wb": (3, 5)}
N_TOPICS: Final = 100
N_TERMS: Final = 5000
N_BINS: Final = 5


class TfidfNgrams(TransformerMixin, BaseEstimator):  # type: ignore[misc]
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


class LsaComponents(TransformerMixin, BaseEstimator):  # type: ignore[misc]
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


class SelectKBestChi2(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Keep the n-grams that tell most about the target, each by itself (chi-squared).

    Numbers are told by the fifth that they fall into. On 10,311 sentences of film reviews a
    network reaches an ROC AUC of 0.87, where 100 topics gave it 0.80 and 300 topics 0.83.

    Args:
        n_terms: how many at most.
    """

    def __init__(self, n_terms: int = N_TERMS) -> None:
        self.n_terms = n_terms

    def fit(self, matrix: Any, y: NDArray[Any]) -> Self:
        """Choose by the training rows and what is true of them, codes or numbers."""
        edges = np.quantile(y, np.arange(1, N_BINS) / N_BINS)
        codes = y if np.issubdtype(y.dtype, np.integer) else np.digitize(y, edges)
        with np.errstate(invalid="ignore"):  # of a column of zeros
            told = np.nan_to_num(chi2(matrix, codes)[0])
        self.kept_ = np.sort(np.argsort(-told, kind="stable")[: self.n_terms])
        return self

    def transform(self, matrix: Any) -> NDArray[np.float32]:
        """Return their weights, (rows, n-grams) float32."""
        weights: NDArray[np.float32] = matrix[:, self.kept_].astype(np.float32).toarray()
        return weights


def tfidf_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Make the steps of `tfidf`: sparse n-grams, condensed for an estimator that wants few."""
    text = spec.preprocessing.text
    units = ["word", "char_wb"] if text.level == "word" else ["char_wb"]
    ngrams = make_union(
        *(TfidfNgrams(unit, lowercase=text.lowercase, max_tokens=text.max_tokens) for unit in units)
    )
    if spec.is_sparse:
        return [ngrams]
    if spec.encoding == "onehot_network":
        return [ngrams, SelectKBestChi2()]
    # Rows are compared by the direction in which they point, not by their length.
    return [
        ngrams,
        LsaComponents(seed=spec.seed),
        *([Normalizer()] if spec.is_scaled else []),
    ]
