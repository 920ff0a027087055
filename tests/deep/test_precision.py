"""Mixed precision where it is measured to be faster; a GPU that has it is made up here."""

from __future__ import annotations

import logging
from math import inf

import numpy as np
import pytest

from dlrun.contract.candidate import FitContext
from dlrun.deep.candidates import make_candidates
from dlrun.metrics.scores import score
from dlrun.recipe.training import Training

pytestmark = pytest.mark.tf

BFLOAT16 = "mixed_bfloat16"
MANY = 10**9  # steps: no measurement is too long for them
LONG = {"epochs": 1, "early_stopping": False, "learning_rate": 0.01}


@pytest.fixture
def precision(monkeypatch):
    from dlrun.deep import precision

    monkeypatch.setattr(precision, "mixed_policy", lambda: BFLOAT16)
    monkeypatch.setattr(precision, "_measured", {})
    monkeypatch.setattr(precision, "pays", lambda *_: True)
    return precision


@pytest.fixture
def paces(precision, monkeypatch):
    """The seconds of a step as if they were measured, and which were asked for."""
    from dlrun.deep.trial_steps import TrialSteps

    seconds, asked = {"float32": 2.0, BFLOAT16: 1.0}, []

    def measured(_, policy):
        asked.append(policy)
        return seconds[policy]

    monkeypatch.setattr(TrialSteps, "measure", measured)
    return seconds, asked


def policies(fitted):
    body = fitted.model.get_layer("dlrun_body")
    return {layer.dtype_policy.name for layer in body.layers if layer.name != "dlrun_head"}


def predicted(run):
    return run.fitted.predict(run.test.frame).values


@pytest.mark.parametrize(
    ("full", "mixed", "is_chosen"),
    [(1.0, 0.5, True), (1.0, 0.97, False), (1.0, 1.25, False), (1.0, inf, False),
     (inf, 1.0, True), (inf, inf, False)],
    ids=["faster", "noise", "slower", "it fails", "float32 fails", "both fail"],
)  # fmt: skip
def test_the_faster_one_is_taken(full, mixed, is_chosen):
    from dlrun.deep.precision import StepTime, is_faster

    assert is_faster(StepTime(mixed, 1.0), StepTime(full, 1.0)) is is_chosen


def test_it_is_measured_where_that_may_pay():
    from dlrun.deep.precision import StepTime, pays

    assert pays(StepTime(0.01, 3.0), 601)
    assert not pays(StepTime(0.01, 3.0), 599)
    assert pays(StepTime(inf, 3.0), 1)


def test_a_gpu_has_what_the_weakest_is_fast_at(monkeypatch):
    from dlrun.deep.backend import tf
    from dlrun.deep.precision import mixed_policy

    def found(*capabilities):
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: list(capabilities))
        details = lambda capability: {"compute_capability": capability}  # noqa: E731
        monkeypatch.setattr(tf.config.experimental, "get_device_details", details)
        return mixed_policy()

    assert found((9, 0), (8, 0)) == BFLOAT16
    assert found((9, 0), (7, 5)) == "mixed_float16"
    assert found((8, 9), (6, 1)) is None
    assert found() is None


def never(_):
    raise AssertionError


def test_what_the_recipe_says_is_not_measured(precision, tmp_path):
    for given in ("float32", "mixed_float16"):
        training = Training(precision=given)
        assert precision.choose_precision(training, never, MANY, "key", tmp_path) == given
    exact = Training(deterministic=True)
    assert precision.choose_precision(exact, never, MANY, "key", tmp_path) == "float32"
    precision.mixed_policy = lambda: None
    assert precision.choose_precision(Training(), never, MANY, "key", tmp_path) == "float32"
    assert not list(tmp_path.iterdir())


def test_what_fails_in_one_precision_is_trained_in_the_other(precision):
    from dlrun.deep.backend import tf

    def measure(policy):
        if policy == "float32":
            raise tf.errors.ResourceExhaustedError(None, None, "OOM")
        return 1.0

    assert precision.choose_precision(Training(), measure, 1, "key", None) == BFLOAT16


