"""Steps by XLA: the same numbers, and chosen where they are measured to save time."""

from __future__ import annotations

from functools import partial
from math import inf
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
from modalities import MODALITIES

from dlrun.contract.candidate import FitContext, always_continue
from dlrun.deep.candidates import make_candidates
from dlrun.errors import TrainingError
from dlrun.recipe.training import Training

pytestmark = pytest.mark.tf

LINEAR = {"architecture": "mlp", "hidden": []}
MLP = {"architecture": "mlp", "hidden": [8], "dropout": 0.4}
NORMAL = {"architecture": "mlp", "hidden": [8], "dropout": 0.4, "normalization": "batch"}
CNN = {"architecture": "cnn", "filters": [4]}
RNN = {"architecture": "rnn", "cell": "lstm", "units": [4], "dropout": 0.2}
GRU = {"architecture": "rnn", "cell": "gru", "units": [4], "dropout": 0.2, "bidirectional": False}
SERIES_NORMAL = {"architecture": "fcn", "filters": [1, 4, 4]}
AUGMENT = {"image": {"augment": {"flip": "horizontal", "rotation": 0.1}}}


@pytest.mark.parametrize(
    ("modality", "model", "sections"),
    [
        pytest.param("numbers", MLP, {"training": {"optimizer": "adamw"}}, id="mlp"),
        pytest.param("numbers", NORMAL, {"training": {"clip_norm": 0.5}}, id="batch-norm"),
        pytest.param("numbers", MLP, {"training": {"accumulate": 3}}, id="accumulated"),
        pytest.param("series", SERIES_NORMAL, {}, id="masked-batch-norm", marks=pytest.mark.slow),
        pytest.param("image", CNN, {"preprocessing": AUGMENT}, id="cnn", marks=pytest.mark.slow),
        pytest.param("series", RNN, {}, id="rnn", marks=pytest.mark.slow),
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


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_xla_trains_in_mixed_precision(trained, breast_cancer, precision):
    """XLA rounds less often: the scores are the same to the digits of half precision."""
    training = {"epochs": 3, "batch_size": 25, "learning_rate": 0.01, "precision": precision}
    plain, xla = (
        trained(breast_cancer, model=MLP, training={**training, "compile": each}).epochs[-1].metrics
        for each in (False, True)
    )
    assert xla == pytest.approx(plain, rel=0.05)


def test_batch_normalisation_does_not_see_padding():
    from dlrun.deep.backend import keras, tf
    from dlrun.deep.training.xla import normalized_by

    rng = np.random.default_rng(0)
    rows, mask = rng.normal(3, 2, (5, 4, 1)).astype("float32"), rng.random((5, 4)) < 0.7
    padded = np.concatenate([rows, 9 * rows]), np.concatenate([mask, ~mask])
    for masked in (False, True):
        few, many = (keras.layers.BatchNormalization(momentum=0.5) for _ in range(2))
        expected = few(rows, mask=mask if masked else None, training=True)
        body = keras.Sequential([keras.Sequential([many])])
        with normalized_by(body, tf.constant(5)):
            found = many(padded[0], mask=padded[1] if masked else None, training=True)
        np.testing.assert_allclose(found[:5], expected, atol=1e-5)
        for one, other in zip(many.variables, few.variables, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
        assert "_moments" not in vars(many)


def test_batches_are_padded_to_few_sizes():
    """Those of a stream's window are longer where it has too few rows for another step."""
    from dlrun.deep.training.steps import n_missing

    for width in (1, 8, 100, 507):
        padded = {n: n + n_missing(n, width, max) for n in range(1, 2 * width)}
        assert {padded[n] for n in range(1, width + 1)} == {width}
        assert all(n <= size <= max(width, n + width / 8 + 1) for n, size in padded.items())
        assert len({*padded.values()}) <= 9


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


def test_several_replicas_are_not_for_xla(caplog):
    from dlrun.deep.backend import tf
    from dlrun.deep.training.compilation import Batches, choose_compilation

    caplog.set_level("INFO", "dlrun")
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    steps = MagicMock(strategy=strategy)
    steps.network.body = MagicMock(_flatten_layers=list, input={})
    choose = partial(choose_compilation, steps, [], by_xla=None, pads=True, is_short=False)
    with pytest.raises(TrainingError) as caught:
        choose(training=Training(compile=True), batches=Batches(64, 2, is_in_memory=True))
    reason = "XLA compiles the steps of one device, and training.strategy takes several"
    assert str(caught.value) == (
        f"training.compile: true, but {reason}. Choose training.compile: auto"
    )
    chosen = choose(training=Training(), batches=Batches(64, 2, is_in_memory=True))
    assert chosen.by_xla is False
    assert programs(caplog) == [f"XLA is not used: {reason}"]


def test_padding_is_for_rows_that_do_not_depend_on_each_other():
    from dlrun.deep.backend import keras
    from dlrun.deep.training.xla import mixes_rows

    def model(*layers):
        return keras.Sequential([keras.Input([3]), *layers])

    layers = keras.layers
    assert not mixes_rows(model(layers.Dense(2), layers.Dropout(0.1), layers.LayerNormalization()))
    assert not mixes_rows(model(layers.Dense(2), layers.BatchNormalization()))
    for mixing in (
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


@pytest.mark.parametrize(
    ("layers", "training", "is_compiled"),
    [
        pytest.param(["GRU"], {}, True, id="narrow"),
        pytest.param(["wide"], {}, False, id="wide"),
        pytest.param(["GRU", "wide"], {}, False, id="one of two is wide"),
        pytest.param(["LSTM"], {}, False, id="lstm"),
        pytest.param(["Flatten"], {}, False, id="not recurrent"),
        pytest.param(["GRU"], {"epochs": 9}, False, id="few epochs"),
        pytest.param(["GRU"], {"early_stopping": {"patience": 8}}, False, id="may stop early"),
        pytest.param(["GRU"], {"deterministic": True}, False, id="deterministic"),
    ],
)
def test_on_a_cpu_networks_of_narrow_gru_layers_are_compiled(layers, training, is_compiled):
    """They are by counts alone, so that the same seed gives the same bits."""
    from dlrun.deep.backend import keras
    from dlrun.deep.training.compilation import CPU_STEPS, Batches, pays_on_cpu

    makers = {
        "GRU": partial(keras.layers.Bidirectional, keras.layers.GRU(64, return_sequences=True)),
        "LSTM": partial(keras.layers.LSTM, 64, return_sequences=True),
        "wide": partial(keras.layers.GRU, 65, return_sequences=True),
        "Flatten": keras.layers.Flatten,
    }
    length, n_steps = 20, 10
    body = keras.Sequential([keras.Input((length, 3)), *(makers[name]() for name in layers)])
    settings = {"epochs": CPU_STEPS // (length * n_steps), "early_stopping": False, **training}
    batches = Batches(64 * n_steps, n_steps, is_in_memory=True)
    assert pays_on_cpu(body, Training(**settings), batches) is is_compiled


@pytest.mark.slow
def test_on_a_cpu_auto_gives_the_bits_of_true(trained, monkeypatch):
    monkeypatch.setattr("dlrun.deep.training.compilation.CPU_STEPS", 1)
    runs = [
        trained(MODALITIES["series"]("classification"), model=GRU, training={"epochs": 2, **each})
        for each in ({}, {"compile": True}, {"compile": False})
    ]
    auto, true, false = (run.fitted.predict(run.test.frame).values for run in runs)
    np.testing.assert_array_equal(auto, true)
    assert not np.array_equal(auto, false)


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


@pytest.mark.parametrize(
    ("n_ended", "stale", "training", "seconds", "n_epochs"),
    [
        pytest.param(0, 0, {}, inf, 8, id="patience"),
        pytest.param(3, 3, {}, inf, 5, id="rest-of-patience"),
        pytest.param(20, 2, {}, inf, 20, id="as-many-as-have-ended"),
        pytest.param(45, 0, {}, inf, 5, id="all-that-are-left"),
        pytest.param(3, 0, {"early_stopping": False}, inf, 47, id="no-stopping"),
        pytest.param(3, 0, {"early_stopping": False}, 3 + 0.7, 7, id="seconds"),
    ],
)
def test_steps_to_come_are_those_that_are_expected(n_ended, stale, training, seconds, n_epochs):
    """A step takes 10 ms, an epoch ten steps and, with its scores, a second."""
    from dlrun.contract.candidate import Epoch
    from dlrun.deep.training.checkpoint import TrainerState
    from dlrun.deep.training.early_stopping import EarlyStoppingState
    from dlrun.deep.training.run import TrainingRun

    history = [Epoch(number + 1, 50, {}, 1.0) for number in range(n_ended)]
    state = TrainerState(history=history, stopping=EarlyStoppingState(stale=stale))
    stopper = SimpleNamespace(training=Training(**training), halvings=None)
    compilation = SimpleNamespace(steps=SimpleNamespace(pace=0.01))
    run = TrainingRun(None, 50, [np.ones(10)] * 50, compilation, stopper, state, None)
    run.seconds = seconds
    assert run._steps_to_come() == 10 * n_epochs


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

    def fit(compile_, folder=None, on_epoch=always_continue):
        training = {"epochs": 3, "batch_size": 16, "compile": compile_}
        (candidate,) = make_candidates(recipe(model=MLP, training=training), breast_cancer)
        fitted = candidate.fit(breast_cancer, breast_cancer, FitContext(0, on_epoch, folder))
        return fitted.predict(breast_cancer.frame).values

    with pytest.raises(Stopped):
        fit(True, tmp_path, stop)
    resumed = fit("auto", tmp_path)
    assert widths == [16, 16]
    np.testing.assert_array_equal(resumed, fit(True))
