"""What a candidate is follows from its class; a side in the recipe settles the rest."""

from __future__ import annotations

import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dlrun.catalog.kinds import KNOWN, kind_of_estimator, settle


class OwnNetwork(MLPClassifier):
    """A user's class that derives from a known one."""


def made(module: str, name: str) -> object:
    """Make an estimator of a class of a package that is not installed."""
    return type(name, (), {"__module__": module})()


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [
        (LogisticRegression(), "classic"),
        (HistGradientBoostingClassifier(), "classic"),
        (MLPClassifier(), "network"),
        (MLPRegressor(), "network"),
        (OwnNetwork(), "network"),
        (make_pipeline(StandardScaler(), MLPClassifier()), "network"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "classic"),
        (CalibratedClassifierCV(make_pipeline(StandardScaler(), OwnNetwork())), "network"),
        (made("skorch.classifier", "NeuralNetClassifier"), "network"),
        (made("pytabkit.models.sklearn.sklearn_interfaces", "RealMLP_TD_Classifier"), "network"),
        (made("pytabkit.models.sklearn.sklearn_interfaces", "LGBM_TD_Classifier"), "classic"),
        (made("tabicl.sklearn.classifier", "TabICLClassifier"), "pretrained"),
        (made("tabpfn.classifier", "TabPFNClassifier"), "pretrained"),
        (made("tabpfnlike", "TabPFNClassifier"), "classic"),
        (CalibratedClassifierCV(made("tabpfn", "TabPFNClassifier")), "pretrained"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_estimator_is_what_its_class_is(estimator: object, kind: str) -> None:
    assert kind_of_estimator(estimator) == kind


def test_an_estimator_around_itself_comes_to_an_end() -> None:
    own = LogisticRegression()
    own.estimator = own
    assert kind_of_estimator(own) == "classic"


@pytest.mark.parametrize(
    ("natural", "side", "kind"),
    [
        ("classic", None, "classic"),
        ("classic", "deep", "network"),
        ("network", "deep", "network"),
        ("network", "classic", "classic"),
        ("pretrained", None, "pretrained"),
        ("pretrained", "deep", "pretrained"),
        ("pretrained", "classic", "classic"),
    ],
)
def test_the_side_of_the_recipe_goes(natural: str, side: str | None, kind: str) -> None:
    assert settle(natural, side) == kind


def test_known_classes_are_listed_once() -> None:
    assert len({row.module for row in KNOWN}) == len(KNOWN)
