from __future__ import annotations

from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Dataset
from dlrun.data.dataset import read_dataset
from dlrun.data.splits.make import make_splits
from dlrun.deep.candidates import make_candidates
from dlrun.metrics.scores import score
from dlrun.recipe.schema import Recipe

pytestmark = pytest.mark.tf

N_ROWS = 3000


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> Path:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(N_ROWS, 3)), columns=["a", "b", "c"])
    table["town"] = rng.choice(["x", "y", None], N_ROWS)
    hidden = table["a"] - table["b"] + (table["town"] == "x") + rng.normal(size=N_ROWS) / 2
    table["late"] = np.where(hidden > 0, "yes", "no")
    folder = tmp_path_factory.mktemp("tables") / "parts"
    folder.mkdir()
    table = table.sort_values("late")  # windows must mix what stands apart
    for number in range(3):
        part = table[number * 1000 : (number + 1) * 1000]
        part.to_parquet(folder / f"{number}.parquet", row_group_size=50, index=False)
    return folder


def make_recipe(parts: Path, *, stream: bool = True, **training) -> Recipe:
    return Recipe.model_validate(
        {
            "data": {"source": str(parts), "target": "late", "stream": stream},
            "model": {"architecture": "mlp", "hidden": [16]},
            "training": {"epochs": 4, "batch_size": 64, "learning_rate": 5e-3, **training},
            "evaluation": {"folds": 1},
        }
    )


def fit(recipe: Recipe, dataset: Dataset, seed: int = 0, folder=None):
    (candidate,) = make_candidates(recipe, dataset)
    (split,) = make_splits(recipe, dataset).splits
    train, validation, test = map(dataset.take, (split.train, split.validation, split.test))
    epochs = []

    def on_epoch(epoch):
        epochs.append(epoch)
        return True

    fitted = candidate.fit(train, validation, FitContext(seed, on_epoch, folder))
    return fitted.predict(test.frame), test, epochs


@pytest.fixture
def small_windows(monkeypatch):
    from dlrun.deep.training import streaming_data as streamed

    monkeypatch.setattr(streamed, "WINDOW_ROWS", 500)
    monkeypatch.setattr(streamed, "MIN_ROWS", 1)


@pytest.fixture
def rows(parts: Path, small_windows):
    from dlrun.deep.inputs.groups import FrameReader
    from dlrun.deep.training.device_data import DeviceDataset
    from dlrun.deep.training.streaming_data import StreamedRows, rows_of_window

    dataset = read_dataset(make_recipe(parts))
    reader = FrameReader({"number": lambda frame: frame[["a", "b", "c"]].to_numpy()})
    window = rows_of_window(reader.read(dataset.frame[:9]))
    return StreamedRows(dataset.stream, reader, DeviceDataset, 3, window)


def windows(rows, epoch: int = 1, n_steps: int = 40) -> list:
    return [window.rows for window in rows.windows(epoch, n_steps)]


def numbers(rows, epoch: int) -> np.ndarray:
    return np.concatenate([window.inputs["number"] for window in windows(rows, epoch)])


def test_windows_hold_every_training_row_once(rows):
    sizes = [len(window) for window in windows(rows)]
    assert sum(sizes) == len(rows) == rows.stream.sizes[0]
    assert len(sizes) == ceil(len(rows) / 500)
    assert max(sizes) - min(sizes) <= 1
    flown = np.concatenate([chunk.frame["a"] for chunk in rows.stream.chunks(0)])
    assert np.array_equal(np.sort(numbers(rows, 1)[:, 0]), np.sort(flown))


def test_windows_differ_from_epoch_to_epoch_and_repeat_themselves(rows):
    assert np.array_equal(numbers(rows, 1), numbers(rows, 1))
    assert not np.array_equal(numbers(rows, 1), numbers(rows, 2))


def test_windows_mix_what_stands_apart_in_the_files(rows):
    shares = [np.mean(window.y) for window in windows(rows)]
    assert min(shares) > 0.1
    assert max(shares) < 0.9


def test_windows_of_wide_rows_are_bounded_by_their_bytes(rows, monkeypatch):
    from dlrun.deep.training import streaming_data as streamed

    monkeypatch.setattr(streamed, "WINDOW_BYTES", 100 * 3 * 8)
    assert streamed.rows_of_window({"number": np.zeros((7, 3))}) == 100
    assert streamed.rows_of_window({"number": np.zeros((7, 3), np.float32)}) == 200


def test_a_window_holds_the_rows_of_a_step_at_least(rows):
    half = len(rows) / 2
    assert [len(window) for window in windows(rows, n_steps=2)] == [int(half), ceil(half)]


def test_a_network_learns_as_well_as_from_memory(parts: Path, small_windows):
    scores = []
    for stream in (True, False):
        recipe = make_recipe(parts, stream=stream)
        predictions, test, epochs = fit(recipe, read_dataset(recipe))
        scores.append(score(("roc_auc",), predictions, test.y, test.target)["roc_auc"])
        assert len(epochs) == 4
    assert scores[0] > 0.9
    assert abs(scores[0] - scores[1]) < 0.04


def test_the_same_seed_gives_the_same_network(parts: Path, small_windows):
    recipe = make_recipe(parts, epochs=1)
    dataset = read_dataset(recipe)
    first, again = (fit(recipe, dataset)[0].values for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, fit(recipe, dataset, seed=1)[0].values)


def test_a_training_goes_on_in_the_middle_of_the_stream(
    parts: Path, small_windows, tmp_path, monkeypatch
):
    """The windows that were trained on are read again, and passed over."""
    from dlrun.deep.training import run as running

    recipe = make_recipe(parts, epochs=2, checkpoint_every="7 steps", deterministic=True)
    dataset = read_dataset(recipe)
    whole, _, told = fit(recipe, dataset)
    steps = []

    def note(copies, order, call, sums):
        steps.append(call.first)
        if len(steps) == death:
            raise MemoryError
        return arguments_of(copies, order, call, sums)

    arguments_of = running._arguments
    death = ceil(dataset.stream.sizes[0] / 64) + 20  # in the third of the windows of 500 rows
    monkeypatch.setattr(running, "_arguments", note)
    monkeypatch.setattr("dlrun.deep.training.run.MOMENT_SECONDS", 0.0)  # a step at a time
    with pytest.raises(MemoryError):
        fit(recipe, dataset, folder=tmp_path)
    again, _, told_again = fit(recipe, dataset, folder=tmp_path)
    assert steps[death : death + 3] == [14, 15, 16]
    assert np.array_equal(again.values, whole.values)
    assert [epoch.metrics for epoch in told_again] == [epoch.metrics for epoch in told]


def test_xla_pads_the_batches_of_a_stream(parts: Path, small_windows, monkeypatch):
    """Windows and their steps are of several sizes, and the scores are the same."""
    from dlrun.deep.training.steps import CompiledSteps

    sizes, record = set(), CompiledSteps.record

    def note(steps, seen, *others):
        sizes.update(seen)
        record(steps, seen, *others)
        if steps.by_xla:
            assert len(steps.sizes) <= 2

    monkeypatch.setattr(CompiledSteps, "record", note)
    runs = []
    for compile_ in (False, True):
        recipe = make_recipe(parts, epochs=2, compile=compile_)
        runs.append(fit(recipe, read_dataset(recipe)))
    assert len(sizes) > 1
    np.testing.assert_allclose(runs[1][0].values, runs[0][0].values, atol=1e-5)
    assert runs[1][2][-1].metrics == pytest.approx(runs[0][2][-1].metrics, rel=1e-4)