def test_a_short_training_measures_one_alone(precision, monkeypatch, caplog):
    monkeypatch.setattr(precision, "pays", lambda _, n_steps: n_steps > 100)
    caplog.set_level(logging.INFO)
    seconds, asked = {"float32": 2.0, BFLOAT16: 1.0}, []

    def measure(policy):
        asked.append(policy)
        return seconds[policy]

    def choose(n_steps):
        return precision.choose_precision(Training(), measure, n_steps, "key", None)

    assert (choose(100), choose(100)) == ("float32", "float32")
    assert (choose(101), choose(101)) == (BFLOAT16, BFLOAT16)
    assert asked == ["float32", BFLOAT16]
    assert caplog.messages[1:3] == [
        "precision: float32, as 100 steps are too few to measure another",
        "precision: mixed_bfloat16; a step takes 2e+03 ms in float32, 1e+03 ms in mixed_bfloat16",
    ]


def test_a_network_is_trained_as_if_its_precision_were_given(
    trained, breast_cancer, precision, monkeypatch
):
    """Bit for bit: the networks that are timed, here on real steps, leave no trace."""
    monkeypatch.setattr(precision, "is_faster", lambda mixed, full: 0 < mixed.seconds < inf)
    model = {"architecture": "mlp", "hidden": [8], "dropout": 0.2}
    measured = trained(breast_cancer, model=model, training=LONG)
    given = trained(breast_cancer, model=model, training={**LONG, "precision": BFLOAT16})
    assert policies(measured.fitted) == {BFLOAT16}
    np.testing.assert_array_equal(predicted(measured), predicted(given))
    (times,) = precision._measured.values()
    assert 0 < times["float32"].seconds < times["float32"].cost < inf


def test_folds_measure_once_and_other_networks_anew(trained, breast_cancer, paces):
    _, asked = paces
    for width, n_asked in ((8, 2), (8, 2), (9, 4)):
        model = {"architecture": "mlp", "hidden": [width]}
        run = trained(breast_cancer, seed=n_asked, model=model, training=LONG)
        assert policies(run.fitted) == {BFLOAT16}
        assert len(asked) == n_asked


def test_a_slower_precision_is_left(trained, breast_cancer, paces):
    seconds, _ = paces
    seconds[BFLOAT16] = 3.0
    assert policies(trained(breast_cancer, training=LONG).fitted) == {"float32"}


def test_a_training_resumes_in_the_precision_that_it_began_with(
    recipe, breast_cancer, paces, precision, tmp_path
):
    (candidate,) = make_candidates(recipe(training=LONG), breast_cancer)
    train = breast_cancer.take(np.arange(200))
    rest = breast_cancer.take(np.arange(200, 300))
    seconds, _ = paces
    candidate.fit(train, rest, FitContext(0, checkpoint=tmp_path))
    seconds[BFLOAT16] = 3.0
    precision._measured.clear()
    resumed = candidate.fit(train, rest, FitContext(0, checkpoint=tmp_path))
    assert policies(resumed) == {BFLOAT16}
    (tmp_path / precision.FILE).write_text("half")
    anew = candidate.fit(train, rest, FitContext(0, checkpoint=tmp_path))
    assert policies(anew) == {"float32"}


def test_scores_are_the_same_within_noise(trained, breast_cancer):
    """AUCs of 95 rows differ by less than their standard error, about 0.01 at 0.99."""

    def auc(precision):
        training = {"epochs": 8, "precision": precision, "learning_rate": 0.01}
        run = trained(breast_cancer, training=training)
        predictions = run.fitted.predict(run.test.frame)
        return score(["roc_auc"], predictions, run.test.y, breast_cancer.target)["roc_auc"]

    full = auc("float32")
    for mixed in (BFLOAT16, "mixed_float16"):
        assert auc(mixed) == pytest.approx(full, abs=0.01)
