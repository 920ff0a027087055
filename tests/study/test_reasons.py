from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest

from dlrun.contract.attribution import Attribution
from dlrun.contract.candidate import Predictions
from dlrun.data.model_io import ModelInfo, SavedModel
from dlrun.data.reference import make_reference
from dlrun.errors import ExtraError, UsageError
from dlrun.study.reasons import explain_rows, methods_of
from dlrun.testing.samples import SAMPLES

DATA = SAMPLES["table"]().dataset("classification")
ROWS = DATA.frame.head(2)


class Plain:
    """Predicts the second class by the first number."""

    def predict(self, frame):
        chance = 1 / (1 + np.exp(-np.nan_to_num(frame[DATA.columns[0].name])))
        return Predictions(np.column_stack([1 - chance, chance]))


@dataclass
class Own(Plain):
    """Explains itself."""

    attribution_methods: tuple[str, ...] = ("coefficients",)

    def explain(self, frame, outputs, reference, method=None):
        return [Attribution(method, int(output), "", 0.0, 0.0, ()) for output in outputs]


def saved(fitted):
    facts = ModelInfo("toy", "classic", DATA.columns, DATA.target)
    return SavedModel(facts, fitted, reference=make_reference(DATA))


def test_a_candidate_explains_itself_else_occlusion_does_and_always_may():
    assert methods_of(Own()) == ("coefficients", "occlusion")
    assert methods_of(Plain()) == methods_of(Own(())) == ("occlusion",)
    assert {each.method for each in explain_rows(saved(Own()), ROWS)} == {"coefficients"}
    for fitted, method in ((Own(), "occlusion"), (Own(()), None), (Plain(), None)):
        assert {each.method for each in explain_rows(saved(fitted), ROWS, method=method)} == {
            "occlusion"
        }


def test_the_predicted_class_is_explained_unless_another_is_wanted():
    predicted = Plain().predict(ROWS).class_indices
    assert [each.output for each in explain_rows(saved(Plain()), ROWS)] == predicted.tolist()
    other = explain_rows(saved(Plain()), ROWS, outputs=1 - predicted)
    assert [each.output for each in other] == (1 - predicted).tolist()


def test_a_method_that_does_not_suit_and_a_model_without_a_reference_are_errors(monkeypatch):
    with pytest.raises(UsageError, match="'grad_cam' does not explain this model"):
        explain_rows(saved(Plain()), ROWS, method="grad_cam")
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(ExtraError, match="explain"):
        explain_rows(saved(Plain()), ROWS, method="shap")
    with pytest.raises(UsageError, match="Train it anew"):
        explain_rows(replace(saved(Plain()), reference=None), ROWS)
