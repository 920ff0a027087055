"""Steps by XLA: the same numbers, and chosen where they are measured to save time."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from modalities import MODALITIES

from dlrun.contract.candidate import FitContext
from dlrun.deep.candidates import make_candidates
from dlrun.errors import TrainingError

pytestmark = pytest.mark.tf

LINEAR = {"architecture": "mlp", "hidden": []}
MLP = {"architecture": "mlp", "hidden": [8], "dropout": 0.4}
NORMAL = {"architecture": "mlp", "hidden": [8], "dropout": 0.4, "normalization": "batch"}
CNN = {"architecture": "cnn", "filters": [4]}
RNN = {"architecture": "rnn", "cell": "lstm", "units": [4], "dropout": 0.2}
TRANSFORMER = {"architecture": "transformer", "blocks": 1, "width": 8, "heads": 2}
AUGMENT = {"image": {"augment": {"flip": "horizontal", "rotation": 0.1}}}


@pytest.mark.parametrize(
    ("modality", "model", "sections"),
    [
        pytest.param("numbers", MLP, {"training": {"optimizer": "adamw"}}, id="mlp"),
        pytest.param("numbers", NORMAL, {"training": {"clip_norm": 0.5}}, id="batch-norm"),
        pytest.param("numbers", MLP, {"training": {"accumulate": 3}}, id="accumulated"),
        pytest.param("image", CNN, {"preprocessing": AUGMENT}, id="cnn", marks=pytest.mark.slow),
        pytest.param("series", RNN, {}, id="rnn", marks=pytest.mark.slow),
        pytest.param("text", TRANSFORMER, {}, id="transformer", marks=pytest.mark.slow),
    ],
)
def test_xla_trains_the_same_network(trained, breast_cancer, modality, model, sections):
    """Batches are of two sizes, and dropout draws the same numbers."""
    numbers = modality == "numbers"
    dataset = breast_cancer if numbers else MODALITIES[modality]("classification")
    common = {"epochs": 2, "batch_size": 25, "learning_rate": 0.01, "optimizer": "sgd"}
    runs = []
    for compile_ in (False, True):
        training = {**common, "compile": compile_, **sections.get("training", {})}
        runs.append(trained(dataset, model=model, **{**sections, "training": training}))
    plain, xla = (run.fitted.predict(run.test.frame).values for run in runs)
    np.testing.assert_allclose(xla, plain, atol=1e-5)
    for one, other in zip(*(run.epochs for run in runs), strict=True):
        assert other.metrics == pytest.approx(one.metrics, rel=1e-4)


# ------------------------------------------------------------------- what XLA cannot compile

STRINGS = """
import keras
import tensorflow as tf

class Digits(keras.layers.Layer):
    def call(self, x):
        return x + 0 * tf.cast(tf.strings.length(tf.as_string(tf.stop_gradient(x))), x.dtype)

def build(inputs):
    joined = keras.layers.Concatenate()([*inputs.values(), *inputs.values()])
    return Digits()(keras.layers.Dense(3)(joined))
