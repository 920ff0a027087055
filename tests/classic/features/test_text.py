"""Texts become weights of words and letters, however they are written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.pipeline import make_pipeline

from dlrun.catalog.features import Encoding
from dlrun.classic.features.spec import FeatureSpec
from dlrun.classic.features.text import LsaComponents, SelectKBestChi2, TfidfNgrams, tfidf_steps
from dlrun.contract.dataset import Column
from dlrun.recipe.preprocessing import Preprocessing

TEXTS = pd.Series(["Good good film!", "a bad film", "好 🙂 film", ""], dtype="str")


def terms(**settings: Any) -> list[str]:
    return TfidfNgrams(**settings).fit(TEXTS).terms_.split("\n")


def steps(encoding: Encoding, **text: Any) -> Any:
    preprocessing = Preprocessing.model_validate({"text": text})
    spec = FeatureSpec(encoding, preprocessing, n_rows=len(TEXTS), seed=0)
    return make_pipeline(*tfidf_steps(Column("review", "text"), spec))


def test_words_and_pairs_of_words_also_of_one_letter_and_of_signs() -> None:
    found = set(terms())
    assert {"good", "good good", "film !", "a", "好", "🙂", "好 🙂"} <= found
    assert "Good" not in found
    assert "Good" in terms(lowercase=False)


def test_pieces_of_words_stay_within_a_word() -> None:
    assert " bad " in terms(unit="char_wb")
    assert not [term for term in terms(unit="char_wb") if "d f" in term]


def test_the_most_frequent_are_kept() -> None:
    assert terms(max_tokens=1) == ["film"]


def test_a_row_has_the_length_1_and_an_empty_one_none() -> None:
    lengths = np.sqrt(TfidfNgrams().fit_transform(TEXTS).power(2).sum(axis=1))
    np.testing.assert_allclose(np.ravel(lengths), [1, 1, 1, 0])


def test_training_texts_without_a_single_letter_give_a_column_of_zeros() -> None:
    nothing = pd.Series(["", "  "], dtype="str")
    ngrams = TfidfNgrams().fit(nothing)
    assert ngrams.transform(TEXTS).toarray().tolist() == [[0]] * 4
    assert np.isfinite(steps("native").fit(nothing).transform(TEXTS)).all()


def test_unseen_words_weigh_nothing() -> None:
    new = pd.Series(["entirely other words"], dtype="str")
    assert TfidfNgrams().fit(TEXTS).transform(new).nnz == 0


def test_the_state_that_is_saved_is_small_and_enough() -> None:
    ngrams = TfidfNgrams(max_tokens=5).fit(TEXTS)
    state = ngrams.__getstate__()
    assert sorted(state) == ["idf_", "lowercase", "max_tokens", "terms_", "unit"]
    again = TfidfNgrams()
    vars(again).update(state)
    assert (again.transform(TEXTS) != ngrams.transform(TEXTS)).nnz == 0


def test_the_recipe_sets_level_letters_and_number() -> None:
    words, letters = steps("onehot").fit(TEXTS).steps[0][1].transformer_list
    assert (words[1].unit, letters[1].unit) == ("word", "char_wb")
    ((_, alone),) = steps("onehot", level="char", max_tokens=3, lowercase=False)[0].transformer_list
    assert (alone.unit, alone.max_tokens, alone.lowercase) == ("char_wb", 3, False)


@pytest.mark.parametrize("encoding", ["onehot_dense", "ordinal", "native"])
def test_dense_matrices_get_components(encoding: Encoding) -> None:
    matrix = steps(encoding).fit(TEXTS).transform(TEXTS)
    assert isinstance(matrix, np.ndarray)
    assert matrix.shape == (4, 4)  # never more than there are rows


def test_topics_are_at_most_as_many_as_asked() -> None:
    matrix = TfidfNgrams().fit_transform(TEXTS)
    assert LsaComponents(2).fit(matrix).transform(matrix).shape == (4, 2)


@pytest.mark.parametrize(
    "y",
    [[1, 1, 0, 0], [0.9, 0.8, 0.1, 0.2], [[1, 0], [1, 1], [0, 1], [0, 0]]],
    ids=["classes", "numbers", "labels"],
)
def test_a_network_gets_the_terms_with_the_largest_chi_squared(y: list[Any]) -> None:
    """A term of the same weight everywhere has none, however large the weight is."""
    matrix = scipy.sparse.csr_array([[0, 9, 2.0], [0, 9, 1], [0, 9, 0], [0, 9, 0]])
    chosen = SelectKBestChi2(k=1).fit_transform(matrix, np.array(y))
    assert chosen.dtype == np.float32
    assert chosen.tolist() == [[2], [1], [0], [0]]


def test_fewer_terms_than_a_network_may_have_are_all_kept() -> None:
    y = np.array([0, 1, 0, 1])
    dense = steps("onehot_network").fit_transform(TEXTS, y)
    sparse = steps("onehot").fit_transform(TEXTS, y)
    np.testing.assert_allclose(dense, sparse.toarray(), rtol=1e-6)


def test_texts_without_a_letter_tell_a_network_nothing() -> None:
    empty = pd.Series(["", " "], dtype="str")
    assert steps("onehot_network").fit_transform(empty, np.array([0, 1])).tolist() == [[0, 0]] * 2
