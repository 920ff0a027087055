"""The section of a baseline: its name or its class, its features, and settings of the estimator."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from dlrun.catalog.baselines import BASELINES
from dlrun.recipe.base import OpenSection, Side, one_of
from dlrun.recipe.features import Features, check_apart, check_backbone


class BaselineSettings(OpenSection):
    """A classic candidate: the name of a baseline, or any scikit-learn compatible class."""

    name: str | None = None
    estimator: str | None = None
    """package.module.Class."""
    features: Features | None = None
    """What it makes of images, texts, sounds and series: hog, or a list such as [hog, tfidf]."""
    backbone: str | None = None
    """The pretrained network of `features: embed`. null: the first that installs with pip for the
    type of the columns."""
    side: Side | None = None
    """deep or classic; default: by what it is, so that scikit-learn's MLPClassifier is deep."""

    @model_validator(mode="after")
    def _one_per_type(self) -> Self:
        check_apart(self.all_features, "baseline")
        check_backbone(self.backbone, self.all_features)
        return self

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.estimator is None and self.name is None:
            message = "a baseline needs a name, or an estimator: package.module.Class"
            raise ValueError(message)
        if self.estimator is None:
            one_of(str(self.name), tuple(BASELINES), "a baseline")
        elif "." not in self.estimator:
            message = f"{self.estimator!r} is not a class. Write it as package.module.Class"
            raise ValueError(message)
        return self

    @property
    def estimator_name(self) -> str:
        """Return the path of the class, else the name of the baseline."""
        return self.estimator or str(self.name)

    @property
    def label(self) -> str:
        """Return the estimator's name."""
        return self.name or str(self.estimator).rpartition(".")[2]

    @property
    def title(self) -> str:
        """Return the candidate's name, svm-hog where features are chosen."""
        is_own = self.estimator is not None and self.name is not None
        return self.label if is_own else "-".join([self.label, *(self.features or [])])

    @property
    def all_features(self) -> tuple[str, ...]:
        """Return the features that the baseline always has, then the chosen ones."""
        own = BASELINES[self.estimator_name].features if self.estimator_name in BASELINES else ()
        return tuple(dict.fromkeys([*own, *(self.features or [])]))