"""


@pytest.fixture
def strings(tmp_path, recipe, breast_cancer):
    """Make a candidate with an operation that XLA has no kernel for."""
    (tmp_path / "string_net.py").write_text(STRINGS)

    def make(**training):
        made = recipe(model={"architecture": "string_net:build"}, training=training)
        made._file = tmp_path / "recipe.yaml"
        return make_candidates(made, breast_cancer)[0]

    return make


def test_an_operation_without_a_kernel_is_named_where_xla_is_required(strings, breast_cancer):
    with pytest.raises(TrainingError) as caught:
        strings(compile=True).fit(breast_cancer, breast_cancer, FitContext(0))
    message = str(caught.value)
    assert message.startswith(
        "recipe.yaml: model: string_net:build: training.compile: true, but XLA cannot compile"
    )
    assert "AsString" in message
    assert message.endswith("Choose training.compile: auto, which does without it then")


def test_layers_that_run_on_cudnn_are_named(trained, breast_cancer, monkeypatch):
    from dlrun.deep.backend import keras

    monkeypatch.setattr(
        keras.layers.Dense, "supports_jit", property(_never, _ignore), raising=False
    )
    with pytest.raises(TrainingError) as caught:
        trained(breast_cancer, model=LINEAR, training={"compile": True})
    assert str(caught.value) == (
        "recipe.yaml: model: mlp: training.compile: true, but XLA has no kernel for dlrun_head, "
        "which run on cuDNN. Choose training.compile: auto"
    )


def _never(_layer):
    return False


def _ignore(_layer, _value):
    pass


def test_padding_is_for_rows_that_do_not_depend_on_each_other():
    from dlrun.deep.backend import keras
    from dlrun.deep.training.xla import mixes_rows

    def model(*layers):
        return keras.Sequential([keras.Input([3]), *layers])

    layers = keras.layers
    assert not mixes_rows(model(layers.Dense(2), layers.Dropout(0.1), layers.LayerNormalization()))
    for mixing in (
        layers.BatchNormalization(),
        layers.Dense(2, activity_regularizer="l2"),
        layers.Lambda(lambda x: x - keras.ops.mean(x, axis=0)),
    ):
        assert mixes_rows(model(layers.Dense(2), mixing))


# ---------------------------------------------------------------------------- what is chosen


@pytest.fixture
def gpu(monkeypatch):
    """Make XLA's trials cost nothing, and the machine one with a GPU, by name at least."""
    from dlrun.deep.training import compilation

    monkeypatch.setattr(compilation, "_measured", {})
    monkeypatch.setattr(compilation, "has_gpu", lambda: True)
    monkeypatch.setattr(compilation, "COST", 0.0)
    monkeypatch.setattr(compilation, "LEAST_COST", 0.0)
    return compilation


def programs(caplog):
    return [record.message for record in caplog.records if "XLA" in record.message]


@pytest.mark.parametrize("training", [{}, {"deterministic": True}, {"compile": False}], ids=str)
def test_without_a_gpu_or_need_nothing_is_tried(trained, breast_cancer, monkeypatch, training):
    from dlrun.deep.training.steps import Steps

    def refuse(*_):
        raise AssertionError

    if training:
        monkeypatch.setattr("dlrun.deep.training.compilation.has_gpu", lambda: True)
    monkeypatch.setattr("dlrun.deep.training.compilation.LEAST_COST", 0.0)
    monkeypatch.setattr("dlrun.deep.training.compilation.COST", 0.0)
    monkeypatch.setattr(Steps, "_update_by_xla", refuse)
    trained(breast_cancer, model=LINEAR, training={"epochs": 2, "batch_size": 8, **training})


def test_a_training_changes_to_xla_and_its_compiling_is_start_up(
    trained, breast_cancer, gpu, caplog
):
    """The first epoch without, then a trial, which counts; the numbers are those of either."""
    caplog.set_level("INFO", "dlrun")
    training = {"epochs": 12, "batch_size": 16, "optimizer": "sgd", "early_stopping": False}
    plain = trained(breast_cancer, model=LINEAR, training={**training, "compile": False})
    auto = trained(breast_cancer, model=LINEAR, training=training)
    first, second = programs(caplog)
    assert first == "XLA compiles the steps, of which enough are still to come"
    assert second.startswith(("XLA is kept: a step takes ", "XLA is not used: a step takes "))
    for one, other in zip(plain.epochs, auto.epochs, strict=True):
        assert other.metrics == pytest.approx(one.metrics, rel=1e-4)
    compiling = [epoch for epoch in auto.epochs[1:] if epoch.startup_seconds]
    assert all(epoch.steady_seconds < 0.5 * epoch.seconds for epoch in compiling)
    assert len(gpu._measured) == 1


def test_what_xla_cannot_compile_is_trained_without_and_never_tried_again(
    strings, breast_cancer, gpu, caplog
):
    caplog.set_level("INFO", "dlrun")
    common = {"epochs": 3, "batch_size": 16, "early_stopping": False}
    losses = []

    def record(told, epoch):
        told.append(epoch.metrics["train/loss"])
        return True

    for training in ({"compile": False}, {}, {}):
        context = FitContext(0, partial(record, told := []))
        strings(**common, **training).fit(breast_cancer, breast_cancer, context)
        losses.append(told)
    assert losses[1] == losses[2] == losses[0]
    assert [message.partition(":")[0] for message in programs(caplog)] == [
        "XLA compiles the steps, of which enough are still to come",
        "XLA is not used",
    ]


