"""A saved model is one skops file, and loads nothing that it should not."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import modalities
import numpy as np
import pytest
from modalities import MODALITIES

from dlrun.classic import persistence as saved
from dlrun.classic.candidate import ClassicCandidate
from dlrun.classic.fitted import ClassicFitted
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Dataset
from dlrun.errors import ExtraError, TrainingError, UsageError
from dlrun.recipe.preprocessing import Preprocessing

KINDS = [
    "sklearn.neural_network.MLPClassifier",
    "sklearn.ensemble.AdaBoostClassifier",
    "sklearn.ensemble.GradientBoostingClassifier",
    "sklearn.gaussian_process.GaussianProcessClassifier",
    "sklearn.linear_model.SGDClassifier",
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
]


def fit(kind: str, dataset: Dataset) -> ClassicFitted:
    settings = {"max_iter": 300} if "MLP" in kind else {}
    candidate = ClassicCandidate("it", kind, settings, Preprocessing())
    return candidate.fit(dataset, dataset, FitContext(0))


@pytest.mark.parametrize("kind", KINDS)
def test_scikit_learns_other_estimators_can_be_loaded(
    kind: str, classes: Dataset, tmp_path: Path
) -> None:
    fitted = fit(kind, classes)
    fitted.save(tmp_path)
    values = saved.load(tmp_path).predict(classes.frame).values
    np.testing.assert_allclose(values, fitted.predict(classes.frame).values)


def test_there_is_no_pickle_inside(classes: Dataset, tmp_path: Path) -> None:
    fit("hist_gradient_boosting", classes).save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.skops"]
    with zipfile.ZipFile(tmp_path / "model.skops") as file:
        assert {Path(name).suffix for name in file.namelist()} == {".json", ".npy"}


@pytest.mark.slow
@pytest.mark.parametrize("features", ["mini_rocket", "multi_rocket"])
def test_convolutions_are_loaded_by_a_fresh_process(features: str, tmp_path: Path) -> None:
    """Nothing that numba compiled is in the file, and no pickle."""
    dataset = MODALITIES["series"]("classification").take(np.arange(60))
    forest = {"n_estimators": 5}
    candidate = ClassicCandidate("it", "random_forest", forest, Preprocessing(), (features,))
    fitted = candidate.fit(dataset, dataset, FitContext(0))
    fitted.save(tmp_path)
    with zipfile.ZipFile(tmp_path / "model.skops") as file:
        assert {Path(name).suffix for name in file.namelist()} == {".json", ".npy"}
    code = (
        "import sys; from pathlib import Path; from dlrun.classic import persistence\n"
        "from modalities import series\n"
        "fitted = persistence.load(Path(sys.argv[1]))\n"
        "print(*fitted.predict(series('classification').frame[:9]).class_indices)"
    )
    output = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(modalities.__file__).parent)},
    ).stdout
    assert (
        list(map(int, output.split())) == fitted.predict(dataset.frame[:9]).class_indices.tolist()
    )


@pytest.mark.slow
def test_a_missing_package_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = MODALITIES["series"]("classification").take(np.arange(60))
    candidate = ClassicCandidate("it", "knn", {}, Preprocessing(), ("mini_rocket",))
    candidate.fit(dataset, dataset, FitContext(0)).save(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "aeon"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(ExtraError) as caught:
        saved.load(tmp_path)
    assert str(caught.value) == "aeon is not installed. Run: pip install 'dlrun[series]'"


OWN = """
import numpy as np

class Own:
    def fit(self, X, y): self.share_ = float(y.mean())
    def predict_proba(self, X): return np.full((len(X), 2), [1 - self.share_, self.share_])
    def predict(self, X): return self.predict_proba(X).argmax(axis=1)

class Open(Own):
    def fit(self, X, y):
        super().fit(X, y)
        self.shares = (share for share in [self.share_])
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_saved.py").write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("own")
def test_an_unknown_type_is_loaded_only_when_it_is_trusted(
    classes: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = fit("own_saved.Own", classes)
    fitted.save(tmp_path)
    with pytest.raises(UsageError) as caught:
        saved.load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'model.skops'}: the model holds types that dlrun does not know: "
        "own_saved.Own. Loading them may run their code. If you trust the file, set "
        "DLRUN_TRUST=own_saved.Own and try again"
    )
    monkeypatch.setenv("DLRUN_TRUST", "own_saved.Own")
    values = saved.load(tmp_path).predict(classes.frame).values
    np.testing.assert_allclose(values, fitted.predict(classes.frame).values)


@pytest.mark.usefixtures("own")
def test_what_only_a_pickle_could_keep_is_not_saved(classes: Dataset, tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as caught:
        fit("own_saved.Open", classes).save(tmp_path)
    assert str(caught.value).startswith("it: ")
