"""A saved model is one skops file, and loads nothing that it should not."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from dlrun.classic import persistence as saved
from dlrun.classic.candidate import ClassicCandidate
from dlrun.classic.fitted import ClassicFitted
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Dataset
from dlrun.errors import TrainingError, UsageError
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
