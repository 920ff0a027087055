"""Pretrained estimators for tables: weights by path, limits with a note, saved without weights.

The packages are not installed where tests run: a stand-in of the same class path does what is asked
of them, with a real estimator of scikit-learn inside that reads its one setting from the file of
"weights".
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from modalities import MODALITIES

from dlrun.catalog import table_models
from dlrun.classic import persistence
from dlrun.classic.candidate import ClassicCandidate
from dlrun.classic.candidates import learning_from_sample, make_candidates
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Dataset
from dlrun.errors import RecipeError, WeightsError
from dlrun.recipe.schema import Recipe
from dlrun.testing import check_candidate

Load = Callable[[str], Recipe]
LISTED = "baselines: [{estimator: tabicl.TabICLClassifier, model_path: weights.ckpt}]\n"

STAND_IN = '''
    """A stand-in for tabicl: the same class path and settings, boosting inside."""

    from pathlib import Path

    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.ensemble import HistGradientBoostingClassifier


    class TabICLClassifier(ClassifierMixin, BaseEstimator):
        def __init__(self, model_path=None, allow_auto_download=True, random_state=42):
            self.model_path = model_path
            self.allow_auto_download = allow_auto_download
            self.random_state = random_state

        def fit(self, X, y):
            if self.allow_auto_download:
                raise RuntimeError("this would reach for the network")
            rounds = int(Path(self.model_path).read_text())
            self.seen_ = X
            self.model_ = HistGradientBoostingClassifier(
                max_iter=rounds, min_samples_leaf=5, random_state=self.random_state
            ).fit(X, y)
            self.kept_by_no_file_ = lambda: None
            return self

        def predict(self, X):
            return self.model_.predict(X)

        def predict_proba(self, X):
            return self.model_.predict_proba(X)
'''


@pytest.fixture(autouse=True)
def tabicl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[None]:
    package = tmp_path / "packages" / "tabicl" / "_sklearn"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "classifier.py").write_text(dedent(STAND_IN))
    (package.parent / "__init__.py").write_text(
        "from tabicl._sklearn.classifier import TabICLClassifier\n"
    )
    monkeypatch.syspath_prepend(package.parents[1])
    (tmp_path / "weights.ckpt").write_text("30")
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "tabicl"]:
        del sys.modules[name]


def candidate(load: Load, dataset: Dataset, text: str = LISTED) -> ClassicCandidate:
    return make_candidates(load(text), dataset)[-1]


def limit(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    row = table_models.TABLE_MODELS["tabicl"]
    assert row.in_context
    smaller = replace(row, in_context=replace(row.in_context, **limits))
    monkeypatch.setitem(table_models.TABLE_MODELS, "tabicl", smaller)


def test_it_is_a_pretrained_candidate_like_any_other(recipe: Load) -> None:
    dataset = MODALITIES["table"]("classification")
    found = candidate(recipe, dataset)
    assert (found.kind, found.family) == ("pretrained", "deep")
    check_candidate(found, dataset)


def test_it_sees_numbers_with_gaps_and_categories_as_integers(recipe: Load) -> None:
    dataset = MODALITIES["table"]("classification")
    fitted = candidate(recipe, dataset).fit(dataset, dataset, FitContext(0))
    seen = fitted.estimator._fitted.seen_
    assert np.isnan(seen).any()
    n_categories = sum(column.type == "category" for column in dataset.columns)
    codes = seen[:, :n_categories]
    assert n_categories
    np.testing.assert_array_equal(codes, np.round(codes))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            "",
            "tabicl.TabICLClassifier: the file of its weights is not set. Download it once, such "
            "as with 'hf download jingang/TabICL --local-dir weights', and add model_path: path",
        ),
        (
            ", model_path: gone.ckpt",
            "tabicl.TabICLClassifier: model_path: there is no file {folder}/gone.ckpt. Put the "
            "weights there, or download them, such as with 'hf download jingang/TabICL "
            "--local-dir weights'",
        ),
    ],
)
def test_weights_that_are_not_there_are_one_error_at_the_start(
    settings: str, message: str, recipe: Load, classes: Dataset, tmp_path: Path
) -> None:
    text = f"baselines: [{{estimator: tabicl.TabICLClassifier{settings}}}]\n"
    with pytest.raises(WeightsError) as caught:
        candidate(recipe, classes, text)
    assert str(caught.value) == message.format(folder=tmp_path)


def test_weights_that_are_gone_when_a_model_is_loaded_are_one_error(
    recipe: Load, classes: Dataset, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    candidate(recipe, classes).fit(classes, classes, FitContext(0)).save(folder)
    (tmp_path / "weights.ckpt").unlink()
    with pytest.raises(WeightsError, match=r"no file .*weights\.ckpt"):
        persistence.load(folder)


def test_more_rows_than_it_takes_are_sampled_with_a_note(
    recipe: Load, classes: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, max_rows=20)
    found = candidate(recipe, classes)
    fits = [found.fit(classes, classes, FitContext(seed)).estimator for seed in (0, 0, 1)]
    assert [len(fit.X_) for fit in fits] == [20, 20, 20]
    share = 20 * classes.y.mean()
    assert all(abs(fit.y_.sum() - share) <= 1 for fit in fits)
    np.testing.assert_array_equal(fits[0].X_, fits[1].X_)
    assert not np.array_equal(fits[0].X_, fits[2].X_)
    [note] = learning_from_sample([found], classes, len(classes))
    assert (note.code, note.text) == (
        "DLR033",
        "TabICLClassifier learns from a sample of 20 of 60 training rows: it takes no more.",
    )


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_columns": 2}, "takes 2 columns, and here are 3. Choose with data.features"),
        ({"max_classes": 1}, "takes 1 classes, and the target has 2"),
    ],
)
def test_what_it_cannot_take_is_a_fault_of_the_recipe(
    limits: dict[str, int],
    message: str,
    recipe: Load,
    classes: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit(monkeypatch, **limits)
    with pytest.raises(RecipeError) as caught:
        candidate(recipe, classes)
    assert str(caught.value) == f"small.yaml:4: baselines.0: tabicl.TabICLClassifier {message}"
