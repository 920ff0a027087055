from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import PoissonRegressor

from dlrun.classic.attribution.coefficients import affine
from dlrun.classic.attribution.sources import source_columns, spread_over_words
from dlrun.classic.candidates import make_candidates
from dlrun.classic.features.text import TfidfNgrams
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.data.occlusion import explain_by_occlusion
from dlrun.data.reference import make_reference
from dlrun.data.targets import target_kind
from dlrun.recipe.schema import Recipe
from dlrun.testing.samples import SAMPLES

LABELS = ("no", "yes")


def binary(name):
    data = SAMPLES[name]().dataset("classification")
    target = Target("y", "classification", LABELS)
    return replace(data, y=(data.y > 0).astype(np.int64), target=target)


def fit(data, name, **settings):
    document = {"data": {"source": "made"}, "baselines": [{"name": name, **settings}]}
    candidate = make_candidates(Recipe.model_validate(document), data)[-1]
    return candidate.fit(data, data.take(np.arange(20)), FitContext(0))


def explained(fitted, data, method=None):
    """Return attributions of some rows' predicted outputs, and these outputs' margins."""
    rows, kind = data.frame.head(20), target_kind(data.target.task)
    predicted = fitted.predict(rows)
    outputs = kind.outputs(predicted)
    found = fitted.explain(rows, outputs, make_reference(data), method)
    return found, outputs, kind.margins(predicted, outputs)


def matrix_of(found):
    return np.array([[float(part.weights.sum()) for part in each.columns] for each in found])


@pytest.mark.parametrize("name", ["linear", "linear_svm"])
@pytest.mark.parametrize("task", ["classification", "regression", "multilabel"])
def test_coefficients_are_what_the_output_loses_with_each_column(name, task):
    data = binary("table") if task == "classification" else SAMPLES["table"]().dataset(task)
    fitted = fit(data, name)
    assert fitted.attribution_methods == ("coefficients",)
    found, outputs, margins = explained(fitted, data)
    assert max(abs(each.residual) for each in found) < 1e-12
    occluded = explain_by_occlusion(
        fitted.predict, data.columns, data.target, data.frame.head(20), outputs,
        make_reference(data),
    )  # fmt: skip
    inner = abs(margins) < 5  # probabilities of others are cut
    assert inner.sum() > 5
    assert [each.value for each in found] == pytest.approx(margins, abs=0.01)
    assert matrix_of(found)[inner] == pytest.approx(matrix_of(occluded)[inner], abs=0.02)


@pytest.mark.parametrize("task", ["classification", "regression", "multilabel"])
@pytest.mark.parametrize(
    ("name", "method", "package"),
    [
        ("xgboost", "tree_shap", "xgboost"),
        ("lightgbm", "tree_shap", "lightgbm"),
        ("decision_tree", "shap", "shap"),
    ],
    ids=["xgboost", "lightgbm", "decision tree"],
)
def test_shapley_values_of_trees_sum_to_the_output(name, method, package, task):
    pytest.importorskip(package)
    data = binary("table") if task == "classification" else SAMPLES["table"]().dataset(task)
    settings = {"n_estimators": 10} if method == "tree_shap" else {"max_depth": 3}
    found, _, margins = explained(fit(data, name, **settings), data, method)
    values = np.array([each.value for each in found])
    if found[0].unit == "probability":
        values = np.log((values + 1e-6) / (1 - values + 1e-6))
    assert values == pytest.approx(margins, abs=1e-3)
    assert max(abs(each.residual) for each in found) < 1e-6


@pytest.mark.parametrize("package", ["", "xgboost", "lightgbm"], ids=["linear", "xgb", "lgbm"])
def test_nearly_all_weight_is_on_a_planted_column(package):
    if package:
        importlib.util.find_spec(package) or pytest.skip(f"{package} is not installed")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 4)), columns=list("abcd"))
    columns = tuple(Column(name, "number") for name in frame)
    y = (frame["c"] > 0).to_numpy().astype(np.int64)
    data = Dataset("", "", columns, Target("y", "classification", LABELS), frame, y, np.arange(300))
    fitted = fit(data, package or "linear", **({"n_estimators": 20} if package else {}))
    weights = abs(matrix_of(explained(fitted, data)[0])).sum(axis=0)
    assert weights[2] / weights.sum() > 0.9


def test_nearly_all_weight_of_a_text_is_on_the_planted_word():
    rng = np.random.default_rng(0)
    words = np.array([f"{first}{last}" for first in "bcdfghjk" for last in ("aro", "eni", "ulo")])
    y = np.arange(1000) % 2
    texts = [" ".join([*rng.choice(words, 5), "awful" if one else "lovely"]) for one in y]
    frame = pd.DataFrame({"t": pd.Series(texts, dtype="str")})
    target = Target("y", "classification", LABELS)
    data = Dataset("", "", (Column("t", "text"),), target, frame, y, np.arange(1000))
    found, _, _ = explained(fit(data, "linear"), data)
    assert found[0].columns[0].parts == tuple(texts[0].split())
    weights = abs(np.array([each.columns[0].weights for each in found])).sum(axis=0)
    assert weights[-1] / weights.sum() > 0.9
    assert max(abs(each.residual) for each in found) < 1e-12


@pytest.mark.parametrize("unit", ["word", "char_wb"])
def test_every_n_gram_of_a_text_is_found_in_its_words(unit):
    text = "Don't  stop — a\tStitch in time, x saves X!"
    ngrams = TfidfNgrams(unit).fit(pd.Series([text]))
    assert {term for term, _ in ngrams.occurrences(text.split())} == {*ngrams.terms_.split("\n")}
    weights = ngrams.transform([text]).toarray()[0]
    words, spread = spread_over_words(text, [ngrams], weights)
    assert words == tuple(text.split())
    assert spread.sum() == pytest.approx(weights.sum())


def test_what_is_not_linear_or_hides_the_columns_has_no_method_of_its_own():
    assert affine(PoissonRegressor().fit([[0.0], [1.0]], [1.0, 2.0])) is None
    data = binary("table")
    assert fit(data, "svm").attribution_methods == ()
    assert fit(data, "dummy").attribution_methods == ()
    assert fit(SAMPLES["image"]().dataset("classification"), "linear").attribution_methods == ()


@pytest.mark.parametrize("name", ["linear", "decision_tree"])
def test_the_column_of_a_feature_is_the_one_that_changes_it(name):
    data = SAMPLES["table"]().dataset("regression")
    numbers = [column.name for column in data.columns if column.type == "number"]
    gaps = data.frame[numbers[-1]].where(np.arange(len(data)) % 3 > 0)
    data = replace(data, frame=data.frame.assign(**{numbers[-1]: gaps}))
    features = fit(data, name).features

    def dense(frame):
        matrix = features.transform(frame)
        return matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)

    before, sources = dense(data.frame), np.array(source_columns(features))
    assert len(sources) == before.shape[1]
    for column in data.columns:
        turned = data.frame.assign(**{column.name: data.frame[column.name].array[::-1]})
        changed = (dense(turned) != before).any(axis=0)
        assert {*sources[changed].tolist()} == {column.name}
