"""Programs of several folds: traced once, and with no trace of the folds before in the results."""

from __future__ import annotations

import numpy as np
import pytest
from modalities import MODALITIES

from dlrun.contract.candidate import FitContext
from dlrun.deep.candidates import make_candidates
from dlrun.system import cost

pytestmark = pytest.mark.tf

CUTS = ((0, 60), (25, 90))  # of the training rows, with other numbers of rows
LINEAR = {"architecture": "mlp", "hidden": []}
MLP = {"architecture": "mlp", "hidden": [6], "dropout": 0.3, "normalization": "batch"}
CNN = {"architecture": "cnn", "filters": [4], "hidden": [4]}
AUGMENTED = {"preprocessing": {"image": {"augment": {"flip": True, "shift": 0.2}}}}
LISTED = [{"Dense": 4}, {"GaussianNoise": {"stddev": 0.1}}, {"Activation": "gelu"}]
LION = {"optimizer": {"name": "lion", "weight_decay": 0.01}, "clip_norm": 0.5}
WARM = {"learning_rate": {"schedule": "cosine", "peak": 0.01, "warmup": 0.2}}


@pytest.fixture
def programs(monkeypatch):
    """The module, without the programs of other tests."""
    from dlrun.deep.training import programs

    programs._kept.clear()
    yield programs
    programs._kept.clear()


@pytest.fixture
def made(programs, monkeypatch):
    """The programs that are made, one after the other."""
    made, make = [], programs._make
    monkeypatch.setattr(programs, "_make", lambda *args: made.append(make(*args)) or made[-1])
    return made


def fold(candidate, dataset, number, **context):
    train = dataset.take(np.arange(*CUTS[number]))
    validation = dataset.take(np.arange(90, len(dataset)))
    return candidate.fit(train, validation, FitContext(number, **context))


def candidate_of(recipe, dataset, model, training=None, **sections):
    training = {"epochs": 3, "batch_size": 16, **(training or {})}
    (candidate,) = make_candidates(recipe(model=model, training=training, **sections), dataset)
    return candidate


def weights(fitted):
    return [np.asarray(each.value) for each in fitted.model.variables]


def assert_same(one, other):
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)


FOLDS = {
    "mlp": ("breast_cancer", MLP, {"training": WARM | {"accumulate": 2}}),
    "mlp by XLA": ("breast_cancer", LINEAR, {"training": {"compile": True}}),
    "cnn": ("image", CNN, AUGMENTED),
    "layers": ("breast_cancer", {"architecture": "layers", "layers": LISTED}, {"training": LION}),
}


@pytest.mark.parametrize("name", FOLDS)
def test_folds_are_trained_as_if_each_had_a_program_of_its_own(
    request, recipe, programs, made, monkeypatch, name
):
    """The mean pixel is that of each fold's training rows."""
    source, model, sections = FOLDS[name]
    dataset = dataset_of(request, source)
    candidate = candidate_of(recipe, dataset, model, **sections)
    first = fold(candidate, dataset, 0)
    before = weights(first)
    second = fold(candidate, dataset, 1)
    assert len(made) == 1
    assert_same(weights(first), before)
    monkeypatch.setattr(programs, "_key", lambda *_: None)
    assert_same(weights(second), weights(fold(candidate, dataset, 1)))
    assert len(made) == 1


@pytest.mark.parametrize(
    ("source", "changed", "n_made"),
    [
        ("diabetes", {}, 1),
        ("diabetes", {"learning_rate": 0.1}, 1),
        ("diabetes", {"loss": "mean_squared_logarithmic_error"}, 2),
        ("diabetes", {"accumulate": 2}, 2),
        ("breast_cancer", {"class_weight": "balanced"}, 2),
        ("breast_cancer", {"clip_norm": 0.1}, 2),
    ],
    ids=["mean of y", "rate", "scale in the loss", "accumulate", "class weights", "clipping"],
)
def test_a_program_is_shared_only_where_its_steps_are_the_same(
    request, recipe, made, source, changed, n_made
):
    """The first of two folds has the loss or weights of its own rows, or other settings."""
    dataset = request.getfixturevalue(source)
    usual = {"epochs": 1}
    before = usual | {key: changed[key] for key in changed if key in ("loss", "class_weight")}
    for number, training in enumerate((before, usual | changed)):
        fold(candidate_of(recipe, dataset, LINEAR, training), dataset, number)
    assert len(made) == n_made


def test_a_fold_is_resumed_in_the_program_of_another(
    recipe, breast_cancer, programs, made, monkeypatch, tmp_path
):
    candidate = candidate_of(recipe, breast_cancer, MLP)

    def stop(epoch):
        if epoch.number == 2:
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        fold(candidate, breast_cancer, 1, on_epoch=stop, checkpoint=tmp_path)
    fold(candidate, breast_cancer, 0)
    resumed = fold(candidate, breast_cancer, 1, checkpoint=tmp_path)
    assert len(made) == 2  # that of the interrupted one is not used again
    monkeypatch.setattr(programs, "_key", lambda *_: None)
    assert_same(weights(resumed), weights(fold(candidate, breast_cancer, 1)))


def test_bins_of_other_rows_are_another_program(recipe, diabetes, made):
    model = {"architecture": "mlp", "hidden": [], "encode": "ple"}
    candidate = candidate_of(recipe, diabetes, model, {"epochs": 1})
    for number in (0, 1, 1):
        fold(candidate, diabetes, number)
    assert len(made) == 2


def test_a_training_that_fails_leaves_no_program(recipe, breast_cancer, programs):
    candidate = candidate_of(recipe, breast_cancer, LINEAR)

    def fail(_epoch):
        raise OSError

    fold(candidate, breast_cancer, 0)
    assert len(programs._kept) == 1
    with pytest.raises(OSError):
        fold(candidate, breast_cancer, 1, on_epoch=fail)
    assert not programs._kept


def test_other_numbers_of_rows_are_not_traced_again(recipe, breast_cancer, made):
    candidate = candidate_of(recipe, breast_cancer, LINEAR)
    startup = []
    for number in range(2):
        with cost.measure() as usage:
            fold(candidate, breast_cancer, number)
        startup.append(usage.startup_cpu_seconds)
    (program,) = made
    counts = [
        each.experimental_get_tracing_count()
        for each in (*(steps.function for steps in program.steps.values()), program.forward)
    ]
    assert counts == [1, 1]
    assert startup[1] < startup[0] / 2


def test_networks_of_the_users_own_making_have_a_program_of_their_own(recipe, breast_cancer, made):
    import keras

    from dlrun.deep.training import programs

    layer = keras.layers.Lambda(lambda tensor: tensor * 2)
    assert not programs._is_own(layer)
    own = type("Own", (keras.layers.Dense,), {"__module__": "mine"})
    assert not programs._is_own(own(1)) and programs._is_own(keras.layers.Dense(1))


def dataset_of(request, source):
    return (
        MODALITIES[source]("classification")
        if source in MODALITIES
        else (request.getfixturevalue(source))
    )
