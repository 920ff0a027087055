"""A training that was stopped goes on as if nothing had happened, to the last bit."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from damage import flipped
from modalities import MODALITIES

from dlrun.contract.candidate import FitContext
from dlrun.deep.candidates import make_candidates

pytestmark = pytest.mark.tf

DROPOUT = {"architecture": "mlp", "hidden": [16], "dropout": 0.4, "normalization": "batch"}
SCHEDULED = {
    "epochs": 9,
    "batch_size": 8,
    "learning_rate": {"schedule": "plateau", "peak": 0.05},
    "early_stopping": {"patience": 3},
    "deterministic": True,
}


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    """Keep a checkpoint after every epoch, however short it was."""

    monkeypatch.setattr("dlrun.deep.training.run.MOMENT_SECONDS", 0.0)


class Stopped(Exception):
    """What kill -9 is to a process, to a training within a test."""


@pytest.fixture
def training(recipe, tmp_path):
    """Make trainings of one candidate, each stopped when so many epochs were told."""

    def make(dataset, **sections):
        (candidate,) = make_candidates(recipe(**sections), dataset)
        order = np.random.default_rng(3).permutation(len(dataset))
        train, validation, test = np.split(order, [len(order) * 4 // 6, len(order) * 5 // 6])

        def run(folder=None, stop_after=None, stop=None, last=None):
            epochs = []

            def on_epoch(epoch):
                epochs.append(epoch)
                if not epoch.resumed and epoch.number == stop_after:
                    stop()
                return epoch.number != last

            context = FitContext(5, on_epoch, folder)
            fitted = candidate.fit(dataset.take(train), dataset.take(validation), context)
            said = fitted.predict(dataset.take(test).frame).values
            return SimpleNamespace(fitted=fitted, epochs=epochs, said=said)

        return run

    return make


def die():
    raise Stopped


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def assert_equal(again, whole):
    np.testing.assert_array_equal(again.said, whole.said)
    assert again.fitted.best_epoch == whole.fitted.best_epoch
    told = [replace(epoch, seconds=0, resumed=False) for epoch in again.epochs]
    assert told == [replace(epoch, seconds=0) for epoch in whole.epochs]


@pytest.mark.parametrize(
    ("optimizer", "stop"),
    [("adamw", die), ({"name": "sgd", "momentum": 0.9}, interrupt)],
)
def test_it_ends_with_the_same_bits(training, breast_cancer, tmp_path, optimizer, stop):
    """Dropout, running means, a plateau's rate, patience and the best weights all go on."""
    run = training(breast_cancer, model=DROPOUT, training={**SCHEDULED, "optimizer": optimizer})
    whole = run()
    for stop_after in (2, 5):
        with pytest.raises((Stopped, KeyboardInterrupt)):
            run(tmp_path, stop_after, stop)
    again = run(tmp_path)
    assert_equal(again, whole)
    assert sum(epoch.resumed for epoch in again.epochs) in (4, 5)  # the last was told, but not kept


def test_an_epoch_that_was_called_the_last_is_the_last_after_resuming(
    training, breast_cancer, tmp_path
):
    run = training(breast_cancer, model=DROPOUT, training=SCHEDULED)
    whole = run(last=4)
    assert len(whole.epochs) == 4
    for stop_after in (2, 4):
        with pytest.raises(Stopped):
            run(tmp_path, stop_after, die)
    assert_equal(run(tmp_path, last=4), whole)
    assert_equal(run(tmp_path, last=4), whole)  # from the checkpoint of its last epoch


def test_workers_follow_the_chief_who_stops(training, breast_cancer, monkeypatch):
    """This worker's own answer does not count."""
    from dlrun.deep import train
    from dlrun.deep.backend import tf

    answers = iter([0, 1, 1, 1, 0])  # the precision, then whether there is another epoch
    group = SimpleNamespace(
        worker=SimpleNamespace(n_workers=1, index=0, is_chief=True),
        resume=lambda state, _: state,
        evaluate=lambda evaluate: evaluate(),
        broadcast=lambda array: np.asarray(next(answers)),
    )
    monkeypatch.setattr(train, "joint", tf.distribute.get_strategy())
    monkeypatch.setattr(train, "worker_group", lambda: group)
    run = training(breast_cancer, model=DROPOUT, training=SCHEDULED)
    assert len(run(last=1).epochs) == 3


def test_random_changes_to_images_go_on_too(training, tmp_path):
    run = training(
        MODALITIES["image"]("classification"),
        model={"architecture": "cnn", "filters": [4]},
        preprocessing={"image": {"augment": {"flip": "horizontal", "rotation": 0.2}}},
        training={"epochs": 4, "deterministic": True},
    )
    whole = run()
    with pytest.raises(Stopped):
        run(tmp_path, 3, die)
    assert_equal(run(tmp_path), whole)


@pytest.fixture
def calls(monkeypatch):
    """Note the calls of steps, and do something before one of them."""
    from dlrun.deep.training import run as running

    noted, before = [], {}

    def note(copies, order, call, sums):
        noted.append(call)
        action = before.pop(len(noted), None)
        if action:
            action()
        return arguments_of(copies, order, call, sums)

    arguments_of = running._arguments
    monkeypatch.setattr(running, "_arguments", note)
    return noted, before


