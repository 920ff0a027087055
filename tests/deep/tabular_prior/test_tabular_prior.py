"""`tabular_prior` from its synthetic tables to a saved model.

`tiny.npz` are weights of a small network that the script trained for three minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from modalities import MODALITIES

from dlrun.contract.candidate import FitContext
from dlrun.deep.candidates import learning_from_context, make_candidates
from dlrun.deep.tabular_prior import limits
from dlrun.deep.tabular_prior.synthetic import draw_table
from dlrun.errors import RecipeError
from dlrun.testing import check_candidate

TINY = Path(__file__).with_name("tiny.npz")
pytestmark = pytest.mark.tf


def prior(recipe, dataset, **settings):
    model = {"architecture": "tabular_prior", "weights": str(TINY), **settings}
    return make_candidates(recipe(model=model), dataset)[0]


def test_a_synthetic_table_has_classes_that_its_columns_tell():
    from sklearn.ensemble import RandomForestClassifier

    generator, gains, n_missing, n_classes = np.random.default_rng(0), [], 0, set()
    for _ in range(30):
        matrix, y = draw_table(generator, 160, 6)
        assert matrix.shape == (160, 6)
        assert not np.isinf(matrix).any()
        assert np.issubdtype(y.dtype, np.integer)
        n_missing += np.isnan(matrix).any()
        n_classes |= {len(np.unique(y))}
        forest = RandomForestClassifier(10, random_state=0).fit(matrix[:120], y[:120])
        usual = (y[120:] == np.bincount(y[:120]).argmax()).mean()
        gains.append(forest.score(matrix[120:], y[120:]) - usual)
    assert np.mean(gains) > 0.1
    assert 2 <= n_missing < 20
    assert {2, 3, 4} <= n_classes
    assert max(n_classes) <= limits.MAX_CLASSES


def test_cells_are_measured_by_the_training_rows_alone():
    from dlrun.deep.tabular_prior.cells import CellScale, tokens_of

    train = np.array([[0.0, 5.0, np.nan], [2.0, 5.0, 1.0], [4.0, 5.0, np.nan]])
    cells = CellScale.of(train).cells(np.array([[2.0, 5.0, np.nan], [1e9, 7.0, 1.0]]))
    np.testing.assert_allclose(cells[0], [[0, 0, 0], [0, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(cells[1], [[5, 1, 0], [2, 1, 0], [0, 0, 0]])
    tokens = tokens_of(cells)
    assert tokens.shape == (2, 2, limits.GROUP * limits.CELL)
    np.testing.assert_allclose(tokens[0, 1], [5, 1, 0, 2, 1, 0])
    np.testing.assert_allclose(tokens[1, 0], [0, 0, 1, 0, 0, 0])


def test_categories_count_by_frequency_and_dates_are_days():
    import pandas as pd

    from dlrun.contract.dataset import Column
    from dlrun.deep.tabular_prior.columns import MatrixReader

    columns = (Column("colour", "category"), Column("day", "datetime"))
    days = pd.to_datetime(["1970-01-03T00:00", None, "1970-01-02T12:00", "1970-01-01T00:00"])
    frame = pd.DataFrame({"colour": pd.Categorical(["b", "a", "a", None]), "day": days})
    reader = MatrixReader.of(columns, frame)
    expected = [[1, 2], [0, np.nan], [0, 1.5], [np.nan, 0]]
    np.testing.assert_allclose(reader.read(frame), expected)
    new = pd.DataFrame({"colour": pd.Categorical(["c", "a"]), "day": days[:2]})
    np.testing.assert_allclose(reader.read(new)[:, 0], [np.nan, 0])


def test_it_is_a_pretrained_candidate_like_any_other(recipe):
    dataset = MODALITIES["table"]("classification")
    found = prior(recipe, dataset, members=2)
    assert (found.kind, found.family, found.needs_validation) == ("pretrained", "deep", False)
    assert set(found.settings) == {"model.architecture", "model.weights", "model.members"}
    check_candidate(found, dataset)


def test_it_learns_a_real_table_from_its_context(recipe, breast_cancer):
    train, test = breast_cancer.take(np.arange(300)), breast_cancer.take(np.arange(300, 569))
    fitted = prior(recipe, breast_cancer).fit(train, train, FitContext(0))
    second = fitted.predict(test.frame).values[:, 1]
    assert second[test.y == 1].mean() - second[test.y == 0].mean() > 0.15


def test_more_than_it_takes_is_sampled_with_notes(recipe, breast_cancer, monkeypatch):
    from dlrun.deep.tabular_prior import candidate, fitted

    for module in (candidate, fitted):
        monkeypatch.setattr(module, "MAX_ROWS", 40)
        monkeypatch.setattr(module, "MAX_COLUMNS", 6)
    found = prior(recipe, breast_cancer)
    context = found.fit(breast_cancer, breast_cancer, FitContext(0)).context
    assert context.matrix.shape == (40, 6)
    assert abs(context.y.mean() - breast_cancer.y.mean()) < 0.03
    notes = list(learning_from_context([found], breast_cancer, 500))
    assert [(note.code, note.text) for note in notes] == [
        (
            "DLR033",
            "tabular_prior learns from a sample of 40 of 500 training rows: it takes no more.",
        ),
        (
            "DLR033",
            "tabular_prior reads 6 of 30 columns, those that differ most between classes: it "
            "takes no more.",
        ),
    ]


def test_the_columns_that_are_kept_differ_most_between_classes():
    from dlrun.deep.tabular_prior.columns import most_telling

    generator = np.random.default_rng(0)
    y = generator.integers(0, 3, 200)
    matrix = generator.normal(size=(200, 5))
    matrix[:, 1] += y
    matrix[:, 4] -= 2 * y
    matrix[::9, 4] = np.nan
    np.testing.assert_array_equal(most_telling(matrix, y, 2), [1, 4])


def test_without_weights_the_error_says_how_to_train_some(recipe, breast_cancer, tmp_path):
    model = {"architecture": "tabular_prior"}
    with pytest.raises(RecipeError, match=r"brings no weights for tabular_prior\. Train some on "):
        make_candidates(recipe(model=model), breast_cancer)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"no weights")
    fit = prior(recipe, breast_cancer, weights=str(broken)).fit
    with pytest.raises(Exception, match=r"broken\.npz: no weights of tabular_prior"):
        fit(breast_cancer, breast_cancer, FitContext(0))


def test_what_it_does_not_take_is_a_fault_of_the_recipe(recipe, diabetes):
    with pytest.raises(RecipeError, match="does classification, and the task is regression"):
        prior(recipe, diabetes)
    mixed = MODALITIES["mixed"]("classification")
    with pytest.raises(RecipeError, match="tabular_prior takes number, category, datetime, and"):
        prior(recipe, mixed)


@pytest.mark.slow
def test_the_script_writes_weights_that_a_recipe_can_name(
    recipe, breast_cancer, tmp_path, monkeypatch, capsys
):
    from dlrun.deep.tabular_prior import pretrain

    path = tmp_path / "own.npz"
    monkeypatch.setattr(pretrain, "SHAPES", ((1, 16, 8),))
    monkeypatch.setattr(pretrain, "CELLS", 50)
    monkeypatch.setattr(pretrain, "REPORT_SECONDS", 0)
    options = ["--minutes", "0.01", "--width", "8", "--heads", "2", "--blocks", "1"]
    monkeypatch.setattr(sys, "argv", ["pretrain", str(path), *options])
    pretrain.main()
    assert " tables, loss " in capsys.readouterr().out
    fitted = prior(recipe, breast_cancer, weights=str(path)).fit(
        breast_cancer, breast_cancer, FitContext(0)
    )
    assert fitted.context.network.width == 8
    assert not [*tmp_path.glob("*.part.npz")]
