"""Baselines of a recipe become candidates, or one clear error before anything is trained."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from modalities import MODALITIES

from dlrun.classic import extras
from dlrun.classic.candidates import make_candidates
from dlrun.classic.defaults import choose_baselines
from dlrun.contract.dataset import Dataset
from dlrun.errors import ExtraError, RecipeError
from dlrun.recipe.load import load_recipe
from dlrun.recipe.schema import Recipe

Load = Callable[[str], Recipe]
LARGE = ["linear", "random_forest", "hist_gradient_boosting"]  # of any table


def names(recipe: Recipe, dataset: Dataset) -> list[str]:
    return [candidate.name for candidate in make_candidates(recipe, dataset)]


def test_auto_takes_the_slow_and_strong_ones_too_on_small_tables(
    recipe: Load, classes: Dataset
) -> None:
    small = ["dummy", *LARGE, "svm", "extra_trees", "slow_gradient_boosting"]
    assert names(recipe(""), classes) == small
    large = classes.take(np.arange(10_001) % len(classes))
    assert names(recipe(""), large) == ["dummy", *LARGE]
    several = MODALITIES["table"]("multilabel")
    assert names(recipe(""), several) == ["dummy", *LARGE]


def test_none_takes_nothing(recipe: Load, classes: Dataset) -> None:
    assert names(recipe("baselines: none\n"), classes) == []


def test_the_dummy_is_added_to_a_list(recipe: Load, classes: Dataset) -> None:
    assert names(recipe("baselines: [svm]\n"), classes) == ["dummy", "svm"]
    assert names(recipe("baselines: [svm, dummy]\n"), classes) == ["svm", "dummy"]


def test_a_name_that_is_taken_gets_a_number(recipe: Load, classes: Dataset) -> None:
    text = "baselines: [dummy, svm, {name: svm, C: 3.0}, {name: svm, C: 9.0}]\n"
    assert names(recipe(text), classes) == ["dummy", "svm", "svm-2", "svm-3"]


def test_settings_are_dotted_recipe_keys(recipe: Load, classes: Dataset) -> None:
    *_, svm = make_candidates(recipe("baselines: [{name: svm, C: 3.0}]\n"), classes)
    assert svm.settings == {"baselines.svm.C": 3.0}
    assert (svm.kind, svm.family) == ("classic", "classic")


def test_any_class_can_be_named(recipe: Load, classes: Dataset) -> None:
    text = "baselines: [{estimator: sklearn.neural_network.MLPClassifier, max_iter: 9}]\n"
    *_, network = make_candidates(recipe(text), classes)
    assert (network.name, network.estimator) == (
        "MLPClassifier",
        "sklearn.neural_network.MLPClassifier",
    )


def test_the_side_follows_from_the_class_unless_the_recipe_names_it(
    recipe: Load, classes: Dataset
) -> None:
    network = "estimator: sklearn.neural_network.MLPClassifier"
    text = (
        f"baselines: [linear, {{{network}}}, {{{network}, name: mine, side: classic}}, "
        "{name: svm, side: deep}]\n"
    )
    _, *found = make_candidates(recipe(text), classes)
    assert [(each.name, each.kind, each.family) for each in found] == [
        ("linear", "classic", "classic"),
        ("MLPClassifier", "network", "deep"),
        ("mine", "classic", "classic"),
        ("svm", "network", "deep"),
    ]
    assert {each.framework for each in found} == {"scikit-learn"}
    assert found[2].settings["baselines.mine.side"] == "classic"
    assert found[3].settings == {"baselines.svm.side": "deep"}
    assert "side" not in "".join(found[1].settings)


def test_a_class_may_have_a_name_of_its_own(recipe: Load, classes: Dataset) -> None:
    text = "baselines: [{estimator: sklearn.svm.LinearSVC, name: straight}]\n"
    assert names(recipe(text), classes) == ["dummy", "straight"]


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        (
            "{name: random_forest, n_estimatorz: 9}",
            "small.yaml:5: baselines.0.n_estimatorz is not a setting of random_forest. "
            "Did you mean n_estimators?",
        ),
        (
            "{name: lightgbm, lr: 0.1}",
            "small.yaml:5: baselines.0.lr is not a setting of lightgbm. "
            "Did you mean learning_rate?",
        ),
        (
            "{name: xgboost, max_dept: 3}",
            "small.yaml:5: baselines.0.max_dept is not a setting of xgboost. "
            "Did you mean max_depth?",
        ),
        (
            "{name: naive_bayes, q: 1}",
            "small.yaml:5: baselines.0.q is not a setting of naive_bayes. "
            "Allowed: priors, var_smoothing",
        ),
        (
            "{name: svm, C: -1}",
            "small.yaml:5: baselines.0: svm does not take these settings: The 'C' parameter of "
            "SVC must be a float in the range (0.0, inf]. Got -1 instead.",
        ),
        (
            "ridge",
            "small.yaml:5: baselines.0: ridge does not do classification. Allowed: dummy, naive, "
            "seasonal_naive, linear, "
            "logistic_regression, svm, linear_svm, knn, naive_bayes, decision_tree, "
            "shallow_tree, ebm, "
            "random_forest, extra_trees, adaboost, hist_gradient_boosting, "
            "slow_gradient_boosting, xgboost, lightgbm, "
            "mini_rocket",
        ),
        (
            "{estimator: sklearn.svm.SVR}",
            "small.yaml:5: baselines.0: sklearn.svm.SVR is a regressor, and the task is "
            "classification. It takes a classifier",
        ),
        (
            "{estimator: sklearn.cluster.KMeans}",
            "small.yaml:5: baselines.0: sklearn.cluster.KMeans is a clusterer, and the task is "
            "classification. It takes a classifier",
        ),
        (
            "{estimator: sklearn.svm.SVK}",
            "small.yaml:5: baselines.0: sklearn.svm.SVK cannot be imported: module sklearn.svm "
            "has no class SVK. Install its package, or put its folder on PYTHONPATH",
        ),
        (
            "{estimator: nosuch.Thing}",
            "small.yaml:5: baselines.0: nosuch.Thing: importing nosuch would run its code, and a "
            "recipe cannot ask for that by itself. If you trust the module, add --trust-modules "
            "nosuch. Estimators without it: those of sklearn, imblearn, xgboost, lightgbm, "
            "catboost, ngboost, interpret, aeon, tabicl, tabpfn",
        ),
        (
            "{estimator: sklearn.utils.Bunch}",
            "small.yaml:5: baselines.0: sklearn.utils.Bunch has no fit and no predict and no "
            "get_params, so it is not an estimator",
        ),
        (
            "{estimator: sklearn.model_selection.GridSearchCV}",
            "small.yaml:5: baselines.0: sklearn.model_selection.GridSearchCV does not take these "
            "settings: GridSearchCV.__init__() missing 2 required positional arguments: "
            "'estimator' and 'param_grid'",
        ),
    ],
)
def test_what_cannot_be_a_candidate(
    recipe: Load, classes: Dataset, baseline: str, message: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        make_candidates(recipe(f"baselines:\n  - {baseline}\n"), classes)
    assert str(caught.value) == message


def test_all_faults_are_reported_at_once(recipe: Load, prices: Dataset) -> None:
    text = "baselines:\n  - naive_bayes\n  - {name: knn, k: 3, n_neighbours: 3}\n"
    with pytest.raises(RecipeError) as caught:
        make_candidates(recipe(text), prices)
    lines = str(caught.value).splitlines()
    assert [line.split(" is ")[0].split(" does ")[0] for line in lines] == [
        "small.yaml:5: baselines.0: naive_bayes",
        "small.yaml:6: baselines.1.k",
        "small.yaml:6: baselines.1.n_neighbours",
    ]


@pytest.mark.parametrize("baseline", ["xgboost", "{estimator: xgboost.XGBRegressor}"])
def test_a_missing_package_names_its_extra(
    recipe: Load, prices: Dataset, baseline: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "xgboost", raising=False)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(ExtraError) as caught:
        make_candidates(recipe(f"baselines: [{baseline}]\n"), prices)
    assert str(caught.value) == "xgboost is not installed. Run: pip install 'dlrun[boost]'"


def test_a_class_of_a_trusted_module_is_a_candidate(
    recipe: Load, classes: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from sklearn.svm import SVC\nclass Own(SVC): pass\nopen('ran', 'w').close()\n"
    (tmp_path / "own_open.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    loaded = recipe("baselines: [{estimator: own_open.Own, C: 1}]\n")
    with pytest.raises(RecipeError, match="add --trust-modules own_open"):
        make_candidates(loaded, classes)
    assert not Path("ran").exists()
    trusting = load_recipe(loaded.file, trusted=["own_open"])
    assert make_candidates(trusting, classes)[-1].options == {"C": 1}


# ---------------------------------------------------------------------------------- features


@pytest.mark.parametrize(
    ("modality", "expected"),
    [
        ("table", [*LARGE, "svm", "extra_trees", "slow_gradient_boosting"]),
        ("mixed", LARGE),
        ("image", ["linear-pixels", "random_forest-pixels", "svm-pixels", "svm-hog"]),
        ("text", ["linear-tfidf", "linear_svm-tfidf", "hist_gradient_boosting-tfidf"]),
        ("audio", ["linear-mfcc", "random_forest-mfcc", "svm-mfcc"]),
        (
            "series",
            ["linear-flat", "random_forest-flat", "svm-flat", "random_forest-catch22",
             "mini_rocket"],
        ),
    ],
)  # fmt: skip
def test_auto_takes_the_pairs_that_suit_the_data(
    recipe: Load, modality: str, expected: list[str]
) -> None:
    for task in ("classification", "regression"):
        dataset = MODALITIES[modality](task)
        assert names(recipe(""), dataset) == ["dummy", *expected]
        assert choose_baselines(dataset)[1] == []


def hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    installed = extras.is_installed
    monkeypatch.setattr(
        extras, "is_installed", lambda module: module not in modules and installed(module)
    )


def test_auto_leaves_out_what_is_not_installed_and_says_so(
    recipe: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, "aeon", "librosa")
    series, audio = MODALITIES["series"]("regression"), MODALITIES["audio"]("regression")
    assert names(recipe(""), series) == ["dummy", "linear-flat", "random_forest-flat", "svm-flat"]
    assert [note.text for note in choose_baselines(series)[1]] == [
        "Baselines left out: random_forest-catch22, mini_rocket. aeon is not installed. "
        "Run: pip install 'dlrun[series]'"
    ]
    assert names(recipe(""), audio) == ["dummy"]
    assert [note.text for note in choose_baselines(audio)[1]] == [
        "Baselines left out: linear-mfcc, random_forest-mfcc, svm-mfcc. librosa is not installed. "
        "Run: pip install 'dlrun[sound]'"
    ]


@pytest.mark.parametrize(
    ("modality", "baseline", "message"),
    [
        ("image", "{name: svm, features: hog}", "scikit-image is not installed. Run: pip install "
         "'dlrun[vision]'"),
        ("audio", "knn", "librosa is not installed. Run: pip install 'dlrun[sound]'"),
        ("series", "mini_rocket", "aeon is not installed. Run: pip install 'dlrun[series]'"),
    ],
)  # fmt: skip
def test_what_is_named_must_be_installed(
    recipe: Load, modality: str, baseline: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, "aeon", "librosa", "skimage")
    dataset = MODALITIES[modality]("classification")
    with pytest.raises(ExtraError) as caught:
        make_candidates(recipe(f"baselines: [{baseline}]\n"), dataset)
    assert str(caught.value) == message
    assert names(recipe("baselines: [dummy]\n"), dataset) == ["dummy"]


def test_a_candidate_is_called_by_its_features(recipe: Load) -> None:
    text = """\
        baselines:
          - svm
          - {name: svm, features: summary}
          - {name: svm, features: [catch22, tfidf], C: 3.0}
          - {name: svm, features: summary, C: 3.0}
          - {name: mini_rocket, features: [tfidf]}
          - {estimator: sklearn.svm.LinearSVC, features: flat}
          - {estimator: sklearn.svm.LinearSVC, name: straight, features: flat}
        """
    _, *made = make_candidates(recipe(text), MODALITIES["mixed"]("classification"))
    assert [(one.name, one.features) for one in made] == [
        ("svm", ("tfidf", "flat")),
        ("svm-summary", ("tfidf", "summary")),
        ("svm-catch22-tfidf", ("tfidf", "catch22")),
        ("svm-summary-2", ("tfidf", "summary")),
        ("mini_rocket-tfidf", ("tfidf", "mini_rocket")),
        ("LinearSVC-flat", ("tfidf", "flat")),
        ("straight", ("tfidf", "flat")),
    ]
    assert made[0].settings == {"baselines.svm.features": ["tfidf", "flat"]}
    assert made[2].settings == {
        "baselines.svm-catch22-tfidf.features": ["tfidf", "catch22"],
        "baselines.svm-catch22-tfidf.C": 3.0,
    }


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        (
            "{name: svm, features: [flat, hog]}",
            "small.yaml:5: baselines.0: hog is a feature of image columns, and there are none. "
            "There are: number, category, text, series",
        ),
        (
            "{name: svm, features: hug}",
            "small.yaml:5: baselines.0.features: 'hug' is not a feature. Did you mean hog?",
        ),
        (
            "{name: svm, features: [flat, catch22]}",
            "small.yaml:5: baselines.0: features: flat, catch22 are made of the same columns. "
            "Keep one of them, and list the baseline once more for another",
        ),
        (
            "{name: mini_rocket, features: flat}",
            "small.yaml:5: baselines.0: features: mini_rocket, flat are made of the same columns. "
            "Keep one of them, and list the baseline once more for another",
        ),
        (
            "{name: svm, features: tfidf, gama: 1}",
            "small.yaml:5: baselines.0.gama is not a setting of svm. Did you mean gamma?",
        ),
    ],
)
def test_features_that_do_not_fit(recipe: Load, baseline: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        make_candidates(
            recipe(f"baselines:\n  - {baseline}\n"), MODALITIES["mixed"]("classification")
        )
    assert str(caught.value) == message


def test_convolutions_need_a_series(recipe: Load, classes: Dataset) -> None:
    with pytest.raises(RecipeError) as caught:
        make_candidates(recipe("baselines: [mini_rocket]\n"), classes)
    assert str(caught.value) == (
        "small.yaml:4: baselines.0: mini_rocket is a feature of series columns, and there are "
        "none. There are: number"
    )