class Clock:
    """Trainings of steps that take as long as they say, on a clock of their own."""

    def __init__(self, compilation, *, plain, xla, trace, compiling):
        self.compilation, self.seconds = compilation, 0.0
        self.pace, self.first = {False: plain, True: xla}, {False: trace, True: compiling}

    def train(self, n_epochs, n_steps=64):
        """Return the seconds of a training, and whether XLA compiled its last steps."""
        from dlrun.deep.training.steps import CompiledSteps

        made = self.compilation.Compilation(
            lambda by_xla: CompiledSteps(None, 8 if by_xla else None), None, key="steps"
        )
        start, n_left, n_call = self.seconds, n_epochs * n_steps, 1
        made.choose(n_left)
        while n_left:
            steps = made.steps
            n_call = 1 if steps.is_new([8]) else min(32, n_left)
            seconds = (
                n_call * self.pace[steps.by_xla] + steps.is_new([8]) * self.first[steps.by_xla]
            )
            steps.record([8], n_call, seconds)
            self.seconds, n_left = self.seconds + seconds, n_left - n_call
            made.choose(n_left)
        return self.seconds - start, made.steps.by_xla


@pytest.fixture
def clock(monkeypatch):
    from dlrun.deep.training import compilation

    def make(**paces):
        monkeypatch.setattr(compilation, "_measured", {})
        return Clock(compilation, **paces)

    return make


@pytest.mark.parametrize("xla", [0.2, 0.5, 0.9, 1.0, 2.0])
@pytest.mark.parametrize("plain", [0.001, 0.01, 0.1])
def test_no_training_is_much_slower_than_without_xla(clock, plain, xla):
    """From three epochs up, where compiling takes up to eight times as long as tracing."""
    for trace, times in ((0.5, 2), (2.0, 5), (10.0, 8)):
        paces = {"plain": plain, "xla": plain * xla, "trace": trace, "compiling": trace * times}
        for n_epochs in (3, 5, 10, 30, 100, 1000):
            without = trace + n_epochs * 64 * plain
            seconds, _ = clock(**paces).train(n_epochs)
            assert seconds <= 1.6 * without
            if xla <= 0.5 and without > 10 * trace * times:
                assert seconds < 0.8 * without


def test_later_trainings_know_whether_xla_pays(clock):
    paces = {"plain": 0.01, "trace": 1.0, "compiling": 5.0}
    slow, fast = clock(**paces, xla=0.02), clock(**paces, xla=0.002)
    assert [slow.train(100)[1] for _ in range(2)] == [False, False]
    fast = clock(**paces, xla=0.002)
    first, second = (fast.train(100) for _ in range(2))
    assert first[1] and second[1]
    assert second[0] == pytest.approx(5.0 + 6400 * 0.002)  # from its first step on
    assert fast.train(3) == (pytest.approx(1.0 + 192 * 0.01), False)  # too few steps


class Stopped(Exception):
    """What kill -9 is to a process, to a training within a test."""


def test_a_resumed_training_goes_on_with_the_program_that_was_chosen(
    recipe, breast_cancer, tmp_path, gpu, monkeypatch
):
    from dlrun.deep.training.steps import Steps

    monkeypatch.setattr("dlrun.deep.training.run.MOMENT_SECONDS", 0.0)
    monkeypatch.setattr(gpu, "LEAST_COST", 1e9)  # a new training tries nothing
    widths, compile_steps = [], Steps.compile

    def note(steps, weights, width=None):
        widths.append(width)
        return compile_steps(steps, weights, width)

    def stop(epoch):
        if not epoch.resumed and epoch.number == 3:
            raise Stopped
        return True

    monkeypatch.setattr(Steps, "compile", note)
    for compile_ in (True, "auto"):
        training = {"epochs": 3, "batch_size": 16, "compile": compile_}
        (candidate,) = make_candidates(recipe(model=LINEAR, training=training), breast_cancer)
        with pytest.raises(Stopped):
            candidate.fit(breast_cancer, breast_cancer, FitContext(0, stop, tmp_path))
    assert widths == [16, 16]