def test_steps_are_cut_into_calls_by_the_clock_and_no_bit_depends_on_it(
    training, breast_cancer, calls, monkeypatch
):

    noted, _ = calls
    run = training(breast_cancer, model=DROPOUT, training={**SCHEDULED, "epochs": 2})
    slow = run()  # a moment is no time at all here: see `every_epoch`
    assert [len(call) for call in noted] == [1] * 2 * 48
    noted.clear()
    monkeypatch.setattr("dlrun.deep.training.run.MOMENT_SECONDS", 3600.0)
    quick = run()
    assert [len(call) for call in noted] == [1, 32, 15, 32, 16]
    assert_equal(quick, slow)


def test_workers_that_train_together_cut_alike_whatever_their_clocks_say(
    training, breast_cancer, calls, monkeypatch
):
    from dlrun.deep import train
    from dlrun.deep.backend import tf

    group = SimpleNamespace(
        worker=SimpleNamespace(n_workers=1, index=0, is_chief=True),
        resume=lambda state, _: state,
        evaluate=lambda evaluate: evaluate(),
        broadcast=lambda array: array,
    )
    monkeypatch.setattr(train, "joint", tf.distribute.get_strategy())
    monkeypatch.setattr(train, "worker_group", lambda: group)
    run = training(breast_cancer, model=DROPOUT, training={**SCHEDULED, "epochs": 2})
    run()
    assert [len(call) for call in calls[0]] == [32, 16] * 2


@pytest.mark.parametrize("every", ["epoch", "3 steps"])
def test_ctrl_c_in_the_middle_of_an_epoch_loses_nothing(
    training, breast_cancer, tmp_path, every, calls
):
    noted, before = calls
    settings = {**SCHEDULED, "epochs": 3, "batch_size": 16, "checkpoint_every": every}
    run = training(breast_cancer, model=DROPOUT, training=settings)
    whole = run()
    noted.clear()
    before[31] = interrupt
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    again = run(tmp_path)
    assert [call.first for call in noted] == [*range(24)] * 3  # none was run twice
    assert_equal(again, whole)


def test_a_death_in_the_middle_of_an_epoch_goes_back_to_the_last_steps_kept(
    training, breast_cancer, tmp_path, calls
):
    noted, before = calls
    settings = {**SCHEDULED, "epochs": 2, "batch_size": 16, "checkpoint_every": "6 steps"}
    run = training(breast_cancer, model=DROPOUT, training=settings)
    whole = run()
    noted.clear()
    before[21] = die
    with pytest.raises(Stopped):
        run(tmp_path)
    again = run(tmp_path)
    starts = [call.first for call in noted]
    assert starts == [*range(21), *range(18, 24), *range(24)]
    assert_equal(again, whole)


@pytest.fixture
def kept(tmp_path):
    """Keep a checkpoint of two variables; returns what loads one of others."""
    from dlrun.deep.backend import keras
    from dlrun.deep.training.checkpoint import Checkpoint, TrainerState

    def variables(value, *shapes):
        return [keras.Variable(np.full(shape, value)) for shape in shapes]

    progress = TrainerState(epoch=3, best_weights=[np.ones(2)])
    Checkpoint(tmp_path, variables(1.0, (2, 3), (4,))).save(progress)

    def load(*shapes):
        there = variables(0.0, *shapes)
        found = Checkpoint(tmp_path, there).load()
        return found, {float(np.max(each)) for each in there}

    return load


def test_a_checkpoint_comes_back(kept):
    progress, values = kept((2, 3), (4,))
    assert (progress.epoch, values) == (3, {1.0})
    np.testing.assert_array_equal(progress.best_weights, [np.ones(2)])


@pytest.mark.parametrize("damage", [lambda _: b"", lambda b: b[:-200], flipped(40), flipped(-3)])
def test_a_damaged_checkpoint_is_named_and_not_used(kept, tmp_path, caplog, damage):
    file = tmp_path / "training.record"
    file.write_bytes(damage(file.read_bytes()))
    progress, values = kept((2, 3), (4,))
    assert (progress.epoch, values) == (1, {0.0})
    assert caplog.messages == [
        f"{file} is damaged: its checksum does not match. This training starts anew."
    ]


@pytest.mark.parametrize("shapes", [[(2, 3)], [(3, 2), (4,)], [(2, 3), (4,), (5,)]])
def test_a_checkpoint_of_another_network_is_passed_over(kept, shapes):
    progress, values = kept(*shapes)
    assert (progress.epoch, values) == (1, {0.0})


def test_a_checkpoint_of_another_version_is_passed_over(kept, monkeypatch):
    from dlrun.deep.training import checkpoint

    monkeypatch.setattr(checkpoint, "VERSIONS", "tensorflow 3, keras 4")
    progress, values = kept((2, 3), (4,))
    assert (progress.epoch, values) == (1, {0.0})


def test_short_epochs_share_a_checkpoint(training, breast_cancer, tmp_path, monkeypatch):

    monkeypatch.setattr("dlrun.deep.training.run.MOMENT_SECONDS", 3600.0)
    run = training(breast_cancer, model=DROPOUT, training={**SCHEDULED, "epochs": 3})
    with pytest.raises(Stopped):
        run(tmp_path, 3, die)
    assert not (tmp_path / "training.record").exists()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, 2, interrupt)
    assert_equal(run(tmp_path), run())


def test_a_full_disk_costs_the_checkpoint_alone(training, breast_cancer, tmp_path, caplog):
    run = training(breast_cancer, model=DROPOUT, training={**SCHEDULED, "epochs": 2})
    (tmp_path / "file").write_text("in the way")
    assert_equal(run(tmp_path / "file"), run())
    (message,) = {record.getMessage() for record in caplog.records}
    assert message.startswith(f"{tmp_path / 'file'}: no checkpoint can be written: ")
