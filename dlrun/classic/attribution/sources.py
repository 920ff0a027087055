"""From which column, and from which words of a text, each feature comes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion
from sklearn.preprocessing import OneHotEncoder

from dlrun.classic.features.tabular import DateParts
from dlrun.classic.features.text import TfidfNgrams


def source_columns(features: Any) -> list[str]:
    """Return the column that each feature of fitted ones comes from, in their order."""
    found: list[str] = []
    for name, pipeline, source in features.transformers_:
        place = features.output_indices_[name]
        width = place.stop - place.start
        found += [source] * width if isinstance(source, str) else _of_table(pipeline, source)
    return found


def _of_table(pipeline: Any, columns: list[str]) -> list[str]:
    origins = [*columns]
    for _, step in getattr(pipeline, "steps", ()):
        origins = [origins[place] for place in _places(step, len(origins))]
    return origins


def _places(step: Any, n: int) -> list[int]:
    """Return the position of the input that each output of a step comes from."""
    match step:
        case OneHotEncoder():
            return [k for k, names in enumerate(step.categories_) for _ in names]
        case DateParts():
            return [k for k, parts in enumerate(step.parts_) for _ in parts]
        case SimpleImputer(indicator_=indicator) if indicator is not None:
            return [*range(n), *indicator.features_.tolist()]
        case _:
            return [*range(n)]


def text_ngrams(features: Any) -> dict[str, tuple[slice, list[TfidfNgrams]]] | None:
    """Return column → its features and the n-grams that these are, of columns of texts.

    Returns:
        None where there are images, sounds, series, or texts as components or vectors: what
        their features say of a pixel, a moment or a word is not known.
    """
    found = {}
    for name, pipeline, source in getattr(features, "transformers_", ()):
        if isinstance(source, str):
            (_, union), *others = pipeline.steps
            if others or not isinstance(union, FeatureUnion):
                return None
            ngrams = [each for _, each in union.transformer_list]
            found[source] = (features.output_indices_[name], ngrams)
    return found


def spread_over_words(
    text: str, ngrams: list[TfidfNgrams], weights: NDArray[np.float64]
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Spread the weights of n-grams over the words that have them, in equal parts.

    Args:
        text: a cell.
        ngrams: of the features.
        weights: (features,) of the text, in the order of the n-grams.

    Returns:
        The words of the text, and (words,) weights of the same sum.
    """
    words = tuple(text.split())
    spread, start = np.zeros(len(words)), 0
    for each in ngrams:
        terms = each.terms_.split("\n")
        own = weights[start : start + len(terms)]
        wanted = {terms[place]: own[place] for place in np.flatnonzero(own)}
        found = [(term, places) for term, places in each.occurrences(words) if term in wanted]
        counts: dict[str, int] = {}
        for term, _ in found:
            counts[term] = counts.get(term, 0) + 1
        for term, places in found:
            np.add.at(spread, places, wanted[term] / counts[term] / len(places))
        start += len(terms)
    return words, spread
